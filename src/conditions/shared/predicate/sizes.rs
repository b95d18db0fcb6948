//! How long the lists of an expression are, and how many steps follow from that.

use std::collections::BTreeSet;

use cel::Value;
use cel::common::ast::{Expr, IdedExpr};
use cel::objects::Key;

use super::Variables;
use super::check::parts;

/// A timeline of a stage that waits has at least so many records: a stage, a job, a task, and the checkpoint itself.
const SHORTEST: usize = 4;

/// The lengths of the lists and maps that an expression may walk through.
pub(super) struct Sizes<'a> {
    variables: &'a Variables<'a>,
    /// Names that the expression binds itself. Where one of them is also a variable, its value is not looked at.
    bound: BTreeSet<&'a str>,
    /// What a list may have of which nothing is known.
    unknown: usize,
}

impl<'a> Sizes<'a> {
    pub(super) fn of(root: &'a IdedExpr, variables: &'a Variables<'a>) -> Self {
        let mut sizes = Self { variables, bound: BTreeSet::new(), unknown: 0 };
        let (mut literal, mut sums) = (0, 0);
        sizes.visit(root, &mut literal, &mut sums);
        let given = variables.iter().map(|(_, value)| longest(value)).max().unwrap_or(SHORTEST);
        // Elements of lists are lists of the values or of the expression, or sums of them.
        sizes.unknown = given.max(literal) * (1 + sums);
        sizes
    }

    fn visit(&mut self, node: &'a IdedExpr, literal: &mut usize, sums: &mut usize) {
        match &node.expr {
            Expr::List(list) => *literal = (*literal).max(list.elements.len()),
            Expr::Map(map) => *literal = (*literal).max(map.entries.len()),
            Expr::Call(call) if call.func_name == "_+_" => *sums += 1,
            Expr::Comprehension(inner) => {
                self.bound.extend([inner.iter_var.as_str(), inner.accu_var.as_str()]);
                self.bound.extend(inner.iter_var2.as_deref());
            }
            _ => {}
        }
        for part in parts(node) {
            self.visit(part, literal, sums);
        }
    }

    /// The steps that an expression takes.
    pub(super) fn cost(&self, node: &IdedExpr) -> usize {
        let of = |parts: &[&IdedExpr]| parts.iter().fold(1_usize, |sum, part| sum.saturating_add(self.cost(part)));
        match &node.expr {
            Expr::Comprehension(inner) => {
                let once = of(&[&inner.iter_range, &inner.accu_init, &inner.result]);
                let each = of(&[&inner.loop_cond, &inner.loop_step]);
                once.saturating_add(each.saturating_mul(self.length(&inner.iter_range)))
            }
            _ => of(&parts(node)),
        }
    }

    /// How many elements a list has, or members a map.
    fn length(&self, node: &IdedExpr) -> usize {
        match &node.expr {
            Expr::List(list) => list.elements.len(),
            Expr::Map(map) => map.entries.len(),
            // `filter` and `map` give as many elements as they walk through, at most.
            Expr::Comprehension(inner) if matches!(inner.accu_init.expr, Expr::List(_)) => {
                self.length(&inner.iter_range)
            }
            Expr::Call(call) if call.func_name == "_+_" => {
                call.args.iter().fold(0, |sum, part| sum.saturating_add(self.length(part)))
            }
            _ => match self.value(node) {
                Some(Value::List(items)) => items.len(),
                Some(Value::Map(map)) => map.map.len(),
                _ => self.unknown,
            },
        }
    }

    /// The value of a variable, or of a member of one.
    fn value(&self, node: &IdedExpr) -> Option<&'a Value> {
        match &node.expr {
            Expr::Ident(name) if !self.bound.contains(name.as_str()) => {
                self.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value)
            }
            Expr::Select(select) => match self.value(&select.operand)? {
                Value::Map(map) => map.map.get(&Key::from(select.field.as_str())),
                _ => None,
            },
            _ => None,
        }
    }
}

/// The longest list or map inside a value.
fn longest(value: &Value) -> usize {
    match value {
        Value::List(items) => items.iter().map(longest).max().unwrap_or(0).max(items.len()),
        Value::Map(map) => map.map.values().map(longest).max().unwrap_or(0).max(map.map.len()),
        _ => 0,
    }
}
