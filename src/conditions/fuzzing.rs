//! Expressions without the conditions around them, for the fuzzer only.

use serde_json::json;

use super::shared::predicate::{Predicate, from_json};

/// Evaluates an expression over an answer whose body is this JSON, or this text.
pub fn evaluate(expression: &str, body: &str) {
    let Ok(predicate) = serde_json::from_value::<Predicate>(json!(expression)) else { return };
    let body = serde_json::from_str(body).unwrap_or_else(|_| json!(body));
    let variables = [("body", from_json(&body)), ("result", from_json(&json!(4.2)))];
    let outcome = predicate.evaluate(&variables);
    assert_eq!(outcome.answer, predicate.evaluate(&variables).answer);
}
