//! Why a fact could not be read.

use std::time::Duration;

use crate::azure_devops::{self, ErrorKind};
use crate::sources;

/// Why a fact could not be read, in words for the pipeline's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactError {
    /// A sentence fragment: what was asked, and what came back.
    pub why: String,
    /// How long the other side asks us to wait.
    pub retry_after: Option<Duration>,
    /// Whether Azure DevOps refused the token: then nothing else can be read, and no decision can be delivered.
    pub token_refused: bool,
    /// Nobody was asked, so it says nothing about the other side.
    pub unasked: bool,
}

impl FactError {
    /// A fact that could not be read for this reason.
    pub fn because(why: impl Into<String>) -> Self {
        Self { why: why.into(), retry_after: None, token_refused: false, unasked: false }
    }
}

impl From<azure_devops::Error> for FactError {
    fn from(error: azure_devops::Error) -> Self {
        let retry_after = match error.kind {
            ErrorKind::Transient { retry_after } => retry_after,
            _ => None,
        };
        let token_refused = error.kind == ErrorKind::TokenRefused;
        Self { retry_after, token_refused, ..Self::because(error.to_string()) }
    }
}

impl From<sources::Error> for FactError {
    fn from(error: sources::Error) -> Self {
        Self { retry_after: error.retry_after, unasked: error.unasked, ..Self::because(error.why) }
    }
}
