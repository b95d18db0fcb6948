//! What Azure Pipelines calls a task: its ids, its decision, its token. Leaves that every room may use.

mod completion_event;
mod decision;
mod ids;
pub mod plan_url;
pub mod sealer;
mod strict_url;
pub mod token;
pub mod trace;

pub use completion_event::CompletionEvent;
pub use decision::Decision;
pub use ids::{HubName, TaskProperties};
