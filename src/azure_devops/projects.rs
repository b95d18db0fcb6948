//! The projects of an organisation.

use serde::Deserialize;
use url::form_urlencoded::byte_serialize;
use uuid::Uuid;

use super::{Error, Session};

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Project {
    /// Its id, which every call accepts.
    pub id: Uuid,
    /// Its name for people.
    pub name: String,
}

impl Session<'_> {
    /// All projects that the token may see.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn projects(&self) -> Result<Vec<Project>, Error> {
        self.get_pages("read the projects", "_apis/projects", None).await
    }

    /// The project with this name or id.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn project(&self, name_or_id: &str) -> Result<Project, Error> {
        let encoded: String = byte_serialize(name_or_id.as_bytes()).collect();
        // In a path, a plus is a plus.
        self.get("read the project", &format!("_apis/projects/{}", encoded.replace('+', "%20"))).await
    }
}
