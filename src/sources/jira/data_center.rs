//! The search of Jira Data Center: <https://docs.atlassian.com/software/jira/docs/api/REST/latest/#api/2/search>.
//!
//! It answers pages by their place in the list, and the list may change between two of them. So the whole must fit
//! together: the same number at each page, and each issue once.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::{BATCH, Issue, IssueAnswer, MAX_PAGES, too_many};
use crate::sources::call::{Ask, expect_success};
use crate::sources::endpoint::Endpoint;
use crate::sources::{Error, Sources};

/// What is searched.
pub(super) struct Search<'a> {
    pub(super) jql: &'a str,
    /// Whether the search is refused where it names what is not there. A caller that looks for each key by itself can do
    /// without: one wrong key would hide the others.
    pub(super) is_strict: bool,
    /// What is asked, for errors.
    pub(super) what: &'static str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    start_at: usize,
    total: usize,
    issues: Vec<IssueAnswer>,
}

impl Sources {
    /// The issues that a search finds, page after page.
    pub(super) async fn search_data_center(
        &self,
        endpoint: &Endpoint,
        search: &Search<'_>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Issue>, Error> {
        let changed = || endpoint.error("does not answer pages that fit together: the issues changed meanwhile");
        let mut found: Vec<Issue> = Vec::new();
        let mut total = None;
        for _ in 0..MAX_PAGES {
            let ask = page_from(search, found.len());
            let page: Page = expect_success(endpoint, &self.ask(endpoint, &ask, now).await?, search.what)?;
            if page.start_at != found.len() || *total.get_or_insert(page.total) != page.total {
                return Err(changed());
            }
            let is_empty = page.issues.is_empty();
            found.extend(page.issues.into_iter().map(Issue::from));
            if found.len() == page.total {
                let keys: BTreeSet<&str> = found.iter().map(|issue| issue.key.as_str()).collect();
                return if keys.len() == found.len() { Ok(found) } else { Err(changed()) };
            }
            if is_empty || found.len() > page.total {
                return Err(changed());
            }
        }
        Err(too_many(endpoint))
    }
}

/// A POST that reads: a search with many keys is too long for an address.
fn page_from(search: &Search<'_>, from: usize) -> Ask<'static> {
    let body = json!({
        "jql": search.jql, "startAt": from, "maxResults": BATCH, "fields": ["status", "summary"],
        "validateQuery": search.is_strict,
    });
    Ask { method: Method::POST, path: "rest/api/2/search", query: &[], body: Some(body.to_string()) }
}

/// Reads an answer as the only page of a search, for the fuzzer only.
#[cfg(fuzzing)]
pub(super) fn read(endpoint: &Endpoint, answered: &crate::sources::call::Answered) -> Result<Vec<Issue>, Error> {
    let page: Page = expect_success(endpoint, answered, "the search")?;
    Ok(page.issues.into_iter().map(Issue::from).collect())
}
