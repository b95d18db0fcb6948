//! The timeline of the run: its stages, jobs and tasks.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::lenient::{or_empty, or_none, readable};
use super::{Error, Session};

/// The run's timeline: its stages, jobs and tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// Everything in it, in no useful order.
    #[serde(deserialize_with = "readable")]
    pub records: Vec<TimelineRecord>,
}

/// One stage, job or task. Others write them too: a member of an odd shape counts as absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TimelineRecord {
    #[serde(default, deserialize_with = "or_empty")]
    id: String,
    #[serde(default, deserialize_with = "or_none")]
    parent_id: Option<String>,
    #[serde(default, rename = "type", deserialize_with = "or_none")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "or_none")]
    name: Option<String>,
    #[serde(default, deserialize_with = "or_none")]
    identifier: Option<String>,
    #[serde(default, deserialize_with = "or_none")]
    state: Option<String>,
    /// How it ended.
    #[serde(default, deserialize_with = "or_none")]
    pub result: Option<String>,
    #[serde(default, deserialize_with = "or_none")]
    task: Option<TaskReference>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct TaskReference {
    /// None where it is not a GUID.
    #[serde(default, deserialize_with = "or_none")]
    id: Option<Uuid>,
    #[serde(default, deserialize_with = "or_none")]
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
        self.kind.as_deref() == Some("Task") && self.task.as_ref().is_some_and(|task| task.id == Some(id))
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn odd_members_of_one_record_hide_neither_it_nor_the_others() {
        let cmd_line = Uuid::from_u128(0xd9ba_fed4_0b18_4f58_968d_8665_5b4d_2ce9);
        let timeline = json!({ "records": [
            null,
            "text",
            { "id": 7, "type": ["Task"], "name": {}, "state": 1, "result": null, "task": { "id": "vstest" } },
            { "type": "Task", "parentId": 3, "identifier": 4, "name": "Run", "task": { "id": cmd_line, "name": 5 } },
        ] });
        let timeline: Timeline = serde_json::from_value(timeline).expect("a timeline");
        let runs: Vec<&TimelineRecord> = timeline.records.iter().filter(|record| record.is_task(cmd_line)).collect();
        assert_eq!((timeline.records.len(), runs.len()), (2, 1));
        assert!(runs[0].is_named("Run") && timeline.ancestor(runs[0], "Stage").is_none());
    }
}
