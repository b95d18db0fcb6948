//! For which commit and branch a fact was read. In `of`, its member `run` says it, in the members of the fact `run`.
//!
//! What was read for one commit is no evidence of another. So a fact answers only what is asked for the run that it names. If it
//! names none and stands in a recording, it is for the run of the recording.

use serde_json::{Map, Value};

use super::Facts;
use super::recorded::{RecordedFact, is_part};
use super::run::RunDetails;

/// The member of `of` that says it.
const RUN: &str = "run";

/// The run among these facts; null where it is not known.
pub(super) fn known(facts: &Facts) -> Value {
    facts.get(&RunDetails).ok().and_then(|run| serde_json::to_value(&*run).ok()).unwrap_or_default()
}

/// What was asked, with these members of the run.
pub(super) fn named(of: Value, run: &Value, members: &[&str]) -> Value {
    let part = part(run, members);
    match of {
        of if part.is_empty() => of,
        Value::Object(of) => Value::Object(of.into_iter().chain([(RUN.to_owned(), Value::Object(part))]).collect()),
        _ => Value::Object(Map::from_iter([(RUN.to_owned(), Value::Object(part))])),
    }
}

/// What was asked, whatever the run.
pub(super) fn unnamed(of: &Value) -> Value {
    let Value::Object(members) = of else { return of.clone() };
    let rest: Map<String, Value> = members.clone().into_iter().filter(|(name, _)| name != RUN).collect();
    if rest.is_empty() { Value::Null } else { Value::Object(rest) }
}

/// Why a fact is no answer for this run, as a predicate; none if it is one. `members` are those that it depends on.
pub(super) fn why_not(recorded: &RecordedFact, run: &Value, members: &[&str]) -> Option<String> {
    let claimed = match recorded.of.get(RUN) {
        Some(Value::Object(claimed)) => claimed.clone(),
        Some(_) => return Some("names its run by something else than its members".to_owned()),
        None => part(&recorded.beside, members),
    };
    let is = part(run, members);
    claimed.iter().find_map(|(name, was)| match is.get(name) {
        _ if !members.contains(&name.as_str()) => Some(format!("does not depend on {name} of the run")),
        None => Some(format!("is for {name} {}, and that of the run is not known", text(was))),
        Some(is) if is_part(was, is) => None,
        Some(is) => Some(format!("is for {name} {}, and that of the run is {}", text(was), text(is))),
    })
}

/// These members of a run, as far as it has them.
fn part(run: &Value, members: &[&str]) -> Map<String, Value> {
    let present = |name: &&str| run.get(*name).filter(|value| !value.is_null() && *value != "");
    members.iter().filter_map(|name| Some(((*name).to_owned(), present(name)?.clone()))).collect()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
