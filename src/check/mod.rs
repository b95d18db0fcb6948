//! A check as Azure Pipelines delivered it: its ids, its run, its definition. No I/O.

mod advice;
mod deadline;
mod definition;
pub(crate) mod notify;
mod pace;
mod pattern;
mod schedule;
#[cfg(test)]
pub(crate) mod testing;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::conditions::Scope;
use crate::task::TaskProperties;
use crate::task::trace::TraceContext;

pub use deadline::deadline_margin;
pub use definition::{Allowed, CheckDefinition, Input, OnTimeout};
pub use notify::{Notify, Occasion};
pub use pace::{Bounds, ReevaluateEvery};
pub use pattern::Pattern;
pub use schedule::DecidedWith;

/// A delivered check, as it stays from its delivery to its decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// The name in `checks.yaml`, or `inline` for a definition in the delivery's body.
    pub name: String,
    /// Who asks.
    pub properties: TaskProperties,
    /// What must hold, as it was at delivery: a later deployment of `checks.yaml` does not change a waiting check.
    pub definition: CheckDefinition,
    /// The values of the extra headers that the definition declares, validated. They come from the author of the
    /// pipeline.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
    /// When the delivery arrived.
    pub delivered_at: DateTime<Utc>,
    /// When the check ends although its conditions are not decided.
    pub deadline: DateTime<Utc>,
    /// The trace in which it was delivered, where the caller has named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceContext>,
}

impl Check {
    /// When the check's token ends, as far as is known: it is not older than the delivery.
    #[must_use]
    pub fn token_ends(&self) -> DateTime<Utc> {
        self.delivered_at + schedule::TOKEN_LIFETIME
    }

    /// When the check must end if its decision is to be delivered with its token.
    #[must_use]
    pub fn deadline_with_token(&self) -> DateTime<Utc> {
        let longest = schedule::LONGEST_WITH_TOKEN.delta();
        self.delivered_at + longest - deadline_margin(longest)
    }

    /// The value of each declared input; empty for an optional one that was not sent.
    #[must_use]
    pub fn input_values(&self) -> BTreeMap<&str, &str> {
        self.definition.input_values(&self.inputs)
    }

    /// What its conditions may know at `now`; the state of each is added for each.
    #[must_use]
    pub fn scope<'a>(&'a self, inputs: &'a BTreeMap<&'a str, &'a str>, now: DateTime<Utc>) -> Scope<'a> {
        Scope {
            now,
            delivered_at: self.delivered_at,
            deadline: self.deadline,
            interval: self.definition.reevaluate_every().after(now - self.delivered_at),
            completion_event: self.definition.completion_event,
            inputs,
            state: None,
        }
    }
}
