//! Why a connection did not answer what it was asked.

use std::time::Duration;

/// A call that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// A sentence fragment for the pipeline's log: which connection, and what came back. Never a secret.
    pub why: String,
    /// How long the other side asks us to wait.
    pub retry_after: Option<Duration>,
    /// Nobody was asked, so it says nothing about the other side.
    pub unasked: bool,
}

impl Error {
    /// A call that failed for this reason.
    pub(super) fn because(why: impl Into<String>) -> Self {
        Self { why: why.into(), retry_after: None, unasked: false }
    }
}
