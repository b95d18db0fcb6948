//! The artifacts that a run has published.

use serde::Deserialize;

use super::session::Call;
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
        let path = self.in_project(&path);
        let artifacts: Vec<Artifact> = self.list(Call::get("read the run's artifacts", &path)).await?;
        Ok(artifacts.into_iter().map(|artifact| artifact.name).collect())
    }
}
