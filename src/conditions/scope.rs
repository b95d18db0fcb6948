//! What a condition may know besides facts.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::task::CompletionEvent;

/// What a condition may know besides facts.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// When the evaluation began: one moment for all conditions. What may close while facts are read asks
    /// [`Facts::read_at`](crate::facts::Facts::read_at).
    pub now: DateTime<Utc>,
    /// When the check was delivered.
    pub delivered_at: DateTime<Utc>,
    /// When the check ends although its conditions are not decided.
    pub deadline: DateTime<Utc>,
    /// The time from one evaluation to the next while the check waits.
    pub interval: TimeDelta,
    /// How the answer is expected. In ApiResponse mode each evaluation is a delivery of its own.
    pub completion_event: CompletionEvent,
    /// The value of each input that the check declares; empty for an optional one that was not sent.
    pub inputs: &'a BTreeMap<&'a str, &'a str>,
    /// What this condition remembered at the last evaluation.
    pub state: Option<&'a Value>,
}

impl<'a> Scope<'a> {
    /// The value of an input that the check declares; empty when an optional one was not sent.
    #[must_use]
    pub fn input(&self, name: &str) -> &'a str {
        self.inputs.get(name).copied().unwrap_or_default()
    }
}
