//! The test results that a run has published.

use super::{Fact, FactError, Gatherer};
use crate::azure_devops::test_results::TestResults;

/// The test results of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RunTestResults;

impl Fact for RunTestResults {
    type Value = TestResults;

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<TestResults, FactError> {
        Ok(gatherer.azure_devops.test_results().await?)
    }
}
