//! What a record holds, member by member: the schema is made of it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::evaluation::{Memory, Status};
use crate::facts::RecordedFact;

/// One decision, as a CloudEvent 1.0 in JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Decision record of checkgate")]
pub struct DecisionRecord {
    /// The version of CloudEvents: `1.0`.
    pub(super) specversion: String,
    /// `dev.checkgate.decision.v1`.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// The organisation and the project that the decision is about.
    pub(super) source: String,
    /// The same for the same delivered check, or without one for the same check, run and moment: a record that is written
    /// twice is one event.
    #[schemars(with = "String", extend("format" = "uuid"))]
    pub(super) id: Uuid,
    /// When the check was evaluated.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub(super) time: DateTime<Utc>,
    /// `application/json`.
    pub(super) datacontenttype: String,
    /// `decision.schema.json`.
    pub(super) dataschema: String,
    /// The decision.
    pub(super) data: Data,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(super) struct Data {
    /// As `id`.
    #[schemars(with = "String", extend("format" = "uuid"))]
    pub(super) decision_id: Uuid,
    /// Which checkgate decided: `version`.
    pub(super) labels: BTreeMap<String, String>,
    /// The name of the check in checks.yaml.
    pub(super) path: String,
    /// Which policy was applied.
    pub(super) policy: Policy,
    /// What was asked.
    pub(super) input: Input,
    /// What follows.
    pub(super) result: Outcome,
    /// When the check was delivered, or would have been.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub(super) delivered_at: DateTime<Utc>,
    /// The moment that the conditions were judged for.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub(super) evaluated_now: DateTime<Utc>,
    /// Where the values of secrets were left out, as JSON pointers.
    pub(super) erased: Vec<String>,
    /// When the check ends although its conditions are not decided.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub(super) deadline: Option<DateTime<Utc>>,
    /// When the last fact was read.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub(super) read_at: Option<DateTime<Utc>>,
    /// Whether everything is here that the check can be judged again with.
    #[serde(default)]
    pub(super) replayable: bool,
    /// What was read, as it was judged.
    #[serde(default)]
    pub(super) facts: Vec<RecordedFact>,
    /// What the conditions remembered of earlier evaluations.
    #[serde(default, skip_serializing_if = "Memory::is_empty")]
    #[schemars(with = "BTreeMap<String, Value>")]
    pub(super) memory: Memory,
    /// How the check came to its decision; absent where nothing was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) delivery: Option<Delivery>,
}

/// How a check came to its decision, and who was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Delivery {
    /// How many evaluations there were.
    pub evaluations: u32,
    /// When the decision was posted.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub decided_at: DateTime<Utc>,
    /// The seconds from the delivery to the decision.
    pub duration_seconds: i64,
    /// How many calls Azure DevOps got in all evaluations, and other systems in the last.
    pub calls: u32,
    /// Whether the check is a dry run: Azure Pipelines was told `succeeded`, whatever was decided.
    pub dry_run: bool,
    /// Who was told, and how that went.
    pub told: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(super) struct Policy {
    /// The digest of the check's definition in JSON: `sha256:` and hexadecimal digits.
    pub(super) digest: String,
    /// The definition itself, where it is short enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) definition: Option<Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    /// The run.
    pub(super) run: RunInput,
    /// The headers that the check reads, with their values.
    pub(super) inputs: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunInput {
    /// The run's id.
    pub(super) id: Option<u64>,
    /// The pipeline's id.
    pub(super) definition: Option<u64>,
    /// The commit.
    pub(super) source_version: Option<String>,
    /// The branch.
    pub(super) source_branch: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(super) struct Outcome {
    /// What is decided.
    pub(super) decision: Decided,
    /// What blocks the check, in words. Empty if nothing does.
    pub(super) reason: String,
    /// Every condition, outermost first.
    pub(super) conditions: Vec<Condition>,
}

/// What is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Decided {
    /// The stage may use the resource.
    Succeeded,
    /// It may not.
    Failed,
    /// Not decided yet.
    Waiting,
    /// It cannot be known.
    Unknown,
}

impl Decided {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Waiting => "waiting",
            Self::Unknown => "unknown",
        }
    }
}

impl From<Status> for Decided {
    fn from(status: Status) -> Self {
        match status {
            Status::Passed => Self::Succeeded,
            Status::Failed => Self::Failed,
            Status::Waiting => Self::Waiting,
            Status::Errored => Self::Unknown,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(super) struct Condition {
    /// What the log calls it.
    pub(super) condition: String,
    /// `passed`, `failed`, `waiting` or `errored`.
    pub(super) status: Decision,
    /// What was found.
    pub(super) found: String,
    /// What was expected.
    pub(super) expected: String,
    /// How deep it is inside other conditions; 1 is the outermost.
    pub(super) depth: usize,
    /// The facts that it was judged by, as positions in `facts`.
    #[serde(default)]
    pub(super) facts: Vec<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) enum Decision {
    Passed,
    Failed,
    Waiting,
    Errored,
}
