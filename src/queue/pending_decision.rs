//! A decision that was made, on its way to Azure Pipelines. Pure.

use serde::{Deserialize, Serialize};

use crate::task::Decision;

/// A decision that was made and is not known to have arrived. It is never made again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingDecision {
    /// The decision.
    pub decision: Decision,
    /// Whether Azure DevOps has accepted it, so that only the confirmation is missing.
    #[serde(default)]
    pub accepted: bool,
    /// How many times it was sent.
    #[serde(default)]
    pub attempts: u32,
    /// How many times Azure DevOps answered that nobody waits for it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub gone: u32,
    /// Whether the check's log says it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub logged: bool,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl PendingDecision {
    /// A decision that was just made, or found.
    #[must_use]
    pub const fn new(decision: Decision) -> Self {
        Self { decision, accepted: false, attempts: 0, gone: 0, logged: false }
    }

    /// The same decision, sent once more.
    #[must_use]
    pub fn sent_again(self) -> Self {
        Self { attempts: self.attempts.saturating_add(1), ..self }
    }
}
