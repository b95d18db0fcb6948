//! `codeCoverage`: the tests of the run cover enough of the code, and not much less than those of the last good run.

use std::cmp::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::azure_devops::coverage::CodeCoverage as Coverage;
use crate::conditions::shared::percent::{Percent, Share};
use crate::conditions::shared::published::{not_published, wait_is_over};
use crate::conditions::{Declared, Finding, Outcome, Rule, Scope};
use crate::facts::coverage::{EarlierCoverage, RunCoverage};
use crate::facts::{Facts, Wanted};
use crate::yaml::{Duration, Problems};

/// The parameters of `codeCoverage`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CodeCoverage {
    /// What is counted, in the words of the tool that published it: `Lines`, `Branches`, `Blocks`. `Line` means the same.
    #[serde(default = "lines")]
    label: String,
    /// Coverage must be higher than this percentage: exactly 80 % is not above 80.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    above: Option<Percent>,
    /// Coverage must be this percentage or higher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at_least: Option<Percent>,
    /// By how many percentage points coverage may be lower than in the last successful run of the same pipeline and branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_drop: Option<Percent>,
    /// How long after the check's delivery coverage may still arrive; 10m unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    published_within: Option<Duration>,
}

fn lines() -> String {
    "Lines".to_owned()
}

/// What is known about the coverage of the last successful run.
enum Comparison {
    /// The run is good enough.
    Fine(String),
    /// The run covers too much less.
    Dropped(String),
    /// There is an earlier run, but nothing of it to compare with.
    Missing(String),
    /// It could not be read.
    Unknown(String),
}

impl CodeCoverage {
    fn expected(&self) -> String {
        let above = self.above.map(|percent| format!("{} above {percent} %", self.label));
        let at_least = self.at_least.map(|percent| format!("{} at least {percent} %", self.label));
        let subject = if above.is_some() || at_least.is_some() { "" } else { self.label.as_str() };
        let drop = self.max_drop.map(|points| {
            let clause = format!("{subject} not more than {points} points below the last successful run");
            clause.trim_start().to_owned()
        });
        [above, at_least, drop].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// Covered and total, or why they are not there.
    fn published(&self, coverage: &Coverage, scope: &Scope<'_>) -> Result<(u64, u64), String> {
        let counted = coverage.of(&self.label);
        match coverage.status.to_ascii_lowercase().as_str() {
            "completed" | "finalized" => {}
            // Some publishers never give a state. When the wait is over, what is there counts.
            "" | "none" if counted.is_none() || wait_is_over(self.published_within, scope) => {}
            "" | "none" => return Err("code coverage is not marked as complete".to_owned()),
            _ => return Err(format!("code coverage is not merged ({})", coverage.status)),
        }
        counted.ok_or_else(|| {
            let mut labels: Vec<&str> = coverage.statistics.iter().map(|found| found.label.as_str()).collect();
            labels.sort_unstable();
            labels.dedup();
            match labels.as_slice() {
                [] => "the run has not published code coverage".to_owned(),
                labels => {
                    format!("the run has not published coverage of {}, only of {}", self.label, labels.join(", "))
                }
            }
        })
    }

    /// That one configuration was counted twice.
    fn repeats(&self, coverage: &Coverage) -> String {
        let configuration = match coverage.repeated(&self.label).unwrap_or_default() {
            "" => "without a configuration".to_owned(),
            named => format!("for the configuration {named}"),
        };
        format!(
            "the run published coverage of {} twice {configuration}, as a job does that is run again, and Azure DevOps does not say which is newer; start a new run, or give each job its own configuration",
            self.label
        )
    }

    fn is_high_enough(&self, share: Share) -> bool {
        self.above.is_none_or(|percent| share.compare(percent) == Ordering::Greater)
            && self.at_least.is_none_or(|percent| share.compare(percent) != Ordering::Less)
    }

    fn compare(&self, share: Share, points: Percent, facts: &Facts) -> Comparison {
        let earlier = match facts.get(&EarlierCoverage) {
            Ok(earlier) => earlier,
            Err(error) => return Comparison::Unknown(error.why),
        };
        let Some(earlier) = earlier.as_ref() else {
            let none = "no earlier successful run of this pipeline on this branch to compare with";
            return Comparison::Fine(none.to_owned());
        };
        let number = &earlier.build_number;
        let is_merged =
            matches!(earlier.coverage.status.to_ascii_lowercase().as_str(), "completed" | "finalized" | "" | "none");
        let is_usable =
            is_merged && earlier.coverage.without_numbers.is_none() && earlier.coverage.repeated(&self.label).is_none();
        let counted = earlier.coverage.of(&self.label).filter(|&(_, total)| is_usable && total > 0);
        match counted.and_then(|(covered, total)| Share::of(covered, total)) {
            None => {
                let label = &self.label;
                Comparison::Missing(format!("the last successful run, {number}, has no usable coverage of {label}"))
            }
            Some(earlier) if share.dropped_more_than(points, earlier) => {
                Comparison::Dropped(format!("the last successful run, {number}, had {earlier}"))
            }
            Some(earlier) => Comparison::Fine(format!("the last successful run, {number}, had {earlier}")),
        }
    }

    fn judge(&self, share: Share, expected: String, facts: &Facts) -> Finding {
        let found = format!("{} {share}", self.label);
        let remedy = "cover more of the code with tests, and run the pipeline again";
        let comparison = self.max_drop.map(|points| self.compare(share, points, facts));
        let high_enough = self.is_high_enough(share);
        match comparison {
            None => Finding::passed_if(high_enough, found, expected).remedy(if high_enough { "" } else { remedy }),
            Some(Comparison::Unknown(why)) if high_enough => Finding::errored(format!("{found}; {why}"), expected),
            Some(Comparison::Fine(note)) if high_enough => {
                Finding::passed_if(true, format!("{found}; {note}"), expected)
            }
            Some(Comparison::Missing(note)) if high_enough => {
                // Without an earlier run only a floor can be judged.
                let has_floor = self.above.is_some() || self.at_least.is_some();
                let finding = Finding::passed_if(has_floor, format!("{found}; {note} to compare with"), expected);
                let remedy = "give `above` or `atLeast` as a floor, or publish coverage in a successful run";
                if has_floor { finding } else { finding.without_evidence().remedy(remedy) }
            }
            Some(
                Comparison::Missing(note)
                | Comparison::Fine(note)
                | Comparison::Dropped(note)
                | Comparison::Unknown(note),
            ) => Finding::passed_if(false, format!("{found}; {note}"), expected).remedy(remedy),
        }
    }
}

impl Rule for CodeCoverage {
    fn describe(&self) -> String {
        format!("code coverage: {}", self.expected())
    }

    fn validate(&self, declared: &Declared<'_>, problems: &mut Problems<'_>) {
        declared.expect_one_delivery("publishedWithin", self.published_within, problems);
        if self.label.trim().is_empty() {
            problems.push("label", "is empty; write for instance `Lines`");
        }
        match (self.above, self.at_least, self.max_drop) {
            (None, None, None) => {
                problems.push("", "needs `above`, `atLeast` or `maxDrop`; write for instance `above: 80`")
            }
            (Some(_), Some(_), _) => problems.push("atLeast", "contradicts `above`; give one of them"),
            (Some(Percent::ALL), _, _) => problems.push("above", "100 can never be exceeded; write `atLeast: 100`"),
            (_, _, Some(Percent::ALL)) => {
                problems.push("maxDrop", "100 would let every drop pass; write for instance 1")
            }
            _ => {}
        }
    }

    fn facts(&self, _: &Scope<'_>, wanted: &mut Wanted) {
        wanted.add(RunCoverage);
        if self.max_drop.is_some() {
            wanted.add(EarlierCoverage);
        }
    }

    fn evaluate(&self, facts: &Facts, scope: &Scope<'_>) -> Finding {
        let expected = self.expected();
        let coverage = match facts.get(&RunCoverage) {
            Ok(coverage) => coverage,
            Err(error) => return Finding::errored(error.why, expected),
        };
        let remedy =
            "let an earlier stage publish code coverage (task PublishCodeCoverageResults), and run the pipeline again";
        match self.published(&coverage, scope) {
            Ok(_) if coverage.without_numbers.is_some() => {
                let configuration = coverage.without_numbers.as_deref().unwrap_or_default();
                let why = format!("Azure DevOps does not give the numbers of the configuration {configuration}");
                Finding::errored(why.trim_end().to_owned(), expected)
            }
            Ok(_) if coverage.repeated(&self.label).is_some() => Finding::errored(self.repeats(&coverage), expected),
            Err(why) => not_published(why, expected, self.published_within, scope).remedy(remedy),
            Ok((_, 0)) => {
                let found = format!("{} 0 of 0: nothing was measured", self.label);
                Finding::new(Outcome::NotMet, found, expected).without_evidence().remedy(remedy)
            }
            Ok((covered, total)) => match Share::of(covered, total) {
                Some(share) => self.judge(share, expected, facts),
                None => {
                    let found = format!("the run published numbers that make no sense: {covered} of {total} covered");
                    Finding::errored(found, expected)
                }
            },
        }
    }

    fn reads_run(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::azure_devops::coverage::CoverageStatistics;
    use crate::conditions::testing::{delivered_at, measure, refused};
    use crate::facts::FactError;
    use crate::facts::coverage::EarlierRun;

    fn coverage(status: &str, statistics: &[(&str, u32, u32)]) -> Coverage {
        let statistics = statistics
            .iter()
            .enumerate()
            .map(|(index, &(label, covered, total))| CoverageStatistics {
                configuration: format!("configuration {index}"),
                label: label.to_owned(),
                covered,
                total,
            })
            .collect();
        Coverage { status: status.to_owned(), statistics, without_numbers: None }
    }

    fn facts(coverage: Coverage) -> Facts {
        let mut facts = Facts::default();
        facts.insert(RunCoverage, Ok(coverage));
        facts
    }

    fn completed(statistics: &[(&str, u32, u32)]) -> Facts {
        facts(coverage("completed", statistics))
    }

    #[track_caller]
    fn check(condition: &str, facts: &Facts, measured: Outcome, found: &str) {
        let finding = measure(&format!("codeCoverage: {{ {condition} }}"), facts, TimeDelta::zero());
        assert_eq!((finding.outcome, finding.found.as_str()), (measured, found));
    }

    #[test]
    fn above_is_strict_and_exact() {
        for (covered, total, measured, found) in [
            (80, 100, Outcome::NotMet, "Lines 80.00 % (80 of 100)"),
            (8_001, 10_000, Outcome::Passed, "Lines 80.01 % (8001 of 10000)"),
            (80_001, 100_000, Outcome::Passed, "Lines 80.00 % (80001 of 100000)"),
            (79_999, 100_000, Outcome::NotMet, "Lines 79.99 % (79999 of 100000)"),
            (0, 0, Outcome::NotMet, "Lines 0 of 0: nothing was measured"),
            (5, 4, Outcome::Errored, "the run published numbers that make no sense: 5 of 4 covered"),
        ] {
            check("above: 80", &completed(&[("Lines", covered, total)]), measured, found);
        }
        check("atLeast: 80", &completed(&[("Lines", 80, 100)]), Outcome::Passed, "Lines 80.00 % (80 of 100)");
        check("atLeast: 80.01", &completed(&[("Lines", 80, 100)]), Outcome::NotMet, "Lines 80.00 % (80 of 100)");
    }

    #[test]
    fn all_configurations_count_together() {
        let facts = completed(&[("Lines", 90, 100), ("Branches", 1, 9), ("line", 0, 100)]);
        check("above: 80", &facts, Outcome::NotMet, "Lines 45.00 % (90 of 200)");
        check("label: branch, above: 11", &facts, Outcome::Passed, "branch 11.11 % (1 of 9)");
    }

    #[test]
    fn a_check_waits_for_late_coverage_and_then_fails() {
        let late =
            |coverage, minutes| measure("codeCoverage: { above: 80 }", &facts(coverage), TimeDelta::minutes(minutes));
        let none = || coverage("none", &[]);
        let merging = || coverage("inProgress", &[("Lines", 99, 100)]);
        let silent = || coverage("", &[("Lines", 99, 100)]);
        let other = || coverage("completed", &[("Blocks", 1, 1), ("Branches", 1, 1)]);
        for (coverage, minutes, measured, found) in [
            (none(), 0, Outcome::Waiting, "the run has not published code coverage yet; awaited for 10m"),
            (none(), 10, Outcome::NotMet, "the run has not published code coverage, 10m after the check began"),
            (merging(), 9, Outcome::Waiting, "code coverage is not merged (inProgress) yet; awaited for 10m"),
            (merging(), 60, Outcome::NotMet, "code coverage is not merged (inProgress), 10m after the check began"),
            (silent(), 9, Outcome::Waiting, "code coverage is not marked as complete yet; awaited for 10m"),
            (silent(), 10, Outcome::Passed, "Lines 99.00 % (99 of 100)"),
            (
                other(),
                10,
                Outcome::NotMet,
                "the run has not published coverage of Lines, only of Blocks, Branches, 10m after the check began",
            ),
        ] {
            let finding = late(coverage, minutes);
            assert_eq!((finding.outcome, finding.found.as_str()), (measured, found));
        }
        // At the check's interval, and at the end of the wait.
        assert_eq!(late(none(), 0).look_again_at, Some(delivered_at() + TimeDelta::minutes(1)));
        let finding = measure("codeCoverage: { above: 80, publishedWithin: 30s }", &facts(none()), TimeDelta::zero());
        assert_eq!(finding.look_again_at, Some(delivered_at() + TimeDelta::seconds(30)));
    }

    #[test]
    fn argo_4479_nothing_measured_never_passes() {
        let mut unread = Facts::default();
        unread.insert(RunCoverage, Err(FactError::because("it rains")));
        for condition in ["above: 0", "atLeast: 0", "maxDrop: 99"] {
            for facts in [&unread, &Facts::default(), &completed(&[]), &completed(&[("Lines", 0, 0)])] {
                for minutes in [0, 11] {
                    let finding =
                        measure(&format!("codeCoverage: {{ {condition} }}"), facts, TimeDelta::minutes(minutes));
                    assert_ne!(finding.outcome, Outcome::Passed, "{condition}");
                }
            }
        }
    }

    #[test]
    fn drops_against_the_last_good_run_are_refused() {
        let against = |earlier: Result<Option<Coverage>, FactError>| {
            let mut facts = completed(&[("Lines", 81, 100)]);
            let run = |coverage| EarlierRun { build_number: "20260101.2".to_owned(), coverage };
            facts.insert(EarlierCoverage, earlier.map(|coverage| coverage.map(run)));
            facts
        };
        let had = |covered| against(Ok(Some(coverage("finalized", &[("Lines", covered, 1_000)]))));
        let last = "Lines 81.00 % (81 of 100); the last successful run, 20260101.2, had";
        for (condition, facts, measured, found) in [
            ("maxDrop: 1", had(820), Outcome::Passed, format!("{last} 82.00 % (820 of 1000)")),
            ("maxDrop: 1", had(821), Outcome::NotMet, format!("{last} 82.10 % (821 of 1000)")),
            ("above: 80, maxDrop: 0.5", had(815), Outcome::Passed, format!("{last} 81.50 % (815 of 1000)")),
            ("above: 85, maxDrop: 5", had(815), Outcome::NotMet, format!("{last} 81.50 % (815 of 1000)")),
        ] {
            check(condition, &facts, measured, &found);
        }
        let first =
            "Lines 81.00 % (81 of 100); no earlier successful run of this pipeline on this branch to compare with";
        check("maxDrop: 1", &against(Ok(None)), Outcome::Passed, first);
        let uncovered = "Lines 81.00 % (81 of 100); the last successful run, 20260101.2, has no usable coverage of Lines to compare with";
        for unusable in [
            coverage("none", &[]),
            coverage("completed", &[("Blocks", 1, 1)]),
            coverage("completed", &[("Lines", 0, 0)]),
            coverage("inProgress", &[("Lines", 1, 100)]),
        ] {
            let facts = against(Ok(Some(unusable)));
            check("maxDrop: 1", &facts, Outcome::NotMet, uncovered);
            assert!(!measure("codeCoverage: { maxDrop: 1 }", &facts, TimeDelta::zero()).has_evidence);
            check("above: 80, maxDrop: 1", &facts, Outcome::Passed, uncovered);
        }
        let unknown = || against(Err(FactError::because("it rains")));
        check("above: 80, maxDrop: 1", &unknown(), Outcome::Errored, "Lines 81.00 % (81 of 100); it rains");
        check("above: 90, maxDrop: 1", &unknown(), Outcome::NotMet, "Lines 81.00 % (81 of 100); it rains");
    }

    #[test]
    fn wrong_parameters_name_key_and_fix() {
        refused("codeCoverage: {}", &["codeCoverage", "`above: 80`"]);
        refused("codeCoverage: { above: 80, atLeast: 90 }", &["codeCoverage.atLeast", "contradicts `above`"]);
        refused("codeCoverage: { above: 100 }", &["codeCoverage.above", "`atLeast: 100`"]);
        refused("codeCoverage: { above: 101 }", &["codeCoverage.above", "`101`", "from 0 to 100"]);
        refused("codeCoverage: { above: 80 % }", &["codeCoverage.above", "80 %", "from 0 to 100"]);
        refused("codeCoverage: { maxDrop: 100 }", &["codeCoverage.maxDrop", "every drop"]);
        refused("codeCoverage: { above: 80, label: '' }", &["codeCoverage.label", "`Lines`"]);
        refused("codeCoverage: { over: 80 }", &["unknown field `over`"]);
    }
}
