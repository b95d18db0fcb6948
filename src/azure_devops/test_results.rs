//! Test results that a run has published: the summary of its *Tests* tab.
//!
//! It is read from the collection's own host, `test/resultsummarybybuild`, because the token may go nowhere else; the
//! newer `testresults` area lives on `vstmr.dev.azure.com` in the cloud.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::session::Call;
use super::{Error, Session};

/// The test results of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TestResults {
    /// How many results there are.
    pub total: u64,
    /// How many of each outcome (`passed`, `failed`, `notexecuted` …), in lower case.
    pub by_outcome: BTreeMap<String, u64>,
    /// How many test runs still publish.
    pub unfinished_runs: u64,
    /// How many test runs broke off.
    pub aborted_runs: u64,
}

impl TestResults {
    /// How many results there are by their outcomes; not always the total. `None` when no number holds it.
    #[must_use]
    pub fn sum(&self) -> Option<u64> {
        self.by_outcome.values().try_fold(0_u64, |sum, count| sum.checked_add(*count))
    }

    /// How many results have one of these outcomes, given in lower case.
    #[must_use]
    pub fn count(&self, outcomes: &[&str]) -> u64 {
        let counts = outcomes.iter().filter_map(|outcome| self.by_outcome.get(*outcome));
        counts.fold(0, |sum: u64, count| sum.saturating_add(*count))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TestResultSummary {
    aggregated_results_analysis: Option<Analysis>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Analysis {
    total_tests: u64,
    results_by_outcome: Option<BTreeMap<String, OutcomeCount>>,
    run_summary_by_state: Option<BTreeMap<String, RunCount>>,
}

#[derive(Debug, Deserialize)]
struct OutcomeCount {
    count: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RunCount {
    /// Azure DevOps leaves a zero out.
    #[serde(default)]
    runs_count: u64,
}

impl From<TestResultSummary> for TestResults {
    fn from(summary: TestResultSummary) -> Self {
        let analysis = summary.aggregated_results_analysis.unwrap_or_default();
        let outcomes = analysis.results_by_outcome.unwrap_or_default();
        let states = analysis.run_summary_by_state.unwrap_or_default();
        let runs = |wanted: &[&str]| {
            let in_state = |name: &String| wanted.iter().any(|state| state.eq_ignore_ascii_case(name));
            let found = states.iter().filter(|(name, _)| in_state(name));
            found.fold(0_u64, |sum, (_, state)| sum.saturating_add(state.runs_count))
        };
        Self {
            total: analysis.total_tests,
            by_outcome: outcomes.into_iter().map(|(name, found)| (name.to_lowercase(), found.count)).collect(),
            unfinished_runs: runs(&["notStarted", "inProgress", "waiting"]),
            aborted_runs: runs(&["aborted"]),
        }
    }
}

impl Session<'_> {
    /// The test results that the run has published so far.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn test_results(&self) -> Result<TestResults, Error> {
        let path = self.in_project(&format!("test/resultsummarybybuild?buildId={}", self.build_id()?));
        // Never released; its revisions differ between servers, so the newest that there is.
        let version = format!("{}-preview", self.azure_devops.options.api_version);
        let call = Call { version: Some(version), ..Call::get("read the run's test results", &path) };
        let summary: Option<TestResultSummary> = self.call(call).await?;
        Ok(summary.unwrap_or_default().into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn outcomes_and_states_of_runs_are_counted() {
        let summary = json!({
            "aggregatedResultsAnalysis": {
                "totalTests": 12,
                "duration": "00:00:01",
                "resultsByOutcome": {
                    "Passed": { "outcome": "passed", "count": 9 },
                    "Failed": { "outcome": "failed", "count": 1 },
                    "NotExecuted": { "outcome": "notExecuted", "count": 2 },
                },
                "runSummaryByState": { "Completed": { "runsCount": 2 }, "InProgress": { "runsCount": 1 } },
            },
            "totalRunsCount": 3,
        });
        let results: TestResults = serde_json::from_value::<TestResultSummary>(summary).expect("a summary").into();
        assert_eq!((results.total, results.unfinished_runs, results.aborted_runs), (12, 1, 0));
        assert_eq!(results.count(&["passed", "notexecuted"]), 11);
    }

    #[test]
    fn counts_that_are_too_large_for_a_number_stay_large() {
        let states = json!({ "InProgress": { "runsCount": u64::MAX }, "Waiting": { "runsCount": 1 } });
        let summary = json!({ "aggregatedResultsAnalysis": { "runSummaryByState": states } });
        let results: TestResults = serde_json::from_value::<TestResultSummary>(summary).expect("a summary").into();
        assert_eq!(results.unfinished_runs, u64::MAX);
    }

    #[test]
    fn a_run_without_tests_has_no_results() {
        for summary in [json!({}), json!({ "aggregatedResultsAnalysis": null })] {
            let results: TestResults = serde_json::from_value::<TestResultSummary>(summary).expect("a summary").into();
            assert_eq!(results, TestResults::default());
        }
    }
}
