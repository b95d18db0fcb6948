//! Why an expression is not true, or cannot be evaluated: the values of its parts.

use std::collections::BTreeSet;

use cel::common::ast::{Expr, IdedExpr};
use cel::{Context, ExecutionError, Program, Value};

use crate::conditions::shared::predicate::check::parts;
use crate::conditions::shared::predicate::text::{Source, shown, with_type};

/// The most parts that are shown.
const MAX_LINES: usize = 20;

/// Names the innermost part that cannot be evaluated, with the values that it was given.
pub(super) fn explain(node: &IdedExpr, context: &Context<'_, '_>, source: &Source<'_>) -> String {
    // What is inside a comprehension has no value outside of it.
    let inside = if matches!(node.expr, Expr::Comprehension(_)) { Vec::new() } else { parts(node) };
    if let Some(part) = inside.into_iter().find(|part| Value::resolve(part, context).is_err()) {
        return explain(part, context, source);
    }
    let text = source.text(node);
    match (&node.expr, Value::resolve(node, context)) {
        (Expr::Select(select), Err(_)) => {
            let operand = source.text(&select.operand);
            match Value::resolve(&select.operand, context) {
                Ok(Value::Map(map)) => {
                    let mut keys: Vec<String> = map.map.keys().map(ToString::to_string).collect();
                    keys.sort();
                    let keys = if keys.is_empty() { "nothing".to_owned() } else { shorten(&keys) };
                    format!("`{text}` does not exist: `{operand}` has {keys}")
                }
                Ok(value) => format!("`{text}` does not exist: `{operand}` is {}", with_type(&value)),
                Err(error) => format!("`{text}` cannot be evaluated: {}", words(&error)),
            }
        }
        (_, Err(error)) => {
            let given: Vec<String> = parts(node)
                .into_iter()
                .filter(|_| !matches!(node.expr, Expr::Comprehension(_)))
                .filter_map(|part| Some((source.text(part), Value::resolve(part, context).ok()?)))
                .map(|(text, value)| format!("`{text}` is {}", with_type(&value)))
                .collect();
            let given = if given.is_empty() { words(&error) } else { given.join(", ") };
            format!("`{text}` cannot be evaluated: {given}")
        }
        (_, Ok(value)) => format!("`{text}` is {}", with_type(&value)),
    }
}

/// What the library says, without the values that it repeats at full length.
fn words(error: &ExecutionError) -> String {
    let text = match error {
        ExecutionError::NoSuchKey(key) => format!("there is no `{key}`"),
        ExecutionError::NoSuchOverload(overload) => {
            format!(
                "`{}` does not apply to {}",
                overload.function().trim_matches('_'),
                overload.argument_types().join(" and ")
            )
        }
        other => other.to_string(),
    };
    text.chars().take(200).collect()
}

fn shorten(keys: &[String]) -> String {
    let first: Vec<String> = keys.iter().take(8).map(|key| format!("`{key}`")).collect();
    let rest = keys.len() - first.len();
    if rest == 0 { first.join(", ") } else { format!("{} and {rest} more", first.join(", ")) }
}

/// The value of each part of an expression, the whole first.
pub(super) fn trace(program: &Program, context: &Context<'_, '_>, source: &Source<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut seen = BTreeSet::new();
    let mut stack = vec![program.expression()];
    while let Some(node) = stack.pop() {
        match &node.expr {
            Expr::Literal(_) | Expr::Unspecified => continue,
            // The whole path gets a line, its beginnings do not.
            Expr::Select(_) | Expr::Ident(_) => {}
            Expr::Comprehension(inner) => stack.push(&inner.iter_range),
            _ => stack.extend(parts(node).into_iter().rev()),
        }
        let text = source.text(node);
        if lines.len() < MAX_LINES && seen.insert(text.clone()) {
            let value = Value::resolve(node, context);
            lines.push(match value {
                Ok(value) => format!("{text} = {}", shown(&value)),
                Err(error) => format!("{text} = error: {}", words(&error)),
            });
        }
    }
    lines
}
