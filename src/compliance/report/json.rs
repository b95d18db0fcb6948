//! The report for programs, and the file of accepted findings.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{AuditedResource, Report, Reported};
use crate::compliance::Level;

/// The report as JSON.
#[must_use]
pub fn json(report: &Report) -> Value {
    json!({
        "version": 1,
        "organization": report.organization,
        "summary": {
            "resources": report.resources.len(),
            "checks": report.resources.iter().map(|it| it.checks).sum::<usize>(),
            "errors": report.count(Level::Error),
            "warnings": report.count(Level::Warning),
            "complete": !report.is_incomplete(),
        },
        "resources": report.resources.iter().map(resource).collect::<Vec<_>>(),
        "unread": report.unread,
    })
}

fn resource(audited: &AuditedResource) -> Value {
    json!({
        "project": { "id": audited.project.0, "name": audited.project.1 },
        "type": audited.resource.kind.word(),
        "id": audited.resource.id,
        "name": audited.resource.name,
        "checks": audited.checks,
        "findings": audited.findings.iter().map(finding).collect::<Vec<_>>(),
        "error": audited.error,
    })
}

fn finding(reported: &Reported) -> Value {
    let Reported { finding, check, modified, fingerprint, accepted } = reported;
    json!({
        "rule": finding.rule.id(),
        "level": finding.rule.level(),
        "message": finding.message,
        "mend": finding.mend,
        "check": check.as_ref().map(|(id, name)| json!({ "id": id, "name": name })),
        "modifiedBy": modified.as_ref().map(|(who, _)| who),
        "modifiedOn": modified.as_ref().map(|(_, when)| when),
        "fixable": finding.cannot_fix.is_none(),
        "fingerprint": fingerprint,
        "accepted": accepted,
    })
}

/// The fingerprints that a baseline accepts. A baseline is an earlier report in JSON: all its findings are accepted.
///
/// # Errors
///
/// When it is not such a report.
pub fn baseline(text: &str) -> Result<BTreeSet<String>, String> {
    let report: Value = serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
    let resources = report["resources"].as_array().ok_or("it is not a report of `checkgate audit --format json`")?;
    let findings = resources.iter().filter_map(|it| it["findings"].as_array()).flatten();
    Ok(findings.filter_map(|it| it["fingerprint"].as_str().map(str::to_owned)).collect())
}
