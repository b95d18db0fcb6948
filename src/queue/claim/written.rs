//! A claim as it is written, and the times of claims.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The longest id of a queue message. Azure Storage's are GUIDs; other text in the record must not fill our messages.
const LONGEST_ID: usize = 64;

/// What a message writes into the check's record to show that its chain lives: when it was made and when its chain looks
/// again, each in 16 hexadecimal digits, then the message's id, such as `0006…a1-0006…f3.800ae4b3`. Earlier versions wrote it
/// without the second time. A later claim is greater.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Claim {
    /// When it was made, in microseconds since 1970. A little later where the clock had not moved on.
    pub made_at: u64,
    /// The queue's id of the message that made it. A message that was queued twice has two ids, and makes two claims.
    pub message_id: String,
    /// When its chain looks again, in microseconds since 1970, where it is known.
    pub next_look: Option<u64>,
}

impl Claim {
    /// When its chain looks again, where it says so.
    #[must_use]
    pub fn next_look(&self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_micros(i64::try_from(self.next_look?).ok()?)
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.made_at)?;
        if let Some(next_look) = self.next_look {
            write!(f, "-{next_look:016x}")?;
        }
        write!(f, ".{}", self.message_id)
    }
}

impl From<Claim> for String {
    fn from(claim: Claim) -> Self {
        claim.to_string()
    }
}

/// The text is not a claim.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a claim is one or two times of 16 hexadecimal digits, a dot and the id of a queue message")]
pub struct ParseClaimError;

impl FromStr for Claim {
    type Err = ParseClaimError;

    fn from_str(text: &str) -> Result<Self, ParseClaimError> {
        let (times, message_id) = text.split_once('.').ok_or(ParseClaimError)?;
        if message_id.len() > LONGEST_ID {
            return Err(ParseClaimError);
        }
        let (made_at, next_look) = match times.split_once('-') {
            Some((made_at, next_look)) => (made_at, Some(micros(next_look)?)),
            None => (times, None),
        };
        Ok(Self { made_at: micros(made_at)?, message_id: message_id.to_owned(), next_look })
    }
}

impl TryFrom<String> for Claim {
    type Error = ParseClaimError;

    fn try_from(text: String) -> Result<Self, ParseClaimError> {
        text.parse()
    }
}

fn micros(digits: &str) -> Result<u64, ParseClaimError> {
    if digits.len() != 16 {
        return Err(ParseClaimError);
    }
    u64::from_str_radix(digits, 16).map_err(|_| ParseClaimError)
}

/// Gives each claim of this process its own time, so that one of two claims is newer even if both are made at one moment.
#[derive(Debug, Default)]
pub struct ClaimTimes(AtomicU64);

impl ClaimTimes {
    /// The next time, in microseconds since 1970.
    pub fn next(&self, now: DateTime<Utc>) -> u64 {
        let now = u64::try_from(now.timestamp_micros()).unwrap_or_default();
        let next = |last: u64| now.max(last.saturating_add(1));
        let last = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)));
        // Both are the former value.
        next(last.unwrap_or_else(|last| last))
    }
}
