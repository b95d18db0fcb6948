//! Code coverage and test results of a run.

use serde::Serialize;

/// Code coverage of a run.
#[derive(Clone, Debug)]
pub struct Coverage {
    /// Whether the service has merged the published coverage.
    pub status: CoverageStatus,
    /// Covered and total of each label, such as `Lines`. A label may occur once for each platform.
    pub statistics: Vec<CoverageStatistic>,
    /// Whether the job that published it was run again, so that each entry is there twice.
    pub repeated: bool,
    /// Whether it was published in Visual Studio's format. Only then does the request with `flags` return modules.
    pub from_visual_studio: bool,
}

/// Covered and total of one label on one platform.
#[derive(Clone, Debug)]
pub struct CoverageStatistic {
    /// The tool's own word, such as `Lines`, `Branches` or `Blocks`.
    pub label: String,
    /// The number of covered items.
    pub covered: u64,
    /// The number of all items.
    pub total: u64,
    /// Platform and flavor of the build, shown together.
    pub platform: String,
}

/// Whether the service has merged the published coverage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum CoverageStatus {
    /// Nothing published.
    None,
    /// Being merged.
    InProgress,
    /// Merged.
    Completed,
    /// Merged. Nothing more will be published.
    Finalized,
    /// Published, and not merged yet.
    Pending,
    /// More was published, and is not merged yet.
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
        Self { status: CoverageStatus::Completed, statistics: Vec::new(), repeated: false, from_visual_studio: false }
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

    /// Publishes every entry a second time.
    #[must_use]
    pub fn twice(mut self) -> Self {
        self.repeated = true;
        self
    }

    /// Sets the status.
    #[must_use]
    pub fn with_status(mut self, status: CoverageStatus) -> Self {
        self.status = status;
        self
    }
}
