//! The resources of a project that checks can protect.

use serde_json::{Value, json};
use uuid::Uuid;

/// A protected resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// What it is.
    pub kind: ResourceKind,
    /// Its project.
    pub project_id: Uuid,
    /// A number for most kinds; a GUID for service connections, secure files and repositories.
    pub id: String,
    /// The name that people see.
    pub name: String,
    /// The address behind a service connection.
    pub url: Option<String>,
}

/// The kinds of resources that can have checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResourceKind {
    /// An environment.
    Environment,
    /// A service connection.
    Endpoint,
    /// A repository.
    Repository,
    /// A variable group.
    VariableGroup,
    /// A secure file.
    SecureFile,
    /// The queue of an agent pool.
    Queue,
}

impl ResourceKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Environment, Self::Endpoint, Self::Repository, Self::VariableGroup, Self::SecureFile, Self::Queue];

    /// The word that checks use for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::Endpoint => "endpoint",
            Self::Repository => "repository",
            Self::VariableGroup => "variablegroup",
            Self::SecureFile => "securefile",
            Self::Queue => "queue",
        }
    }

    /// Whether its ids are GUIDs.
    pub(super) const fn has_guid(self) -> bool {
        matches!(self, Self::Endpoint | Self::Repository | Self::SecureFile)
    }
}

impl Resource {
    /// The id that check configurations use. That of a repository begins with its project.
    pub fn check_id(&self) -> String {
        match self.kind {
            ResourceKind::Repository => format!("{}.{}", self.project_id, self.id),
            _ => self.id.clone(),
        }
    }

    /// The resource, as a check configuration names it.
    pub(crate) fn reference(&self) -> Value {
        json!({"type": self.kind.word(), "id": self.check_id(), "name": self.name})
    }
}
