//! Measures checkgate beside the floor and a handler for Node: `cargo run --release -p bench`.

mod figures;
mod handler;
mod instructions;
mod load;
mod memory;
mod stubs;
mod table;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use clap::Parser;
use serde_json::json;

use figures::{Round, Stage, medians};
use handler::Handler;
use stubs::Services;

/// Measures the handler on this machine, beside the least that a handler must do. Linux only.
#[derive(Parser)]
#[command(max_term_width = 100)]
struct Options {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Count instructions with valgrind, instead
    #[arg(long, conflicts_with_all = ["json", "memory"])]
    instructions: bool,
    /// Measure memory over 100,000 evaluations, instead
    #[arg(long, conflicts_with = "json")]
    memory: bool,
    /// How often everything is measured; the medians are printed
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Measure this executable, such as dist/checkgate, instead of building one
    #[arg(long)]
    executable: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            // Nobody may listen any more.
            let _ = writeln!(io::stderr(), "error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

fn run(options: &Options) -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or_else(|| Path::new("."));
    let (floor, built) = build(root, options.executable.is_none())?;
    let executable = options.executable.clone().unwrap_or(built);
    let executable = executable.canonicalize().map_err(|error| format!("{}: {error}", executable.display()))?;
    let checkgate = Handler::Checkgate(executable);
    let services = Services::start().map_err(|error| format!("the services cannot start: {error}"))?;
    if options.instructions {
        say(instructions::count(&checkgate, &services, root)?.trim_end());
        return Ok(());
    }
    let stage = Stage::new(&services, root);
    if options.memory {
        return memory::measure(&stage, &checkgate, &say);
    }
    let mut handlers = vec![Handler::Floor(floor), checkgate];
    if Command::new("node").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        handlers.push(Handler::Node(root.join("bench/node/handler.mjs")));
    }
    let mut rounds: Vec<Vec<Round>> = vec![Vec::new(); handlers.len()];
    for _ in 0..options.rounds.max(1) {
        for (handler, rounds) in handlers.iter().zip(&mut rounds) {
            rounds.push(stage.round(handler)?);
        }
    }
    let measured: Vec<(&Handler, Round)> =
        handlers.iter().zip(&rounds).map(|(it, rounds)| (it, medians(rounds))).collect();
    if options.json {
        let figures: Vec<_> = measured.iter().map(|(handler, round)| round.json(handler)).collect();
        say(&format!("{:#}", json!({ "rounds": rounds[0].len(), "pinned": stage.is_pinned, "handlers": figures })));
    } else {
        let pinned = if stage.is_pinned { "pinned to one core" } else { "not pinned" };
        say(&format!(
            "Medians of {}, the handler {pinned}.\n\n{}",
            rounds[0].len(),
            table::table(&measured).trim_end()
        ));
    }
    Ok(())
}

/// Builds the floor and, where it is wanted, checkgate, beside this executable. Returns where they are.
fn build(root: &Path, with_checkgate: bool) -> Result<(PathBuf, PathBuf), String> {
    let own = std::env::current_exe().map_err(|error| format!("this command does not know where it is: {error}"))?;
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root).args(["build", "--release", "--locked", "--package", "bench", "--bin", "floor"]);
    if with_checkgate {
        command.args(["--package", "checkgate", "--bin", "checkgate"]);
    }
    let built = command.status().map_err(|error| format!("cargo cannot be run ({error})"))?;
    if !built.success() {
        return Err("the handlers do not build; cargo has said why".to_owned());
    }
    Ok((own.with_file_name("floor"), own.with_file_name("checkgate")))
}
