//! Evaluates *Success criteria* against the body of an answer, as Azure Pipelines does in ApiResponse mode.

use serde_json::Value;

use super::expression::{Expression, parse};

/// Whether an answer with this body meets the criteria. Empty criteria accept every body.
///
/// # Errors
///
/// If the criteria or the body cannot be read: a sentence that says why.
pub fn is_met(criteria: &str, body: &str) -> Result<bool, String> {
    if criteria.trim().is_empty() {
        return Ok(true);
    }
    let expression = parse(criteria)?;
    let root = serde_json::from_str(body).map_err(|error| format!("the body is not JSON: {error}"))?;
    evaluate(&expression, &root).map(|value| is_true(&value))
}

fn evaluate(expression: &Expression, root: &Value) -> Result<Value, String> {
    match expression {
        Expression::Literal(value) => Ok(value.clone()),
        Expression::Root => Ok(root.clone()),
        Expression::Member(whole, member) => {
            let (whole, member) = (evaluate(whole, root)?, evaluate(member, root)?);
            Ok(member_of(&whole, &member).unwrap_or_default())
        }
        Expression::Call(name, arguments) => {
            let values = arguments.iter().map(|argument| evaluate(argument, root)).collect::<Result<Vec<_>, _>>()?;
            call(name, &values)
        }
    }
}

/// A member that does not exist is null. Names of members ignore case.
fn member_of(whole: &Value, member: &Value) -> Option<Value> {
    match (whole, member) {
        (Value::Object(members), Value::String(name)) => {
            members.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
        }
        (Value::Array(items), Value::Number(index)) => items.get(index.as_f64()? as usize).cloned(),
        _ => None,
    }
}

fn call(name: &str, values: &[Value]) -> Result<Value, String> {
    let result = match (name, values) {
        ("and", [_, _, ..]) => values.iter().all(is_true),
        ("or", [_, _, ..]) => values.iter().any(is_true),
        ("not", [value]) => !is_true(value),
        ("xor", [left, right]) => is_true(left) != is_true(right),
        ("eq", [left, right]) => equals(left, right),
        ("ne", [left, right]) => !equals(left, right),
        ("in", [wanted, among @ ..]) => among.iter().any(|value| equals(wanted, value)),
        ("notin", [wanted, among @ ..]) => !among.iter().any(|value| equals(wanted, value)),
        ("gt", [left, right]) => compare(left, right).is_some_and(|order| order.is_gt()),
        ("ge", [left, right]) => compare(left, right).is_some_and(|order| order.is_ge()),
        ("lt", [left, right]) => compare(left, right).is_some_and(|order| order.is_lt()),
        ("le", [left, right]) => compare(left, right).is_some_and(|order| order.is_le()),
        ("contains", [whole, part]) => lower(whole).contains(&lower(part)),
        ("startswith", [whole, part]) => lower(whole).starts_with(&lower(part)),
        ("endswith", [whole, part]) => lower(whole).ends_with(&lower(part)),
        ("count", [Value::Array(items)]) => return Ok(Value::from(items.len() as f64)),
        _ => return Err(format!("there is no function `{name}` with {} arguments", values.len())),
    };
    Ok(Value::Bool(result))
}

/// Null, zero, the empty text and `false` are not true. Everything else is.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

/// The right side is converted to the type of the left side. Texts are compared without their case.
fn equals(left: &Value, right: &Value) -> bool {
    match left {
        Value::Null => right.is_null() || right.as_str().is_some_and(str::is_empty),
        Value::Bool(left) => *left == is_true(right),
        Value::Array(_) | Value::Object(_) => left == right,
        Value::Number(_) | Value::String(_) => compare(left, right).is_some_and(|order| order.is_eq()),
    }
}

fn compare(left: &Value, right: &Value) -> Option<std::cmp::Ordering> {
    match left {
        Value::Number(left) => left.as_f64()?.partial_cmp(&number(right)?),
        Value::String(_) => Some(lower(left).cmp(&lower(right))),
        _ => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Bool(value) => Some(if *value { 1.0 } else { 0.0 }),
        Value::Null => Some(0.0),
        Value::Array(_) | Value::Object(_) => None,
    }
}

fn lower(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.to_lowercase(),
        other => other.to_string().to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(criteria: &str, body: &str, expected: bool) {
        assert_eq!(is_met(criteria, body), Ok(expected), "{criteria} of {body}");
    }

    #[test]
    fn empty_criteria_accept_every_body() {
        check("", r#"{"status":"failed"}"#, true);
        check("  ", "not JSON", true);
    }

    #[test]
    fn the_guides_criteria_accept_only_their_word() {
        let criteria = "eq(root['status'], 'successful')";
        check(criteria, r#"{"status":"successful"}"#, true);
        check(criteria, r#"{"Status":"Successful"}"#, true);
        check(criteria, r#"{"status":"failed"}"#, false);
        check(criteria, r#"{"status":"pending"}"#, false);
        check(criteria, "{}", false);
        check(criteria, "[]", false);
    }

    #[test]
    fn functions_combine() {
        let body = r#"{"status":"successful","coverage":81.5,"items":[1,2],"errors":null,"done":true}"#;
        check("and(eq(root.status, 'successful'), gt(root.coverage, 80))", body, true);
        check("and(root.done, root.errors)", body, false);
        check("or(eq(root.status, 'x'), not(root.errors))", body, true);
        check("xor(root.done, true)", body, false);
        check("in(root.status, 'a', 'SUCCESSFUL')", body, true);
        check("notIn(root.status, 'a', 'b')", body, true);
        check("eq(count(root['items']), 2)", body, true);
        check("eq(root['items'][1], '2')", body, true);
        check("ne(root.done, 'true')", body, false);
        check(
            "and(startsWith(root.status, 'succ'), endsWith(root.status, 'ful'), contains(root.status, 'ess'))",
            body,
            true,
        );
        check("le(root.coverage, 81)", body, false);
    }

    #[test]
    fn criteria_that_cannot_be_evaluated_say_why() {
        let unknown = is_met("always()", "{}");
        assert_eq!(unknown, Err("there is no function `always` with 0 arguments".to_owned()));
        let html = is_met("eq(root.status, 'successful')", "<html>").unwrap_err();
        assert!(html.starts_with("the body is not JSON"), "{html}");
    }
}
