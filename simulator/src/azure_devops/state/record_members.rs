//! The parts of a timeline record.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::word_or_number::WordOrNumber;

/// Whether a record is pending, in progress or completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", try_from = "WordOrNumber")]
pub enum RecordState {
    /// Not started.
    Pending,
    /// Running.
    InProgress,
    /// Ended.
    Completed,
}

/// By the word or the number, as a client sends it.
impl TryFrom<WordOrNumber> for RecordState {
    type Error = String;

    fn try_from(sent: WordOrNumber) -> Result<Self, String> {
        sent.among(&[Self::Pending, Self::InProgress, Self::Completed], 0)
    }
}

/// How a record, or a plan, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", try_from = "WordOrNumber")]
pub enum TaskResult {
    /// Succeeded.
    Succeeded,
    /// Succeeded with warnings.
    SucceededWithIssues,
    /// Failed.
    Failed,
    /// Canceled.
    Canceled,
    /// Not run.
    Skipped,
    /// The agent or the server stopped responding.
    Abandoned,
}

/// By the word or the number, as a client sends it.
impl TryFrom<WordOrNumber> for TaskResult {
    type Error = String;

    fn try_from(sent: WordOrNumber) -> Result<Self, String> {
        sent.among(
            &[Self::Succeeded, Self::SucceededWithIssues, Self::Failed, Self::Canceled, Self::Skipped, Self::Abandoned],
            0,
        )
    }
}

impl TaskResult {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::SucceededWithIssues => "succeededWithIssues",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Skipped => "skipped",
            Self::Abandoned => "abandoned",
        }
    }
}

/// Points to a log of the same plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogReference {
    /// Number of the log.
    pub id: u64,
    /// Address of the log.
    #[serde(default)]
    pub location: Option<String>,
}

/// An error or a warning on a record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Issue {
    /// `error` or `warning`.
    #[serde(rename = "type")]
    pub kind: IssueKind,
    /// `General` unless set.
    #[serde(default)]
    pub category: Option<String>,
    /// The text that people read.
    pub message: String,
    /// More data, by key.
    #[serde(default)]
    pub data: Option<BTreeMap<String, String>>,
}

/// Whether an issue is an error or a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", try_from = "WordOrNumber")]
pub enum IssueKind {
    /// Shown in red.
    Error,
    /// Shown in yellow.
    Warning,
}

/// By the word or the number, as a client sends it.
impl TryFrom<WordOrNumber> for IssueKind {
    type Error = String;

    fn try_from(sent: WordOrNumber) -> Result<Self, String> {
        sent.among(&[Self::Error, Self::Warning], 1)
    }
}

/// An output variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Variable {
    /// The value. A reader gets null for a secret.
    pub value: Option<String>,
    /// Whether the value is hidden from readers.
    #[serde(default)]
    pub is_secret: bool,
    /// Whether later steps may change it.
    #[serde(default)]
    pub is_read_only: bool,
}

/// The task behind a record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TaskReference {
    /// The task's own id, the same in every run.
    pub id: Uuid,
    /// The task's name, such as `CmdLine`.
    pub name: Option<String>,
    /// The task's version.
    pub version: Option<String>,
    /// The inputs of the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<BTreeMap<String, String>>,
}
