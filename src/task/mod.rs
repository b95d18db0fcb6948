//! What Azure Pipelines calls a task: its ids, its decision, its token. Leaves that every room may use.

mod decision;
mod ids;
pub mod plan_url;
pub mod sealer;
pub mod token;

pub use decision::Decision;
pub use ids::{HubName, TaskProperties};
