//! The outside systems that checks query, simulated behind one port: ServiceNow, Prometheus, Azure Monitor, Application
//! Insights, Log Analytics, any HTTP service, and the endpoint that issues tokens of a managed identity.
//!
//! A test sets the state of a system, and reads its requests from [`Sources::calls`]. Each system has its own base URL,
//! such as `sources.url("service-now")`.
//!
//! # Layout
//!
//! * `ask`: a request, and the usual answers.
//! * `identity`, `azure`, `prometheus`, `service_now`, `web`: one system each.
//! * [`State`]: all systems together.

mod ask;
mod azure;
mod identity;
mod prometheus;
mod service_now;
mod state;
mod web;

use std::io;
use std::time::Duration;

pub use azure::{Azure, Points, Table};
pub use identity::Identity;
pub use prometheus::{Prometheus, Samples};
pub use service_now::ServiceNow;
pub use state::State;
pub use web::Page;

use crate::calls::Call;
use crate::clock::Clock;
use crate::faults::{Failing, Fault};
use crate::http::Server;

/// A handle to the simulated systems behind one port. All clones share the systems.
#[derive(Clone)]
pub struct Sources {
    server: Server<State>,
}

impl Sources {
    /// Starts all systems on a free port.
    ///
    /// # Errors
    ///
    /// If the loopback interface has no free port.
    pub async fn start(clock: Clock) -> io::Result<Self> {
        let server = Server::start(clock.clone(), |port| State::new(clock, port));
        Ok(Self { server: server.await? })
    }

    /// The address of a system, for a connection.
    pub fn url(&self, system: &str) -> String {
        self.with(|state| state.url(system))
    }

    /// The app settings that Azure adds to a function app with a managed identity.
    pub fn identity_settings(&self) -> Vec<(String, String)> {
        self.with(|state| {
            vec![
                ("IDENTITY_ENDPOINT".to_owned(), state.url("identity")),
                ("IDENTITY_HEADER".to_owned(), state.identity.header.clone()),
            ]
        })
    }

    /// Reads or changes the systems.
    pub fn with<R>(&self, look: impl FnOnce(&mut State) -> R) -> R {
        self.server.with(look)
    }

    /// The last calls, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.server.calls()
    }

    /// Returns the last calls, oldest first, and clears the record.
    pub fn take_calls(&self) -> Vec<Call> {
        self.server.take_calls()
    }

    /// Adds a fault. [`Failing`] says where and how often it happens.
    pub fn fail(&self, fault: Fault) -> Failing {
        self.server.fail(fault)
    }

    /// Removes all faults.
    pub fn heal(&self) {
        self.server.heal();
    }

    /// Calls with this method whose path and query contain `path_part` take this long: the clock moves before the call
    /// has its effect. An empty method means any. Zero takes no time. The newest rule that fits applies. A client's own
    /// time limits run on real time: for them, see [`Fault::hang`].
    pub fn latency(&self, method: &str, path_part: &str, latency: Duration) {
        self.server.latency(method, path_part, latency);
    }

    /// Closes the port and all connections, or listens on the same port again. The state stays.
    ///
    /// # Errors
    ///
    /// If another program has taken the port in the meantime.
    pub async fn refuse_connections(&self, refuse: bool) -> io::Result<()> {
        self.server.refuse_connections(refuse).await
    }
}
