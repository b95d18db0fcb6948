//! GitHub Advanced Security for Azure DevOps: the alerts of repositories, and the branches that were scanned.

use bytes::Bytes;
use http::{HeaderValue, Response};
use serde_json::{Value, json};

use super::ask::{Ask, json};

/// Whom a token must be for: the Azure DevOps of all organizations.
pub(super) const AUDIENCE: &str = "499b84ac-1321-427f-aa17-267ca6975798";

/// The version that the service knows.
const VERSION: &str = "7.2-preview.1";

/// The state of the service.
#[derive(Clone, Debug)]
pub struct AdvancedSecurity {
    /// The branches with results: the type of alerts, and the full name of the branch.
    pub results: Vec<(String, String)>,
    /// The alerts.
    pub alerts: Vec<Alert>,
    /// The most entries of one page.
    pub page: usize,
}

/// An alert.
#[derive(Clone, Debug)]
pub struct Alert {
    /// The branch.
    pub git_ref: String,
    /// `code`, `dependency` or `secret`.
    pub alert_type: String,
    /// Such as `high`.
    pub severity: String,
    /// Such as `active` or `fixed`.
    pub state: String,
}

impl Default for AdvancedSecurity {
    fn default() -> Self {
        Self { results: Vec::new(), alerts: Vec::new(), page: 100 }
    }
}

impl AdvancedSecurity {
    /// Adds results of each type for a branch, without alerts.
    pub fn scan(&mut self, git_ref: &str) {
        let types = ["code", "dependency"];
        self.results.extend(types.map(|alert_type| (alert_type.to_owned(), git_ref.to_owned())));
    }

    /// Adds an open alert.
    pub fn alert(&mut self, git_ref: &str, alert_type: &str, severity: &str) -> &mut Alert {
        let [git_ref, alert_type, severity, state] = [git_ref, alert_type, severity, "active"].map(str::to_owned);
        self.alerts.push(Alert { git_ref, alert_type, severity, state });
        let last = self.alerts.len() - 1;
        &mut self.alerts[last]
    }
}

pub(super) fn answer(
    security: &AdvancedSecurity,
    admitted: bool,
    below: &str,
    ask: &Ask<'_>,
) -> Option<Response<Bytes>> {
    let (_, rest) = below.split_once("/_apis/alert/repositories/")?;
    let (_, what) = rest.split_once('/')?;
    if !admitted {
        return Some(json(401, &json!({ "message": "TF400813: The user is not authorized to access this resource." })));
    }
    if ask.query("api-version") != Some(VERSION) {
        return Some(json(400, &json!({ "message": "The requested version is under preview." })));
    }
    let found = match what {
        "alerts" => alerts(security, ask),
        "filters/branches" => branches(security, ask),
        _ => return None,
    };
    Some(page(security, &found, ask))
}

fn alerts(security: &AdvancedSecurity, ask: &Ask<'_>) -> Vec<Value> {
    let fits = |filter: Option<&str>, value: &str| filter.is_none_or(|filter| filter.eq_ignore_ascii_case(value));
    let numbered = (1..).zip(&security.alerts);
    let fitting = numbered.filter(|(_, alert)| {
        // A secret is not of a branch.
        (alert.alert_type == "secret" || fits(ask.query("criteria.ref"), &alert.git_ref))
            && fits(ask.query("criteria.states"), &alert.state)
    });
    let alert = |(id, alert): (u64, &Alert)| {
        json!({
            "alertId": id, "severity": alert.severity, "title": format!("Alert {id}"), "state": alert.state,
            "alertType": alert.alert_type, "confidence": "high", "gitRef": alert.git_ref,
            "tools": [{ "name": "CodeQL", "rules": [] }],
        })
    };
    fitting.map(alert).collect()
}

fn branches(security: &AdvancedSecurity, ask: &Ask<'_>) -> Vec<Value> {
    let of_type = security.results.iter().filter(|(kind, _)| ask.query("alertType") == Some(kind));
    of_type.map(|(_, name)| json!({ "branchId": 1, "name": name })).collect()
}

fn page(security: &AdvancedSecurity, found: &[Value], ask: &Ask<'_>) -> Response<Bytes> {
    let from: usize = ask.query("continuationToken").and_then(|token| token.parse().ok()).unwrap_or(0);
    let top: usize = ask.query("top").and_then(|top| top.parse().ok()).unwrap_or(100).min(security.page);
    let page: Vec<&Value> = found.iter().skip(from).take(top).collect();
    let mut response = json(200, &json!({ "count": page.len(), "value": page }));
    if from + top < found.len() {
        response.headers_mut().insert("x-ms-continuationtoken", HeaderValue::from(from + top));
    }
    response
}
