//! A YAML document with the position of every value, so that all its mistakes are reported at once.

mod document;
mod duration;
mod node;
mod problems;
mod pruned;
mod written;

pub(crate) use document::explain;
pub use document::{Document, Problem};
pub use duration::Duration;
pub use problems::Problems;
pub use written::write;
