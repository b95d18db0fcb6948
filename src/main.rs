//! The executable: without arguments it serves the Functions host; with them it is a command line for people.

use std::process::ExitCode;

fn main() -> ExitCode {
    checkgate::cli::run()
}
