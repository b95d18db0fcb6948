//! The names that a condition may refer to.

use std::collections::BTreeMap;

use super::{CheckDefinition, Input};
use crate::sources::Connection;
use crate::yaml::{Problems, nearest};

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
