//! The answers of sources without the network in front of them, for the fuzzer only.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use reqwest::StatusCode;

use super::authorization::read_token;
use super::call::Answered;
use super::endpoint::Endpoint;
use super::http::{self, HttpAnswer};
use super::metrics::{self, Samples};
use super::service_now::{self, ChangeRequests};
use crate::facts::Facts;
use crate::http::managed_identity;
use crate::sources::Connection;

/// Connections, and what they are asked.
#[derive(Debug, Default)]
pub struct Asked {
    endpoints: BTreeMap<String, Endpoint>,
    /// Numbers.
    pub samples: Vec<Samples>,
    /// Change requests.
    pub changes: Vec<ChangeRequests>,
    /// Anything.
    pub requests: Vec<HttpAnswer>,
}

impl Asked {
    /// These connections, asked nothing yet.
    #[must_use]
    pub fn of(connections: &BTreeMap<String, Connection>) -> Self {
        let endpoint = |(name, connection): (&String, &Connection)| {
            let endpoint = Endpoint::new(name, connection, &|_: &str| Some("secret".to_owned()));
            (name.clone(), endpoint.expect("a connection"))
        };
        Self { endpoints: connections.iter().map(endpoint).collect(), ..Self::default() }
    }

    /// Reads an answer to everything that is asked, and to requests for tokens.
    #[must_use]
    pub fn read(&self, status: u16, content_type: &str, body: &[u8], now: DateTime<Utc>) -> Facts {
        let mut facts = Facts::default();
        let Ok(status) = StatusCode::from_u16(status) else { return facts };
        let answered = Answered { status, content_type: content_type.to_owned(), body: body.to_vec().into() };
        let _ = managed_identity::read_token(body);
        for endpoint in self.endpoints.values() {
            let _ = read_token(endpoint, &answered, now);
        }
        for samples in &self.samples {
            let numbers = metrics::fuzzing::read(&self.endpoints[&samples.connection], &samples.query, &answered);
            facts.insert(samples.clone(), numbers);
        }
        for change in &self.changes {
            let endpoint = &self.endpoints[&change.connection];
            facts.insert(change.clone(), service_now::read(endpoint, &change.number, &answered));
        }
        for request in &self.requests {
            facts.insert(request.clone(), Ok(http::read(&answered)));
        }
        facts
    }
}
