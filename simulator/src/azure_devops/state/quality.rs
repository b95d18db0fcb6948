//! What a run says about its own quality: code coverage and test results.

use serde::Serialize;

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
}
