//! What a run has published as artifacts.

use serde::Serialize;

use super::{Fact, FactError, Gatherer};

/// The names of the run's artifacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct RunArtifacts;

impl Fact for RunArtifacts {
    const NAME: &'static str = "artifacts";

    type Value = Vec<String>;

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<Vec<String>, FactError> {
        Ok(gatherer.azure_devops.artifacts().await?)
    }
}
