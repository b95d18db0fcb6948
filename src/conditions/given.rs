//! For tests of kinds that need a whole file: connections, inputs, and what was remembered.

use chrono::{DateTime, Duration, Utc};

use super::testing::delivered;
pub(in crate::conditions) use super::testing::{delivered_at, evaluate, wanted};
use crate::check::Check;
use crate::checks_file::ChecksFile;
use crate::conditions::Outcome;
use crate::facts::Facts;

/// So many minutes after the delivery.
pub(in crate::conditions) fn minute(minutes: i64) -> DateTime<Utc> {
    delivered_at() + Duration::minutes(minutes)
}

/// The only check of a file, with these inputs.
pub(in crate::conditions) fn check(yaml: &str, inputs: &[(&str, &str)]) -> Check {
    let file = ChecksFile::parse(yaml).unwrap_or_else(|problems| panic!("{problems:?}"));
    let definition = file.checks.into_values().next().expect("a check");
    delivered(definition, inputs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

/// The mistakes of a file, each in one line.
pub(in crate::conditions) fn problems(yaml: &str) -> Vec<String> {
    match ChecksFile::parse(yaml) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

/// What the first condition measures, and what it found.
pub(in crate::conditions) fn measure(check: &Check, facts: &Facts) -> (Outcome, String) {
    let finding = evaluate(check, facts, None, delivered_at());
    (finding.outcome, finding.found)
}
