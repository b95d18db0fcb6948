//! The command `cargo local`, and what the other commands for people share with it.
//!
//! * [`local`]: prepares a local run, and runs `func start`.
//! * [`azurite`], [`npm`], [`cargo`] and [`checks`]: the programs that it, `cargo dist` or the tests need.

pub mod azurite;
pub mod cargo;
pub mod checks;
pub mod local;
pub mod npm;

use std::io::Write as _;

/// Says something to the person at the terminal. If nobody reads any more, the command goes on, and in the end stops what
/// it has started.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Says why a command did not do what it was asked to do.
pub fn complain(why: &str) {
    let _ = writeln!(std::io::stderr(), "error: {why}");
}
