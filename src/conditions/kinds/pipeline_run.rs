//! `pipelineRun`: the newest run of another pipeline has succeeded.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conditions::{Declared, Finding, Outcome, Rule, Scope, WhenNotMet};
use crate::facts::pipeline_runs::{LatestRun, OtherRun, RunBranch};
use crate::facts::run::RunDetails;
use crate::facts::{Facts, Wanted};
use crate::yaml::{Duration, Problems};

/// How long ago the run may have ended, unless the condition says otherwise: a nightly run counts until the next.
const FINISHED_WITHIN: Duration = Duration::minutes(24 * 60);

/// The parameters of `pipelineRun`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PipelineRun {
    /// The id of the pipeline, which is in the run's own project: the `definitionId` in the address of its page.
    #[schemars(range(min = 1))]
    pipeline: u64,
    /// The branch of the run, in full: `refs/heads/main`. Any branch counts unless this or `sameBranch` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    branch: Option<String>,
    /// Whether the run must be of the same branch as this one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    same_branch: bool,
    /// Whether the run must be of the same commit as this one. Then the newest run of that commit counts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    same_commit: bool,
    /// How long ago the run may have ended; 24h unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    finished_within: Option<Duration>,
    /// Whether a run counts that has succeeded only partially.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    allow_partially_succeeded: bool,
}

impl PipelineRun {
    fn fact(&self) -> LatestRun {
        let branch = match &self.branch {
            Some(name) => RunBranch::Named(name.clone()),
            None if self.same_branch => RunBranch::Same,
            None => RunBranch::Any,
        };
        LatestRun { pipeline: self.pipeline, branch, same_commit: self.same_commit }
    }

    fn within(&self) -> Duration {
        self.finished_within.unwrap_or(FINISHED_WITHIN)
    }

    fn of_what(&self) -> String {
        let branch = match &self.branch {
            Some(branch) => format!(" on {branch}"),
            None if self.same_branch => " on the run's branch".to_owned(),
            None => String::new(),
        };
        let commit = if self.same_commit { " with the run's commit" } else { "" };
        format!("pipeline {}{branch}{commit}", self.pipeline)
    }

    fn judge(&self, other: &OtherRun, scope: &Scope<'_>, expected: String) -> Finding {
        let run = &other.run;
        let name = format!("run {} of {}", run.title(), run.definition.name);
        let accepted: &[&str] =
            if self.allow_partially_succeeded { &["succeeded", "partiallySucceeded"] } else { &["succeeded"] };
        let remedy = format!("run pipeline {} again", self.pipeline);
        let finding = if !run.is_completed() {
            Finding::new(Outcome::Waiting, format!("{name} has not ended: it is {}", run.status), expected)
                .remedy("wait until it ends")
        } else if !run.has_ended(accepted) {
            let result = if run.result.is_empty() { "without a result" } else { &run.result };
            Finding::new(Outcome::NotMet, format!("{name} ended: {result}"), expected).remedy(remedy)
        } else if let Some(ended) = run.finish_time {
            let age = scope.now - ended;
            let is_fresh = age <= self.within().delta();
            let when = ended.format("%Y-%m-%d %H:%M UTC");
            let found = format!("{name} ended at {when}: {}", run.result);
            let found = if is_fresh { found } else { format!("{found}, which is more than {} ago", self.within()) };
            Finding::passed_if(is_fresh, found, expected).remedy(if is_fresh { String::new() } else { remedy })
        } else {
            Finding::errored(format!("Azure DevOps does not say when {name} ended"), expected)
        };
        finding.see(&other.link)
    }
}

impl Rule for PipelineRun {
    fn describe(&self) -> String {
        format!("the newest run of {} has succeeded", self.of_what())
    }

    fn when_not_met(&self) -> WhenNotMet {
        WhenNotMet::Wait
    }

    fn validate(&self, _: &Declared<'_>, problems: &mut Problems<'_>) {
        if self.pipeline == 0 {
            problems.push("pipeline", "0 is not a pipeline; write the `definitionId` in the address of its page");
        }
        if self.branch.is_some() && self.same_branch {
            problems.push("sameBranch", "contradicts `branch`; give one of them");
        }
        if let Some(branch) = self.branch.as_ref().filter(|branch| !branch.starts_with("refs/")) {
            problems.push("branch", format!("`{branch}` is not a branch in full; write `refs/heads/{branch}`"));
        }
    }

    fn facts(&self, _: &Scope<'_>, wanted: &mut Wanted) {
        wanted.add(RunDetails);
        wanted.add(self.fact());
    }

    fn evaluate(&self, facts: &Facts, scope: &Scope<'_>) -> Finding {
        let expected = format!("a run of {} that succeeded at most {} ago", self.of_what(), self.within());
        let scope = &Scope { now: facts.read_at(scope.now), ..*scope };
        match facts.get(&self.fact()) {
            Err(error) => Finding::unread(&error, expected, scope.now),
            Ok(latest) => match latest.as_ref() {
                Some(other) => self.judge(other, scope, expected),
                None => Finding::new(Outcome::NotMet, format!("there is no run of {}", self.of_what()), expected)
                    .without_evidence()
                    .remedy(format!("run pipeline {}", self.pipeline)),
            },
        }
    }

    fn reads_run(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use crate::conditions::testing::refused;

    #[test]
    fn wrong_parameters_name_key_and_fix() {
        refused("pipelineRun: { pipeline: 0 }", &["pipelineRun.pipeline", "definitionId"]);
        refused("pipelineRun: {}", &["pipeline"]);
        refused("pipelineRun: { pipeline: 7, branch: main }", &["pipelineRun.branch", "write `refs/heads/main`"]);
        let both = "pipelineRun: { pipeline: 7, branch: refs/heads/main, sameBranch: true }";
        refused(both, &["pipelineRun.sameBranch", "contradicts `branch`"]);
        refused("pipelineRun: { pipeline: 7, sameComit: true }", &["did you mean `sameCommit`?"]);
    }
}
