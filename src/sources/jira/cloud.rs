//! The issues of Jira Cloud: <https://developer.atlassian.com/cloud/jira/platform/rest/v3/>.

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{BATCH, Issue, IssueAnswer, MAX_PAGES, too_many};
use crate::http::json::or_default;
use crate::sources::call::{Ask, expect_success};
use crate::sources::endpoint::Endpoint;
use crate::sources::{Error, Sources};

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
    /// The issues with these keys, as far as Jira shows them.
    pub(super) async fn bulk_fetch(
        &self,
        endpoint: &Endpoint,
        keys: &[String],
        now: DateTime<Utc>,
    ) -> Result<Vec<Issue>, Error> {
        let body = json!({ "issueIdsOrKeys": keys, "fields": ["status", "summary"] }).to_string();
        let ask = Ask { method: Method::POST, path: "rest/api/3/issue/bulkfetch", query: &[], body: Some(body) };
        let answer: BulkAnswer = expect_success(endpoint, &self.ask(endpoint, &ask, now).await?, "the issues")?;
        if !answer.issue_errors.is_empty() {
            let ids: Vec<&str> = answer.issue_errors.iter().filter_map(|error| error["id"].as_str()).collect();
            return Err(endpoint.error(format!("could not answer all issues; it failed for {}", ids.join(", "))));
        }
        Ok(answer.issues.into_iter().map(Issue::from).collect())
    }

    /// The issues that a search finds, page after page.
    pub(super) async fn search_cloud(
        &self,
        endpoint: &Endpoint,
        jql: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<Issue>, Error> {
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

/// Reads an answer as the only page of a search, for the fuzzer only.
#[cfg(fuzzing)]
pub(super) fn read(endpoint: &Endpoint, answered: &crate::sources::call::Answered) -> Result<Vec<Issue>, Error> {
    let answer: SearchAnswer = expect_success(endpoint, answered, "the search")?;
    Ok(answer.issues.into_iter().map(Issue::from).collect())
}
