//! `cargo dist`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use packager::dist;

#[derive(Parser)]
#[command(name = "cargo", bin_name = "cargo", about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// The folder of the function app
    #[arg(long, global = true, hide = true, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/.."))]
    root: PathBuf,
}

#[derive(Subcommand)]
enum Command {
    /// Lay out `dist/`, the folder to publish: exactly the files that a function app needs. Pack it, and list what is in it
    Dist {
        /// What to build the executable for
        #[arg(long, default_value = dist::TARGET)]
        target: String,
    },
}

fn main() -> ExitCode {
    let Arguments { command: Command::Dist { target }, root } = Arguments::parse();
    let root = root.canonicalize().map_err(|error| format!("{}: {error}", root.display()));
    match root.and_then(|root| dist::run(&root, &target)) {
        Ok(code) => code,
        Err(why) => {
            xtask::complain(&why);
            ExitCode::FAILURE
        }
    }
}
