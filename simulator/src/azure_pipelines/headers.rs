//! The headers of a delivery, with their variables replaced.

use serde_json::{Map, Value};

use crate::azure_devops::CheckIds;

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
