//! *Success criteria*: the expression by which Azure Pipelines reads the answer of a check in ApiResponse mode.
//!
//! It is an expression of pipelines over `root`, the body of the answer, such as `eq(root['status'], 'successful')`. The
//! functions here are those that a person uses for a status. `jsonpath` and others are not judged.

use serde_json::Value;

/// The criteria that fit checkgate's answers.
pub const RECOMMENDED: &str = "eq(root['status'], 'successful')";

/// Whether an answer with this body meets the criteria.
///
/// # Errors
///
/// Why the criteria cannot be judged.
pub fn are_met(criteria: &str, body: &Value) -> Result<bool, String> {
    let mut reader = Reader { rest: criteria.trim(), root: body };
    let value = reader.value()?;
    match reader.next() {
        None => Ok(truth(&value)),
        Some(c) => Err(format!("`{c}` follows where the expression should end")),
    }
}

/// Reads and evaluates at once: the arguments of every function have values, whatever the function makes of them.
struct Reader<'a> {
    rest: &'a str,
    root: &'a Value,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    fn eat(&mut self, wanted: char) -> bool {
        let is_next = self.next() == Some(wanted);
        if is_next {
            self.rest = &self.rest[wanted.len_utf8()..];
        }
        is_next
    }

    fn need(&mut self, wanted: char) -> Result<(), String> {
        if self.eat(wanted) { Ok(()) } else { Err(format!("`{wanted}` is missing before `{}`", self.rest)) }
    }

    fn value(&mut self) -> Result<Value, String> {
        let mut value = match self.next() {
            Some('\'') => self.text()?,
            Some(c) if c.is_ascii_alphabetic() => self.name_or_call()?,
            Some(c) if c.is_ascii_digit() || c == '-' => {
                let number = self.take_while(|c| c.is_ascii_digit() || matches!(c, '-' | '.'));
                number.parse::<f64>().map(Value::from).map_err(|_| format!("`{number}` is not a number"))?
            }
            Some(c) => return Err(format!("`{c}` begins no value")),
            None => return Err("it ends too early".to_owned()),
        };
        loop {
            if self.eat('.') {
                let name = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
                value = member(&value, &Value::from(name));
            } else if self.eat('[') {
                let name = self.value()?;
                self.need(']')?;
                value = member(&value, &name);
            } else {
                return Ok(value);
            }
        }
    }

    /// A text in quotes; two quotes inside stand for one.
    fn text(&mut self) -> Result<Value, String> {
        let mut text = String::new();
        let mut is_first = true;
        while self.rest.starts_with('\'') {
            if !is_first {
                text.push('\'');
            }
            is_first = false;
            let (part, rest) = self.rest[1..].split_once('\'').ok_or("a text has no closing quote")?;
            text.push_str(part);
            self.rest = rest;
        }
        Ok(text.into())
    }

    fn name_or_call(&mut self) -> Result<Value, String> {
        let name = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_').to_ascii_lowercase();
        if !self.eat('(') {
            return match name.as_str() {
                "root" => Ok(self.root.clone()),
                "true" => Ok(true.into()),
                "false" => Ok(false.into()),
                "null" => Ok(Value::Null),
                _ => Err(format!("`{name}` is not known")),
            };
        }
        let mut arguments = Vec::new();
        while !self.eat(')') {
            if !arguments.is_empty() {
                self.need(',')?;
            }
            arguments.push(self.value()?);
        }
        call(&name, &arguments).ok_or_else(|| format!("the function `{name}` is not judged here"))
    }

    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> String {
        let end = self.rest.find(|c| !fits(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.to_owned()
    }
}

fn member(of: &Value, name: &Value) -> Value {
    match (of, name) {
        (Value::Object(members), Value::String(name)) => {
            let found = members.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map_or(Value::Null, |(_, value)| value.clone())
        }
        _ => Value::Null,
    }
}

fn call(name: &str, arguments: &[Value]) -> Option<Value> {
    let holds = match (name, arguments) {
        ("and", all) => all.iter().all(truth),
        ("or", any) => any.iter().any(truth),
        ("not", [one]) => !truth(one),
        ("xor", [one, other]) => truth(one) != truth(other),
        ("eq", [one, other]) => same(one, other),
        ("ne", [one, other]) => !same(one, other),
        ("in", [one, others @ ..]) => others.iter().any(|other| same(one, other)),
        ("notin", [one, others @ ..]) => !others.iter().any(|other| same(one, other)),
        ("contains", [whole, part]) => text(whole).contains(&text(part)),
        ("startswith", [whole, part]) => text(whole).starts_with(&text(part)),
        ("endswith", [whole, part]) => text(whole).ends_with(&text(part)),
        _ => return None,
    };
    Some(holds.into())
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned).to_lowercase()
}

/// Texts are the same whatever their case.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Null, Value::Null) => true,
        (Value::Null, other) | (other, Value::Null) => other == "",
        (one, other) => text(one) == text(other),
    }
}

fn truth(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn accepts_failed(criteria: &str) -> Result<bool, String> {
        are_met(criteria, &json!({ "status": "failed" }))
    }

    #[test]
    fn criteria_that_ask_for_success_do_not_accept_a_failure() {
        for criteria in [
            RECOMMENDED,
            "eq(root.status, 'successful')",
            "and(eq(root['status'], 'successful'), ne(root['status'], ''))",
            "in(root['status'], 'successful', 'passed')",
            "root['successful']",
        ] {
            assert_eq!(accepts_failed(criteria), Ok(false), "{criteria}");
            let _ = are_met(criteria, &json!({ "status": "successful" })).expect(criteria);
        }
        assert_eq!(are_met(RECOMMENDED, &json!({ "status": "Successful" })), Ok(true));
    }

    #[test]
    fn criteria_that_a_failure_meets_too_are_found() {
        for criteria in [
            "true",
            "root",
            "root['status']",
            "ne(root['status'], 'error')",
            "not(eq(root['status'], 'waiting'))",
            "eq(root['status'], 'Failed')",
            "or(eq(root['status'], 'successful'), ne(root['state'], 'x'))",
            "eq('it''s', 'it''s')",
        ] {
            assert_eq!(accepts_failed(criteria), Ok(true), "{criteria}");
        }
    }

    #[test]
    fn what_cannot_be_judged_is_said() {
        for (criteria, why) in [
            ("eq(jsonpath('$.status'), 'x')", "the function `jsonpath` is not judged here"),
            ("eq(root['status'], 'successful'", "`,` is missing before ``"),
            ("status == 'successful'", "`status` is not known"),
            ("true false", "`f` follows where the expression should end"),
            ("'open", "a text has no closing quote"),
        ] {
            assert_eq!(accepts_failed(criteria), Err(why.to_owned()), "{criteria}");
        }
    }
}
