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
mod web;

use std::collections::BTreeMap;
use std::io;

use bytes::Bytes;
use http::{Request, Response};

pub use azure::{Azure, Points, Table};
pub use identity::Identity;
pub use prometheus::{Prometheus, Samples};
pub use service_now::ServiceNow;
pub use web::Page;

use crate::calls::Call;
use crate::clock::Clock;
use crate::faults::{Failing, Fault};
use crate::http::{Route, Server, World};
use ask::{Ask, json};

/// A handle to the simulated systems behind one port; all clones are one.
#[derive(Clone)]
pub struct Sources {
    server: Server<State>,
}

/// What the systems know.
#[derive(Debug)]
pub struct State {
    /// The clock of the world.
    pub clock: Clock,
    /// The port, for addresses.
    port: u16,
    /// ServiceNow at `service-now`.
    pub service_now: ServiceNow,
    /// Prometheus at `prometheus`.
    pub prometheus: Prometheus,
    /// Azure Monitor at `azure-monitor`, Application Insights at `app-insights`, Log Analytics at `logs`.
    pub azure: Azure,
    /// The managed identity at `identity`.
    pub identity: Identity,
    /// Any other system, at `web`: pages by path and query.
    pub web: BTreeMap<String, Page>,
    /// Requests for which there is no route.
    pub unknown_requests: Vec<String>,
}

impl State {
    /// The address of a system.
    pub fn url(&self, system: &str) -> String {
        format!("http://127.0.0.1:{}/{system}", self.port)
    }
}

impl Sources {
    /// Starts all systems on a free port.
    ///
    /// # Errors
    ///
    /// If no port of the loopback interface can be bound.
    pub async fn start(clock: Clock) -> io::Result<Self> {
        let world = |port| State {
            clock: clock.clone(),
            port,
            service_now: ServiceNow::default(),
            prometheus: Prometheus::default(),
            azure: Azure::default(),
            identity: Identity::default(),
            web: BTreeMap::new(),
            unknown_requests: Vec::new(),
        };
        Ok(Self { server: Server::start(clock.clone(), world).await? })
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

impl World for State {
    fn answer(&mut self, request: &Request<Bytes>) -> Response<Bytes> {
        let path = request.uri().path().trim_start_matches('/').to_owned();
        let (system, below) = path.split_once('/').unwrap_or((&path, ""));
        let ask = Ask::of(request);
        let answered = match system {
            "service-now" => service_now::answer(self, below, &ask).map(|answer| ("service-now", answer)),
            "prometheus" => prometheus::answer(self, below, &ask).map(|answer| ("prometheus", answer)),
            "azure-monitor" => azure::metrics(self, below, &ask).map(|answer| ("azure-monitor", answer)),
            "app-insights" => azure::query(self, "app-insights", below, &ask).map(|answer| ("app-insights", answer)),
            "logs" => azure::query(self, "logs", below, &ask).map(|answer| ("logs", answer)),
            "identity" => identity::answer(self, &ask).map(|answer| ("identity", answer)),
            "web" => web::answer(self, below, &ask).map(|answer| ("web", answer)),
            _ => None,
        };
        let (route, mut response) = answered.unwrap_or_else(|| {
            self.unknown_requests.push(format!("{} /{path}", request.method()));
            ("unknown", json(404, &serde_json::json!({ "error": "no such resource" })))
        });
        response.extensions_mut().insert(Route(route));
        response
    }
}
