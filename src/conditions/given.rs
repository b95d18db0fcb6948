//! For tests of kinds: checks from YAML, evaluated against facts that are given.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::check::{Check, TaskProperties};
use crate::checks_file::ChecksFile;
use crate::evaluation::{Context, Finding, Measured};
use crate::facts::Facts;
use crate::plan_url::AllowedPlanUrls;

/// When the checks of tests are delivered.
pub(super) fn delivered_at() -> DateTime<Utc> {
    "2026-01-01T12:00:00Z".parse().expect("a time")
}

/// So many minutes after the delivery.
pub(super) fn minute(minutes: i64) -> DateTime<Utc> {
    delivered_at() + Duration::minutes(minutes)
}

/// The only check of a file, with these inputs.
pub(super) fn check(yaml: &str, inputs: &[(&str, &str)]) -> Check {
    let file = ChecksFile::parse(yaml).unwrap_or_else(|problems| panic!("{problems:?}"));
    let (name, definition) = file.checks.into_iter().next().expect("a check");
    let allowed: AllowedPlanUrls = AllowedPlanUrls::DEFAULT.parse().expect("a list");
    let properties = TaskProperties {
        plan_url: allowed.admit("https://dev.azure.com/fabrikam/").expect("an admitted URL"),
        project_id: Uuid::nil(),
        hub_name: "checks".parse().expect("a hub"),
        plan_id: Uuid::nil(),
        job_id: Uuid::nil(),
        timeline_id: Uuid::nil(),
        task_instance_id: Uuid::nil(),
        build_id: Some(7),
    };
    let inputs: BTreeMap<String, String> =
        inputs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let deadline = definition.deadline(delivered_at());
    Check { name, properties, definition, inputs, delivered_at: delivered_at(), deadline }
}

/// The mistakes of a file, each in one line.
pub(super) fn problems(yaml: &str) -> Vec<String> {
    match ChecksFile::parse(yaml) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

/// Evaluates the first condition.
pub(super) fn evaluate(check: &Check, facts: &Facts, state: Option<&Value>, now: DateTime<Utc>) -> Finding {
    check.definition.conditions[0].kind.evaluate(facts, &Context { now, check, state })
}

/// What the first condition measures, and what it found.
pub(super) fn measure(check: &Check, facts: &Facts) -> (Measured, String) {
    let finding = evaluate(check, facts, None, delivered_at());
    (finding.measured, finding.found)
}
