//! The queue message: all the state there is of a check, so that any instance can take the next step.
//!
//! Whoever may write to the storage account may write messages. So the token is sealed together with *every* other member
//! of its message: with another definition, other inputs, another memory or a pending decision of somebody else's, it does not
//! open, and without its token a message does nothing. Each message is sealed anew, with the current key.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::azure_devops::build::Run;
use crate::check::Check;
use crate::evaluation::Memory;
use crate::queue::claim::Claim;
use crate::task::Decision;
use crate::task::sealer::{SealError, Sealer};
use crate::task::token::AuthToken;

/// The largest message. Azure Storage takes 64 KiB; the rest is for what escaping adds.
pub const MAX_MESSAGE: usize = 48 * 1024;

/// The largest message of a delivery: what the check's progress may add must fit too.
pub const MAX_FIRST_MESSAGE: usize = 36 * 1024;

/// The member of a message that holds the token, sealed.
const SEALED_TOKEN: &str = "sealedToken";

/// A message in any version.
///
/// The names of its members must not be those of the host's own metadata (`id`, `dequeueCount` …), which would overwrite
/// them.
#[derive(Debug, Clone, PartialEq)]
pub enum CheckMessage {
    /// Version 1, with its token.
    V1(Box<MessageV1>, SealedToken),
}

/// The token of a message, which opens only while the message is as it was sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedToken {
    sealed: String,
    /// All the rest of the message, as it was read.
    bound_to: String,
}

impl SealedToken {
    /// Opens the token, which proves that the whole message is one of ours.
    ///
    /// # Errors
    ///
    /// [`SealError`] when anything in the message was changed, or it was sealed with an unknown key.
    pub fn open(&self, sealer: &Sealer) -> Result<AuthToken, SealError> {
        sealer.open_token(&self.sealed, &self.bound_to)
    }
}

/// What the token of a message is bound to: all its other members. Of the JSON rather than of the types, so that members
/// which a later version adds do not invalidate the messages that wait.
fn binding(message: &Value) -> String {
    format!("checkgate message {message}")
}

/// A check on its way to a decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageV1 {
    /// Tells this message from others in the log; the queue gives it another id.
    pub correlation_id: Uuid,
    /// What was delivered.
    pub check: Check,
    /// How far the check has come.
    #[serde(default)]
    pub progress: Progress,
    /// A decision that was made but is not known to have arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_decision: Option<PendingDecision>,
}

/// How far a check has come.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Progress {
    /// How many evaluations are behind it.
    pub evaluations: u32,
    /// Whether an evaluation has found the check waiting: until then, each is the first one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub begun: bool,
    /// The newest claims that messages of this chain may have written, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<Claim>,
    /// The record's claim that left this message's predecessor in doubt whether it was its turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doubted_claim: Option<Claim>,
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
    /// Since when Azure DevOps refuses the token, whatever is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_since: Option<DateTime<Utc>>,
    /// Since when the check's plan and record are invisible to its token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen_since: Option<DateTime<Utc>>,
    /// Since when the check's own record could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable_since: Option<DateTime<Utc>>,
    /// What never changes about the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
    /// How many of the warnings before the deadline were given.
    #[serde(skip_serializing_if = "is_zero")]
    pub warnings: u32,
}

/// A decision on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingDecision {
    /// The decision. Never made again.
    pub decision: Decision,
    /// Whether Azure DevOps has accepted it, so that only the confirmation is missing.
    #[serde(default)]
    pub accepted: bool,
    /// How many times it was tried.
    #[serde(default)]
    pub attempts: u32,
    /// Whether the check's log is known to say it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub logged: bool,
}

impl PendingDecision {
    /// A decision that was just made, or found.
    #[must_use]
    pub const fn new(decision: Decision) -> Self {
        Self { decision, accepted: false, attempts: 0, logged: false }
    }
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
    pub fn new(check: Check) -> Self {
        Self { correlation_id: Uuid::new_v4(), check, progress: Progress::default(), pending_decision: None }
    }

    /// Writes the message, with its version and the token sealed into it.
    ///
    /// # Panics
    ///
    /// Never: all of it can be written as JSON.
    #[must_use]
    #[expect(clippy::expect_used, reason = "maps have text keys, and nothing in it can fail to serialize")]
    pub fn seal(&self, token: &AuthToken, sealer: &Sealer) -> String {
        let mut value = serde_json::to_value(self).expect("a message is JSON");
        value["version"] = 1.into();
        value[SEALED_TOKEN] = sealer.seal(token.expose().as_bytes(), &binding(&value)).into();
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
        let unreadable = |error: serde_json::Error| {
            // serde repeats what it found: nothing of an unreadable message is worth a leak.
            MessageError::Unreadable(format!("{:?} error at column {}", error.classify(), error.column()))
        };
        if text.len() > MAX_MESSAGE * 4 / 3 {
            return Err(MessageError::Unreadable("it is larger than any that checkgate writes".to_owned()));
        }
        let mut value: Value = serde_json::from_str(text).map_err(unreadable)?;
        match value.get("version").and_then(Value::as_u64) {
            Some(1) => {}
            Some(version) => return Err(MessageError::UnknownVersion(version)),
            None => return Err(MessageError::Unreadable("it has no version".to_owned())),
        }
        let sealed = value.as_object_mut().and_then(|members| members.remove(SEALED_TOKEN));
        let Some(Value::String(sealed)) = sealed else {
            return Err(MessageError::Unreadable("it has no sealed token".to_owned()));
        };
        let token = SealedToken { sealed, bound_to: binding(&value) };
        // Decoded from what the seal covers, not from the text: two readers may differ about a text.
        serde_json::from_value(value).map(|message| Self::V1(Box::new(message), token)).map_err(unreadable)
    }
}

/// By which an operator finds the run of a message, whatever else is wrong with it. Empty where the message does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunIds {
    /// The check's plan.
    pub plan_id: String,
    /// The run.
    pub build_id: String,
}

impl RunIds {
    /// Looks into a message of any version. What does not look like an id is not repeated.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let message: Value = serde_json::from_str(text).unwrap_or_default();
        let properties = &message["check"]["properties"];
        let plan_id = properties["planId"].as_str().and_then(|id| Uuid::try_parse(id).ok());
        let build_id = properties["buildId"].as_u64();
        Self {
            plan_id: plan_id.map(|id| id.to_string()).unwrap_or_default(),
            build_id: build_id.map(|id| id.to_string()).unwrap_or_default(),
        }
    }
}
