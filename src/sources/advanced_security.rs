//! Alerts of GitHub Advanced Security for Azure DevOps.
//!
//! See <https://learn.microsoft.com/rest/api/azure/devops/advancedsecurity/>. An answer says which alerts a branch has. It
//! does not say of which commit they are: what the run itself has scanned must say that.

use std::fmt;

use chrono::{DateTime, Utc};
use reqwest::{Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::call::{Ask, expect_success};
use super::{Error, Sources};
use crate::http::json::or_default;

/// What a 404 means.
const NO_REPOSITORY: &str = "answered 404 Not Found for the alerts of the repository: it is in another project than the run, Advanced Security is off for it, or the connection's URL is that of another organization";

/// The version of the interface, which never left preview.
const API_VERSION: &str = "7.2-preview.1";

/// How many alerts or branches one page holds.
const PAGE: &str = "100";

/// How many pages are read.
pub(crate) const MAX_PAGES: usize = 50;

/// What looks for alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum AlertType {
    /// Code scanning.
    Code,
    /// Dependency scanning.
    Dependency,
    /// Secret scanning. It looks at every push, not at a run.
    Secret,
}

impl fmt::Display for AlertType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Code => "code",
            Self::Dependency => "dependency",
            Self::Secret => "secret",
        })
    }
}

/// The branch whose alerts are asked for.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The connection's name.
    pub connection: &'a str,
    /// The project.
    pub project: Uuid,
    /// The repository.
    pub repository: Uuid,
    /// The branch, without `refs/heads/`.
    pub branch: &'a str,
}

/// An alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// Its number.
    #[serde(rename = "alertId")]
    pub id: u64,
    /// What it is about.
    #[serde(default, deserialize_with = "or_default")]
    pub title: String,
    /// `critical`, `high`, `medium`, `low`, `error`, `warning`, `note` or `undefined`.
    #[serde(default, deserialize_with = "or_default")]
    pub severity: String,
    /// `active`, `dismissed`, `fixed` or `autoDismissed`.
    #[serde(default, deserialize_with = "or_default")]
    pub state: String,
    /// `code`, `dependency`, `secret` or another.
    #[serde(default, deserialize_with = "or_default")]
    pub alert_type: String,
}

/// A branch for which results were submitted.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Branch {
    name: String,
    #[serde(default)]
    deleted_date: Option<Value>,
}

#[derive(Deserialize)]
struct List<T> {
    value: Vec<T>,
}

impl Sources {
    /// Whether results of this type were submitted for a branch.
    ///
    /// # Errors
    ///
    /// Why it is not known.
    pub async fn has_results(
        &self,
        place: Place<'_>,
        alert_type: AlertType,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let kind = alert_type.to_string();
        let query = [("alertType", kind.as_str())];
        let branches: Vec<Branch> = self.advsec_pages(place, ("filters/branches", &query), now).await?;
        let is_it = |listed: &Branch| listed.name.strip_prefix("refs/heads/").unwrap_or(&listed.name) == place.branch;
        Ok(branches.iter().any(|listed| is_it(listed) && listed.deleted_date.as_ref().is_none_or(Value::is_null)))
    }

    /// The alerts of a branch that are not fixed or dismissed.
    ///
    /// # Errors
    ///
    /// Why they could not be read.
    pub async fn open_alerts(&self, place: Place<'_>, now: DateTime<Utc>) -> Result<Vec<Alert>, Error> {
        let reference = format!("refs/heads/{}", place.branch);
        let query = [("criteria.ref", reference.as_str()), ("criteria.states", "active")];
        let alerts: Vec<Alert> = self.advsec_pages(place, ("alerts", &query), now).await?;
        Ok(open(alerts))
    }

    async fn advsec_pages<T: for<'de> Deserialize<'de>>(
        &self,
        place: Place<'_>,
        (what, criteria): (&str, &[(&str, &str)]),
        now: DateTime<Utc>,
    ) -> Result<Vec<T>, Error> {
        let endpoint = self.reach(place.connection)?;
        let path = format!("{}/_apis/alert/repositories/{}/{what}", place.project, place.repository);
        let (mut items, mut token) = (Vec::new(), None::<String>);
        for _ in 0..MAX_PAGES {
            let mut query = criteria.to_vec();
            query.extend([("top", PAGE), ("api-version", API_VERSION)]);
            query.extend(token.as_deref().map(|token| ("continuationToken", token)));
            let ask = Ask { method: Method::GET, path: &path, query: &query, body: None };
            let answered = self.ask(endpoint, &ask, now).await?;
            if answered.status == StatusCode::NOT_FOUND {
                return Err(endpoint.error(NO_REPOSITORY));
            }
            let page: List<T> = expect_success(endpoint, &answered, "the alerts of the repository")?;
            items.extend(page.value);
            token = answered.continuation;
            if token.is_none() {
                return Ok(items);
            }
        }
        Err(endpoint.error("has more alerts than are read"))
    }
}

/// Those that are not fixed or dismissed.
fn open(alerts: Vec<Alert>) -> Vec<Alert> {
    let is_open = |alert: &Alert| {
        !["fixed", "dismissed", "autoDismissed"].iter().any(|state| state.eq_ignore_ascii_case(&alert.state))
    };
    alerts.into_iter().filter(is_open).collect()
}

/// Reads an answer as the only page of alerts, for the fuzzer only.
#[cfg(fuzzing)]
pub(super) fn read(
    endpoint: &super::endpoint::Endpoint,
    answered: &super::call::Answered,
) -> Result<Vec<Alert>, Error> {
    let page: List<Alert> = expect_success(endpoint, answered, "the alerts of the repository")?;
    Ok(open(page.value))
}
