//! Builds the handler, and asks cargo about the workspace.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// Builds `checkgate` in this workspace and returns where the executable is. Cargo itself prints what is wrong.
///
/// # Errors
///
/// A sentence for the person at the terminal.
pub fn build(root: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Result<PathBuf, String> {
    let built = command(root)
        .args(["build", "--locked", "--package", "checkgate", "--bin", "checkgate"])
        .args(["--message-format", "json-render-diagnostics"])
        .args(arguments)
        .envs(environment.iter().copied())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| cannot_be_run(&error))?;
    if !built.status.success() {
        return Err("the handler does not build; cargo has said why".to_owned());
    }
    let messages = String::from_utf8_lossy(&built.stdout);
    let executable = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find_map(|message| {
        let executable = message["executable"].as_str()?;
        (message["target"]["name"] == "checkgate").then(|| PathBuf::from(executable))
    });
    executable.ok_or_else(|| "cargo built the handler and did not say where it is".to_owned())
}

/// What cargo prints for these arguments.
///
/// # Errors
///
/// A sentence for the person at the terminal.
pub fn ask(root: &Path, arguments: &[&str]) -> Result<String, String> {
    let asked = command(root).args(arguments).output().map_err(|error| cannot_be_run(&error))?;
    if !asked.status.success() {
        let why = String::from_utf8_lossy(&asked.stderr);
        return Err(format!("cargo {} failed: {}", arguments.join(" "), why.trim()));
    }
    Ok(String::from_utf8_lossy(&asked.stdout).into_owned())
}

fn cannot_be_run(error: &io::Error) -> String {
    format!("cargo cannot be run ({error}): install Rust from https://rustup.rs")
}

/// A cargo that works in this workspace.
fn command(root: &Path) -> Command {
    // Cargo says which cargo runs this command; by hand it is the one on the PATH.
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(root).stdin(Stdio::null());
    // `cargo local` itself runs in an environment that names this package. The build script of `ring` asks for these
    // variables: if they reached it, each command would build `ring` and what uses it again, and so would the next one.
    for (name, _) in std::env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| name.to_string_lossy().starts_with(start)) {
            command.env_remove(name);
        }
    }
    command
}
