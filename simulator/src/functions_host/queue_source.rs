//! Where the host gets its messages: the simulated service, or a real one such as Azurite.

use std::sync::Arc;
use std::time::Duration;

use azure_core::{RetryOptions, TransportOptions};
use azure_storage::{CloudLocation, StorageCredentials};
use azure_storage_queues::{QueueClient, QueueServiceClient, QueueServiceClientBuilder};
use chrono::{DateTime, TimeDelta, Utc};

use crate::storage_queue::{Change, Held, Message, NewMessage, StorageError, StorageQueue};

/// Where the host gets its messages.
#[derive(Clone)]
pub enum QueueSource {
    /// The simulated service, without HTTP in between; it lives on the simulated clock.
    Simulated(StorageQueue),
    /// Any service that speaks the REST protocol; it lives on real time.
    Rest(QueueServiceClient),
}

/// What the host does about a storage error.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Somebody else has the message, it is gone, or the account is down: nothing to do. The message comes back when its
    /// lease ends.
    Expected,
    /// No answer, or none of use: worth another try.
    Unreachable(String),
    /// The host shuts down.
    Fatal(String),
}

type Done<T = ()> = Result<T, Trouble>;

impl QueueSource {
    /// An account behind a REST endpoint in path style.
    ///
    /// # Errors
    ///
    /// If no HTTP client can be made.
    pub fn rest(account: &str, key: &str, endpoint: &str) -> Result<Self, reqwest::Error> {
        let location = CloudLocation::Custom { account: account.to_owned(), uri: endpoint.to_owned() };
        let credentials = StorageCredentials::access_key(account.to_owned(), key.to_owned());
        let pooled = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build()?;
        let service = QueueServiceClientBuilder::with_location(location, credentials)
            .transport(TransportOptions::new(Arc::new(pooled)))
            .retry(RetryOptions::none())
            .build();
        Ok(Self::Rest(service))
    }

    /// Receives messages; a queue that does not exist has none.
    pub(super) async fn get(&self, queue: &str, most: usize, hide_for: TimeDelta) -> Done<Vec<Message>> {
        let received = match self {
            Self::Simulated(storage) => {
                reached(storage)?.with(|state| state.get(queue, most, hide_for)).map_err(Trouble::from)
            }
            Self::Rest(service) => {
                let most = u8::try_from(most).unwrap_or(32);
                let get = service.queue_client(queue).get_messages().number_of_messages(most);
                let received = get.visibility_timeout(seconds(hide_for)).await.map_err(Trouble::from);
                received.map(|received| received.messages.into_iter().map(message).collect())
            }
        };
        match received {
            Err(Trouble::Expected) => Ok(Vec::new()),
            received => received,
        }
    }

    /// Hides a message for so long from now on; returns the new pop receipt.
    pub(super) async fn hide(
        &self,
        queue: &str,
        message: &Message,
        receipt: &str,
        hide_for: TimeDelta,
    ) -> Done<String> {
        match self {
            Self::Simulated(storage) => {
                let held = Held { id: &message.id, receipt };
                let hidden =
                    reached(storage)?.with(|state| state.update(queue, held, &Change { hide_for, text: None }));
                Ok(hidden?.pop_receipt)
            }
            Self::Rest(service) => {
                let client = claimed(&service.queue_client(queue), message, receipt);
                Ok(client.update(message.text.clone(), seconds(hide_for)).await?.pop_receipt)
            }
        }
    }

    /// Deletes a message.
    pub(super) async fn delete(&self, queue: &str, message: &Message, receipt: &str) -> Done {
        match self {
            Self::Simulated(storage) => {
                Ok(reached(storage)?.with(|state| state.delete(queue, Held { id: &message.id, receipt }))?)
            }
            Self::Rest(service) => {
                claimed(&service.queue_client(queue), message, receipt).delete().await?;
                Ok(())
            }
        }
    }

    /// Puts a text into a queue, which is created if need be.
    pub(super) async fn put(&self, queue: &str, text: &str) -> Done {
        match self {
            Self::Simulated(storage) => Ok(reached(storage)?.with(|state| {
                state.create(queue, std::collections::BTreeMap::new())?;
                state.put(queue, &NewMessage::now(text)).map(drop)
            })?),
            Self::Rest(service) => {
                let client = service.queue_client(queue);
                client.create().await?;
                client.put_message(text).await?;
                Ok(())
            }
        }
    }
}

/// The account, if it can be reached.
fn reached(storage: &StorageQueue) -> Done<&StorageQueue> {
    let lost = || Trouble::Unreachable("Connection refused".to_owned());
    if storage.is_listening() { Ok(storage) } else { Err(lost()) }
}

fn claimed(queue: &QueueClient, message: &Message, receipt: &str) -> azure_storage_queues::PopReceiptClient {
    queue.pop_receipt_client(azure_storage_queues::prelude::PopReceipt::new(message.id.clone(), receipt.to_owned()))
}

fn seconds(delta: TimeDelta) -> Duration {
    delta.to_std().unwrap_or_default()
}

fn message(received: azure_storage_queues::operations::Message) -> Message {
    let date = |seconds: i64| DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
    Message {
        id: received.message_id,
        text: received.message_text,
        inserted_at: date(received.insertion_time.unix_timestamp()),
        visible_at: date(received.time_next_visible.unix_timestamp()),
        expires_at: date(received.expiration_time.unix_timestamp()),
        dequeue_count: received.dequeue_count,
        pop_receipt: received.pop_receipt,
    }
}

impl From<StorageError> for Trouble {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::PopReceiptMismatch
            | StorageError::MessageNotFound
            | StorageError::QueueNotFound
            | StorageError::ServerBusy => Self::Expected,
            other => Self::Fatal(format!("{other:?}")),
        }
    }
}

impl From<azure_core::Error> for Trouble {
    fn from(error: azure_core::Error) -> Self {
        let code = error.as_http_error().and_then(|error| error.error_code());
        match code {
            Some("PopReceiptMismatch" | "MessageNotFound" | "QueueNotFound" | "QueueBeingDeleted") => Self::Expected,
            _ if error.as_http_error().is_some_and(|answer| answer.status().is_client_error()) => {
                Self::Fatal(format!("{error:?}"))
            }
            _ => Self::Unreachable(format!("{error:?}")),
        }
    }
}
