//! How Azure Pipelines expects the answer of a check.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How Azure Pipelines expects the answer: the check's *Completion event*.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CompletionEvent {
    /// Asynchronously: the delivery is acknowledged, the decision is posted later.
    #[default]
    Callback,
    /// Synchronously: the decision is in the response to the delivery.
    ApiResponse,
}
