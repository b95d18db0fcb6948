//! The routes, by area. Each takes the state and a request that has passed its route's demands.

pub(super) mod boards;
pub(super) mod build;
pub(super) mod code;
pub(super) mod plans;
pub(super) mod quality;
pub(super) mod timelines;

use uuid::Uuid;

use super::answers::Refusal;
use super::router::Ask;
use super::state::{Project, State};

/// The project that the path names.
fn project<'a>(state: &'a State, ask: &Ask<'_>) -> Result<&'a Project, Refusal> {
    let name = ask.path("project");
    state.find_project(name).ok_or_else(|| {
        let message = format!("TF200016: The following project does not exist: {name}. Verify that the name of the project is correct and that the project exists on the specified Azure DevOps Server.");
        let by_id = Uuid::try_parse(name).is_ok();
        Refusal::not_found(if by_id { "ProjectDoesNotExistException" } else { "ProjectDoesNotExistWithNameException" }, message)
    })
}
