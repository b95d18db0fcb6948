//! The guide's rules for the checks that administrators configure, as pure functions: what is wrong with a configuration,
//! and which configuration is right. Reading and writing configurations is the command line's task.
//!
//! * [`Panel`]: a configuration, in the words of the panel where people fill it in. [`criteria`]: its *Success criteria*.
//! * [`Rule`] and [`Finding`]: what can be wrong. [`examine()`] finds it.
//! * [`Wanted`]: the configuration that is right. [`difference`]: what would change, without any secret.
//! * [`report`]: findings as a table, JSON, SARIF or Markdown.

pub mod criteria;
pub mod difference;
mod examine;
mod examine_headers;
pub mod headers;
mod key;
mod panel;
mod protection;
pub mod report;
mod rule;
mod wanted;

pub use examine::examine;
pub use panel::{FUNCTION_TASK, Key, Panel, REST_TASK, Task, is_protection};
pub use protection::examine_resource;
pub use rule::{Finding, Level, Rule};
pub use wanted::{Address, Wanted, mended};
