//! SonarQube: the analyses of projects, and the quality gate of each.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::Response;
use serde_json::{Value, json};

use super::ask::{Ask, json, text};

/// The state of the server.
#[derive(Clone, Debug)]
pub struct Sonar {
    /// The token that a request must have.
    pub token: String,
    /// The analyses by project and branch, oldest first.
    pub analyses: BTreeMap<(String, String), Vec<Analysis>>,
}

/// An analysis.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// Its key.
    pub key: String,
    /// When it was made.
    pub date: DateTime<Utc>,
    /// The commit, if the source control system gave one.
    pub revision: Option<String>,
    /// The status of its quality gate: `OK`, `ERROR` or `NONE`.
    pub gate: String,
}

impl Default for Sonar {
    fn default() -> Self {
        Self { token: "sonar-token".to_owned(), analyses: BTreeMap::new() }
    }
}

impl Sonar {
    /// Adds an analysis of a commit.
    pub fn analyse(&mut self, (project, branch): (&str, &str), date: DateTime<Utc>, commit: &str, gate: &str) {
        let key = format!("A{}", self.analyses.values().map(Vec::len).sum::<usize>() + 1);
        let of_branch = self.analyses.entry((project.to_owned(), branch.to_owned())).or_default();
        of_branch.push(Analysis { key, date, revision: Some(commit.to_owned()), gate: gate.to_owned() });
    }
}

fn refuse(status: u16, message: String) -> Response<Bytes> {
    json(status, &json!({ "errors": [{ "msg": message }] }))
}

pub(super) fn answer(sonar: &Sonar, below: &str, ask: &Ask<'_>) -> Option<Response<Bytes>> {
    if ask.authorization() != format!("Bearer {}", sonar.token) {
        return Some(text(401, "text/plain", String::new()));
    }
    match below {
        "api/project_analyses/search" => Some(search(sonar, ask)),
        "api/qualitygates/project_status" => Some(project_status(sonar, ask)),
        _ => None,
    }
}

fn search(sonar: &Sonar, ask: &Ask<'_>) -> Response<Bytes> {
    let Some(project) = ask.query("project") else {
        return refuse(400, "The 'project' parameter is missing".to_owned());
    };
    let branch = ask.query("branch").unwrap_or("main");
    let Some(analyses) = sonar.analyses.get(&(project.to_owned(), branch.to_owned())) else {
        return refuse(404, format!("Component '{project}' on branch '{branch}' not found"));
    };
    let number = |name: &str, default: usize| ask.query(name).and_then(|it| it.parse().ok()).unwrap_or(default);
    let (page, size) = (number("p", 1), number("ps", 100).min(500));
    let listed = analyses.iter().rev().skip((page - 1) * size).take(size).map(|analysis| {
        let mut listed = json!({
            "key": analysis.key,
            "date": analysis.date.format("%Y-%m-%dT%H:%M:%S%z").to_string(),
            "events": [],
            "projectVersion": "1.0",
            "manualNewCodePeriodBaseline": false,
        });
        if let Some(revision) = &analysis.revision {
            listed["revision"] = json!(revision);
        }
        listed
    });
    let paging = json!({ "pageIndex": page, "pageSize": size, "total": analyses.len() });
    json(200, &json!({ "paging": paging, "analyses": listed.collect::<Vec<Value>>() }))
}

fn project_status(sonar: &Sonar, ask: &Ask<'_>) -> Response<Bytes> {
    let Some(id) = ask.query("analysisId") else {
        return refuse(
            400,
            "One of the parameters 'analysisId', 'projectId', 'projectKey' must be provided".to_owned(),
        );
    };
    let Some(analysis) = sonar.analyses.values().flatten().find(|analysis| analysis.key == id) else {
        return refuse(404, format!("Analysis with id '{id}' is not found"));
    };
    let condition = |status: &str| {
        json!({
            "status": status, "metricKey": "new_coverage", "comparator": "LT", "errorThreshold": "80",
            "actualValue": if status == "OK" { "91.0" } else { "72.5" },
        })
    };
    let conditions = if analysis.gate == "NONE" { json!([]) } else { json!([condition(&analysis.gate)]) };
    let status = json!({
        "status": analysis.gate, "ignoredConditions": false, "conditions": conditions, "caycStatus": "compliant",
    });
    json(200, &json!({ "projectStatus": status }))
}
