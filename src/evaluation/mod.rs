//! Evaluates a check: reads the facts that its conditions need, then judges them.

mod apart;
pub mod evaluator;
mod explanation;
pub mod past;
#[cfg(test)]
mod tests;
mod verdict;

pub use explanation::Explanation;
pub use verdict::{Memory, Status, Verdict, judge};
