//! The commands of this repository for people.
//!
//! * [`local`]: prepares a local run, and runs `func start`.
//! * [`dist`]: lays out the folder that is published.
//! * [`azurite`], [`npm`], [`cargo`] and `checks`: the programs that both, or the tests, need.

pub mod azurite;
pub mod cargo;
mod checks;
pub mod dist;
pub mod local;
pub mod npm;

use std::io::Write as _;

/// Says something to the person at the terminal. If nobody reads any more, the command goes on, and in the end stops what
/// it has started.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Says why a command did not do what it was asked to do.
pub fn complain(why: &str) {
    let _ = writeln!(std::io::stderr(), "error: {why}");
}
