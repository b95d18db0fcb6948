//! The run that the check guards.

use serde::Serialize;

use super::{Fact, FactError, Gatherer};
use crate::azure_devops::build::{Run, RunState};
use crate::sources::http::is_commit;

/// The member of the run that names its commit.
pub(super) const COMMIT: &str = "sourceVersion";

/// The member of the run that names its branch.
pub(super) const BRANCH: &str = "sourceBranch";

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

/// The name of the run's branch, without `refs/heads/`.
pub(super) fn branch(run: &Run) -> Result<&str, FactError> {
    run.source_branch.strip_prefix("refs/heads/").filter(|name| !name.is_empty()).ok_or_else(|| {
        let what = if run.source_branch.is_empty() { "nothing that Azure DevOps names" } else { &run.source_branch };
        FactError::because(format!("the run is of {what}, which is not a branch"))
    })
}

/// The run's commit.
pub(super) fn commit(run: &Run) -> Result<&str, FactError> {
    let commit = run.source_version.as_str();
    let why = || format!("the run's `sourceVersion` is `{commit}`, not the hash of a commit");
    is_commit(commit).then_some(commit).ok_or_else(|| FactError::because(why()))
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
