//! What the tests of the kinds share: conditions are written as users write them.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::check::Check;
use crate::check::CheckDefinition;
use crate::conditions::{Finding, Scope};
use crate::facts::{Facts, Wanted};
use crate::task::TaskProperties;
use crate::task::plan_url::AllowedPlanUrls;

/// When the checks of these tests are delivered: a Monday, at noon.
pub(in crate::conditions) fn delivered_at() -> DateTime<Utc> {
    "2026-01-05T12:00:00Z".parse().expect("a time")
}

/// A check, from its definition.
pub(in crate::conditions) fn check(definition: &str) -> Check {
    let parsed = CheckDefinition::parse(definition, &BTreeMap::new())
        .unwrap_or_else(|problems| panic!("{definition}: {problems:?}"));
    // It is kept in the queue message, so later evaluations use what was read from there.
    let message = serde_json::to_value(&parsed).expect("JSON");
    let definition: CheckDefinition = serde_json::from_value(message).expect("the definition written");
    assert_eq!(definition, parsed);
    delivered(definition, BTreeMap::new())
}

/// A check that was delivered with these inputs.
pub(in crate::conditions) fn delivered(definition: CheckDefinition, inputs: BTreeMap<String, String>) -> Check {
    let allowed: AllowedPlanUrls = AllowedPlanUrls::DEFAULT.parse().expect("URLs");
    let nil = Uuid::nil();
    Check {
        name: "test".to_owned(),
        properties: TaskProperties {
            plan_url: allowed.admit("https://dev.azure.com/fabrikam/").expect("a URL"),
            project_id: nil,
            hub_name: "checks".parse().expect("a hub"),
            plan_id: nil,
            job_id: nil,
            timeline_id: nil,
            task_instance_id: nil,
            build_id: Some(7),
        },
        deadline: definition.deadline(delivered_at()),
        definition,
        inputs,
        trace: None,
        delivered_at: delivered_at(),
    }
}

/// A check with one condition.
pub(in crate::conditions) fn check_of(condition: &str) -> Check {
    check(&format!("conditions:\n  - {condition}"))
}

/// Evaluates the first condition.
pub(in crate::conditions) fn evaluate(
    check: &Check,
    facts: &Facts,
    state: Option<&Value>,
    now: DateTime<Utc>,
) -> Finding {
    let inputs = check.input_values();
    let scope = Scope { state, ..check.scope(&inputs, now) };
    check.definition.conditions[0].kind.evaluate(facts, &scope)
}

/// The facts that the first condition asks for.
pub(in crate::conditions) fn wanted(check: &Check, state: Option<&Value>, now: DateTime<Utc>) -> Wanted {
    let mut wanted = Wanted::default();
    let inputs = check.input_values();
    let scope = Scope { state, ..check.scope(&inputs, now) };
    check.definition.conditions[0].facts("0", &|_| scope, &mut wanted);
    wanted
}

/// Measures a condition with these facts, this long after the delivery.
pub(in crate::conditions) fn measure(condition: &str, facts: &Facts, after: TimeDelta) -> Finding {
    let check = check_of(condition);
    evaluate(&check, facts, None, delivered_at() + after)
}

/// Whether a condition asks for no facts at all.
pub(in crate::conditions) fn reads_nothing(check: &Check) -> bool {
    wanted(check, None, delivered_at()).is_empty() && !check.definition.conditions[0].reads_run()
}

/// The mistakes of a condition, one line each, as its writer reads them.
pub(in crate::conditions) fn mistakes(condition: &str) -> String {
    let definition = format!("conditions:\n  - {condition}");
    match CheckDefinition::parse(&definition, &BTreeMap::new()) {
        Ok(_) => panic!("{condition} was accepted"),
        Err(problems) => problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    }
}

/// Asserts that a condition is refused with words that contain all of these.
#[track_caller]
pub(in crate::conditions) fn refused(condition: &str, words: &[&str]) {
    let mistakes = mistakes(condition);
    for word in words {
        assert!(mistakes.contains(word), "{condition}: `{word}` is not in: {mistakes}");
    }
}
