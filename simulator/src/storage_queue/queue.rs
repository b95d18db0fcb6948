//! Queues and their messages, without any HTTP.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::error::StorageError;
use crate::clock::Clock;

/// A storage account's queues. Public members may be read and changed at will.
#[derive(Debug)]
pub struct State {
    /// The hand that all dates come from.
    pub clock: Clock,
    /// Queues by name.
    pub queues: BTreeMap<String, Queue>,
    /// Access tokens of managed identities that are accepted beside the account's key.
    pub bearer_tokens: BTreeSet<String>,
    pub(super) account: &'static str,
    pub(super) key: &'static [u8],
    pub(super) receipts: u64,
}

/// One queue.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    /// In the order of insertion; expired ones are dropped when the queue is used.
    pub messages: Vec<Message>,
    /// What its creator said about it.
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
    /// Received by nobody before this moment.
    pub visible_at: DateTime<Utc>,
    /// Gone from this moment on.
    pub expires_at: DateTime<Utc>,
    /// How often it was received.
    pub dequeue_count: u64,
    /// What the next update or deletion must present.
    pub pop_receipt: String,
}

/// How long a message lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeToLive {
    /// For the service's seven days.
    Default,
    /// For this long.
    For(TimeDelta),
    /// For ever.
    Never,
}

impl State {
    pub(super) fn new(clock: Clock, account: &'static str, key: &'static [u8]) -> Self {
        Self { clock, queues: BTreeMap::new(), bearer_tokens: BTreeSet::new(), account, key, receipts: 0 }
    }

    /// Messages that have not expired, in the order they become visible; none if there is no such queue.
    pub fn messages(&self, queue: &str) -> Vec<Message> {
        let now = self.clock.now();
        let messages = self.queues.get(queue).map_or(&[][..], |queue| &queue.messages);
        let mut messages: Vec<_> = messages.iter().filter(|message| message.expires_at > now).cloned().collect();
        messages.sort_by_key(|message| message.visible_at);
        messages
    }

    /// Creates a queue; false if it was there already, with the same metadata.
    ///
    /// # Errors
    ///
    /// If the name is not allowed, or taken by a queue with other metadata.
    pub fn create(&mut self, queue: &str, metadata: BTreeMap<String, String>) -> Result<bool, StorageError> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let shaped = (3..=63).contains(&queue.len()) && queue.chars().all(allowed);
        if !shaped || queue.starts_with('-') || queue.ends_with('-') || queue.contains("--") {
            return Err(StorageError::InvalidResourceName);
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
