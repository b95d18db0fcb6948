//! The queue message: all the state there is of a check, so that any instance can take the next step.
//!
//! Whoever may write to the storage account may write messages. So the token is sealed together with *every* other member
//! of its message: with another definition, other inputs, another memory or an outbox of somebody else's, it does not
//! open, and without its token a message does nothing. Each message is sealed anew, with the current key.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::azure_devops::build::Run;
use crate::check::{Check, Decision};
use crate::evaluation::Memory;
use crate::token::{AuthToken, SealError, Sealer};

/// The largest message. Azure Storage takes 64 KiB; the rest is for what escaping adds.
pub const MAX_MESSAGE: usize = 48 * 1024;

/// The largest message of a delivery: what the check's progress may add must fit too.
pub const MAX_FIRST_MESSAGE: usize = 36 * 1024;

/// How many claims a message carries at most: the newest. An older write that is still on its way would have to be
/// overtaken by all of them.
const MAX_CLAIMS: usize = 16;

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
    pub outbox: Option<Outbox>,
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
    /// Whether an operator has queued it again: it goes on whoever the record's claim belongs to.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub takes_over: bool,
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
    /// Since when Azure DevOps refuses the token, whatever is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_since: Option<DateTime<Utc>>,
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
    /// Whether the check's log is known to say it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub told: bool,
}

impl Outbox {
    /// A decision that was just made, or found.
    #[must_use]
    pub const fn new(decision: Decision) -> Self {
        Self { decision, accepted: false, attempts: 0, told: false }
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
        Self { correlation_id: Uuid::new_v4(), check, progress: Progress::default(), outbox: None }
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
pub struct Whereabouts {
    /// The check's plan.
    pub plan_id: String,
    /// The run.
    pub build_id: String,
}

impl Whereabouts {
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

/// The claims that a successor carries: those that the record may hold when it looks.
///
/// `tried` tells whether this message tried to write its own; whether that happened is not asked, since a write that
/// timed out may still arrive, after later ones even. For the same reason the earlier ones are kept. Twins stay apart all
/// the same: neither ever carries a claim that the other one wrote.
#[must_use]
pub fn carry_claims(own: &str, tried: bool, recorded: Option<&str>, carried: &[String]) -> Vec<String> {
    // A message that did not try takes the last place, so that those of a long outage push out only each other, and never
    // the claim that the record holds. It has one at all because it may have tried when it was handed out before.
    let (first, last) = if tried { (Some(own), None) } else { (None, Some(own)) };
    let room = MAX_CLAIMS - usize::from(last.is_some());
    let mut claims: Vec<String> = Vec::new();
    for claim in first.into_iter().chain(recorded).chain(carried.iter().map(String::as_str)) {
        if !claims.iter().any(|known| known == claim) && claims.len() < room {
            claims.push(claim.to_owned());
        }
    }
    claims.extend(last.filter(|own| !claims.iter().any(|known| known == own)).map(str::to_owned));
    claims
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the successors carry of a chain whose messages `0`, `1` … tried to write their claims, or did not.
    fn chain(tries: impl IntoIterator<Item = bool>) -> Vec<String> {
        let steps = tries.into_iter().enumerate();
        steps.fold(Vec::new(), |carried, (number, tried)| carry_claims(&number.to_string(), tried, None, &carried))
    }

    #[test]
    fn an_outage_of_any_length_does_not_make_a_chain_a_stranger_to_its_own_claim() {
        let carried = chain([true].into_iter().chain([false; 1_000]));
        assert_eq!(judge_claim(Some("0"), "1001", &carried), Claim::Ours);
    }

    #[test]
    fn a_message_that_wrote_its_claim_and_died_is_known_to_its_successor() {
        let carried = carry_claims("message", false, None, &[]);
        assert_eq!(judge_claim(Some("message"), "successor", &carried), Claim::Ours);
    }

    #[test]
    fn a_write_that_arrives_after_a_later_one_is_still_known() {
        let carried = chain([true, true, true]);
        assert_eq!(judge_claim(Some("0"), "3", &carried), Claim::Ours);
        assert_eq!(judge_claim(Some("twin"), "3", &carried), Claim::Anothers);
    }

    #[test]
    fn a_chain_carries_few_claims_and_always_the_one_it_read() {
        let carried = chain([true; 100]);
        let claims = carry_claims("100", true, Some("0"), &carried);
        assert_eq!(claims.len(), MAX_CLAIMS);
        assert_eq!(claims[..2], ["100", "0"]);
    }
}
