//! The timeline of the run: its stages, jobs and tasks. `members` reads them.

mod members;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::lenient::items;
use super::{Error, Session};
use crate::text::is_same;

/// The run's timeline: its stages, jobs and tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Timeline {
    /// Everything in it, in no useful order.
    #[serde(deserialize_with = "items")]
    pub records: Vec<TimelineRecord>,
}

/// How far a run has come at one of its stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Progress {
    /// It has not come there, or never will: the stage was skipped.
    NotReached,
    /// It waits there for approvals and checks.
    Waits,
    /// The stage has begun.
    Begun,
}

/// One stage, job or task. Others write them too: a member of an odd shape counts as absent. The members stand in the order
/// of their names, so that the text and its digest are those of the same value read again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimelineRecord {
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub finish_time: Option<DateTime<Utc>>,
    #[serde(default)]
    id: String,
    #[serde(default)]
    identifier: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    parent_id: Option<String>,
    /// How it ended.
    #[serde(default)]
    pub result: Option<String>,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    task: Option<TaskReference>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
struct TaskReference {
    /// None where it is not a GUID.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    id: Option<Uuid>,
    #[serde(default)]
    name: Option<String>,
}

impl Timeline {
    /// The record of type `kind` that holds `record`.
    #[must_use]
    pub fn ancestor<'a>(&'a self, record: &'a TimelineRecord, kind: &str) -> Option<&'a TimelineRecord> {
        let mut at = record;
        // A chain of parents cannot be longer than the timeline: ends even where the answer is circular.
        for _ in 0..self.records.len() {
            let parent = at.parent_id.as_ref()?;
            at = self.records.iter().find(|candidate| candidate.id.eq_ignore_ascii_case(parent))?;
            if at.kind.as_deref() == Some(kind) {
                return Some(at);
            }
        }
        None
    }
}

impl Timeline {
    /// Whether a record is in the stage of this name: the one in YAML, or the one that the run page shows.
    #[must_use]
    pub fn is_in_stage(&self, record: &TimelineRecord, name: &str) -> bool {
        self.ancestor(record, "Stage").is_some_and(|stage| stage.has_name(name))
    }

    /// Whether a record is in the job of this name: the one in YAML, or the one that the run page shows.
    ///
    /// A job of YAML is a record of type Phase, with the identifier `Stage.Job`. Each of its runs, such as a leg of a
    /// matrix, is a record of type Job, with the identifier `Stage.Job.Leg`.
    #[must_use]
    pub fn is_in_job(&self, record: &TimelineRecord, name: &str) -> bool {
        let [stage, phase, job] = ["Stage", "Phase", "Job"].map(|kind| self.ancestor(record, kind));
        let is_shown = [phase, job].into_iter().flatten().any(|it| it.is_shown_as(name));
        let yaml_name = [phase, job].into_iter().flatten().find_map(|it| it.job_in_yaml(stage));
        is_shown || yaml_name.is_some_and(|found| is_same(found, name))
    }
}

impl Timeline {
    /// How far the run has come at the stage of this name. `None` where the timeline does not say: it has no such stage, or
    /// a record of which nobody knows what it is.
    #[must_use]
    pub fn progress_at(&self, stage: &str) -> Option<Progress> {
        let is_stage = |record: &&TimelineRecord| record.is_of("Stage") && record.has_name(stage);
        let record = self.records.iter().find(is_stage)?;
        if self.records.iter().any(|it| it.kind.is_none()) {
            return None;
        }
        let result = record.result.as_deref().unwrap_or_default();
        match record.state.as_deref()?.to_ascii_lowercase().as_str() {
            "completed" if result.is_empty() => None,
            "completed" if result.eq_ignore_ascii_case("skipped") => Some(Progress::NotReached),
            // A stage that its checks refused has ended, and has run nothing.
            "completed" if !self.has_run_in(record)? => Some(Progress::NotReached),
            "completed" | "inprogress" => Some(Progress::Begun),
            "pending" => self.waits_at(record),
            _ => None,
        }
    }

    /// Whether something in the stage has run.
    fn has_run_in(&self, stage: &TimelineRecord) -> Option<bool> {
        let mut has_run = false;
        for job in self.records.iter().filter(|it| it.is_of("Job")) {
            let is_in_stage = self.ancestor(job, "Stage")?.id.eq_ignore_ascii_case(&stage.id);
            let is_skipped = job.result.as_deref().is_some_and(|result| result.eq_ignore_ascii_case("skipped"));
            let is_pending = job.state.as_deref()?.eq_ignore_ascii_case("pending");
            has_run |= is_in_stage && !is_skipped && !is_pending;
        }
        Some(has_run)
    }

    /// Its checks have a record below it, from the moment at which they are asked.
    fn waits_at(&self, stage: &TimelineRecord) -> Option<Progress> {
        let mut progress = Progress::NotReached;
        for checks in self.records.iter().filter(|it| it.is_of("Checkpoint")) {
            let parent = checks.parent_id.as_deref()?;
            self.records.iter().find(|it| it.id.eq_ignore_ascii_case(parent))?;
            if parent.eq_ignore_ascii_case(&stage.id) {
                progress = Progress::Waits;
            }
        }
        Some(progress)
    }
}

impl TimelineRecord {
    fn is_of(&self, kind: &str) -> bool {
        self.kind.as_deref() == Some(kind)
    }

    /// Whether it has this name in YAML, or on the run page.
    fn has_name(&self, name: &str) -> bool {
        self.is_shown_as(name) || self.identifier.as_deref().is_some_and(|id| is_same(id, name))
    }

    /// Whether the run page shows it under this name.
    fn is_shown_as(&self, name: &str) -> bool {
        self.name.as_deref().is_some_and(|shown| is_same(shown, name))
    }

    /// The name in YAML of the job that a phase or a job is of: in its identifier, the part behind the stage.
    fn job_in_yaml(&self, stage: Option<&Self>) -> Option<&str> {
        let identifier = self.identifier.as_deref()?;
        let stage = stage.and_then(|stage| stage.identifier.as_deref().or(stage.name.as_deref()));
        let (first, rest) = identifier.split_once('.').unwrap_or((identifier, ""));
        let in_stage = stage.is_some_and(|stage| is_same(stage, first)) && !rest.is_empty();
        let job = if in_stage { rest } else { identifier };
        job.split('.').next().filter(|job| !job.is_empty())
    }

    /// Whether it is an execution of this task.
    #[must_use]
    pub fn is_task(&self, id: Uuid) -> bool {
        self.kind.as_deref() == Some("Task") && self.task.as_ref().is_some_and(|task| task.id == Some(id))
    }

    /// Whether it is an execution of a task with one of these names.
    #[must_use]
    pub fn is_task_named(&self, names: &[&str]) -> bool {
        let name = self.task.as_ref().filter(|_| self.is_of("Task")).and_then(|task| task.name.as_deref());
        name.is_some_and(|name| names.iter().any(|known| known.eq_ignore_ascii_case(name)))
    }

    /// Whether it has ended with this result.
    #[must_use]
    pub fn has_ended_as(&self, result: &str) -> bool {
        self.is_completed() && self.result.as_deref().is_some_and(|it| it.eq_ignore_ascii_case(result))
    }

    /// Whether it has run to an end.
    #[must_use]
    pub fn is_completed(&self) -> bool {
        self.state.as_deref().is_some_and(|state| state.eq_ignore_ascii_case("completed"))
    }

    /// What the run page calls it.
    #[must_use]
    pub fn title(&self) -> String {
        let task = self.task.as_ref().and_then(|task| task.name.as_deref()).unwrap_or("task");
        match self.name.as_deref() {
            Some(name) if !name.eq_ignore_ascii_case(task) => format!("{task} \"{name}\""),
            _ => task.to_owned(),
        }
    }

    /// How it ended, or that it has not.
    #[must_use]
    pub fn outcome(&self) -> String {
        match (self.is_completed(), self.result.as_deref()) {
            (true, Some(result)) => result.to_owned(),
            (true, None) => "ended without a result".to_owned(),
            (false, _) => format!("is {}", self.state.as_deref().unwrap_or("not started")),
        }
    }
}

impl Session<'_> {
    /// Reads the run's timeline. A run that has none yet answers an empty one.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn build_timeline(&self) -> Result<Timeline, Error> {
        self.timeline_of(self.build_id()?).await
    }

    /// Reads the timeline of a run. A run that has none yet answers an empty one.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn timeline_of(&self, run: u64) -> Result<Timeline, Error> {
        let path = format!("build/builds/{run}/timeline");
        let timeline: Option<Timeline> = self.get("read the run's timeline", &self.in_project(&path)).await?;
        Ok(timeline.unwrap_or(Timeline { records: Vec::new() }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_run_has_come_to_a_stage_when_it_waits_there_or_has_run_something_in_it() {
        let at = |state: &str, result: &str, below: Value| {
            let stage = json!({ "id": "s", "type": "Stage", "name": "Ship it", "identifier": "Deploy", "state": state, "result": result });
            let timeline = json!({ "records": [stage, { "id": "o", "type": "Stage", "name": "Build" }, below] });
            let timeline: Timeline = serde_json::from_value(timeline).expect("a timeline");
            assert_eq!(timeline.progress_at("ship it"), timeline.progress_at("Deploy"));
            timeline.progress_at("Deploy")
        };
        let checks = |parent: Value| json!({ "id": "c", "type": "Checkpoint", "parentId": parent });
        let job =
            |result: &str| json!({ "id": "j", "type": "Job", "parentId": "s", "state": "completed", "result": result });
        assert_eq!(at("pending", "", checks(json!("o"))), Some(Progress::NotReached));
        assert_eq!(at("pending", "", checks(json!("s"))), Some(Progress::Waits));
        assert_eq!(at("inProgress", "", Value::Null), Some(Progress::Begun));
        assert_eq!(at("completed", "failed", job("failed")), Some(Progress::Begun));
        assert_eq!(at("completed", "failed", job("skipped")), Some(Progress::NotReached), "its checks refused it");
        assert_eq!(at("completed", "skipped", Value::Null), Some(Progress::NotReached));
        for unclear in [
            at("pending", "", checks(Value::Null)),
            at("pending", "", checks(json!("gone"))),
            at("pending", "", json!({ "id": "c", "parentId": "s" })),
            at("completed", "", job("failed")),
            at("soon", "", Value::Null),
        ] {
            assert_eq!(unclear, None);
        }
        let other: Timeline =
            serde_json::from_value(json!({ "records": [{ "type": "Stage", "name": "Build" }] })).expect("a timeline");
        assert_eq!(other.progress_at("Deploy"), None);
    }

    #[test]
    fn odd_members_of_one_record_hide_neither_it_nor_the_others() {
        let cmd_line = Uuid::from_u128(0xd9ba_fed4_0b18_4f58_968d_8665_5b4d_2ce9);
        let timeline = json!({ "records": [
            null,
            "text",
            { "id": 7, "type": ["Task"], "name": {}, "state": 1, "result": null, "task": { "id": "vstest" } },
            { "type": "Task", "parentId": 3, "identifier": 4, "name": "Run", "task": { "id": cmd_line, "name": 5 } },
        ] });
        let timeline: Timeline = serde_json::from_value(timeline).expect("a timeline");
        let runs: Vec<&TimelineRecord> = timeline.records.iter().filter(|record| record.is_task(cmd_line)).collect();
        assert_eq!((timeline.records.len(), runs.len()), (2, 1));
        assert!(runs[0].is_shown_as("Run") && timeline.ancestor(runs[0], "Stage").is_none());
    }
}
