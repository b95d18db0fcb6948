//! What is wrong with a resource as a whole.

use super::{Finding, Panel, Rule};
use crate::azure_devops::check_configurations::CheckConfiguration;

/// What is wrong with a resource that has these checks. `is_required`: somebody asked that it has one.
#[must_use]
pub fn examine_resource(
    checks: &[CheckConfiguration],
    panels: &[Panel],
    connection: Option<&str>,
    is_required: bool,
) -> Vec<Finding> {
    let mut found = Vec::new();
    if is_required && !checks.iter().any(super::is_protection) {
        let finding = Finding::new(
            Rule::Unprotected,
            "The resource has no check that is enabled: every pipeline that may use it uses it at once.",
            "Add one with `checkgate install`.",
        );
        found.push(finding.only_by_hand("which check it needs, a person must say"));
    }
    let ours = panels.iter().filter(|panel| !panel.is_disabled && panel.is_checkgate(connection));
    let place = |panel: &Panel| {
        let address = panel.address.split('?').next().unwrap_or_default().to_ascii_lowercase();
        (address, panel.completion_event == crate::task::CompletionEvent::Callback)
    };
    let ours: Vec<(&Panel, _)> = ours.map(|panel| (panel, place(panel))).collect();
    let same: Vec<&Panel> = ours
        .iter()
        .filter(|(one, at)| ours.iter().any(|(other, there)| one.id != other.id && at == there))
        .map(|(panel, _)| *panel)
        .collect();
    if same.len() > 1 {
        let ids: Vec<String> = same.iter().map(|panel| panel.id.to_string()).collect();
        let message = format!(
            "{} checks call the same function in the same mode: {}. Each costs a delivery and a queue message.",
            same.len(),
            ids.join(", ")
        );
        let mend = "Write their conditions into one check of checks.yaml, and delete the others.";
        let finding = Finding::new(Rule::SeveralChecks, message, mend);
        found.push(finding.only_by_hand("what the one check should be called, a person must say"));
    }
    found
}
