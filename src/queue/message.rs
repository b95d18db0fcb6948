//! The queue message: all the state of a check, so that any instance can make the next evaluation.
//!
//! Everybody who may write to the storage account can write messages. So the token is sealed together with *every* other
//! member of its message. If the definition, the inputs, the progress or the pending decision is changed, the token does not
//! open, and a message without a token does nothing. Each message is sealed anew, with the current key, whose id it names.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::pending_decision::PendingDecision;
use super::progress::Progress;
use crate::check::Check;
use crate::http::waits::Waits;
use crate::task::sealer::{SealError, Sealer};
use crate::task::token::AuthToken;
use crate::text::{escaped, is_carried_by_xml};

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

    /// The id of the key that the message was sealed with, where this sealer does not have that key.
    #[must_use]
    pub fn unknown_key(&self, sealer: &Sealer) -> Option<&str> {
        sealer.unknown_key(&self.sealed)
    }
}

/// What stands in front of a message where its token is bound to it.
const BOUND: &str = "checkgate message ";

/// What the token of a message is bound to: all its other members. Of the JSON rather than of the types, so that members
/// which a later version adds do not invalidate the messages that wait.
fn binding(message: &Value) -> String {
    let mut text = BOUND.as_bytes().to_vec();
    // A value is always JSON, and JSON is always text.
    let _ = serde_json::to_writer(&mut text, message);
    String::from_utf8(text).unwrap_or_default()
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
    /// Until when hosts other than Azure DevOps asked the check to stay away.
    #[serde(default, skip_serializing_if = "Waits::is_empty")]
    pub waits: Waits,
    /// Whether the last evaluation left out calls because an answer of Azure DevOps that succeeded asked for a wait.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held_back: bool,
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
        Self {
            correlation_id: Uuid::new_v4(),
            check,
            progress: Progress::default(),
            pending_decision: None,
            waits: Waits::default(),
            held_back: false,
        }
    }

    /// Whether the check must be decided now: its time is over, or it was evaluated as often as it may be.
    #[must_use]
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        let evaluations = self.progress.evaluations();
        now >= self.check.deadline || evaluations >= self.check.definition.max_evaluations()
    }

    /// Keeps a decision that has not arrived. Nothing is measured any more.
    pub fn keep(&mut self, pending: PendingDecision) {
        self.pending_decision = Some(pending);
        self.progress.forget_measurements();
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
        let bound_to = binding(&value);
        let sealed = sealer.seal(token.expose().as_bytes(), &bound_to);
        // The token comes first, and the rest is written once. Readers take the members in any order.
        let rest = bound_to.strip_prefix(BOUND).and_then(|message| message.strip_prefix('{')).unwrap_or_default();
        let text = format!(r#"{{"{SEALED_TOKEN}":"{sealed}",{rest}"#);
        // The storage account takes messages as XML.
        match escaped(&text, is_carried_by_xml) {
            Cow::Borrowed(_) => text,
            Cow::Owned(escaped) => escaped,
        }
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

/// The ids by which an operator finds the run of a message that cannot be used. Empty where the message does not say.
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
