//! Expressions and values as people read them.

use std::collections::HashMap;
use std::sync::Arc;

use cel::common::ast::{IdedExpr, SourceInfo};
use cel::objects::{Key, Map};
use cel::{ParseErrors, Program, Value};
use serde_json::Value as Json;

use crate::conditions::shared::predicate::check::parts;

/// The longest value that is shown.
const MAX_SHOWN: usize = 120;

/// The text of a program, by its nodes.
pub(super) struct Source<'a> {
    info: &'a SourceInfo,
    text: &'a [u8],
}

impl<'a> Source<'a> {
    pub(super) fn of(program: &'a Program) -> Self {
        let info = program.source_info();
        Self { info, text: info.source.as_bytes() }
    }

    /// The position of a node, for an error message.
    pub(super) fn place(&self, id: u64) -> String {
        let start = self.info.offset_for(id).map_or(0, |(start, _)| start as usize);
        place(self.text, start)
    }

    /// A node as it was written.
    pub(super) fn text(&self, node: &IdedExpr) -> String {
        let mut range = None;
        self.extend(node, &mut range);
        let (start, stop) = range.unwrap_or((0, self.text.len()));
        let (start, stop) = self.complete(start, stop);
        String::from_utf8_lossy(&self.text[start..stop]).trim().to_owned()
    }

    /// The first and last character of the tokens that a node and those inside it came from.
    fn extend(&self, node: &IdedExpr, range: &mut Option<(usize, usize)>) {
        if let Some((start, stop)) = self.info.offset_for(node.id) {
            let last = self.text.len().saturating_sub(1);
            let (start, stop) = ((start as usize).min(last), (stop as usize).min(last));
            *range = Some(range.map_or((start, stop), |(first, last)| (first.min(start), last.max(stop))));
        }
        for part in parts(node) {
            self.extend(part, range);
        }
    }

    /// Adds what belongs to a node but is not among its tokens: the name after a dot, closing brackets.
    fn complete(&self, mut start: usize, stop: usize) -> (usize, usize) {
        let is_name = |c: &u8| c.is_ascii_alphanumeric() || *c == b'_';
        let mut stop = (stop + 1).min(self.text.len());
        if self.text.get(stop.wrapping_sub(1)) == Some(&b'.') {
            stop += self.text[stop..].iter().take_while(|c| c.is_ascii_whitespace()).count();
            stop += self.text[stop..].iter().take_while(|c| is_name(c)).count();
        }
        let (mut missing_open, mut missing_close) = balance(&self.text[start..stop]);
        while missing_close > 0 && stop < self.text.len() {
            stop += 1;
            (missing_open, missing_close) = balance(&self.text[start..stop]);
        }
        while missing_open > 0 && start > 0 {
            start -= 1;
            (missing_open, _) = balance(&self.text[start..stop]);
        }
        // `f(` is one token of the call, its name another.
        if self.text.get(start) == Some(&b'(') {
            let name = self.text[..start].iter().rev().take_while(|c| is_name(c)).count();
            start -= name;
        }
        (start, stop)
    }
}

/// How many brackets are missing before and after a piece of an expression.
fn balance(text: &[u8]) -> (usize, usize) {
    let (mut before, mut open, mut quote) = (0, 0_usize, None);
    for &c in text {
        match (c, quote) {
            (c, Some(quoted)) => quote = (c != quoted).then_some(quoted),
            (b'"' | b'\'', None) => quote = Some(c),
            (b'(' | b'[' | b'{', None) => open += 1,
            (b')' | b']' | b'}', None) if open == 0 => before += 1,
            (b')' | b']' | b'}', None) => open -= 1,
            _ => {}
        }
    }
    (before, open)
}

/// What the parser says, with its positions.
pub(super) fn parse_errors(errors: &ParseErrors) -> Vec<String> {
    let said = errors.errors.iter().take(3).map(|error| {
        let (line, column) = error.pos;
        let message = error.msg.lines().next().unwrap_or_default();
        let line = if line > 1 { format!("line {line}, ") } else { String::new() };
        format!("{line}column {column}: {message}; this is not a CEL expression such as `result < 0.05`")
    });
    said.collect()
}

fn place(text: &[u8], at: usize) -> String {
    let before = String::from_utf8_lossy(&text[..at.min(text.len())]);
    let line = before.matches('\n').count();
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    if line == 0 { format!("column {column}") } else { format!("line {}, column {column}", line + 1) }
}

/// A value for the log, cut to what a line takes.
pub(in crate::conditions) fn shown(value: &Value) -> String {
    let text = match value {
        Value::Float(number) => number.to_string(),
        Value::Timestamp(at) => at.to_rfc3339(),
        Value::Duration(duration) => format!("{}s", duration.num_seconds()),
        value => value.json().map_or_else(|_| format!("{value:?}"), |json| json.to_string()),
    };
    if text.chars().count() <= MAX_SHOWN {
        return text;
    }
    let cut: String = text.chars().take(MAX_SHOWN - 1).collect();
    format!("{cut}…")
}

/// A value with the name of its type.
pub(super) fn with_type(value: &Value) -> String {
    let name = match value {
        Value::List(_) => "list",
        Value::Map(_) | Value::Struct(_) => "map",
        Value::Int(_) => "int",
        Value::UInt(_) => "uint",
        Value::Float(_) => "double",
        Value::String(_) => "string",
        Value::Bytes(_) => "bytes",
        Value::Bool(_) => "bool",
        Value::Duration(_) => "duration",
        Value::Timestamp(_) => "timestamp",
        Value::Null => return "null".to_owned(),
        Value::Function(..) | Value::Opaque(_) => return "no value".to_owned(),
    };
    format!("{} ({name})", shown(value))
}

/// A JSON value as CEL knows it. Whole numbers become `int`, so that they can be counted with.
pub(in crate::conditions) fn from_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => {
            number.as_i64().map(Value::Int).or_else(|| number.as_f64().map(Value::Float)).unwrap_or(Value::Null)
        }
        Json::String(text) => Value::String(Arc::new(text.clone())),
        Json::Array(items) => Value::List(Arc::new(items.iter().map(from_json).collect())),
        Json::Object(members) => {
            let map: HashMap<Key, Value> =
                members.iter().map(|(key, value)| (Key::from(key.as_str()), from_json(value))).collect();
            Value::Map(Map { map: Arc::new(map) })
        }
    }
}
