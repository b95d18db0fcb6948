//! What a run says about its own quality: code coverage and test results.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// Code coverage of a run.
#[derive(Clone, Debug)]
pub struct Coverage {
    /// How far the service is with merging what was published.
    pub status: CoverageStatus,
    /// Covered and total of a label, such as `Lines`; a label may occur several times, once for each platform.
    pub statistics: Vec<CoverageStatistic>,
    /// Whether the publisher writes Visual Studio's format: only then is the variant with `flags` filled.
    pub from_visual_studio: bool,
}

/// Covered and total of one label on one platform.
#[derive(Clone, Debug)]
pub struct CoverageStatistic {
    /// `Lines`, `Branches`, `Blocks`: the tool's own word.
    pub label: String,
    /// What was covered.
    pub covered: u64,
    /// What could have been covered.
    pub total: u64,
    /// Platform and flavor of the build, shown together.
    pub platform: String,
}

/// How far the service is with coverage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum CoverageStatus {
    /// Nothing published.
    None,
    /// Being merged.
    InProgress,
    /// Merged.
    Completed,
    /// Merged for good.
    Finalized,
    /// Published, not yet merged.
    Pending,
    /// Something more was published.
    UpdateRequestQueued,
}

/// Test results of a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct TestResults {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// Tests that did not run.
    pub not_executed: u64,
}

impl Coverage {
    /// Final coverage of `covered` in `total` lines, as Cobertura publishes it.
    pub fn of_lines(covered: u64, total: u64) -> Self {
        Self { status: CoverageStatus::Completed, statistics: Vec::new(), from_visual_studio: false }
            .and("Lines", covered, total, "")
    }

    /// Adds a label, or the same label on another platform.
    #[must_use]
    pub fn and(mut self, label: &str, covered: u64, total: u64, platform: &str) -> Self {
        self.statistics.push(CoverageStatistic {
            label: label.to_owned(),
            covered,
            total,
            platform: platform.to_owned(),
        });
        self
    }

    /// Sets how far the service is.
    #[must_use]
    pub fn with_status(mut self, status: CoverageStatus) -> Self {
        self.status = status;
        self
    }

    /// One entry of `coverageData` for each platform.
    pub(crate) fn data(&self) -> Vec<Value> {
        let mut platforms: Vec<&str> = Vec::new();
        for statistic in &self.statistics {
            if !platforms.contains(&statistic.platform.as_str()) {
                platforms.push(&statistic.platform);
            }
        }
        platforms.into_iter().map(|platform| self.platform(platform)).collect()
    }

    fn platform(&self, platform: &str) -> Value {
        let here = self.statistics.iter().filter(|statistic| statistic.platform == platform);
        let stats = here.enumerate().map(|(position, it)| {
            json!({"label": it.label, "position": position + 1, "total": it.total, "covered": it.covered, "isDeltaAvailable": false, "delta": 0.0})
        });
        json!({"coverageStats": stats.collect::<Vec<_>>(), "buildPlatform": platform, "buildFlavor": ""})
    }

    /// Modules of Visual Studio's format.
    pub(crate) fn modules(&self) -> Vec<Value> {
        let lines =
            self.statistics.iter().filter(|it| self.from_visual_studio && it.label.eq_ignore_ascii_case("lines"));
        let module = |it: &CoverageStatistic| {
            json!({"name": "fabrikam.dll", "statistics": {
                "blocksCovered": it.covered, "blocksNotCovered": it.total - it.covered,
                "linesCovered": it.covered, "linesNotCovered": it.total - it.covered, "linesPartiallyCovered": 0}})
        };
        lines.map(module).collect()
    }
}

impl TestResults {
    pub(crate) fn analysis(self) -> Value {
        let outcomes = [("Passed", self.passed), ("Failed", self.failed), ("NotExecuted", self.not_executed)];
        let by_outcome: Map<_, _> = outcomes
            .into_iter()
            .filter(|&(_, count)| count > 0)
            .map(|(outcome, count)| {
                (outcome.to_owned(), json!({"outcome": lower_first(outcome), "count": count, "duration": "00:00:01"}))
            })
            .collect();
        json!({
            "totalTests": self.passed + self.failed + self.not_executed,
            "duration": "00:00:01",
            "resultsByOutcome": by_outcome,
            "runSummaryByState": {"Completed": {"state": "completed", "runsCount": 1}},
        })
    }
}

fn lower_first(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_lowercase() + rest
}
