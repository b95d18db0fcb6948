//! Stands in for the outside world of checkgate on a developer's machine.
//!
//! # Layout
//!
//! * [`clock`]: the one hand that all simulated worlds read.

pub mod clock;

pub use clock::Clock;
