//! The queue service of a storage account, with its real REST protocol.
//!
//! It is as strict as the service: it verifies signatures, limits visibility and sizes, and accepts a pop receipt only
//! once. Addresses are in path style, as those of Azurite are.
//!
//! # Layout
//!
//! * `queue`, `operations`: the queues, and what can be done with messages.
//! * `mishaps`: outages and losses.
//! * `error`, `xml`, `answers`: refusals, and how messages and refusals are written.
//! * `authorization`, `api`: who may call, and the REST protocol.

mod answers;
mod api;
mod authorization;
mod error;
mod mishaps;
mod operations;
mod queue;
mod xml;

use std::io;
use std::ops::Deref;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{Request, Response};

pub use error::StorageError;
pub use queue::{Change, Held, Message, NewMessage, Queue, State, TimeToLive};

use crate::clock::Clock;
use crate::http::{Server, World};
use crate::storage_account::{ACCOUNT, KEY};

/// A handle to a simulated queue service behind a port. All clones share the service.
#[derive(Clone)]
pub struct StorageQueue {
    server: Server<State>,
}

impl Deref for StorageQueue {
    type Target = Server<State>;

    fn deref(&self) -> &Server<State> {
        &self.server
    }
}

impl World for State {
    fn answer(&mut self, request: &Request<Bytes>) -> Response<Bytes> {
        api::answer(self, request)
    }
}

impl StorageQueue {
    /// Starts an account without queues.
    ///
    /// # Errors
    ///
    /// If the loopback interface has no free port.
    pub async fn start(clock: Clock) -> io::Result<Self> {
        let state = State::new(clock.clone(), ACCOUNT, KEY);
        Ok(Self { server: Server::start(clock, |_| state).await? })
    }

    /// Name of the account.
    pub fn account(&self) -> String {
        ACCOUNT.to_owned()
    }

    /// Key of the account, as base64.
    pub fn key(&self) -> String {
        STANDARD.encode(KEY)
    }

    /// Address of the account's queue service.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/{ACCOUNT}", self.server.port())
    }

    /// The value of `AzureWebJobsStorage` for this account.
    pub fn connection_string(&self) -> String {
        let (key, endpoint) = (self.key(), self.endpoint());
        format!("DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={key};QueueEndpoint={endpoint};")
    }

    /// All messages of a queue that have not expired, visible or not, in the order in which they become visible.
    pub fn messages(&self, queue: &str) -> Vec<Message> {
        self.with(|state| state.messages(queue))
    }

    /// The messages of a queue that are visible now.
    pub fn visible(&self, queue: &str) -> Vec<Message> {
        self.with(|state| {
            let now = state.clock.now();
            state.messages(queue).into_iter().filter(|message| message.visible_at <= now).collect()
        })
    }

    /// The messages that the Functions host moved to the poison queue.
    pub fn poison(&self, queue: &str) -> Vec<Message> {
        self.messages(&format!("{queue}-poison"))
    }

    /// When the next message of a queue becomes visible, or became visible.
    pub fn next_visible_at(&self, queue: &str) -> Option<DateTime<Utc>> {
        self.messages(queue).first().map(|message| message.visible_at)
    }

    /// When the next message of a queue can be received.
    pub fn next_due_at(&self, queue: &str) -> Option<DateTime<Utc>> {
        self.with(|state| state.next_due_at(queue))
    }
}
