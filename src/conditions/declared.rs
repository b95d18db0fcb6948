//! What the rest of a check declares, so that a condition can be validated with it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use crate::sources::Connection;
use crate::suggest::suggest;
use crate::task::CompletionEvent;
use crate::yaml::{Duration, Problems};

/// What the rest of a check declares: the names that a condition may refer to, and the time there is.
pub struct Declared<'a> {
    /// The connections of the file.
    pub connections: &'a BTreeMap<String, Connection>,
    /// The names of the check's inputs.
    pub inputs: BTreeSet<&'a str>,
    /// How Azure Pipelines expects the answer.
    pub completion_event: CompletionEvent,
    /// The check's `timeout`.
    pub timeout: Duration,
    /// The time from the delivery to the check's deadline, shortly before the timeout.
    pub until_deadline: TimeDelta,
    /// How often the check is evaluated at most.
    pub max_evaluations: u32,
    /// Whether a delivery brought the check, instead of the operator's file.
    pub is_inline: bool,
}

impl Declared<'_> {
    /// Reports a connection that the file does not have, or that is of another kind.
    pub fn expect_connection(&self, name: &str, kinds: &[&str], problems: Problems<'_>) {
        expect_connection(self.connections, name, kinds, problems);
    }

    /// Reports a time that counts from the delivery, where each evaluation is a delivery of its own.
    pub fn expect_one_delivery(&self, key: &str, written: Option<Duration>, problems: &mut Problems<'_>) {
        if written.is_some() && self.completion_event == CompletionEvent::ApiResponse {
            problems.push(
                key,
                "counts from the delivery, and in ApiResponse mode each evaluation is a delivery of its own: leave it out, or write `completionEvent: Callback`",
            );
        }
    }

    /// Reports an input that the check does not declare.
    pub fn expect_input(&self, key: &str, name: &str, problems: &mut Problems<'_>) {
        if !self.inputs.contains(name) {
            problems.push(key, format!("the check declares no input `{name}`; add it to `inputs`"));
        }
    }
}

/// Reports a connection that is not among these, or that is of another kind.
pub(crate) fn expect_connection(
    connections: &BTreeMap<String, Connection>,
    name: &str,
    kinds: &[&str],
    mut problems: Problems<'_>,
) {
    match connections.get(name) {
        Some(connection) if kinds.contains(&connection.kind()) => {}
        Some(connection) => {
            let (found, wanted) = (connection.kind(), kinds.join("` or `"));
            problems.push("", format!("connection `{name}` is of kind `{found}`; this needs `{wanted}`"));
        }
        None => {
            let hint = suggest(name, connections.keys().map(String::as_str));
            problems.push("", format!("checks.yaml has no connection `{name}`; add it to `connections`{hint}"));
        }
    }
}
