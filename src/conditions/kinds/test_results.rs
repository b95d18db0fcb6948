//! `testResults`: the tests that the run published have passed.

use std::cmp::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::azure_devops::test_results::TestResults as Results;
use crate::conditions::shared::percent::{Percent, Share};
use crate::conditions::shared::published::not_published;
use crate::conditions::{Declared, Finding, Outcome, Rule, Scope};
use crate::facts::test_results::RunTestResults;
use crate::facts::{Facts, Wanted};
use crate::yaml::{Duration, Problems};

/// Outcomes that count as passed, as in the pass rate of Azure DevOps' own test reports.
const PASSED: [&str; 2] = ["passed", "notimpacted"];

/// Outcomes of tests that were not run: they count neither way. Every other one counts as failed.
const NOT_RUN: [&str; 2] = ["notexecuted", "notapplicable"];

/// The parameters of `testResults`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TestResults {
    /// How many of the tests that ran must have passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pass_rate: Option<PassRate>,
    /// How many tests may have failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_failed: Option<u64>,
    /// How long after the check's delivery results may still arrive; 10m unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    published_within: Option<Duration>,
}

/// The share of the tests that ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PassRate {
    /// The lowest percentage that passes.
    at_least: Percent,
}

impl TestResults {
    fn expected(&self) -> String {
        let rate = self.pass_rate.map(|rate| format!("at least {} % of the tests passed", rate.at_least));
        let failed = self.max_failed.map(|max| match max {
            0 => "no test failed".to_owned(),
            max => format!("at most {max} tests failed"),
        });
        [rate, failed].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    fn judge(&self, results: &Results, expected: String) -> Finding {
        let passed = results.count(&PASSED);
        let ran = results.total.saturating_sub(results.count(&NOT_RUN));
        let failed = ran.saturating_sub(passed);
        let Some(share) = Share::of(passed, ran) else {
            let found = format!("the run published numbers that make no sense: {passed} of {ran} tests passed");
            return Finding::errored(found, expected);
        };
        let is_high_enough = passed > 0
            && self.pass_rate.is_none_or(|rate| share.compare(rate.at_least) != Ordering::Less)
            && self.max_failed.is_none_or(|max| failed <= max);
        // Nobody knows how the tests would have ended that a broken run did not come to.
        let is_met = is_high_enough && results.aborted_runs == 0;
        let aborted = match results.aborted_runs {
            0 => String::new(),
            runs => format!(", {runs} test runs broke off"),
        };
        let found = format!("{share} tests passed, {failed} failed{aborted}");
        let remedy = if is_met { "" } else { "repair the tests or the code, and run the pipeline again" };
        let finding = Finding::passed_if(is_met, found, expected).remedy(remedy);
        if is_high_enough && !is_met { finding.without_evidence() } else { finding }
    }
}

impl Rule for TestResults {
    fn describe(&self) -> String {
        format!("test results: {}", self.expected())
    }

    fn validate(&self, declared: &Declared<'_>, problems: &mut Problems<'_>) {
        declared.expect_one_delivery("publishedWithin", self.published_within, problems);
        if self.pass_rate.is_none() && self.max_failed.is_none() {
            problems.push("", "needs `passRate` or `maxFailed`; write for instance `passRate: { atLeast: 95 }`");
        }
        if self.pass_rate.is_some_and(|rate| rate.at_least == Percent::NONE) {
            problems.push("passRate.atLeast", "0 would let everything pass; write for instance 95");
        }
    }

    fn facts(&self, _: &Scope<'_>, wanted: &mut Wanted) {
        wanted.add(RunTestResults);
    }

    fn evaluate(&self, facts: &Facts, scope: &Scope<'_>) -> Finding {
        let expected = self.expected();
        let results = match facts.get(&RunTestResults) {
            Ok(results) => results,
            Err(error) => return Finding::errored(error.why, expected),
        };
        let remedy = "let an earlier stage publish test results (task PublishTestResults), and run the pipeline again";
        let missing = match (results.unfinished_runs, results.total) {
            (0, 0) => Some("the run has not published test results".to_owned()),
            (0, _) => None,
            (runs, _) => Some(format!("{runs} test runs have not ended")),
        };
        if let Some(why) = missing {
            return not_published(why, expected, self.published_within, scope).remedy(remedy);
        }
        if results.sum() != Some(results.total) {
            let found = format!("Azure DevOps does not say how each of the {} tests ended", results.total);
            return Finding::errored(found, expected);
        }
        if results.total <= results.count(&NOT_RUN) {
            let found = format!("none of {} tests was run", results.total);
            return Finding::new(Outcome::NotMet, found, expected).without_evidence().remedy(remedy);
        }
        self.judge(&results, expected)
    }

    fn reads_run(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::conditions::testing::{delivered_at, measure, refused};

    fn results(outcomes: &[(&str, u64)]) -> Results {
        let by_outcome: std::collections::BTreeMap<String, u64> =
            outcomes.iter().map(|&(outcome, count)| (outcome.to_owned(), count)).collect();
        Results { total: by_outcome.values().sum(), by_outcome, unfinished_runs: 0, aborted_runs: 0 }
    }

    fn with(condition: &str, results: Results, minutes: i64) -> Finding {
        let mut facts = Facts::default();
        facts.insert(RunTestResults, Ok(results));
        measure(&format!("testResults: {{ {condition} }}"), &facts, TimeDelta::minutes(minutes))
    }

    #[test]
    fn results_decide() {
        let mixed = || results(&[("passed", 95), ("failed", 4), ("error", 1), ("notexecuted", 50)]);
        let broken = Results { aborted_runs: 1, ..results(&[("passed", 2)]) };
        for (condition, results, measured, found) in [
            ("passRate: { atLeast: 95 }", mixed(), Outcome::Passed, "95.00 % (95 of 100) tests passed, 5 failed"),
            ("passRate: { atLeast: 95.01 }", mixed(), Outcome::NotMet, "95.00 % (95 of 100) tests passed, 5 failed"),
            ("maxFailed: 5", mixed(), Outcome::Passed, "95.00 % (95 of 100) tests passed, 5 failed"),
            ("maxFailed: 4", mixed(), Outcome::NotMet, "95.00 % (95 of 100) tests passed, 5 failed"),
            (
                "passRate: { atLeast: 90 }, maxFailed: 0",
                mixed(),
                Outcome::NotMet,
                "95.00 % (95 of 100) tests passed, 5 failed",
            ),
            ("maxFailed: 0", results(&[("notexecuted", 3)]), Outcome::NotMet, "none of 3 tests was run"),
            (
                "maxFailed: 0",
                broken,
                Outcome::NotMet,
                "100.00 % (2 of 2) tests passed, 0 failed, 1 test runs broke off",
            ),
            (
                "maxFailed: 0",
                results(&[("inconclusive", 1), ("blocked", 1), ("passed", 2)]),
                Outcome::NotMet,
                "50.00 % (2 of 4) tests passed, 2 failed",
            ),
            (
                "maxFailed: 9",
                results(&[("brand new outcome", 3)]),
                Outcome::NotMet,
                "0.00 % (0 of 3) tests passed, 3 failed",
            ),
            (
                "maxFailed: 0",
                Results { total: 5, ..Results::default() },
                Outcome::Errored,
                "Azure DevOps does not say how each of the 5 tests ended",
            ),
        ] {
            let finding = with(condition, results, 0);
            assert_eq!((finding.outcome, finding.found.as_str()), (measured, found), "{condition}");
        }
    }

    #[test]
    fn a_check_waits_for_results_and_never_passes_without() {
        let publishing = || Results { unfinished_runs: 1, ..results(&[("passed", 3)]) };
        for (results, minutes, measured, found) in [
            (results(&[]), 9, Outcome::Waiting, "the run has not published test results yet; awaited for 10m"),
            (results(&[]), 10, Outcome::NotMet, "the run has not published test results, 10m after the check began"),
            (publishing(), 9, Outcome::Waiting, "1 test runs have not ended yet; awaited for 10m"),
            (publishing(), 10, Outcome::NotMet, "1 test runs have not ended, 10m after the check began"),
        ] {
            let finding = with("maxFailed: 1000", results, minutes);
            assert_eq!((finding.outcome, finding.found.as_str()), (measured, found));
        }
        let unread = measure("testResults: { maxFailed: 0 }", &Facts::default(), TimeDelta::zero());
        assert_eq!(unread.outcome, Outcome::Errored);
        let next = with("maxFailed: 0", results(&[]), 0).look_again_at;
        assert_eq!(next, Some(delivered_at() + TimeDelta::minutes(1)));
    }

    #[test]
    fn wrong_parameters_name_key_and_fix() {
        refused("testResults: {}", &["testResults", "`passRate: { atLeast: 95 }`"]);
        refused("testResults: { passRate: 95 }", &["testResults.passRate"]);
        refused("testResults: { passRate: { atLeast: 0 } }", &["passRate.atLeast", "everything pass"]);
        refused("testResults: { passRate: { atLeast: 120 } }", &["passRate.atLeast", "`120`", "from 0 to 100"]);
        refused("testResults: { maxFailed: -1 }", &["testResults.maxFailed"]);
    }
}
