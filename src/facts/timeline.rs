//! What the run has done so far.

use serde::Serialize;

use super::{Fact, FactError, Gatherer};
use crate::azure_devops::timeline::Timeline;

/// The run's timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct RunTimeline;

impl Fact for RunTimeline {
    const NAME: &'static str = "timeline";

    type Value = Timeline;

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<Timeline, FactError> {
        let timeline = gatherer.azure_devops.build_timeline().await?;
        // A stage that waits has records; without any, nothing can be said about what the run did or did not do.
        if timeline.records.is_empty() {
            return Err(FactError::because("Azure DevOps answered an empty timeline for the run"));
        }
        Ok(timeline)
    }
}
