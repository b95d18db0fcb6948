//! Job tokens, and what they may do.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

/// A job token.
#[derive(Clone, Debug)]
pub struct Token {
    /// Refused from this moment on.
    pub expires_at: DateTime<Utc>,
    /// What its identity may not read or write.
    pub denied: BTreeSet<Area>,
}

impl Token {
    /// A token that may do everything until `expires_at`.
    pub fn until(expires_at: DateTime<Utc>) -> Self {
        Self { expires_at, denied: BTreeSet::new() }
    }
}

/// What a permission is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    /// Plans of checks.
    Plans,
    /// Runs.
    Build,
    /// Boards. What may not be read is answered as if it did not exist.
    WorkItems,
    /// Coverage and test results.
    Tests,
    /// Repositories.
    Code,
}
