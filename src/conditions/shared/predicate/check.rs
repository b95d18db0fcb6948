//! What an expression mentions.

use std::collections::BTreeSet;

use cel::common::ast::{EntryExpr, Expr, IdedExpr};

/// The functions of CEL's standard library. Operators and expanded macros have other names.
pub(super) const FUNCTIONS: &[&str] = &[
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "int",
    "uint",
    "double",
    "string",
    "bool",
    "bytes",
    "dyn",
    "type",
    "duration",
    "timestamp",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
];

/// Names of types.
const TYPES: &[&str] =
    &["int", "uint", "double", "string", "bool", "bytes", "list", "map", "null_type", "type", "duration", "timestamp"];

/// What an expression mentions.
#[derive(Default)]
pub(super) struct Check {
    /// Variables that the expression does not bind itself, with the node that mentions them.
    pub(super) variables: Vec<(u64, String)>,
    functions: Vec<(u64, String)>,
    members: Vec<(String, String)>,
    /// Variables that the expression treats as lists.
    pub(super) lists: BTreeSet<String>,
}

impl Check {
    pub(super) fn of(root: &IdedExpr) -> Self {
        let mut check = Self::default();
        check.visit(root, &mut Vec::new());
        check
    }

    pub(super) fn unknown_functions(&self) -> impl Iterator<Item = (u64, &str)> {
        let functions = self.functions.iter().map(|(id, name)| (*id, name.as_str()));
        functions.filter(|(_, name)| !FUNCTIONS.contains(name))
    }

    pub(super) fn members_of(&self, variable: &str) -> BTreeSet<String> {
        let of_variable = self.members.iter().filter(|(name, _)| name == variable);
        of_variable.map(|(_, member)| member.clone()).collect()
    }

    pub(super) fn mentions_only(&self, variable: &str, member: &str) -> bool {
        let mentions = self.variables.iter().filter(|(_, name)| name == variable).count();
        mentions == self.members.iter().filter(|(name, found)| name == variable && found == member).count()
    }

    fn visit<'a>(&mut self, node: &'a IdedExpr, bound: &mut Vec<&'a str>) {
        match &node.expr {
            Expr::Ident(name) => {
                let is_own = name.starts_with('@') || bound.contains(&name.as_str()) || TYPES.contains(&name.as_str());
                if !is_own {
                    self.variables.push((node.id, name.clone()));
                }
            }
            // Operators have names that no person can write.
            Expr::Call(call) if call.func_name.starts_with(|first: char| first.is_ascii_alphabetic()) => {
                self.functions.push((node.id, call.func_name.clone()));
            }
            Expr::Select(select) => {
                if let Expr::Ident(name) = &select.operand.expr {
                    self.members.push((name.clone(), select.field.clone()));
                }
            }
            _ => {}
        }
        for part in list_parts(node) {
            if let Expr::Ident(name) = &part.expr
                && !bound.contains(&name.as_str())
            {
                self.lists.insert(name.clone());
            }
        }
        if let Expr::Comprehension(inner) = &node.expr {
            self.visit(&inner.iter_range, bound);
            self.visit(&inner.accu_init, bound);
            let before = bound.len();
            bound.extend([inner.iter_var.as_str(), inner.accu_var.as_str()]);
            bound.extend(inner.iter_var2.as_deref());
            for part in [&inner.loop_cond, &inner.loop_step, &inner.result] {
                self.visit(part, bound);
            }
            bound.truncate(before);
        } else {
            for part in parts(node) {
                self.visit(part, bound);
            }
        }
    }
}

/// The parts of an expression that can only be lists, or maps: what it walks through, counts, or takes an element of.
fn list_parts(node: &IdedExpr) -> Vec<&IdedExpr> {
    match &node.expr {
        Expr::Comprehension(inner) => vec![&inner.iter_range],
        Expr::Call(call) => match call.func_name.as_str() {
            "size" => call.target.as_deref().into_iter().chain(&call.args).collect(),
            "_[_]" => call.args.iter().take(1).collect(),
            "@in" => call.args.iter().skip(1).collect(),
            "_==_" | "_!=_" | "_+_" if call.args.iter().any(|part| matches!(part.expr, Expr::List(_))) => {
                call.args.iter().collect()
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// The expressions directly inside one.
pub(super) fn parts(node: &IdedExpr) -> Vec<&IdedExpr> {
    match &node.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => Vec::new(),
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).collect(),
        Expr::Select(select) => vec![&*select.operand],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => map.entries.iter().flat_map(|entry| entry_parts(&entry.expr)).collect(),
        Expr::Struct(made) => made.entries.iter().flat_map(|entry| entry_parts(&entry.expr)).collect(),
        Expr::Comprehension(inner) => {
            vec![&inner.iter_range, &inner.accu_init, &inner.loop_cond, &inner.loop_step, &inner.result]
        }
    }
}

fn entry_parts(entry: &EntryExpr) -> Vec<&IdedExpr> {
    match entry {
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
        EntryExpr::StructField(field) => vec![&field.value],
    }
}
