//! Job tokens, and what they may do.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

/// A job token.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token is refused from this moment on.
    pub expires_at: DateTime<Utc>,
    /// The areas that its identity may not read or write.
    pub denied: BTreeSet<Area>,
    /// Whether it is a person's token. The service takes those by Basic authentication only.
    pub is_personal: bool,
}

impl Token {
    /// A token that has every permission until `expires_at`.
    pub fn until(expires_at: DateTime<Utc>) -> Self {
        Self { expires_at, denied: BTreeSet::new(), is_personal: false }
    }
}

/// The area of a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    /// Plans of checks.
    Plans,
    /// Runs.
    Build,
    /// Boards. A work item that may not be read looks as if it did not exist.
    WorkItems,
    /// Coverage and test results.
    Tests,
    /// Repositories.
    Code,
    /// Projects.
    Projects,
    /// Environments.
    Environments,
    /// Service connections.
    Endpoints,
    /// Variable groups and secure files.
    Library,
    /// Agent queues.
    Queues,
    /// Seeing the checks of resources.
    ViewChecks,
    /// Changing the checks of resources.
    ManageChecks,
}
