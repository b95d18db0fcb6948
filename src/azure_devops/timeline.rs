//! The timeline of the run: its stages, jobs and tasks.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Error, Session};

/// The run's timeline: its stages, jobs and tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// Everything in it, in no useful order.
    pub records: Vec<TimelineRecord>,
}

/// One stage, job or task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TimelineRecord {
    id: String,
    #[serde(default)]
    parent_id: Option<String>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    identifier: Option<String>,
    #[serde(default)]
    state: Option<String>,
    /// How it ended.
    #[serde(default)]
    pub result: Option<String>,
    #[serde(default)]
    task: Option<TaskReference>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct TaskReference {
    id: Uuid,
    #[serde(default)]
    name: Option<String>,
}

impl Timeline {
    /// The record of type `kind` that holds `record`.
    #[must_use]
    pub fn ancestor<'a>(&'a self, record: &'a TimelineRecord, kind: &str) -> Option<&'a TimelineRecord> {
        let mut at = record;
        // A chain of parents cannot be longer than the timeline: ends even where the answer is circular.
        for _ in 0..self.records.len() {
            let parent = at.parent_id.as_ref()?;
            at = self.records.iter().find(|candidate| candidate.id.eq_ignore_ascii_case(parent))?;
            if at.kind.as_deref() == Some(kind) {
                return Some(at);
            }
        }
        None
    }
}

impl TimelineRecord {
    /// Whether it is an execution of this task.
    #[must_use]
    pub fn is_task(&self, id: Uuid) -> bool {
        self.kind.as_deref() == Some("Task") && self.task.as_ref().is_some_and(|task| task.id == id)
    }

    /// Whether it has run to an end.
    #[must_use]
    pub fn is_completed(&self) -> bool {
        self.state.as_deref().is_some_and(|state| state.eq_ignore_ascii_case("completed"))
    }

    /// Whether this is its name, or the identifier under which YAML knows it.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        // The identifier is dotted, `Stage.Job`: its last part is the name in YAML.
        let short = self.identifier.as_deref().and_then(|identifier| identifier.rsplit('.').next());
        [self.name.as_deref(), short].into_iter().flatten().any(|found| found.eq_ignore_ascii_case(name))
    }

    /// What the run page calls it.
    #[must_use]
    pub fn title(&self) -> String {
        let task = self.task.as_ref().and_then(|task| task.name.as_deref()).unwrap_or("task");
        match self.name.as_deref() {
            Some(name) if !name.eq_ignore_ascii_case(task) => format!("{task} \"{name}\""),
            _ => task.to_owned(),
        }
    }

    /// How it ended, or that it has not.
    #[must_use]
    pub fn outcome(&self) -> String {
        match (self.is_completed(), self.result.as_deref()) {
            (true, Some(result)) => result.to_owned(),
            (true, None) => "ended without a result".to_owned(),
            (false, _) => format!("is {}", self.state.as_deref().unwrap_or("not started")),
        }
    }
}

impl Session<'_> {
    /// Reads the run's timeline. A run that has none yet answers an empty one.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn build_timeline(&self) -> Result<Timeline, Error> {
        let path = format!("build/builds/{}/timeline", self.build_id()?);
        let timeline: Option<Timeline> = self.get("read the run's timeline", &self.in_project(&path)).await?;
        Ok(timeline.unwrap_or(Timeline { records: Vec::new() }))
    }
}
