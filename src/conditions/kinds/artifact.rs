//! `artifact`: the run has published an artifact.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conditions::shared::glob;
use crate::conditions::{Declared, Finding, Rule, Scope};
use crate::facts::artifacts::RunArtifacts;
use crate::facts::{Facts, Wanted};
use crate::yaml::Problems;

/// The parameters of `artifact`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Artifact {
    /// A pattern over the artifacts' names, such as `drop` or `sbom-*`.
    name: String,
}

impl Rule for Artifact {
    fn describe(&self) -> String {
        format!("the run has published the artifact {}", self.name)
    }

    fn validate(&self, _: &Declared<'_>, problems: &mut Problems<'_>) {
        if self.name.is_empty() {
            problems.push("name", "is empty; write for instance `drop` or `sbom-*`");
        } else if let Err(why) = glob::compile(&self.name) {
            problems.push("name", why);
        }
    }

    fn facts(&self, _: &Scope<'_>, wanted: &mut Wanted) {
        wanted.add(RunArtifacts);
    }

    fn evaluate(&self, facts: &Facts, _: &Scope<'_>) -> Finding {
        let expected = format!("an artifact {}", self.name);
        let names = match facts.get(&RunArtifacts) {
            Ok(names) => names,
            Err(error) => return Finding::errored(error.why, expected),
        };
        let pattern = match glob::compile(&self.name) {
            Ok(pattern) => pattern,
            Err(why) => return Finding::errored(why, expected),
        };
        let matching: Vec<&str> = names.iter().map(String::as_str).filter(|name| pattern.is_match(name)).collect();
        if !matching.is_empty() {
            return Finding::passed_if(true, format!("artifact {}", matching.join(", ")), expected);
        }
        let found = if names.is_empty() {
            "the run has published no artifact".to_owned()
        } else {
            format!("the run has published {}", names.join(", "))
        };
        Finding::passed_if(false, found, expected)
            .remedy(format!("publish the artifact {} in an earlier stage, and run the pipeline again", self.name))
    }

    fn reads_run(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::conditions::Outcome;
    use crate::conditions::testing::{measure, refused};

    #[test]
    fn names_are_matched_as_a_whole() {
        for (pattern, names, measured, found) in [
            ("drop", vec!["drop"], Outcome::Passed, "artifact drop"),
            ("sbom-*", vec!["drop", "sbom-x64", "sbom-arm"], Outcome::Passed, "artifact sbom-x64, sbom-arm"),
            ("drop", vec!["drop2"], Outcome::NotMet, "the run has published drop2"),
            ("*", vec![], Outcome::NotMet, "the run has published no artifact"),
        ] {
            let mut facts = Facts::default();
            facts.insert(RunArtifacts, Ok(names.into_iter().map(str::to_owned).collect()));
            let finding = measure(&format!("artifact: {{ name: '{pattern}' }}"), &facts, TimeDelta::zero());
            assert_eq!((finding.outcome, finding.found.as_str()), (measured, found));
        }
        let unread = measure("artifact: { name: drop }", &Facts::default(), TimeDelta::zero());
        assert_eq!(unread.outcome, Outcome::Errored);
    }

    #[test]
    fn wrong_parameters_name_key_and_fix() {
        refused("artifact: { name: '' }", &["artifact.name", "`sbom-*`"]);
        refused("artifact: { name: 'a{b' }", &["artifact.name", "`{` has no meaning here"]);
        refused("artifact: { names: drop }", &["unknown field `names`", "did you mean `name`?"]);
    }
}
