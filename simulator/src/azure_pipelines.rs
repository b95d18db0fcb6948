//! The delivering side of Azure Pipelines: the server task behind an "Invoke Azure Function" check.

use std::fmt;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::azure_devops::CheckIds;

/// How long the task waits for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// The headers of the guide's basic example, copied exactly. The advanced example has the same.
pub const HEADERS: &str = r#"{
    "Content-Type":"application/json", 
    "PlanUrl": "$(system.CollectionUri)", 
    "ProjectId": "$(system.TeamProjectId)", 
    "HubName": "$(system.HostType)", 
    "PlanId": "$(system.PlanId)", 
    "JobId": "$(system.JobId)", 
    "TimelineId": "$(system.TimelineId)", 
    "TaskInstanceId": "$(system.TaskInstanceId)", 
    "AuthToken": "$(system.AccessToken)",
    "BuildId": "$(build.BuildId)"
}"#;

/// The headers that the guide requires.
pub const MINIMAL_HEADERS: &str = r#"{
    "PlanUrl": "$(system.CollectionUri)",
    "ProjectId": "$(system.TeamProjectId)",
    "HubName": "$(system.HostType)",
    "PlanId": "$(system.PlanId)",
    "JobId": "$(system.JobId)",
    "TaskInstanceId": "$(system.TaskInstanceId)",
    "AuthToken": "$(system.AccessToken)"
}"#;

/// Where a function is, and the key that callers of it need.
#[derive(Clone, PartialEq, Eq)]
pub struct FunctionAddress {
    /// The address without the key.
    pub url: String,
    /// The function's key.
    pub key: String,
}

/// Shows the address without the key.
impl fmt::Debug for FunctionAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}?code=***", self.url)
    }
}

impl FunctionAddress {
    /// The function at `url`, with this key.
    pub fn new(url: impl Into<String>, key: impl Into<String>) -> Self {
        Self { url: url.into(), key: key.into() }
    }
}

/// How a delivery went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The address as the run page shows it, with stars for the key.
    pub url: String,
    /// Status of the function's answer. 0 without an answer.
    pub status: u16,
    /// Body of the function's answer, or the reason why there is no answer.
    pub body: String,
    /// How long it took.
    pub elapsed: Duration,
}

impl Delivered {
    /// Whether the task now waits for the callback.
    pub fn accepted(&self) -> bool {
        self.status == 200
    }
}

/// Replaces the variables in the headers of a check: those of the check, and those in `extra`. Names are
/// case-insensitive. An unknown variable stays as it is. Text that is not a JSON object has no headers.
pub fn expand(headers_block_json: &str, ids: &CheckIds, extra: &[(&str, &str)]) -> Vec<(String, String)> {
    let headers: Map<String, Value> = serde_json::from_str(headers_block_json).unwrap_or_default();
    let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    headers.into_iter().map(|(name, value)| (name, expanded(&text(value), ids, extra))).collect()
}

fn expanded(mut text: &str, ids: &CheckIds, extra: &[(&str, &str)]) -> String {
    let mut result = String::new();
    while let Some((before, rest)) = text.split_once("$(") {
        result.push_str(before);
        let Some((name, after)) = rest.split_once(')') else {
            result.push_str("$(");
            text = rest;
            continue;
        };
        result.push_str(&variable(name, ids, extra).unwrap_or_else(|| format!("$({name})")));
        text = after;
    }
    result + text
}

fn variable(name: &str, ids: &CheckIds, extra: &[(&str, &str)]) -> Option<String> {
    let given = extra.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    given.map(|(_, value)| (*value).to_owned()).or_else(|| match name.to_lowercase().as_str() {
        "system.collectionuri" => Some(ids.plan_url.clone()),
        "system.teamprojectid" => Some(ids.project_id.to_string()),
        "system.hosttype" => Some(ids.hub_name.clone()),
        "system.planid" => Some(ids.plan_id.to_string()),
        "system.jobid" => Some(ids.job_id.to_string()),
        "system.timelineid" => Some(ids.timeline_id.to_string()),
        "system.taskinstanceid" => Some(ids.task_instance_id.to_string()),
        "system.accesstoken" => Some(ids.auth_token.clone()),
        "build.buildid" => Some(ids.build_id.to_string()),
        _ => None,
    })
}

/// Delivers a check with the guide's headers.
pub async fn deliver(function: &FunctionAddress, headers_block: &str, body: &str, ids: &CheckIds) -> Delivered {
    deliver_with(function, "", &expand(headers_block, ids, &[]), body).await
}

/// Delivers a check with these query parameters and headers, as the server task does. The address ends in
/// `?code={key}&{parameters}`. The body may be empty. The content type is JSON unless the headers name another one.
pub async fn deliver_with(
    function: &FunctionAddress,
    parameters: &str,
    headers: &[(String, String)],
    body: &str,
) -> Delivered {
    let FunctionAddress { url: function_url, key } = function;
    let begin = Instant::now();
    let posted = post(&format!("{function_url}?code={key}&{parameters}"), headers, body).await;
    let (status, body) = posted.unwrap_or_else(|error| {
        let reason = if error.is_timeout() { "timed out after 20 seconds" } else { "could not be reached" };
        (0, format!("The request {reason}."))
    });
    let url = format!("{function_url}?code=***&{}", percent_decode_str(parameters).decode_utf8_lossy());
    Delivered { url, status, body, elapsed: begin.elapsed() }
}

/// One client for all deliveries, because creating a client takes longer than a delivery. It keeps no connections: a
/// connection belongs to one runtime, and the next delivery may run on another.
fn client() -> Result<reqwest::Client, reqwest::Error> {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    if let Some(client) = CLIENT.get() {
        return Ok(client.clone());
    }
    let made = reqwest::Client::builder().no_proxy().timeout(ANSWER_TIMEOUT).pool_max_idle_per_host(0).build()?;
    Ok(CLIENT.get_or_init(|| made).clone())
}

async fn post(url: &str, headers: &[(String, String)], body: &str) -> Result<(u16, String), reqwest::Error> {
    let mut request = client()?.post(url).body(body.to_owned());
    if body.is_empty() {
        request = request.header("Content-Length", "0");
    }
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        request = request.header("Content-Type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let response = request.send().await?;
    Ok((response.status().as_u16(), response.text().await?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn ids() -> CheckIds {
        CheckIds {
            plan_url: "https://dev.azure.com/fabrikam/".to_owned(),
            project_id: Uuid::nil(),
            hub_name: "checks".to_owned(),
            plan_id: Uuid::nil(),
            job_id: Uuid::nil(),
            timeline_id: Uuid::nil(),
            task_instance_id: Uuid::nil(),
            auth_token: "secret".to_owned(),
            build_id: 7,
        }
    }

    #[test]
    fn known_variables_are_replaced_and_unknown_ones_stay() {
        let headers = expand(
            r#"{"A": "x$(SYSTEM.hosttype)y$(Build.Reason)", "B": "$(Nope) $(", "C": 3}"#,
            &ids(),
            &[("build.reason", "Manual")],
        );
        let expected = [("A", "xchecksyManual"), ("B", "$(Nope) $("), ("C", "3")];
        assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn the_guides_headers_are_complete() {
        let headers = expand(HEADERS, &ids(), &[]);
        assert_eq!(headers.len(), 10);
        assert!(headers.iter().all(|(_, value)| !value.contains("$(")));
        assert_eq!(expand(MINIMAL_HEADERS, &ids(), &[]).len(), 7);
    }
}
