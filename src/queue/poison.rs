//! The poison queue: the messages that the Functions host gave up after ten attempts.

use std::time::Duration;

use azure_storage_queues::prelude::PopReceipt;
use azure_storage_queues::{QueueClient, QueueServiceClient};
use chrono::{DateTime, Utc};

use super::storage::{describe, is_not_found};

/// The most messages of one answer.
const PAGE: u8 = 32;

/// How long a message that was taken is hidden from others. Those that were taken in search of another come back then.
const HIDDEN_FOR: Duration = Duration::from_secs(30);

/// How many messages are searched at most: more than an operator wants to treat one by one.
const MAX_SEARCHED: usize = 10_000;

/// The poison queue.
#[derive(Clone, Debug)]
pub struct PoisonQueue {
    client: QueueClient,
}

/// A message in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poisoned {
    /// The queue's id of it.
    pub id: String,
    /// When the host gave it up.
    pub since: DateTime<Utc>,
    /// The message.
    pub text: String,
}

/// A message that was taken out for half a minute.
#[derive(Debug)]
pub struct Taken {
    /// The message.
    pub text: String,
    receipt: PopReceipt,
}

impl PoisonQueue {
    pub(super) fn of(service: &QueueServiceClient, queue: &str) -> Self {
        Self { client: service.queue_client(format!("{queue}-poison")) }
    }

    /// The first messages, at most 32 of them. They stay where they are.
    ///
    /// # Errors
    ///
    /// What the storage account answered.
    pub async fn peek(&self) -> Result<Vec<Poisoned>, String> {
        let peeked = match self.client.peek_messages().number_of_messages(PAGE).into_future().await {
            // The host creates the queue with the first message.
            Err(error) if is_not_found(&error) => return Ok(Vec::new()),
            peeked => peeked.map_err(|error| describe(&error))?,
        };
        let messages = peeked.messages.into_iter().map(|message| Poisoned {
            id: message.message_id,
            since: DateTime::from_timestamp(message.insertion_time.unix_timestamp(), 0).unwrap_or_default(),
            text: message.message_text,
        });
        Ok(messages.collect())
    }

    /// Takes the message with this id. `None` if there is none, or somebody else has taken it.
    ///
    /// # Errors
    ///
    /// What the storage account answered.
    pub async fn take(&self, id: &str) -> Result<Option<Taken>, String> {
        let mut searched = 0;
        while searched < MAX_SEARCHED {
            let get = self.client.get_messages().number_of_messages(PAGE).visibility_timeout(HIDDEN_FOR);
            let page = match get.into_future().await {
                Err(error) if is_not_found(&error) => return Ok(None),
                page => page.map_err(|error| describe(&error))?.messages,
            };
            if page.is_empty() {
                break;
            }
            searched += page.len();
            if let Some(message) = page.into_iter().find(|message| message.message_id == id) {
                return Ok(Some(Taken { receipt: message.pop_receipt(), text: message.message_text }));
            }
        }
        Ok(None)
    }

    /// Deletes a message that was taken.
    ///
    /// # Errors
    ///
    /// What the storage account answered.
    pub async fn delete(&self, taken: Taken) -> Result<(), String> {
        let message = self.client.pop_receipt_client(taken.receipt);
        message.delete().into_future().await.map(drop).map_err(|error| describe(&error))
    }
}
