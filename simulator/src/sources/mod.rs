//! Stand-ins for the outside systems that checks consult, all behind one port: ServiceNow, Prometheus, Azure Monitor,
//! Application Insights, Log Analytics, any HTTP service, and the endpoint that hands out managed identity tokens.
//!
//! State is plain data: a test sets what a system knows, and reads from [`Sources::calls`] what it was asked. Each system
//! has its own base URL: `sources.url("service-now")`.

mod ask;
mod azure;
mod identity;
mod prometheus;
mod service_now;
mod state;
mod web;

use std::io;

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

/// A handle to the simulated systems behind one port; all clones are one.
#[derive(Clone)]
pub struct Sources {
    server: Server<State>,
}

impl Sources {
    /// Starts all systems on a free port.
    ///
    /// # Errors
    ///
    /// If no port of the loopback interface can be bound.
    pub async fn start(clock: Clock) -> io::Result<Self> {
        let server = Server::start(clock.clone(), |port| State::new(clock, port));
        Ok(Self { server: server.await? })
    }

    /// The address of a system, as a connection names it.
    pub fn url(&self, system: &str) -> String {
        self.with(|state| state.url(system))
    }

    /// The app settings that Azure gives a function app with a managed identity.
    pub fn identity_settings(&self) -> Vec<(String, String)> {
        self.with(|state| {
            vec![
                ("IDENTITY_ENDPOINT".to_owned(), state.url("identity")),
                ("IDENTITY_HEADER".to_owned(), state.identity.header.clone()),
            ]
        })
    }

    /// Looks at the systems, or changes them.
    pub fn with<R>(&self, look: impl FnOnce(&mut State) -> R) -> R {
        self.server.with(look)
    }

    /// The last calls, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.server.calls()
    }

    /// The last calls, oldest first; they are forgotten here.
    pub fn take_calls(&self) -> Vec<Call> {
        self.server.take_calls()
    }

    /// Misbehaves in this way; see [`Failing`] for where and how often.
    pub fn fail(&self, fault: Fault) -> Failing {
        self.server.fail(fault)
    }

    /// Takes back all faults.
    pub fn heal(&self) {
        self.server.heal();
    }

    /// Closes the port and all connections, or listens on the same port again. State is kept.
    ///
    /// # Errors
    ///
    /// If the port has been taken by somebody else in the meantime.
    pub async fn refuse_connections(&self, refuse: bool) -> io::Result<()> {
        self.server.refuse_connections(refuse).await
    }
}
