//! The answer to one fact as it is written down, and how it is read again.

use serde_json::Value;

use super::mismatch::Mistake;
use super::recorded::RecordedFact;
use super::shape::{self, Members, Step};
use super::{Answer, Fact, FactError};
use crate::suggest::{suggest, suggest_among};
use crate::yaml;

/// Where people find how each fact is written.
const EXAMPLES: &str = "see the example in docs/testing-policies.md";

/// An answer written down.
pub(super) fn write<F: Fact>(of: Value, answer: &Answer<F::Value>) -> RecordedFact {
    let recorded = RecordedFact { fact: F::NAME.to_owned(), of, ..RecordedFact::default() };
    match answer {
        Ok(value) if F::IS_SORTED => {
            RecordedFact { text: serde_json::to_string(&**value).ok(), ..recorded }.with_short_value()
        }
        Ok(value) => RecordedFact { value: Some(serde_json::to_value(&**value).unwrap_or_default()), ..recorded },
        Err(error) => RecordedFact { error: Some(error.why.clone()), unasked: error.unasked, ..recorded },
    }
}

/// Reads an answer that was written down, by a person or by [`fn@write`].
pub(super) fn read<F: Fact>(recorded: &RecordedFact) -> Result<Result<F::Value, FactError>, Mistake> {
    match (&recorded.value, &recorded.error) {
        (Some(_), Some(_)) => Err(Mistake::new("error", "a fact has a value or an error, not both")),
        (None, None) if recorded.digest.is_some() => Err(Mistake::new("value", "was too long to be recorded")),
        (None, None) => Err(Mistake::new("", "write its `value`, or its `error` if it could not be read")),
        (None, Some(why)) => Ok(Err(FactError { unasked: recorded.unasked, ..FactError::because(why) })),
        (Some(value), None) => {
            let typed: F::Value = serde_path_to_error::deserialize(value)
                .map_err(|error| unread::<F>(value, &shape::steps(error.path()), &error.inner().to_string()))?;
            let understood = serde_json::to_value(&typed).unwrap_or_default();
            lost::<F>(value, &understood, &mut Vec::new()).map_or(Ok(Ok(typed)), Err)
        }
    }
}

/// What is wrong with the part at this path, which could not be read for this reason. All that it lacks is said at once.
fn unread<F: Fact>(value: &Value, path: &[Step], why: &str) -> Mistake {
    let part = shape::part(value, path).and_then(Value::as_object);
    let (Some(part), true) = (part, why.starts_with("missing field")) else {
        return Mistake::new(shape::text(path), yaml::explain(why));
    };
    let Members { known, required } = shape::members_at::<F::Value>(path);
    let missing: Vec<&str> = required.iter().filter(|name| !part.contains_key(*name)).map(String::as_str).collect();
    let mut message = match missing.as_slice() {
        [] | [_] => why.to_owned(),
        several => format!("missing fields `{}`", several.join("`, `")),
    };
    for stray in part.keys().filter(|name| !known.is_empty() && !known.contains(name)) {
        message += &format!("; there is no `{stray}`{}", suggest(stray, missing.iter().copied()));
    }
    let separator = if message.ends_with('?') { " Or " } else { "; " };
    Mistake::new(shape::text(path), message + separator + EXAMPLES)
}

/// The first part of `given` that is not in `understood`: clients read leniently what others write, and a slip in a test
/// must not be taken for nothing.
fn lost<F: Fact>(given: &Value, understood: &Value, path: &mut Vec<Step>) -> Option<Mistake> {
    match (given, understood) {
        (Value::Null, _) | (Value::String(_), Value::String(_)) => None,
        (Value::Object(given), Value::Object(understood)) => {
            given.iter().find_map(|(name, value)| match understood.get(name) {
                Some(inner) => within(path, Step::Member(name.clone()), |path| lost::<F>(value, inner, path)),
                None if is_empty(value) => None,
                None => Some(not_understood::<F>(path, name)),
            })
        }
        (Value::Array(given), Value::Array(understood)) if given.len() == understood.len() => {
            let mut pairs = given.iter().zip(understood).enumerate();
            pairs.find_map(|(index, (value, inner))| {
                within(path, Step::Item(index), |path| lost::<F>(value, inner, path))
            })
        }
        (Value::Number(one), Value::Number(other)) if one.as_f64() == other.as_f64() => None,
        _ if given == understood => None,
        _ => Some(Mistake::new(
            shape::text(path),
            format!("is read as {understood}: write it in the form that the fact has"),
        )),
    }
}

/// What `look` says one step further.
fn within<T>(path: &mut Vec<Step>, step: Step, look: impl FnOnce(&mut Vec<Step>) -> T) -> T {
    path.push(step);
    let found = look(path);
    path.pop();
    found
}

/// A member that was not understood: the part of the fact at this path does not have it, or not so.
fn not_understood<F: Fact>(path: &[Step], name: &str) -> Mistake {
    let Members { known, .. } = shape::members_at::<F::Value>(path);
    let message = if known.iter().any(|it| it == name) {
        "is not of the form that this member of the fact has".to_owned()
    } else {
        format!("the fact has no member `{name}` here{}", suggest_among(name, known.iter().map(String::as_str)))
    };
    Mistake::new(shape::text(&[path, &[Step::Member(name.to_owned())]].concat()), message)
}

/// Whether a member is left out when it is written.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}
