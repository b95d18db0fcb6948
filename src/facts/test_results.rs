//! The test results that a run has published.

use serde::Serialize;

use super::{Fact, FactError, Gatherer};
use crate::azure_devops::test_results::TestResults;

/// The test results of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct RunTestResults;

impl Fact for RunTestResults {
    const NAME: &'static str = "testResults";

    type Value = TestResults;

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<TestResults, FactError> {
        Ok(gatherer.azure_devops.test_results().await?)
    }
}
