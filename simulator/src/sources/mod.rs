//! The outside systems that checks query, simulated behind one port: ServiceNow, Prometheus, Azure Monitor, Application
//! Insights, Log Analytics, any HTTP service, webhooks, and the endpoint that issues tokens of a managed identity.
//!
//! A test sets the state of a system, and reads its requests from [`Server::calls`]. Each system has its own base URL,
//! such as `sources.url("service-now")`.
//!
//! # Layout
//!
//! * `ask`: a request, and the usual answers.
//! * `identity`, `advanced_security`, `azure`, `calendar`, `jira`, `prometheus`, `service_now`, `sonar`, `web`,
//!   `webhooks`: one system each.
//! * [`State`]: all systems together.

mod advanced_security;
mod ask;
mod azure;
mod calendar;
mod identity;
mod jira;
mod prometheus;
mod service_now;
mod sonar;
mod state;
mod web;
mod webhooks;

use std::io;
use std::ops::Deref;

pub use advanced_security::{AdvancedSecurity, Alert};
pub use azure::{Azure, Points, Table};
pub use calendar::Calendars;
pub use identity::Identity;
pub use jira::{Issue, Jira};
pub use prometheus::{Prometheus, Samples};
pub use service_now::ServiceNow;
pub use sonar::{Analysis, Sonar};
pub use state::State;
pub use web::Page;
pub use webhooks::{Taken, Webhooks};

use crate::clock::Clock;
use crate::http::Server;

/// A handle to the simulated systems behind one port. All clones share the systems.
#[derive(Clone)]
pub struct Sources {
    server: Server<State>,
}

impl Deref for Sources {
    type Target = Server<State>;

    fn deref(&self) -> &Server<State> {
        &self.server
    }
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

    /// The address of a webhook: `slack`, `teams` or `events`. Its last part is a secret.
    pub fn webhook(&self, name: &str) -> String {
        self.with(|state| format!("{}/{name}/{}", state.url("webhooks"), state.webhooks.secret))
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
}
