//! Issues of Jira, by their keys or by a search.
//!
//! Here is Jira Cloud: <https://developer.atlassian.com/cloud/jira/platform/rest/v3/>. `data_center` is what an organization
//! hosts itself. Only reads: the bulk fetch and the search of Data Center are POSTs that change nothing.

mod data_center;

use chrono::{DateTime, Utc};
use reqwest::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::data_center::Search;
use super::call::{Ask, expect_success};
use super::endpoint::Endpoint;
use super::{Error, Sources};
use crate::http::json::or_default;

/// How many issues one call may ask for, and how many one page of a search holds.
pub const BATCH: usize = 100;

/// How many pages of a search are read.
pub(crate) const MAX_PAGES: usize = 10;

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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BulkAnswer {
    issues: Vec<IssueAnswer>,
    #[serde(default, deserialize_with = "or_default")]
    issue_errors: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SearchAnswer {
    issues: Vec<IssueAnswer>,
    #[serde(default, deserialize_with = "or_default")]
    next_page_token: String,
    #[serde(default)]
    is_last: Option<bool>,
}

impl Sources {
    /// The issues with these keys, at most [`BATCH`].
    ///
    /// # Errors
    ///
    /// Why they could not be read; and where one of them is missing from the answer.
    pub(crate) async fn jira_issues(
        &self,
        site: Site<'_>,
        keys: &[String],
        now: DateTime<Utc>,
    ) -> Result<Vec<Issue>, Error> {
        let endpoint = self.reach(site.connection)?;
        let issues = match site.deployment {
            Deployment::Cloud => self.bulk_fetch(endpoint, keys, now).await?,
            Deployment::DataCenter => {
                let jql = format!("key in ({})", keys.join(", "));
                let search = Search { jql: &jql, is_strict: false, what: "the issues" };
                self.search_data_center(endpoint, &search, now).await?
            }
        };
        let missing = missing(keys, &issues);
        if missing.is_empty() {
            return Ok(issues);
        }
        let missing = missing.join(", ");
        Err(endpoint.error(format!(
            "does not show the issue {missing}: it does not exist, was deleted, or the connection's user may not see it"
        )))
    }

    async fn bulk_fetch(&self, endpoint: &Endpoint, keys: &[String], now: DateTime<Utc>) -> Result<Vec<Issue>, Error> {
        let body = json!({ "issueIdsOrKeys": keys, "fields": ["status", "summary"] }).to_string();
        let ask = Ask { method: Method::POST, path: "rest/api/3/issue/bulkfetch", query: &[], body: Some(body) };
        let answer: BulkAnswer = expect_success(endpoint, &self.ask(endpoint, &ask, now).await?, "the issues")?;
        if !answer.issue_errors.is_empty() {
            return Err(endpoint.error("could not answer all issues"));
        }
        Ok(answer.issues.into_iter().map(Issue::from).collect())
    }

    /// The issues that a search finds, page after page.
    ///
    /// # Errors
    ///
    /// Why they could not be read; and where it is not sure that the last page was reached.
    pub(crate) async fn search_jira(&self, site: Site<'_>, jql: &str, now: DateTime<Utc>) -> Result<Vec<Issue>, Error> {
        let endpoint = self.reach(site.connection)?;
        match site.deployment {
            Deployment::Cloud => self.search_cloud(endpoint, jql, now).await,
            Deployment::DataCenter => {
                let search = Search { jql, is_strict: true, what: "the search" };
                self.search_data_center(endpoint, &search, now).await
            }
        }
    }

    async fn search_cloud(&self, endpoint: &Endpoint, jql: &str, now: DateTime<Utc>) -> Result<Vec<Issue>, Error> {
        let (mut issues, mut token) = (Vec::new(), String::new());
        for _ in 0..MAX_PAGES {
            let size = BATCH.to_string();
            let mut query = vec![("jql", jql), ("fields", "status,summary"), ("maxResults", size.as_str())];
            query.extend((!token.is_empty()).then_some(("nextPageToken", token.as_str())));
            let ask = Ask { method: Method::GET, path: "rest/api/3/search/jql", query: &query, body: None };
            let answer: SearchAnswer = expect_success(endpoint, &self.ask(endpoint, &ask, now).await?, "the search")?;
            issues.extend(answer.issues.into_iter().map(Issue::from));
            match (answer.next_page_token.is_empty(), answer.is_last) {
                (true, Some(false)) => {
                    return Err(endpoint.error("answered one page, and does not say where the next is"));
                }
                (true, _) => return Ok(issues),
                (false, _) => token = answer.next_page_token,
            }
        }
        Err(too_many(endpoint))
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
        Deployment::Cloud => {
            let answer: SearchAnswer = expect_success(endpoint, answered, "the search")?;
            Ok(answer.issues.into_iter().map(Issue::from).collect())
        }
        Deployment::DataCenter => data_center::read(endpoint, answered),
    }
}

/// The keys that no issue answers. An issue that was moved has another key, and each such key stands for one of those that
/// were asked for.
fn missing<'a>(keys: &'a [String], issues: &[Issue]) -> Vec<&'a str> {
    let is_asked_for = |issue: &&Issue| keys.contains(&issue.key);
    let unanswered = keys.iter().filter(|key| !issues.iter().any(|issue| issue.key == **key));
    let unanswered: Vec<&str> = unanswered.map(String::as_str).collect();
    let moved = issues.iter().filter(|issue| !is_asked_for(issue)).count();
    if unanswered.len() == moved { Vec::new() } else { unanswered }
}
