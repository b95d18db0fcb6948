//! `branch`: the run builds a branch that matches.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conditions::shared::glob;
use crate::conditions::shared::own_branch::started_by_another;
use crate::conditions::{Declared, Finding, Outcome, Rule, Scope};
use crate::facts::run::RunDetails;
use crate::facts::{Facts, Wanted};
use crate::yaml::Problems;

/// The parameters of `branch`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Branch {
    /// Patterns over full names, such as `refs/heads/main` and `refs/heads/release/*`. `*` stops at a slash, `**` does not.
    #[serde(rename = "in")]
    #[schemars(length(min = 1))]
    accepted: Vec<String>,
}

impl Rule for Branch {
    fn describe(&self) -> String {
        format!("the run's branch is {}", self.accepted.join(" or "))
    }

    fn validate(&self, _: &Declared<'_>, problems: &mut Problems<'_>) {
        if self.accepted.is_empty() {
            problems.push("in", "is empty; write for instance `[refs/heads/main]`");
        }
        for (index, pattern) in self.accepted.iter().enumerate() {
            let key = format!("in[{index}]");
            if let Err(why) = glob::compile(pattern) {
                problems.push(&key, why);
            } else if !pattern.starts_with("refs/") && !pattern.starts_with("**") {
                problems
                    .push(&key, format!("`{pattern}` matches no branch; write the full name, `refs/heads/{pattern}`"));
            }
        }
    }

    fn facts(&self, _: &Scope<'_>, wanted: &mut Wanted) {
        wanted.add(RunDetails);
    }

    fn evaluate(&self, facts: &Facts, _: &Scope<'_>) -> Finding {
        let expected = self.accepted.join(" or ");
        let run = match facts.get(&RunDetails) {
            Ok(run) => run,
            Err(error) => return Finding::errored(error.why, expected),
        };
        let branch = run.source_branch.as_str();
        if branch.is_empty() {
            return Finding::errored("Azure DevOps does not give the run's branch", expected);
        }
        let found = format!("{branch}{}", started_by_another(&run));
        let matches = |pattern: &String| glob::compile(pattern).is_ok_and(|pattern| pattern.is_match(branch));
        if self.accepted.iter().any(matches) {
            return Finding::new(Outcome::Passed, found, expected);
        }
        // A run keeps its branch: waiting would change nothing.
        Finding::new(Outcome::Failed, found, expected).remedy("run the pipeline on such a branch")
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
    use crate::conditions::testing::{measure, refused};

    fn on(branch: &str, condition: &str) -> Outcome {
        let mut facts = Facts::default();
        facts
            .insert(RunDetails, Ok(serde_json::from_value(json!({ "id": 7, "sourceBranch": branch })).expect("a run")));
        measure(condition, &facts, TimeDelta::zero()).outcome
    }

    #[test]
    fn patterns_decide() {
        let releases = "branch: { in: [refs/heads/main, 'refs/heads/release/*'] }";
        for (branch, measured) in [
            ("refs/heads/main", Outcome::Passed),
            ("refs/heads/release/1.0", Outcome::Passed),
            ("refs/heads/release/1.0/hotfix", Outcome::Failed),
            ("refs/heads/Main", Outcome::Failed),
            ("refs/heads/mainline", Outcome::Failed),
            ("refs/heads/users/refs/heads/main", Outcome::Failed),
            ("refs/pull/3/merge", Outcome::Failed),
            ("", Outcome::Errored),
        ] {
            assert_eq!(on(branch, releases), measured, "{branch}");
        }
        assert_eq!(on("refs/heads/release/1.0/hotfix", "branch: { in: ['refs/heads/release/**'] }"), Outcome::Passed);
        assert_eq!(measure(releases, &Facts::default(), TimeDelta::zero()).outcome, Outcome::Errored);
    }

    #[test]
    fn a_name_is_the_same_whether_its_characters_are_composed_or_not() {
        let (composed, decomposed) = ("refs/heads/caf\u{e9}", "refs/heads/cafe\u{301}");
        for (pattern, branch) in [(composed, decomposed), (decomposed, composed), (composed, composed)] {
            assert_eq!(on(branch, &format!("branch: {{ in: ['{pattern}'] }}")), Outcome::Passed, "{pattern} {branch}");
        }
        assert_eq!(on("refs/heads/cafe", &format!("branch: {{ in: ['{composed}'] }}")), Outcome::Failed);
    }

    #[test]
    fn wrong_parameters_name_key_and_fix() {
        refused("branch: { in: [] }", &["branch.in", "refs/heads/main"]);
        refused("branch: { in: [main] }", &["in[0]", "`refs/heads/main`"]);
        for outside in ["refs/heads/[x]", "refs/heads/{a,b}", "refs/heads/a\\\\*", "refs/heads/release**"] {
            refused(&format!("branch: {{ in: ['{outside}'] }}"), &["in[0]", "is not a pattern"]);
        }
    }
}
