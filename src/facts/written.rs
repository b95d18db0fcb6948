//! The answer to one fact as it is written down, and how it is read again.

use serde_json::Value;

use super::mismatch::Mistake;
use super::recorded::RecordedFact;
use super::{Answer, Fact, FactError};
use crate::suggest::suggest;

/// An answer written down.
pub(super) fn write<F: Fact>(of: Value, answer: &Answer<F::Value>) -> RecordedFact {
    let recorded = RecordedFact { fact: F::NAME.to_owned(), of, ..RecordedFact::default() };
    match answer {
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
            let typed: F::Value = serde_path_to_error::deserialize(value).map_err(|error| {
                let inner = error.path().to_string();
                let separator = if inner.starts_with('[') { "" } else { "." };
                let path = if inner == "." { "value".to_owned() } else { format!("value{separator}{inner}") };
                Mistake::new(path, error.inner().to_string())
            })?;
            let understood = serde_json::to_value(&typed).unwrap_or_default();
            lost(value, &understood, "value".to_owned()).map_or(Ok(Ok(typed)), Err)
        }
    }
}

/// The first part of `given` that is not in `understood`: clients read leniently what others write, and a slip in a test
/// must not be taken for nothing.
fn lost(given: &Value, understood: &Value, path: String) -> Option<Mistake> {
    match (given, understood) {
        (Value::Null, _) | (Value::String(_), Value::String(_)) => None,
        (Value::Object(given), Value::Object(understood)) => given.iter().find_map(|(name, value)| {
            let path = format!("{path}.{name}");
            match understood.get(name) {
                Some(inner) => lost(value, inner, path),
                None if is_empty(value) => None,
                None => {
                    let hint = suggest(name, understood.keys().map(String::as_str));
                    Some(Mistake::new(path, format!("the fact has no member `{name}`, or not of this shape{hint}")))
                }
            }
        }),
        (Value::Array(given), Value::Array(understood)) if given.len() == understood.len() => {
            let mut pairs = given.iter().zip(understood).enumerate();
            pairs.find_map(|(index, (value, inner))| lost(value, inner, format!("{path}[{index}]")))
        }
        (Value::Number(one), Value::Number(other)) if one.as_f64() == other.as_f64() => None,
        _ if given == understood => None,
        _ => Some(Mistake::new(path, format!("is read as {understood}: write it in the form that the fact has"))),
    }
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
