//! The report as SARIF 2.1.0, which the two big code hosts show.

use serde_json::{Value, json};
use url::form_urlencoded::byte_serialize;

use super::{AuditedResource, Report, Reported};
use crate::compliance::Rule;

/// The report as SARIF. A finding's place is a path that names project, type and resource: it is stable.
#[must_use]
pub fn sarif(report: &Report) -> Value {
    let rules: Vec<Value> = Rule::ALL
        .iter()
        .map(|rule| {
            json!({
                "id": rule.id(),
                "name": format!("{rule:?}"),
                "shortDescription": { "text": rule.demand() },
                "defaultConfiguration": { "level": rule.level().word() },
            })
        })
        .collect();
    let findings = report.resources.iter().flat_map(|at| at.findings.iter().map(move |reported| (at, reported)));
    let unread = report.resources.iter().filter_map(|at| Some(format!("{}: {}", at.resource, at.error.as_ref()?)));
    let notifications: Vec<Value> = unread
        .chain(report.unread.iter().cloned())
        .map(|text| json!({ "level": "error", "message": { "text": text } }))
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "checkgate",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "invocations": [{
                "executionSuccessful": !report.is_incomplete(),
                "toolExecutionNotifications": notifications,
            }],
            "results": findings.map(|(at, reported)| result(at, reported)).collect::<Vec<_>>(),
        }],
    })
}

fn result(at: &AuditedResource, reported: &Reported) -> Value {
    let finding = &reported.finding;
    let check = reported.check.as_ref().map_or_else(String::new, |(id, name)| format!(" Check {id} \"{name}\":"));
    let text = format!("{} in {}.{check} {} {}", at.resource, at.project.1, finding.message, finding.mend);
    let mut result = json!({
        "ruleId": finding.rule.id(),
        "ruleIndex": Rule::ALL.iter().position(|rule| *rule == finding.rule),
        "level": finding.rule.level().word(),
        "message": { "text": text },
        "locations": [{ "physicalLocation": { "artifactLocation": { "uri": place(at) }, "region": { "startLine": 1 } } }],
        "partialFingerprints": { "checkgate/v1": reported.fingerprint },
    });
    if reported.accepted {
        result["suppressions"] = json!([{ "kind": "external", "status": "accepted" }]);
    }
    result
}

fn place(at: &AuditedResource) -> String {
    let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
    format!("azure-devops/{}/{}/{}", encoded(&at.project.1), at.resource.kind, encoded(&at.resource.name))
}
