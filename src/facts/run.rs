//! The run that the check guards.

use super::{Fact, Gatherer, Unmeasured};
use crate::azure_devops::build::{Run, RunState};

/// What never changes about the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TheRun;

impl Fact for TheRun {
    type Value = Run;

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<Run, Unmeasured> {
        let build = gatherer.azure_devops.build().await?;
        gatherer.insert(TheRunState, build.state);
        Ok(build.run)
    }
}

/// What may change about the run while its stage waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TheRunState;

impl Fact for TheRunState {
    type Value = RunState;

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<RunState, Unmeasured> {
        Ok(gatherer.azure_devops.build().await?.state)
    }
}
