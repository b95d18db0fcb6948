//! The runs of a pipeline.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::build::Run;
use super::{Error, Session};

/// How many runs one page holds.
const PAGE: usize = 50;

impl Session<'_> {
    /// The last runs of a pipeline that are over, newest first.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn completed_runs(&self, pipeline: u64, last: usize) -> Result<Vec<Run>, Error> {
        let path = self.in_project(&format!(
            "build/builds?definitions={pipeline}&statusFilter=completed&queryOrder=queueTimeDescending&$top={}",
            PAGE.min(last)
        ));
        let mut runs: Vec<Run> = Vec::new();
        let mut next: Option<String> = None;
        while runs.len() < last {
            let (page, following) = self.page("read the runs", &path, (None, next.as_deref())).await?;
            runs.extend(page);
            next = following;
            if next.is_none() {
                break;
            }
        }
        runs.truncate(last);
        Ok(runs)
    }
}

/// A gate of checks of a run: the stage waited from `start_time` to `finish_time`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    /// When the checks of the stage were asked.
    pub start_time: DateTime<Utc>,
    /// When the last of them was decided.
    #[serde(default)]
    pub finish_time: Option<DateTime<Utc>>,
    /// How all of them together ended.
    #[serde(default)]
    pub result: Option<String>,
    /// What the stage is called, on the run's page and in YAML, where the timeline says that.
    #[serde(skip)]
    pub stage: Vec<String>,
}

impl Session<'_> {
    /// The gates of checks that the run came to, oldest first. Their type is not documented; clients see it.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn checkpoints(&self) -> Result<Vec<Checkpoint>, Error> {
        let path = self.in_project(&format!("build/builds/{}/timeline", self.build_id()?));
        let answer: Option<Value> = self.get("read the run's timeline", &path).await?;
        let records = answer.as_ref().and_then(|timeline| timeline["records"].as_array());
        let records: Vec<&Value> = records.into_iter().flatten().collect();
        let names_of = |id: &Value| {
            let stage = records.iter().find(|it| it["id"] == *id && !id.is_null());
            let names = stage.map(|it| [it["name"].as_str(), it["identifier"].as_str()]);
            names.into_iter().flatten().flatten().map(str::to_owned).collect()
        };
        let gates = records.iter().filter(|it| it["type"] == "Checkpoint");
        let mut found: Vec<Checkpoint> = gates
            .filter_map(|it| {
                let mut gate: Checkpoint = serde_json::from_value((*it).clone()).ok()?;
                gate.stage = names_of(&it["parentId"]);
                Some(gate)
            })
            .collect();
        found.sort_by_key(|gate| gate.start_time);
        Ok(found)
    }
}
