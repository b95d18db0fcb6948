//! The final answer to Azure Pipelines.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The final answer to Azure Pipelines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "result")]
pub enum Decision {
    /// The stage may use the resource.
    Approved,
    /// It may not, for this reason (a full sentence for the pipeline's log).
    Rejected {
        /// Why.
        reason: String,
    },
}

impl Decision {
    /// A rejection for this reason.
    #[must_use]
    pub fn rejected(reason: impl Into<String>) -> Self {
        Self::Rejected { reason: reason.into() }
    }

    /// The word for the decision in the body of the callback: a `TaskResult` of Azure DevOps.
    #[must_use]
    pub const fn task_result(&self) -> &'static str {
        match self {
            Self::Approved => "succeeded",
            Self::Rejected { .. } => "failed",
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.task_result())
    }
}
