//! The queue service of a storage account, over its real REST protocol.
//!
//! Strict where the service is: shared-key signatures are verified, visibility and sizes are limited, a pop receipt is
//! good for one update or deletion. Addresses are in path style, as Azurite has them.

mod answers;
mod api;
mod authorization;
mod error;
mod operations;
mod queue;
mod xml;

use std::collections::BTreeMap;
use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{Request, Response};

pub use error::StorageError;
pub use queue::{Message, Queue, State, TimeToLive};

use crate::calls::Call;
use crate::clock::Clock;
use crate::faults::{Failing, Fault};
use crate::http::{Server, World};

/// The account's name.
const ACCOUNT: &str = "devaccount";

/// The account's key, before it is written as base64.
const KEY: &[u8; 64] = b"a key of sixty-four bytes, as the keys of storage accounts are..";

/// A handle to a simulated queue service behind a port; all clones are one.
#[derive(Clone)]
pub struct StorageQueue {
    server: Server<State>,
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
    /// If no port of the loopback interface can be bound.
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

    /// What `AzureWebJobsStorage` holds for this account.
    pub fn connection_string(&self) -> String {
        let (key, endpoint) = (self.key(), self.endpoint());
        format!("DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={key};QueueEndpoint={endpoint};")
    }

    /// Looks at the account, or changes it.
    pub fn with<R>(&self, look: impl FnOnce(&mut State) -> R) -> R {
        self.server.with(look)
    }

    /// All messages of a queue that have not expired, visible or not, in the order they become visible.
    pub fn messages(&self, queue: &str) -> Vec<Message> {
        self.with(|state| state.messages(queue))
    }

    /// The messages of a queue that would be received now.
    pub fn visible(&self, queue: &str) -> Vec<Message> {
        self.with(|state| {
            let now = state.clock.now();
            state.messages(queue).into_iter().filter(|message| message.visible_at <= now).collect()
        })
    }

    /// The messages that the Functions host gave up.
    pub fn poison(&self, queue: &str) -> Vec<Message> {
        self.messages(&format!("{queue}-poison"))
    }

    /// When the next message of a queue becomes visible, or became visible.
    pub fn next_visible_at(&self, queue: &str) -> Option<DateTime<Utc>> {
        self.messages(queue).first().map(|message| message.visible_at)
    }

    /// The last calls, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.server.calls()
    }

    /// The last calls, oldest first; they are forgotten here.
    pub fn take_calls(&self) -> Vec<Call> {
        self.server.take_calls()
    }

    /// Switches the full record of calls off, for long runs, or on again.
    pub fn record_calls(&self, recording: bool) {
        self.server.record_calls(recording);
    }

    /// How often each route was called since the start, recorded or not.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.server.counts()
    }

    /// Misbehaves in this way; see [`Failing`] for where and how often.
    pub fn fail(&self, fault: Fault) -> Failing {
        self.server.fail(fault)
    }

    /// Takes back all faults.
    pub fn heal(&self) {
        self.server.heal();
    }

    /// Closes the port and all connections, or listens on the same port again. Messages are kept.
    ///
    /// # Errors
    ///
    /// If the port has been taken by somebody else in the meantime.
    pub async fn refuse_connections(&self, refuse: bool) -> io::Result<()> {
        self.server.refuse_connections(refuse).await
    }

    /// Closes the port and all connections for good.
    pub async fn stop(&self) {
        // Closing cannot fail; only listening again can.
        let _ = self.server.refuse_connections(true).await;
    }
}
