//! Jira: issues, by their keys or by a search. It answers as a site of Jira Cloud does, and as Jira Data Center does at
//! `rest/api/2/search`.
//!
//! See <https://docs.atlassian.com/software/jira/docs/api/REST/latest/#api/2/search>.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};

use super::ask::{Ask, json};

/// The most issues of one bulk fetch.
const MOST: usize = 100;

/// The state of the site.
#[derive(Clone, Debug)]
pub struct Jira {
    /// What a request must have as `Authorization`.
    pub authorization: String,
    /// The issues by their keys.
    pub issues: BTreeMap<String, Issue>,
    /// Issues that were moved: the key of before, and that of today.
    pub moved: BTreeMap<String, String>,
    /// The keys that each search finds. The site refuses any other.
    pub searches: BTreeMap<String, Vec<String>>,
    /// The most issues of one page of a search, whatever a request asks for.
    pub page: usize,
}

/// An issue.
#[derive(Clone, Debug)]
pub struct Issue {
    /// Its title.
    pub summary: String,
    /// The name of its status.
    pub status: String,
    /// The key of the status' category.
    pub category: String,
}

impl Default for Jira {
    fn default() -> Self {
        Self {
            authorization: "Basic bWFpbDpqaXJhLXRva2Vu".to_owned(),
            issues: BTreeMap::new(),
            moved: BTreeMap::new(),
            searches: BTreeMap::new(),
            page: 100,
        }
    }
}

impl Jira {
    /// Adds an issue, or changes its status, to one of the statuses of a new site.
    pub fn issue(&mut self, key: &str, status: &str) {
        let category = match status {
            "Done" => "done",
            "To Do" => "new",
            _ => "indeterminate",
        };
        let (summary, status, category) = (format!("About {key}"), status.to_owned(), category.to_owned());
        self.issues.insert(key.to_owned(), Issue { summary, status, category });
    }

    fn to_json(&self, key: &str) -> Option<Value> {
        let key = self.moved.get(key).map_or(key, String::as_str);
        let issue = self.issues.get(key)?;
        let category = json!({ "id": 3, "key": issue.category, "colorName": "green", "name": issue.category });
        let status = json!({ "id": "10001", "name": issue.status, "statusCategory": category });
        Some(json!({ "id": "10042", "key": key, "fields": { "summary": issue.summary, "status": status } }))
    }
}

pub(super) fn answer(jira: &Jira, below: &str, ask: &Ask<'_>) -> Option<Response<Bytes>> {
    if ask.authorization() != jira.authorization {
        return Some(answer_nobody(below));
    }
    match (ask.method, below) {
        ("POST", "rest/api/3/issue/bulkfetch") => Some(bulk_fetch(jira, ask)),
        ("GET", "rest/api/3/search/jql") => Some(search(jira, ask)),
        ("POST", "rest/api/2/search") => Some(search_data_center(jira, ask)),
        ("GET", "rest/api/3/myself" | "rest/api/2/myself") => {
            Some(json(200, &json!({ "displayName": "checkgate", "active": true })))
        }
        ("GET", below) => {
            let key = below.strip_prefix("rest/api/3/issue/").or_else(|| below.strip_prefix("rest/api/2/issue/"))?;
            let not_shown = || refuse(404, "Issue does not exist or you do not have permission to see it.");
            Some(jira.to_json(key).map_or_else(not_shown, |issue| json(200, &issue)))
        }
        _ => None,
    }
}

/// A search with credentials that are not right is one of nobody: it finds what everybody may see.
fn answer_nobody(below: &str) -> Response<Bytes> {
    match below {
        "rest/api/3/search/jql" => json(200, &json!({ "issues": [], "isLast": true })),
        "rest/api/2/search" => json(200, &json!({ "startAt": 0, "maxResults": 50, "total": 0, "issues": [] })),
        _ => refuse(401, "Client must be authenticated to access this resource."),
    }
}

fn refuse(status: u16, message: &str) -> Response<Bytes> {
    json(status, &json!({ "errorMessages": [message], "errors": {} }))
}

/// Issues that do not exist, or that the user may not see, are left out.
fn bulk_fetch(jira: &Jira, ask: &Ask<'_>) -> Response<Bytes> {
    let body: Value = serde_json::from_slice(ask.body).unwrap_or_default();
    let Some(keys) = body["issueIdsOrKeys"].as_array().filter(|keys| (1..=MOST).contains(&keys.len())) else {
        return refuse(400, "issueIdsOrKeys must hold between 1 and 100 values");
    };
    let issues = each_once(keys.iter().filter_map(|key| jira.to_json(key.as_str()?)));
    json(200, &json!({ "expand": "schema,names", "issues": issues, "issueErrors": [] }))
}

/// An issue that is asked for by two of its keys is answered once.
fn each_once(issues: impl Iterator<Item = Value>) -> Vec<Value> {
    let mut keys = BTreeSet::new();
    issues.filter(|issue| keys.insert(issue["key"].to_string())).collect()
}

fn search(jira: &Jira, ask: &Ask<'_>) -> Response<Bytes> {
    let Some(keys) = ask.query("jql").and_then(|jql| jira.searches.get(jql)) else {
        return refuse(400, "Error in the JQL Query.");
    };
    let most = ask.query("maxResults").and_then(|most| most.parse().ok()).unwrap_or(50).min(jira.page);
    let from = ask.query("nextPageToken").and_then(|token| token.strip_prefix("page-from-")?.parse().ok()).unwrap_or(0);
    let issues: Vec<Value> = keys.iter().skip(from).take(most).filter_map(|key| jira.to_json(key)).collect();
    let is_last = from + most >= keys.len();
    let mut answer = json!({ "issues": issues, "isLast": is_last });
    if !is_last {
        answer["nextPageToken"] = json!(format!("page-from-{}", from + most));
    }
    json(200, &answer)
}

/// The search of Data Center: by a search that is known, or by keys. A key that is not there is refused, unless the request
/// does without: then it finds the others.
fn search_data_center(jira: &Jira, ask: &Ask<'_>) -> Response<Bytes> {
    let body: Value = serde_json::from_slice(ask.body).unwrap_or_default();
    let jql = body["jql"].as_str().unwrap_or_default();
    let by_keys = jql.strip_prefix("key in (").and_then(|rest| rest.strip_suffix(')'));
    let by_keys = by_keys.map(|keys| keys.split(", ").map(str::to_owned).collect::<Vec<_>>());
    let Some(keys) = by_keys.as_ref().or_else(|| jira.searches.get(jql)) else {
        return refuse(400, "Error in the JQL Query.");
    };
    let unknown = keys.iter().find(|key| jira.to_json(key).is_none());
    if let Some(unknown) = unknown.filter(|_| body["validateQuery"] != json!(false)) {
        return refuse(400, &format!("An issue with key '{unknown}' does not exist for field 'key'."));
    }
    let found = each_once(keys.iter().filter_map(|key| jira.to_json(key)));
    let number = |name: &str, default: usize| body[name].as_u64().map_or(default, |number| number as usize);
    let (from, most) = (number("startAt", 0), number("maxResults", 50).min(jira.page));
    let issues: Vec<&Value> = found.iter().skip(from).take(most).collect();
    let whole = json!({
        "expand": "schema,names", "startAt": from, "maxResults": most, "total": found.len(), "issues": issues,
    });
    json(200, &whole)
}
