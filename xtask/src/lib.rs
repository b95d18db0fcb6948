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

/// Says something to the person at the terminal.
#[expect(clippy::print_stdout, reason = "what a command says is what the person asked for")]
fn say(text: &str) {
    println!("{text}");
}

/// Says why a command did not do what it was asked to do.
#[expect(clippy::print_stderr, reason = "a command's error belongs there")]
pub fn complain(why: &str) {
    eprintln!("error: {why}");
}
