//! A request, as a handler sees it.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::answers::Refusal;
use crate::azure_devops::state::{Project, State};

/// A request that meets the demands of its route.
pub(crate) struct Ask<'a> {
    pub(crate) now: DateTime<Utc>,
    pub(crate) body: &'a Bytes,
    /// Whether the token's identity may read Boards. If not, Boards looks empty to it.
    pub(crate) sees_boards: bool,
    pub(crate) parameters: Vec<(&'static str, String)>,
    pub(crate) query: Vec<(String, String)>,
}

impl Ask<'_> {
    /// The part of the path with this name in the template. Empty if the template has no such part.
    pub(crate) fn path(&self, name: &str) -> &str {
        self.parameters.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    /// A query parameter. Names are case-insensitive.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// A number in the path or query.
    pub(crate) fn number<N: std::str::FromStr>(&self, text: &str) -> Result<N, Refusal> {
        text.parse().map_err(|_| Refusal::model(format!("The value '{text}' is not valid.")))
    }

    /// The body as JSON of this shape.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        serde_json::from_slice(self.body).map_err(Refusal::model)
    }
}

/// The project that the path names.
pub(super) fn project<'a>(state: &'a State, ask: &Ask<'_>) -> Result<&'a Project, Refusal> {
    let name = ask.path("project");
    state.find_project(name).ok_or_else(|| {
        let message = format!("TF200016: The following project does not exist: {name}. Verify that the name of the project is correct and that the project exists on the specified Azure DevOps Server.");
        let by_id = Uuid::try_parse(name).is_ok();
        Refusal::not_found(if by_id { "ProjectDoesNotExistException" } else { "ProjectDoesNotExistWithNameException" }, message)
    })
}
