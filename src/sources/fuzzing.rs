//! The answers of sources without the network in front of them, for the fuzzer only.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use reqwest::StatusCode;

use super::authorization::read_token;
use super::call::Answered;
use super::endpoint::Endpoint;
use super::http::{self, HttpRequest, HttpResponse};
use super::metrics::{self, Numbers, Samples};
use super::service_now::{self, ChangeAnswer, ChangeRequests};
use crate::http::managed_identity;
use crate::sources::{Connection, Error};

/// Connections, and what they are asked.
#[derive(Debug, Default)]
pub struct Asked {
    endpoints: BTreeMap<String, Endpoint>,
    /// Numbers.
    pub samples: Vec<Samples>,
    /// Change requests.
    pub changes: Vec<ChangeRequests>,
    /// Anything.
    pub requests: Vec<HttpRequest>,
}

/// One answer, read as the answer to everything that is asked.
#[derive(Debug)]
pub struct Read {
    /// Numbers.
    pub samples: Vec<(Samples, Result<Numbers, Error>)>,
    /// Change requests.
    pub changes: Vec<(ChangeRequests, Result<ChangeAnswer, Error>)>,
    /// Anything.
    pub requests: Vec<(HttpRequest, HttpResponse)>,
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

    /// Reads an answer to everything that is asked, and to requests for tokens. `None` where `status` is not a status.
    #[must_use]
    pub fn read(&self, status: u16, content_type: &str, body: &[u8], now: DateTime<Utc>) -> Option<Read> {
        let status = StatusCode::from_u16(status).ok()?;
        let answered =
            Answered { status, content_type: content_type.to_owned(), body: body.to_vec().into(), continuation: None };
        let _ = managed_identity::read_token(body);
        for endpoint in self.endpoints.values() {
            let _ = read_token(endpoint, &answered, now);
        }
        let numbers = |samples: &Samples| {
            let endpoint = &self.endpoints[&samples.connection];
            (samples.clone(), metrics::fuzzing::read(endpoint, &samples.query, &answered))
        };
        let records = |change: &ChangeRequests| {
            let endpoint = &self.endpoints[&change.connection];
            (change.clone(), service_now::read(endpoint, change, &answered))
        };
        Some(Read {
            samples: self.samples.iter().map(numbers).collect(),
            changes: self.changes.iter().map(records).collect(),
            requests: self.requests.iter().map(|request| (request.clone(), http::read(&answered))).collect(),
        })
    }
}
