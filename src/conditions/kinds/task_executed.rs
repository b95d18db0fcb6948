//! `taskExecuted`: the run has executed a task, by default with success. The guide's basic example.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::azure_devops::timeline::{Timeline, TimelineRecord};
use crate::conditions::{Declared, Finding, Rule, Scope};
use crate::facts::timeline::RunTimeline;
use crate::facts::{Facts, Wanted};
use crate::suggest::suggest;
use crate::yaml::Problems;

/// Tasks that may be written by name. The ids are those of the task definitions that Azure Pipelines ships.
const WELL_KNOWN: [(&str, Uuid); 3] = [
    ("CmdLine", Uuid::from_u128(0xD9BA_FED4_0B18_4F58_968D_8665_5B4D_2CE9)),
    ("Bash", Uuid::from_u128(0x6C73_1C3C_3C68_459A_A5C9_BDE6_E659_5B5B)),
    ("PowerShell", Uuid::from_u128(0xE213_FF0F_5D5C_4791_802D_52EA_3E7B_E1F1)),
];

/// The result of a task that succeeded, or failed under `continueOnError`, and reported issues.
const WITH_ISSUES: &str = "succeededWithIssues";

/// The parameters of `taskExecuted`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TaskExecuted {
    /// The task's GUID, or one of the names `CmdLine`, `Bash`, `PowerShell`.
    task: String,
    /// Which result counts.
    #[serde(default)]
    result: WantedResult,
    /// Only tasks of the stage of this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stage: Option<String>,
    /// Only tasks of the job of this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    job: Option<String>,
}

/// Which result of the task counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) enum WantedResult {
    /// It succeeded, perhaps with issues. A task that fails under `continueOnError` has succeeded with issues too.
    #[default]
    Succeeded,
    /// It succeeded without issues.
    SucceededWithoutIssues,
    /// It was executed, whatever came of it. A skipped task was not executed.
    Any,
}

impl TaskExecuted {
    fn task_id(&self) -> Option<Uuid> {
        let named = WELL_KNOWN.iter().find(|(name, _)| name.eq_ignore_ascii_case(&self.task));
        named.map(|(_, id)| *id).or_else(|| self.task.parse().ok())
    }

    fn counts(&self, record: &TimelineRecord) -> bool {
        let result = record.result.as_deref().unwrap_or_default();
        let accepted = match self.result {
            WantedResult::Succeeded => ["succeeded", WITH_ISSUES].as_slice(),
            WantedResult::SucceededWithoutIssues => ["succeeded"].as_slice(),
            WantedResult::Any => ["succeeded", WITH_ISSUES, "failed", "canceled", "abandoned"].as_slice(),
        };
        record.is_completed() && accepted.iter().any(|accepted| accepted.eq_ignore_ascii_case(result))
    }

    /// What a reader may not expect of the record that passes.
    fn note(&self, record: &TimelineRecord) -> &'static str {
        let has_issues = record.result.as_deref().is_some_and(|result| result.eq_ignore_ascii_case(WITH_ISSUES));
        match self.result {
            WantedResult::Succeeded if has_issues => {
                " (a task that fails under continueOnError ends so; `result: succeededWithoutIssues` refuses it)"
            }
            _ => "",
        }
    }

    fn is_in_place(&self, record: &TimelineRecord, timeline: &Timeline) -> bool {
        self.stage.as_ref().is_none_or(|stage| timeline.is_in_stage(record, stage))
            && self.job.as_ref().is_none_or(|job| timeline.is_in_job(record, job))
    }

    fn place(&self) -> String {
        let stage = self.stage.as_ref().map(|stage| format!(" in stage {stage}"));
        let job = self.job.as_ref().map(|job| format!(" in job {job}"));
        [stage, job].into_iter().flatten().collect()
    }
}

impl Rule for TaskExecuted {
    fn describe(&self) -> String {
        let outcome = match self.result {
            WantedResult::Succeeded => " with success",
            WantedResult::SucceededWithoutIssues => " with success and without issues",
            WantedResult::Any => "",
        };
        format!("the run has executed task {}{}{outcome}", self.task, self.place())
    }

    fn validate(&self, _: &Declared<'_>, problems: &mut Problems<'_>) {
        if self.task_id().is_none() {
            let hint = suggest(&self.task, WELL_KNOWN.map(|(name, _)| name));
            let message = "is neither a task's GUID nor one of `CmdLine`, `Bash`, `PowerShell`";
            problems.push("task", format!("`{}` {message}{hint}", self.task));
        }
    }

    fn facts(&self, _: &Scope<'_>, wanted: &mut Wanted) {
        wanted.add(RunTimeline);
    }

    fn evaluate(&self, facts: &Facts, _: &Scope<'_>) -> Finding {
        let expected = format!(
            "task {} executed{}, result {}",
            self.task,
            self.place(),
            match self.result {
                WantedResult::Succeeded => "succeeded",
                WantedResult::SucceededWithoutIssues => "succeeded without issues",
                WantedResult::Any => "any",
            }
        );
        let timeline = match facts.get(&RunTimeline) {
            Ok(timeline) => timeline,
            Err(error) => return Finding::errored(error.why, expected),
        };
        let Some(id) = self.task_id() else {
            return Finding::errored(format!("`{}` is not a task", self.task), expected);
        };
        let of_task: Vec<&TimelineRecord> = timeline
            .records
            .iter()
            .filter(|record| record.is_task(id) && self.is_in_place(record, &timeline))
            .collect();
        match of_task.iter().find(|record| self.counts(record)) {
            Some(record) => {
                let found = format!("{} {}{}", record.title(), record.outcome(), self.note(record));
                Finding::passed_if(true, found, expected)
            }
            None if of_task.is_empty() => {
                Finding::passed_if(false, format!("the run has no such task{}", self.place()), expected)
                    .remedy("add the task to the pipeline and run it again")
            }
            None => {
                let outcomes: Vec<String> =
                    of_task.iter().map(|record| format!("{} {}", record.title(), record.outcome())).collect();
                let finding = Finding::passed_if(false, outcomes.join(", "), expected)
                    .remedy("run the pipeline again so that the task succeeds");
                // One that still runs may yet succeed.
                let all_ended = of_task.iter().all(|record| record.is_completed());
                if all_ended { finding } else { finding.without_evidence() }
            }
        }
    }

    fn reads_run(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::json;

    use super::*;
    use crate::conditions::Outcome;
    use crate::conditions::testing::measure;

    #[test]
    fn a_task_that_has_not_ended_is_neither_executed_nor_not() {
        for (state, result, has_evidence) in
            [("inProgress", "", false), ("pending", "", false), ("completed", "failed", true)]
        {
            let record = json!({ "id": "1", "type": "Task", "state": state, "result": result, "task": { "id": WELL_KNOWN[0].1 } });
            let mut facts = Facts::default();
            facts.insert(RunTimeline, Ok(serde_json::from_value(json!({ "records": [record] })).expect("a timeline")));
            let finding = measure("taskExecuted: { task: CmdLine }", &facts, TimeDelta::zero());
            assert_eq!((finding.outcome, finding.has_evidence), (Outcome::NotMet, has_evidence), "{state}");
        }
    }
}
