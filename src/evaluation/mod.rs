//! Evaluates a check: reads the facts that its conditions need, then judges them.

mod apart;
pub mod evaluator;
mod explanation;
pub mod past;
pub mod replay;
#[cfg(test)]
mod tests;
mod verdict;
mod wanted;

pub use explanation::Explanation;
pub use verdict::{Memory, Status, Verdict, judge};
