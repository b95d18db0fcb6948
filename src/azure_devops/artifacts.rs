//! The artifacts that a run has published.

use serde::Deserialize;

use super::session::Wrapped;
use super::{Error, Session};

#[derive(Debug, Deserialize)]
pub(super) struct Artifact {
    pub(super) name: String,
}

impl Session<'_> {
    /// The names of the run's artifacts.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn artifacts(&self) -> Result<Vec<String>, Error> {
        let path = format!("build/builds/{}/artifacts", self.build_id()?);
        let artifacts: Wrapped<Artifact> = self.get("read the run's artifacts", &self.in_project(&path)).await?;
        Ok(artifacts.value.into_iter().map(|artifact| artifact.name).collect())
    }
}
