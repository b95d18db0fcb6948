//! Issues of Jira, by their keys or by a search.
//!
//! `cloud` is Atlassian's own, `data_center` what an organization hosts itself. Only reads: the bulk fetch and the search of
//! Data Center are POSTs that change nothing.

mod cloud;
mod data_center;

use chrono::{DateTime, Utc};
use reqwest::{Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::data_center::Search;
use super::call::{Ask, expect_status, expect_success};
use super::endpoint::Endpoint;
use super::{Error, Sources};
use crate::http::json::or_default;

/// How many issues one call may ask for, and how many one page of a search holds.
pub const BATCH: usize = 100;

/// How many pages of a search are read.
pub(crate) const MAX_PAGES: usize = 10;

/// How many issues are looked for one by one where an answer lacks them.
pub(crate) const MAX_LOOKUPS: usize = 5;

/// Which Jira it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Deployment {
    /// Atlassian's own: `https://….atlassian.net`.
    #[default]
    Cloud,
    /// What an organization hosts itself.
    DataCenter,
}

impl Deployment {
    /// Whether it is Jira Cloud.
    #[must_use]
    pub fn is_cloud(&self) -> bool {
        *self == Self::Cloud
    }

    /// The path of what both have, in the version that each has.
    fn path(self, of: &str) -> String {
        let version = if self.is_cloud() { 3 } else { 2 };
        format!("rest/api/{version}/{of}")
    }
}

/// A Jira that is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site<'a> {
    /// The connection's name.
    pub(crate) connection: &'a str,
    pub(crate) deployment: Deployment,
}

/// An issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Issue {
    /// Its key, such as `WEB-12`.
    pub key: String,
    /// Its title.
    pub summary: String,
    /// The name of its status.
    pub status: String,
    /// The key of the status' category: `new`, `indeterminate` or `done`. Names are translated, keys are not.
    pub category: String,
}

#[derive(Deserialize)]
struct IssueAnswer {
    key: String,
    fields: Fields,
}

#[derive(Deserialize)]
struct Fields {
    #[serde(default, deserialize_with = "or_default")]
    summary: String,
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    name: String,
    status_category: StatusCategory,
}

#[derive(Deserialize)]
struct StatusCategory {
    key: String,
}

impl From<IssueAnswer> for Issue {
    fn from(answer: IssueAnswer) -> Self {
        let IssueAnswer { key, fields: Fields { summary, status } } = answer;
        Self { key, summary, status: status.name, category: status.status_category.key }
    }
}

impl Sources {
    /// The issues with these keys, at most [`BATCH`].
    ///
    /// # Errors
    ///
    /// Why they could not be read; and where Jira does not show one of them.
    pub(crate) async fn jira_issues(
        &self,
        site: Site<'_>,
        keys: &[String],
        now: DateTime<Utc>,
    ) -> Result<Vec<Issue>, Error> {
        let endpoint = self.reach(site.connection)?;
        let mut issues = match site.deployment {
            Deployment::Cloud => self.bulk_fetch(endpoint, keys, now).await?,
            Deployment::DataCenter => {
                let jql = format!("key in ({})", keys.join(", "));
                let search = Search { jql: &jql, is_strict: false, what: "the issues" };
                self.search_data_center(endpoint, &search, now).await?
            }
        };
        let is_missing = |key: &&String| !issues.iter().any(|issue| issue.key == **key);
        let missing: Vec<&str> = keys.iter().filter(is_missing).map(String::as_str).collect();
        let mut not_shown = missing.get(MAX_LOOKUPS..).unwrap_or_default().to_vec();
        for key in missing.iter().take(MAX_LOOKUPS) {
            let path = site.deployment.path(&format!("issue/{key}"));
            match self.jira_issue(endpoint, &path, now).await? {
                // One that was moved has another key now, which may have been asked for as well.
                Some(moved) if issues.iter().any(|issue| issue.key == moved.key) => {}
                Some(found) => issues.push(found),
                None => not_shown.push(key),
            }
        }
        if not_shown.is_empty() {
            return Ok(issues);
        }
        let not_shown = not_shown.join(", ");
        Err(endpoint.error(format!(
            "does not show the issue {not_shown}: it does not exist, was deleted, or the connection's user may not see it"
        )))
    }

    /// The issue at this path, which names its key of today or a former one; `None` where Jira shows none.
    async fn jira_issue(&self, endpoint: &Endpoint, path: &str, now: DateTime<Utc>) -> Result<Option<Issue>, Error> {
        let query = [("fields", "status,summary")];
        let ask = Ask { method: Method::GET, path, query: &query, body: None };
        let answered = self.ask(endpoint, &ask, now).await?;
        if answered.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let answer: IssueAnswer = expect_success(endpoint, &answered, "an issue")?;
        Ok(Some(answer.into()))
    }

    /// The issues that a search finds, page after page.
    ///
    /// # Errors
    ///
    /// Why they could not be read; and where it is not sure that the last page was reached, or that none is there.
    pub(crate) async fn search_jira(&self, site: Site<'_>, jql: &str, now: DateTime<Utc>) -> Result<Vec<Issue>, Error> {
        let endpoint = self.reach(site.connection)?;
        let found = match site.deployment {
            Deployment::Cloud => self.search_cloud(endpoint, jql, now).await?,
            Deployment::DataCenter => {
                let search = Search { jql, is_strict: true, what: "the search" };
                self.search_data_center(endpoint, &search, now).await?
            }
        };
        if found.is_empty() {
            self.expect_jira_user(endpoint, site.deployment, now).await?;
        }
        Ok(found)
    }

    /// That Jira knows the connection's user. A search with credentials that have expired is one of nobody, and finds what
    /// nobody may see: nothing.
    async fn expect_jira_user(
        &self,
        endpoint: &Endpoint,
        deployment: Deployment,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let path = deployment.path("myself");
        let ask = Ask { method: Method::GET, path: &path, query: &[], body: None };
        let what = "the connection's user, who must be known before it counts that a search finds nothing";
        expect_status(endpoint, &self.ask(endpoint, &ask, now).await?, what)
    }
}

fn too_many(endpoint: &Endpoint) -> Error {
    endpoint.error(format!("finds more than {} issues; narrow the search", MAX_PAGES * BATCH))
}

/// Reads an answer as the only page of a search, for the fuzzer only.
#[cfg(fuzzing)]
pub(super) fn read(
    endpoint: &Endpoint,
    deployment: Deployment,
    answered: &super::call::Answered,
) -> Result<Vec<Issue>, Error> {
    match deployment {
        Deployment::Cloud => cloud::read(endpoint, answered),
        Deployment::DataCenter => data_center::read(endpoint, answered),
    }
}
