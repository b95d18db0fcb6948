//! Collecting mistakes while a file is validated.

use std::collections::BTreeMap;

use super::{CheckDefinition, Connection, Input, Problem, nearest};

/// What a condition may refer to: names that must exist.
pub struct Scope<'a> {
    /// The connections of the file.
    pub connections: &'a BTreeMap<String, Connection>,
    /// The inputs of the check.
    pub inputs: &'a BTreeMap<String, Input>,
    /// The whole check.
    pub definition: &'a CheckDefinition,
    /// Whether a delivery brought it, instead of the operator's file.
    pub is_inline: bool,
}

impl Scope<'_> {
    /// Reports a connection that the file does not have, or that is of another kind.
    pub fn expect_connection(&self, key: &str, name: &str, kinds: &[&str], problems: &mut Problems<'_>) {
        match self.connections.get(name) {
            Some(connection) if kinds.contains(&connection.kind()) => {}
            Some(connection) => {
                let (found, wanted) = (connection.kind(), kinds.join("` or `"));
                problems.push(key, format!("connection `{name}` is of kind `{found}`; this needs `{wanted}`"));
            }
            None => {
                let hint = nearest(name, self.connections.keys().map(String::as_str));
                let hint = hint.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                let message = format!("checks.yaml has no connection `{name}`; add it to `connections`{hint}");
                problems.push(key, message);
            }
        }
    }

    /// Reports an input that the check does not declare.
    pub fn expect_input(&self, key: &str, name: &str, problems: &mut Problems<'_>) {
        if !self.inputs.contains_key(name) {
            problems.push(key, format!("the check declares no input `{name}`; add it to `inputs`"));
        }
    }
}

/// Collects mistakes below one path.
pub struct Problems<'a> {
    path: String,
    found: &'a mut Vec<Problem>,
}

impl<'a> Problems<'a> {
    /// Collects into `found` below `path`.
    pub fn at(path: String, found: &'a mut Vec<Problem>) -> Self {
        Self { path, found }
    }

    /// The same collection, one step further in.
    pub fn inside(&mut self, key: &str) -> Problems<'_> {
        Problems { path: join(&self.path, key), found: self.found }
    }

    /// Adds a mistake at `key`, or at the path itself when `key` is empty.
    pub fn push(&mut self, key: &str, message: impl Into<String>) {
        self.found.push(Problem::new(join(&self.path, key), message));
    }
}

fn join(path: &str, key: &str) -> String {
    match (path, key) {
        ("", key) => key.to_owned(),
        (path, "") => path.to_owned(),
        (path, key) => format!("{path}.{key}"),
    }
}
