//! An update of the check's own timeline record.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

/// What to write into the check's own record. What is absent stays as it is.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordUpdate {
    /// `inProgress`, when the check starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'static str>,
    /// When it started. Written once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<DateTime<Utc>>,
    /// One line: what the check waits for, and when it is evaluated again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_operation: Option<String>,
    /// The log to show for the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<LogReference>,
    /// What makes a record of it, where the timeline has none.
    #[serde(flatten)]
    pub created: Option<NewRecord>,
    /// Variables to write, each `{ "value": … }`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<Cow<'static, str>, serde_json::Value>,
}

/// What a record needs to be made.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewRecord {
    #[serde(rename = "type")]
    kind: &'static str,
    /// What the run page shows.
    name: String,
    /// The check's job.
    parent_id: Uuid,
}

impl NewRecord {
    /// The record of a task with this name in this job.
    #[must_use]
    pub const fn task(name: String, job_id: Uuid) -> Self {
        Self { kind: "Task", name, parent_id: job_id }
    }
}

/// The log that a record shows.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct LogReference {
    id: u64,
}

impl RecordUpdate {
    /// Writes a variable.
    #[must_use]
    pub fn variable(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        self.variables.insert(name.into(), json!({ "value": value.into(), "isSecret": false }));
        self
    }

    /// Shows this log.
    #[must_use]
    pub const fn log(mut self, id: Option<u64>) -> Self {
        self.log = match id {
            Some(id) => Some(LogReference { id }),
            None => None,
        };
        self
    }
}
