//! `cargo local`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::local::{self, Options, Ports};

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
    /// Build the handler, start Azurite unless it runs, say how to deliver a check, and run `func start`
    Local {
        /// Do everything but run `func start`
        #[arg(long)]
        no_func: bool,
        /// The ports of the Functions host and of the blob, queue and table service
        #[arg(long, hide = true, default_value = "7071,10000,10001,10002")]
        ports: Ports,
    },
}

fn main() -> ExitCode {
    let Arguments { command: Command::Local { no_func, ports }, root } = Arguments::parse();
    let without_func = "`cargo local --no-func` does everything else";
    let root = root.canonicalize().map_err(|error| format!("{}: {error}", root.display()));
    match root.and_then(|root| local::run(&Options { root, no_func, without_func, ports })) {
        Ok(code) => code,
        Err(why) => {
            xtask::complain(&why);
            ExitCode::FAILURE
        }
    }
}
