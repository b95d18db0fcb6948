//! All systems together. Finds the one that a request is for.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::json;

use super::advanced_security::{self, AdvancedSecurity};
use super::ask::{Ask, json};
use super::azure::{self, Azure};
use super::calendar::{self, Calendars};
use super::identity::{self, Identity};
use super::jira::{self, Jira};
use super::prometheus::{self, Prometheus};
use super::service_now::{self, ServiceNow};
use super::sonar::{self, Sonar};
use super::web::{self, Page};
use super::webhooks::{self, Webhooks};
use crate::clock::Clock;
use crate::http::{Route, World};

/// The state of all systems.
#[derive(Debug)]
pub struct State {
    /// The clock of the systems.
    pub clock: Clock,
    /// The port, which is part of every address.
    port: u16,
    /// ServiceNow at `service-now`.
    pub service_now: ServiceNow,
    /// Prometheus at `prometheus`.
    pub prometheus: Prometheus,
    /// Azure Monitor at `azure-monitor`, Application Insights at `app-insights`, Log Analytics at `logs`.
    pub azure: Azure,
    /// GitHub Advanced Security for Azure DevOps at `advsec`.
    pub advanced_security: AdvancedSecurity,
    /// Calendars at `calendar`.
    pub calendars: Calendars,
    /// Jira at `jira`.
    pub jira: Jira,
    /// SonarQube at `sonar`.
    pub sonar: Sonar,
    /// The managed identity at `identity`.
    pub identity: Identity,
    /// Any other system at `web`: pages by path and query. One whose path begins with the name of a system answers there
    /// too, in the place of that system.
    pub web: BTreeMap<String, Page>,
    /// Webhooks at `webhooks`.
    pub webhooks: Webhooks,
    /// Requests that matched no route.
    pub unknown_requests: Vec<String>,
}

impl State {
    pub(super) fn new(clock: Clock, port: u16) -> Self {
        Self {
            clock,
            port,
            service_now: ServiceNow::default(),
            prometheus: Prometheus::default(),
            azure: Azure::default(),
            advanced_security: AdvancedSecurity::default(),
            calendars: Calendars::default(),
            jira: Jira::default(),
            sonar: Sonar::default(),
            identity: Identity::default(),
            web: BTreeMap::new(),
            webhooks: Webhooks::default(),
            unknown_requests: Vec::new(),
        }
    }

    /// The address of a system.
    pub fn url(&self, system: &str) -> String {
        format!("http://127.0.0.1:{}/{system}", self.port)
    }

    /// Whether the request has a token of the managed identity for this system.
    fn admits(&self, ask: &Ask<'_>, system: &str) -> bool {
        self.identity.admits(ask, &self.url(system))
    }

    /// The name and the answer of the system. `None` if the system or the resource does not exist.
    fn ask(&mut self, system: &str, below: &str, ask: &Ask<'_>) -> Option<(&'static str, Response<Bytes>)> {
        if let Some(page) = web::instead(&self.web, ask) {
            return Some(("web", page));
        }
        let (now, admitted) = (self.clock.now(), self.admits(ask, system));
        Some(match system {
            "service-now" => ("service-now", service_now::answer(&mut self.service_now, now, below, ask)?),
            "prometheus" => ("prometheus", prometheus::answer(&self.prometheus, now, below, ask)?),
            "azure-monitor" => ("azure-monitor", azure::metrics(&self.azure, admitted, below, ask)?),
            "app-insights" => ("app-insights", azure::query_app(&self.azure, admitted, below, ask)?),
            "logs" => ("logs", azure::query_workspace(&self.azure, admitted, below, ask)?),
            "advsec" => {
                let admitted = self.identity.admits(ask, advanced_security::AUDIENCE);
                ("advsec", advanced_security::answer(&self.advanced_security, admitted, below, ask)?)
            }
            "calendar" => ("calendar", calendar::answer(&self.calendars, below, ask)),
            "jira" => ("jira", jira::answer(&self.jira, below, ask)?),
            "sonar" => ("sonar", sonar::answer(&self.sonar, below, ask)?),
            "identity" => ("identity", identity::answer(&mut self.identity, ask)?),
            "web" => ("web", web::answer(&self.web, ask)?),
            "webhooks" => ("webhooks", webhooks::answer(&mut self.webhooks, now, below, ask)?),
            _ => return None,
        })
    }
}

impl World for State {
    fn answer(&mut self, request: &Request<Bytes>) -> Response<Bytes> {
        let path = request.uri().path().trim_start_matches('/').to_owned();
        let (system, below) = path.split_once('/').unwrap_or((&path, ""));
        let answered = self.ask(system, below, &Ask::of(request));
        let (route, mut response) = answered.unwrap_or_else(|| {
            self.unknown_requests.push(format!("{} /{path}", request.method()));
            ("unknown", json(404, &json!({ "error": "no such resource" })))
        });
        response.extensions_mut().insert(Route(route));
        response
    }
}
