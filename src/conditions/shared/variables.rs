//! `run`, `inputs` and `now`: what CEL expressions may mention besides what their own kind reads.

use std::collections::HashMap;
use std::sync::Arc;

use cel::Value;
use cel::objects::{Key, Map};
use serde_json::Value as Json;

use super::predicate::{Predicate, from_json};
use crate::conditions::{Declared, Scope};
use crate::facts::run::{CurrentRunState, RunDetails};
use crate::facts::{FactError, Facts, Wanted};
use crate::suggest::suggest;
use crate::yaml::Problems;

/// What `run` may have. Each is as Azure DevOps sent it; what it did not send is absent, so that nothing can be concluded
/// from its absence but an error.
const RUN_MEMBERS: [&str; 10] = [
    "id",
    "buildNumber",
    "reason",
    "sourceBranch",
    "sourceVersion",
    "requestedFor",
    "definition",
    "repository",
    "triggerInfo",
    "tags",
];

/// Reports members of `run` and `inputs` that do not exist.
pub(in crate::conditions) fn validate(
    predicate: &Predicate,
    key: &str,
    declared: &Declared<'_>,
    problems: &mut Problems<'_>,
) {
    for name in predicate.members_of("run").iter().filter(|name| !RUN_MEMBERS.contains(&name.as_str())) {
        let (known, hint) = (RUN_MEMBERS.join("`, `"), suggest(name, RUN_MEMBERS));
        problems.push(key, format!("`run` has no `{name}`; known are `{known}`{hint}"));
    }
    for name in predicate.members_of("inputs") {
        declared.expect_input(key, &name, problems);
    }
}

/// Asks for the run, where the expression mentions it.
pub(in crate::conditions) fn want(predicate: &Predicate, wanted: &mut Wanted) {
    if !mentions_run(predicate) {
        return;
    }
    wanted.add(RunDetails);
    if reads_state(predicate) {
        wanted.add(CurrentRunState);
    }
}

/// Whether the expression mentions `run`.
pub(in crate::conditions) fn mentions_run(predicate: &Predicate) -> bool {
    predicate.variables().contains("run")
}

/// The values of those that the expression mentions.
///
/// # Errors
///
/// Why the run could not be read.
pub(in crate::conditions) fn values(
    predicate: &Predicate,
    facts: &Facts,
    scope: &Scope<'_>,
) -> Result<Vec<(&'static str, Value)>, FactError> {
    let mentioned = predicate.variables();
    let mut values = Vec::new();
    if mentioned.contains("run") {
        values.push(("run", from_json(&run(predicate, facts)?)));
    }
    if mentioned.contains("inputs") {
        values.push(("inputs", inputs(scope)));
    }
    if mentioned.contains("now") {
        values.push(("now", Value::Timestamp(facts.read_at(scope.now).fixed_offset())));
    }
    Ok(values)
}

/// Tags may change while the stage waits, and what triggered the run has no bounds: they are read anew each time, and
/// only where they are looked at.
fn reads_state(predicate: &Predicate) -> bool {
    ["tags", "triggerInfo"].iter().any(|name| predicate.text().contains(name))
}

fn run(predicate: &Predicate, facts: &Facts) -> Result<Json, FactError> {
    let mut run = serde_json::to_value(&*facts.get(&RunDetails)?).unwrap_or_default();
    // What is kept of it is less than Azure DevOps sent.
    if let Some(members) = run.as_object_mut() {
        members.remove("triggerInfo");
    }
    if reads_state(predicate) {
        let state = facts.get(&CurrentRunState)?;
        if let Some(tags) = &state.tags {
            run["tags"] = tags.clone().into();
        }
        if let Some(info) = &state.trigger_info {
            let sent = info.iter().filter(|(_, value)| !value.is_null());
            run["triggerInfo"] = sent.map(|(name, value)| (name.clone(), value.clone())).collect();
        }
    }
    Ok(run)
}

/// All inputs that the check declares; one that was not sent is empty.
fn inputs(scope: &Scope<'_>) -> Value {
    let map: HashMap<Key, Value> =
        scope.inputs.iter().map(|(name, value)| (Key::from(*name), Value::from(*value))).collect();
    Value::Map(Map { map: Arc::new(map) })
}
