//! The run that the check guards.

use serde::Serialize;

use super::{Fact, FactError, Gatherer};
use crate::azure_devops::build::{Run, RunState};

/// What never changes about the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct RunDetails;

impl Fact for RunDetails {
    const NAME: &'static str = "run";

    type Value = Run;

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<Run, FactError> {
        let build = gatherer.azure_devops.build().await?;
        gatherer.insert(CurrentRunState, build.state);
        Ok(build.run)
    }
}

/// What may change about the run while its stage waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct CurrentRunState;

impl Fact for CurrentRunState {
    const NAME: &'static str = "runState";

    type Value = RunState;

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<RunState, FactError> {
        Ok(gatherer.azure_devops.build().await?.state)
    }
}
