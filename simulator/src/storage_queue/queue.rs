//! Queues and their messages.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::error::StorageError;
use crate::clock::Clock;

/// The queues of a storage account. Tests may read and change every public member.
#[derive(Debug)]
pub struct State {
    /// The clock that all dates come from.
    pub clock: Clock,
    /// Queues by name.
    pub queues: BTreeMap<String, Queue>,
    /// Access tokens of managed identities. They are accepted as the account's key is.
    pub bearer_tokens: BTreeSet<String>,
    /// The account answers with 503 until this moment.
    pub down_until: Option<DateTime<Utc>>,
    /// How long a visible message waits until somebody receives it.
    pub pick_up_lag: TimeDelta,
    /// So many of the next messages are acknowledged, but lost.
    pub lost_puts: u64,
    pub(super) account: &'static str,
    pub(super) key: &'static [u8],
    pub(super) receipts: u64,
}

/// One queue.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    /// In the order of insertion. Expired messages are dropped when the queue is used.
    pub messages: Vec<Message>,
    /// What its creator wrote about it.
    pub metadata: BTreeMap<String, String>,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Set by the service.
    pub id: String,
    /// As sent.
    pub text: String,
    /// When it was put.
    pub inserted_at: DateTime<Utc>,
    /// Nobody can receive it before this moment.
    pub visible_at: DateTime<Utc>,
    /// It is gone from this moment on.
    pub expires_at: DateTime<Utc>,
    /// How often it was received.
    pub dequeue_count: u64,
    /// The next update or deletion must send it.
    pub pop_receipt: String,
}

/// A message to put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewMessage<'a> {
    /// Its text, as it is sent.
    pub text: &'a str,
    /// How long nobody can receive it.
    pub delay: TimeDelta,
    /// How long it lives.
    pub life: TimeToLive,
}

impl<'a> NewMessage<'a> {
    /// A message that is visible at once and lives as long as the service's default.
    pub fn now(text: &'a str) -> Self {
        Self { text, delay: TimeDelta::zero(), life: TimeToLive::Default }
    }
}

/// A received message, for those who update or delete it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held<'a> {
    /// The message's id.
    pub id: &'a str,
    /// The receipt of the last time that it was received or updated.
    pub receipt: &'a str,
}

impl<'a> Held<'a> {
    /// This message, with the receipt that came with it.
    pub fn of(message: &'a Message) -> Self {
        Self { id: &message.id, receipt: &message.pop_receipt }
    }
}

/// What an update changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change<'a> {
    /// How long the message is hidden from now on.
    pub hide_for: TimeDelta,
    /// The new text. Without one, the text stays.
    pub text: Option<&'a str>,
}

/// How long a message lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeToLive {
    /// Seven days, the default of the service.
    Default,
    /// This long.
    For(TimeDelta),
    /// It never expires.
    Never,
}

impl State {
    pub(super) fn new(clock: Clock, account: &'static str, key: &'static [u8]) -> Self {
        Self {
            clock,
            queues: BTreeMap::new(),
            bearer_tokens: BTreeSet::new(),
            down_until: None,
            pick_up_lag: TimeDelta::zero(),
            lost_puts: 0,
            account,
            key,
            receipts: 0,
        }
    }

    /// Messages that have not expired, in the order in which they become visible. Empty if the queue does not exist.
    pub fn messages(&self, queue: &str) -> Vec<Message> {
        let now = self.clock.now();
        let messages = self.queues.get(queue).map_or(&[][..], |queue| &queue.messages);
        let mut messages: Vec<_> = messages.iter().filter(|message| message.expires_at > now).cloned().collect();
        messages.sort_by_key(|message| message.visible_at);
        messages
    }

    /// Creates a queue. Returns false if it already exists with the same metadata.
    ///
    /// # Errors
    ///
    /// If the name is not allowed, or a queue with other metadata has it.
    pub fn create(&mut self, queue: &str, metadata: BTreeMap<String, String>) -> Result<bool, StorageError> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let shaped = (3..=63).contains(&queue.len()) && queue.chars().all(allowed);
        if !shaped || queue.starts_with('-') || queue.ends_with('-') || queue.contains("--") {
            return Err(StorageError::InvalidResourceName);
        }
        if self.is_down() {
            return Err(StorageError::ServerBusy);
        }
        match self.queues.get(queue) {
            Some(known) if known.metadata == metadata => Ok(false),
            Some(_) => Err(StorageError::QueueAlreadyExists),
            None => {
                self.queues.insert(queue.to_owned(), Queue { messages: Vec::new(), metadata });
                Ok(true)
            }
        }
    }
}
