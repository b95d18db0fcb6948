//! The resources of a project that checks can protect.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use super::{Error, Session};

/// What a resource is. The words are those of check configurations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceType {
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

impl ResourceType {
    /// All types.
    pub const ALL: [Self; 6] =
        [Self::Environment, Self::Endpoint, Self::Repository, Self::VariableGroup, Self::SecureFile, Self::Queue];

    /// The word of the REST API.
    #[must_use]
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

    /// Its list, what reading it is called, and whether it is known only as a preview.
    const fn list(self) -> (&'static str, &'static str, bool) {
        match self {
            Self::Environment => ("distributedtask/environments", "read the environments", false),
            Self::Endpoint => ("serviceendpoint/endpoints", "read the service connections", false),
            Self::Repository => ("git/repositories", "read the repositories", false),
            Self::VariableGroup => ("distributedtask/variablegroups", "read the variable groups", false),
            Self::SecureFile => ("distributedtask/securefiles", "read the secure files", true),
            Self::Queue => ("distributedtask/queues", "read the agent pools", false),
        }
    }
}

impl fmt::Display for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// What it is.
    pub kind: ResourceType,
    /// The id that check configurations use: a number or a GUID; of a repository, `project.repository`.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// The address behind a service connection.
    pub url: Option<String>,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

#[derive(Debug, Deserialize)]
struct Listed {
    id: Value,
    #[serde(default)]
    name: String,
    #[serde(default)]
    url: Option<String>,
}

impl Session<'_> {
    /// All resources of this type in the project.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn resources(&self, kind: ResourceType) -> Result<Vec<Resource>, Error> {
        let (list, what, is_preview) = kind.list();
        let preview = is_preview.then(|| self.preview_version());
        let listed: Vec<Listed> = self.get_pages(what, &self.in_project(list), preview.as_deref()).await?;
        Ok(listed.into_iter().map(|listed| self.resource(kind, listed)).collect())
    }

    fn resource(&self, kind: ResourceType, listed: Listed) -> Resource {
        let id = listed.id.as_str().map_or_else(|| listed.id.to_string(), str::to_owned);
        let id = match kind {
            ResourceType::Repository => format!("{}.{id}", self.properties().project_id),
            _ => id,
        };
        let url = listed.url.filter(|_| kind == ResourceType::Endpoint);
        Resource { kind, id, name: listed.name, url }
    }

    /// Whether the resource is still there, and may be seen.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn resource_exists(&self, resource: &Resource) -> Result<bool, Error> {
        let (list, what, is_preview) = resource.kind.list();
        let id = resource.id.rsplit('.').next().unwrap_or_default();
        let path = self.in_project(&format!("{list}/{id}"));
        let answer: Result<Option<Value>, Error> =
            if is_preview { self.get_preview(what, &path).await } else { self.get(what, &path).await };
        match answer {
            Ok(found) => Ok(found.is_some()),
            Err(error) if error.kind == super::ErrorKind::NotVisible => Ok(false),
            Err(error) => Err(error),
        }
    }
}
