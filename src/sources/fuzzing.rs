//! The answers of sources without the network in front of them, for the fuzzer only.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use reqwest::StatusCode;

use super::advanced_security::{self, Alert};
use super::authorization::read_token;
use super::calendar::{self, Calendar, CalendarFile};
use super::call::Answered;
use super::endpoint::Endpoint;
use super::http::{self, HttpRequest, HttpResponse};
use super::jira::{self, Deployment, Issue};
use super::metrics::{self, Numbers, Samples};
use super::service_now::{self, ChangeAnswer, ChangeRequests};
use super::sonar::{self, Analysis, CommitAnalysis};
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
    /// Analyses of this commit.
    pub analyses: Vec<(CommitAnalysis, String)>,
    /// Issues of these connections.
    pub issues: Vec<(String, Deployment)>,
    /// Alerts of these connections.
    pub alerts: Vec<String>,
    /// Calendars.
    pub calendars: Vec<CalendarFile>,
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
    /// Analyses.
    pub analyses: Vec<(CommitAnalysis, Result<Option<Analysis>, Error>)>,
    /// Issues.
    pub issues: Vec<((String, Deployment), Result<Vec<Issue>, Error>)>,
    /// Alerts.
    pub alerts: Vec<(String, Result<Vec<Alert>, Error>)>,
    /// Calendars.
    pub calendars: Vec<(CalendarFile, Result<Calendar, Error>)>,
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
        let analysis = |(asked, commit): &(CommitAnalysis, String)| {
            (asked.clone(), sonar::read(&self.endpoints[&asked.connection], commit, &answered))
        };
        let issues =
            |asked: &(String, Deployment)| (asked.clone(), jira::read(&self.endpoints[&asked.0], asked.1, &answered));
        let alerts = |name: &String| (name.clone(), advanced_security::read(&self.endpoints[name], &answered));
        let calendar = |asked: &CalendarFile| {
            let read = calendar::read(&String::from_utf8_lossy(body), &asked.zones);
            (asked.clone(), read.map_err(Error::because))
        };
        Some(Read {
            samples: self.samples.iter().map(numbers).collect(),
            changes: self.changes.iter().map(records).collect(),
            requests: self.requests.iter().map(|request| (request.clone(), http::read(&answered))).collect(),
            analyses: self.analyses.iter().map(analysis).collect(),
            issues: self.issues.iter().map(issues).collect(),
            alerts: self.alerts.iter().map(alerts).collect(),
            calendars: self.calendars.iter().map(calendar).collect(),
        })
    }
}
