//! A check as Azure Pipelines delivered it: who asks, about which run, and by which definition. No I/O.

mod definition;
mod scope;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::task::TaskProperties;

pub use definition::{CheckDefinition, CompletionEvent, Input, OnTimeout};
pub use scope::Scope;

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
    /// The extra headers that the definition declares, validated. Data of whoever wrote the pipeline.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
    /// When the delivery arrived.
    pub delivered_at: DateTime<Utc>,
    /// When the check ends without a verdict of its conditions.
    pub deadline: DateTime<Utc>,
}
