//! `tag`: the run carries a tag. People or other pipelines may add it while the check waits.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conditions::{Declared, Finding, Rule, Scope, WhenNotMet};
use crate::facts::run::CurrentRunState;
use crate::facts::{Facts, Wanted};
use crate::text::is_same;
use crate::yaml::Problems;

/// The parameters of `tag`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tag {
    /// The tags of which the run must carry one.
    #[serde(rename = "in")]
    #[schemars(length(min = 1))]
    accepted: Vec<String>,
}

impl Rule for Tag {
    fn describe(&self) -> String {
        format!("the run carries the tag {}", self.accepted.join(" or "))
    }

    fn when_not_met(&self) -> WhenNotMet {
        WhenNotMet::Wait
    }

    fn validate(&self, _: &Declared<'_>, problems: &mut Problems<'_>) {
        if self.accepted.is_empty() {
            problems.push("in", "is empty; write for instance `[released]`");
        }
        for (index, _) in self.accepted.iter().enumerate().filter(|(_, tag)| tag.trim().is_empty()) {
            problems.push(&format!("in[{index}]"), "is empty; write a tag, such as `released`");
        }
    }

    fn facts(&self, _: &Scope<'_>, wanted: &mut Wanted) {
        wanted.add(CurrentRunState);
    }

    fn evaluate(&self, facts: &Facts, _: &Scope<'_>) -> Finding {
        let expected = format!("the tag {}", self.accepted.join(" or "));
        let run = match facts.get(&CurrentRunState) {
            Ok(run) => run,
            Err(error) => return Finding::errored(error.why, expected),
        };
        let Some(tags) = &run.tags else {
            return Finding::errored("Azure DevOps does not give the run's tags", expected);
        };
        let found = if tags.is_empty() { "no tags".to_owned() } else { format!("tags {}", tags.join(", ")) };
        let accepted = |tag: &String| self.accepted.iter().any(|wanted| is_same(wanted.trim(), tag.trim()));
        if tags.iter().any(accepted) {
            return Finding::passed_if(true, found, expected);
        }
        Finding::passed_if(false, found, expected)
            .remedy(format!("add the tag {} to the run, on its page", self.accepted.join(" or ")))
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
    use crate::conditions::testing::{check_of, measure, refused};

    const CONDITION: &str = "tag: { in: [released, Approved by QA] }";

    #[test]
    fn one_of_the_tags_is_enough() {
        for (tags, measured, found) in [
            (json!(["Released"]), Outcome::Passed, "tags Released"),
            (json!(["nightly", "approved by qa"]), Outcome::Passed, "tags nightly, approved by qa"),
            (json!(["released-2"]), Outcome::NotMet, "tags released-2"),
            (json!([]), Outcome::NotMet, "no tags"),
            (json!(null), Outcome::Errored, "Azure DevOps does not give the run's tags"),
        ] {
            let mut facts = Facts::default();
            facts.insert(CurrentRunState, Ok(serde_json::from_value(json!({ "tags": tags })).expect("a run")));
            let finding = measure(CONDITION, &facts, TimeDelta::zero());
            assert_eq!((finding.outcome, finding.found.as_str()), (measured, found));
        }
        assert_eq!(measure(CONDITION, &Facts::default(), TimeDelta::zero()).outcome, Outcome::Errored);
        assert_eq!(check_of(CONDITION).definition.conditions[0].kind.when_not_met(), WhenNotMet::Wait);
    }

    #[test]
    fn wrong_parameters_name_key_and_fix() {
        refused("tag: { in: [] }", &["tag.in", "[released]"]);
        refused("tag: { in: [' '] }", &["in[0]", "is empty"]);
    }
}
