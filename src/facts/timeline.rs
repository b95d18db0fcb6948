//! What the run has done so far.

use serde::Serialize;

use super::{Fact, FactError, Gatherer};
use crate::azure_devops::timeline::Timeline;

/// The run's timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct RunTimeline;

impl Fact for RunTimeline {
    const NAME: &'static str = "timeline";

    const IS_SORTED: bool = true;

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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_timeline_is_written_in_the_order_of_its_names() {
        let record = json!({
            "type": "Task", "task": { "name": "CmdLine", "id": "d9bafed4-0b18-4f58-968d-86655b4d2ce9" }, "state": "completed",
            "result": "succeeded", "parentId": "1", "name": "CmdLine", "identifier": "Build.CmdLine", "id": "2",
            "finishTime": "2026-01-05T08:55:20Z",
        });
        let timeline: Timeline =
            serde_json::from_value(json!({ "records": [record.clone(), {}] })).expect("a timeline");
        let text = serde_json::to_string(&timeline).expect("JSON");
        let again: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(text, again.to_string());
        assert_eq!(again["records"][0].as_object().map(|members| members.len()), record.as_object().map(|it| it.len()));
    }
}
