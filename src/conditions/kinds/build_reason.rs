//! `buildReason`: the run was started in one of these ways. With `input`, a header says so, and no call is made.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conditions::{Declared, Finding, Outcome, Rule, Scope};
use crate::facts::run::RunDetails;
use crate::facts::{Facts, Wanted};
use crate::suggest::suggest;
use crate::yaml::Problems;

/// Every reason that a run may have, as the variable `Build.Reason` spells them.
///
/// See <https://learn.microsoft.com/azure/devops/pipelines/build/variables>.
const REASONS: [&str; 12] = [
    "Manual",
    "IndividualCI",
    "BatchedCI",
    "Schedule",
    "ScheduleForced",
    "UserCreated",
    "ValidateShelveset",
    "CheckInShelveset",
    "PullRequest",
    "BuildCompletion",
    "ResourceTrigger",
    "Triggered",
];

/// The parameters of `buildReason`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BuildReason {
    /// The reasons that pass, such as `Manual`, `Schedule`, `PullRequest`.
    #[serde(rename = "in")]
    #[schemars(length(min = 1))]
    accepted: Vec<String>,
    /// The input whose header carries `$(Build.Reason)`: then nothing is read from Azure DevOps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input: Option<String>,
}

/// The usual spelling of a reason: the variable writes `Manual`, the REST API `manual`.
fn normalised(reason: &str) -> Option<&'static str> {
    REASONS.into_iter().find(|known| known.eq_ignore_ascii_case(reason.trim()))
}

impl BuildReason {
    fn judge(&self, reason: &str, expected: String) -> Finding {
        let accepted = normalised(reason)
            .is_some_and(|found| self.accepted.iter().any(|wanted| normalised(wanted) == Some(found)));
        let found = match (normalised(reason), reason.trim()) {
            (Some(known), _) => format!("reason {known}"),
            (None, "") => "no reason".to_owned(),
            (None, text) if text.starts_with("$(") => format!("the literal text {text}, which is not a reason"),
            (None, text) => format!("reason {text}, which Azure Pipelines does not know"),
        };
        if accepted {
            return Finding::new(Outcome::Passed, found, expected);
        }
        // A run keeps its reason: waiting would change nothing.
        let finding = Finding::new(Outcome::Failed, found, expected)
            .remedy(format!("start a new run of which the reason is {}", self.accepted.join(" or ")));
        if normalised(reason).is_some() { finding } else { finding.without_evidence() }
    }
}

impl Rule for BuildReason {
    fn describe(&self) -> String {
        format!("the run's reason is {}", self.accepted.join(" or "))
    }

    fn validate(&self, declared: &Declared<'_>, problems: &mut Problems<'_>) {
        if self.accepted.is_empty() {
            problems.push("in", "is empty; write for instance `[Manual]`");
        }
        for (index, reason) in self.accepted.iter().enumerate().filter(|(_, reason)| normalised(reason).is_none()) {
            let hint = suggest(reason, REASONS);
            let known = REASONS.join("`, `");
            problems.push(&format!("in[{index}]"), format!("`{reason}` is not a reason; write one of `{known}`{hint}"));
        }
        if let Some(input) = &self.input {
            declared.expect_input("input", input, problems);
        }
    }

    fn facts(&self, _: &Scope<'_>, wanted: &mut Wanted) {
        if self.input.is_none() {
            wanted.add(RunDetails);
        }
    }

    fn evaluate(&self, facts: &Facts, scope: &Scope<'_>) -> Finding {
        let expected = format!("reason {}", self.accepted.join(" or "));
        match &self.input {
            Some(input) => self.judge(scope.input(input), expected),
            None => match facts.get(&RunDetails) {
                Ok(run) if run.reason.is_empty() => {
                    Finding::errored("Azure DevOps does not give the run's reason", expected)
                }
                Ok(run) => self.judge(&run.reason, expected),
                Err(error) => Finding::errored(error.why, expected),
            },
        }
    }

    fn reads_run(&self) -> bool {
        self.input.is_none()
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::json;

    use super::*;
    use crate::conditions::testing::{check, delivered_at, evaluate, measure, reads_nothing, refused};
    use crate::facts::FactError;

    const BY_HEADER: &str = "{ inputs: { BuildReason: { default: '' } }, conditions: [ { buildReason: { in: [manual, Schedule], input: BuildReason } } ] }";

    fn by_header(value: &str) -> Finding {
        let mut check = check(BY_HEADER);
        check.inputs.insert("BuildReason".to_owned(), value.to_owned());
        assert!(reads_nothing(&check));
        evaluate(&check, &Facts::default(), None, delivered_at())
    }

    #[test]
    fn the_header_decides_without_any_fact() {
        for (value, measured, found) in [
            ("Manual", Outcome::Passed, "reason Manual"),
            ("manual", Outcome::Passed, "reason Manual"),
            ("SCHEDULE", Outcome::Passed, "reason Schedule"),
            ("IndividualCI", Outcome::Failed, "reason IndividualCI"),
            ("", Outcome::Failed, "no reason"),
            ("$(Build.Reason)", Outcome::Failed, "the literal text $(Build.Reason), which is not a reason"),
            ("Manual,Schedule", Outcome::Failed, "reason Manual,Schedule, which Azure Pipelines does not know"),
        ] {
            let finding = by_header(value);
            assert_eq!((finding.outcome, finding.found.as_str()), (measured, found), "{value}");
        }
    }

    #[test]
    fn without_input_the_run_decides() {
        let condition = "buildReason: { in: [PullRequest] }";
        let with = |reason: &str| {
            let mut facts = Facts::default();
            facts.insert(RunDetails, Ok(serde_json::from_value(json!({ "id": 7, "reason": reason })).expect("a run")));
            measure(condition, &facts, TimeDelta::zero())
        };
        assert_eq!(with("pullRequest").outcome, Outcome::Passed);
        let finding = with("manual");
        assert_eq!((finding.outcome, finding.found.as_str()), (Outcome::Failed, "reason Manual"));
        assert_eq!(with("").outcome, Outcome::Errored);
        let mut facts = Facts::default();
        facts.insert(RunDetails, Err(FactError::because("it rains")));
        assert_eq!(measure(condition, &facts, TimeDelta::zero()).outcome, Outcome::Errored);
    }

    #[test]
    fn wrong_parameters_name_key_and_fix() {
        refused("buildReason: { in: [] }", &["buildReason.in", "[Manual]"]);
        refused("buildReason: { in: [Manuel] }", &["in[0]", "`Manuel`", "did you mean `Manual`?"]);
        refused("buildReason: { in: [Manual], input: BuildReason }", &["input", "`BuildReason`", "add it to `inputs`"]);
        refused("buildReason: { is: Manual }", &["unknown field `is`", "did you mean `in`?"]);
    }
}
