//! The blob service of a storage account, as far as append blobs go, with its real REST protocol.
//!
//! It is as strict as the service: it verifies shared access signatures and the claims of tokens, and counts the blocks of a
//! blob. Addresses are in path style, as those of Azurite are.
//!
//! # Layout
//!
//! * `error`: refusals.
//! * `state`: the containers and their blobs.
//! * `signature`: shared access signatures for a container.
//! * `authorization`, `api`: who may do what, and the REST protocol.

mod api;
mod authorization;
mod error;
mod signature;
mod state;

use std::io;
use std::ops::Deref;

use bytes::Bytes;
use chrono::TimeDelta;
use http::{Request, Response};

pub use error::BlobError;
pub use signature::{Grant, signed};
pub use state::{AppendBlob, State};

use crate::clock::Clock;
use crate::http::{Server, World};
use crate::storage_account::{ACCOUNT, KEY};

/// How long a signature of this account is valid.
const SIGNED_FOR: TimeDelta = TimeDelta::days(7);

/// A handle to a simulated blob service behind a port. All clones share the service.
#[derive(Clone)]
pub struct StorageBlob {
    server: Server<State>,
}

impl Deref for StorageBlob {
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

impl StorageBlob {
    /// Starts an account without containers.
    ///
    /// # Errors
    ///
    /// If the loopback interface has no free port.
    pub async fn start(clock: Clock) -> io::Result<Self> {
        let state = State::new(clock.clone(), ACCOUNT, KEY);
        Ok(Self { server: Server::start(clock, |_| state).await? })
    }

    /// The address of a container.
    pub fn container(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/{ACCOUNT}/{name}", self.server.port())
    }

    /// A shared access signature for a container: the query of an address. `permissions` are letters, such as `ac` for
    /// adding and creating.
    pub fn signature(&self, container: &str, permissions: &str) -> String {
        let until = self.with(|state| state.clock.now()) + SIGNED_FOR;
        signed(ACCOUNT, KEY, &Grant { container, permissions, until })
    }

    /// The text of a blob; empty if it does not exist.
    pub fn text(&self, container: &str, blob: &str) -> String {
        self.with(|state| state.blob(container, blob).map(AppendBlob::text).unwrap_or_default())
    }

    /// The names of a container's blobs, in order.
    pub fn blobs(&self, container: &str) -> Vec<String> {
        self.with(|state| state.containers.get(container).into_iter().flat_map(|blobs| blobs.keys().cloned()).collect())
    }
}
