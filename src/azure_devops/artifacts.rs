//! The artifacts that a run has published.

use serde::Deserialize;

use super::{Error, Session, Wrapped};
use crate::facts::{Fact, Gatherer, Unmeasured};

/// The fact: the names of the run's artifacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RunArtifacts;

#[derive(Debug, Deserialize)]
pub(super) struct Artifact {
    pub(super) name: String,
}

impl Session<'_> {
    async fn artifacts(&self) -> Result<Vec<String>, Error> {
        let path = format!("build/builds/{}/artifacts", self.build_id()?);
        let artifacts: Wrapped<Artifact> = self.get("read the run's artifacts", &self.in_project(&path)).await?;
        Ok(artifacts.value.into_iter().map(|artifact| artifact.name).collect())
    }
}

impl Fact for RunArtifacts {
    type Value = Vec<String>;

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<Vec<String>, Unmeasured> {
        Ok(gatherer.azure_devops.artifacts().await?)
    }
}
