//! The queue message: all the state there is of a check, so that any instance can take the next step.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::azure_devops::build::Run;
use crate::check::{Check, Decision};
use crate::evaluation::Memory;

/// The largest message. Azure Storage takes 64 KiB; the rest is for what escaping adds.
pub const MAX_MESSAGE: usize = 48 * 1024;

/// How many claims a message carries at most. More pile up only while every write of the record is lost.
const MAX_CLAIMS: usize = 64;

/// A message in any version.
///
/// The names of its members must not be those of the host's own metadata (`id`, `dequeueCount` …), which would overwrite
/// them.
#[derive(Debug, Clone, PartialEq)]
pub enum CheckMessage {
    /// Version 1.
    V1(Box<MessageV1>),
}

/// A check on its way to a decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageV1 {
    /// Tells this message from others in the log; the queue gives it another id.
    pub correlation_id: Uuid,
    /// What was delivered.
    pub check: Check,
    /// The token, sealed for this check and its `PlanUrl`.
    pub sealed_token: String,
    /// How far the check has come.
    #[serde(default)]
    pub progress: Progress,
    /// A decision that was made but is not known to have arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbox: Option<Outbox>,
}

/// How far a check has come.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Progress {
    /// How many evaluations are behind it.
    pub evaluations: u32,
    /// Claims of earlier messages of this chain that the record may hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<String>,
    /// The timeline of the check's record, where the delivery did not name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeline_id: Option<Uuid>,
    /// The check's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_id: Option<u64>,
    /// A digest of the last status that was written into the log, so that only changes are.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub last_status: String,
    /// What the conditions remember.
    #[serde(skip_serializing_if = "Memory::is_empty")]
    pub memory: Memory,
    /// How many times in a row something could not be found out: the step of the backoff.
    #[serde(skip_serializing_if = "is_zero")]
    pub consecutive_errors: u32,
    /// Since when the check's own record could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable_since: Option<DateTime<Utc>>,
    /// What never changes about the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
    /// When the run's status was last looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_seen_at: Option<DateTime<Utc>>,
    /// How many of the warnings before the deadline were given.
    #[serde(skip_serializing_if = "is_zero")]
    pub warnings: u32,
}

/// A decision on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outbox {
    /// The decision. Never made again.
    pub decision: Decision,
    /// Whether Azure DevOps has accepted it, so that only the confirmation is missing.
    #[serde(default)]
    pub accepted: bool,
    /// How many times it was tried.
    #[serde(default)]
    pub attempts: u32,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// A message that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// It is not JSON, or not of the version's shape.
    #[error("the message is not a check of version 1: {0}")]
    Unreadable(String),
    /// It was written by a later version of checkgate.
    #[error("the message has version {0}; this function app reads version 1: deploy the later version again")]
    UnknownVersion(u64),
}

impl MessageV1 {
    /// The first message of a check.
    #[must_use]
    pub fn new(check: Check, sealed_token: String) -> Self {
        Self { correlation_id: Uuid::new_v4(), check, sealed_token, progress: Progress::default(), outbox: None }
    }

    /// Writes the message, with its version.
    ///
    /// # Panics
    ///
    /// Never: all of it can be written as JSON.
    #[must_use]
    #[expect(clippy::expect_used, reason = "maps have text keys, and nothing in it can fail to serialize")]
    pub fn to_json(&self) -> String {
        let mut value = serde_json::to_value(self).expect("a message is JSON");
        value["version"] = 1.into();
        value.to_string()
    }
}

impl CheckMessage {
    /// Reads a message.
    ///
    /// # Errors
    ///
    /// [`MessageError`]; it names no secret, since the token in the message is sealed and not repeated.
    pub fn parse(text: &str) -> Result<Self, MessageError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u64,
        }
        let unreadable = |error: serde_json::Error| {
            // serde repeats what it found: nothing of an unreadable message is worth a leak.
            MessageError::Unreadable(format!("{:?} error at column {}", error.classify(), error.column()))
        };
        if text.len() > MAX_MESSAGE * 4 / 3 {
            return Err(MessageError::Unreadable("it is larger than any that checkgate writes".to_owned()));
        }
        match serde_json::from_str(text).map_err(unreadable)? {
            Versioned { version: 1 } => {
                serde_json::from_str(text).map(|message| Self::V1(Box::new(message))).map_err(unreadable)
            }
            Versioned { version } => Err(MessageError::UnknownVersion(version)),
        }
    }
}

/// Which chain of messages a check belongs to: see "Exactly one decision" in `docs/ARCHITECTURE.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// This message may go on.
    Ours,
    /// Another chain lives; this message ends here.
    Anothers,
}

/// Compares the record's claim with those of a message: its own, or carried from its predecessors.
#[must_use]
pub fn judge_claim(recorded: Option<&str>, own: &str, carried: &[String]) -> Claim {
    match recorded {
        None => Claim::Ours,
        Some(recorded) if recorded == own || carried.iter().any(|carried| carried == recorded) => Claim::Ours,
        Some(_) => Claim::Anothers,
    }
}

/// The claims that a successor carries: what the record may hold when it looks.
///
/// When the write of `own` is known to have happened, that is `own` alone. Otherwise the record may still hold what it
/// held, or any earlier claim whose write was lost on the way and arrives late.
#[must_use]
pub fn carry_claims(own: &str, written: bool, recorded: Option<&str>, carried: &[String]) -> Vec<String> {
    if written {
        return vec![own.to_owned()];
    }
    let mut claims: Vec<String> = Vec::new();
    for claim in [own].into_iter().chain(recorded).chain(carried.iter().map(String::as_str)) {
        if !claims.iter().any(|known| known == claim) && claims.len() < MAX_CLAIMS {
            claims.push(claim.to_owned());
        }
    }
    claims
}
