//! `newestRun`: no newer run of the same pipeline and branch has come as far as this one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::azure_devops::timeline::Progress;
use crate::conditions::{Declared, Finding, Outcome, Rule, Scope};
use crate::facts::pipeline_runs::{NewerRun, SupersedingRun};
use crate::facts::run::RunDetails;
use crate::facts::{Facts, Wanted};
use crate::yaml::Problems;

/// The parameters of `newestRun`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewestRun {
    /// The stage that the check guards, by its name in YAML or on the run page. Then only a newer run counts that waits
    /// at this stage, or has begun it. Without it, every newer run counts that has not failed or been cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stage: Option<String>,
}

impl NewestRun {
    fn fact(&self) -> SupersedingRun {
        SupersedingRun { stage: self.stage.clone() }
    }

    fn place(&self) -> String {
        self.stage.as_ref().map(|stage| format!(" that has come to stage {stage}")).unwrap_or_default()
    }

    fn superseded(&self, newer: &NewerRun) -> String {
        let stage = self.stage.as_deref().unwrap_or_default();
        let standing = match newer.progress {
            Some(Progress::Waits) => format!("waits at stage {stage}"),
            Some(_) => format!("has begun stage {stage}"),
            None if newer.run.is_completed() => "has succeeded".to_owned(),
            None => "is on its way".to_owned(),
        };
        format!("superseded: run {} of the same pipeline and branch is newer and {standing}", newer.run.title())
    }
}

impl Rule for NewestRun {
    fn describe(&self) -> String {
        format!("this is the newest run of its pipeline and branch{}", self.place())
    }

    fn validate(&self, _: &Declared<'_>, problems: &mut Problems<'_>) {
        if self.stage.as_ref().is_some_and(|stage| stage.trim().is_empty()) {
            problems.push("stage", "is empty; write the name of the stage that the check guards, or leave it out");
        }
    }

    fn facts(&self, _: &Scope<'_>, wanted: &mut Wanted) {
        wanted.add(RunDetails);
        wanted.add(self.fact());
    }

    fn evaluate(&self, facts: &Facts, scope: &Scope<'_>) -> Finding {
        let expected = format!("no newer run of the pipeline and branch{}", self.place());
        let (run, newer) = match (facts.get(&RunDetails), facts.get(&self.fact())) {
            (Ok(run), Ok(newer)) => (run, newer),
            (Err(error), _) | (_, Err(error)) => return Finding::unread(&error, expected, scope.now),
        };
        match newer.as_ref() {
            None => {
                let found = format!("run {} is the newest on {}{}", run.build_number, run.source_branch, self.place());
                Finding::new(Outcome::Passed, found, expected)
            }
            Some(newer) => {
                let finding = Finding::new(Outcome::NotMet, self.superseded(newer), expected);
                let remedy = format!("let run {} go on, or start a new run", newer.run.title());
                finding.remedy(remedy).see(&newer.link)
            }
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
        refused("newestRun: { stage: ' ' }", &["newestRun.stage", "is empty"]);
        refused("newestRun: { stages: Deploy }", &["did you mean `stage`?"]);
    }
}
