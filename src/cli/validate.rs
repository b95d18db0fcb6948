//! `checkgate validate`: all mistakes of a `checks.yaml`, or of a whole function app.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::{app_folder, fail, help, print};
use crate::checks_file::ChecksFile;
use crate::config;
use crate::host::Host;
use crate::text;

/// What to check.
#[derive(Args)]
#[command(after_help = help::VALIDATE)]
pub(super) struct Options {
    /// The file
    #[arg(default_value = "checks.yaml")]
    file: PathBuf,
    /// The folder of a function app: what the Functions host would make of it is checked too
    #[arg(long, value_name = "DIR", conflicts_with = "file")]
    app: Option<PathBuf>,
}

pub(super) fn run(options: &Options) -> ExitCode {
    match &options.app {
        Some(folder) => validate_app(folder),
        None => validate(&options.file),
    }
}

/// Checks the folder as the handler does at its start, except for the app settings, which are not there yet.
fn validate_app(folder: &Path) -> ExitCode {
    let host = Host::read(&app_folder::read(folder), &|_| None);
    for warning in &host.warnings {
        print(&format!("warning: {warning}"));
    }
    for problem in &host.problems {
        print(problem);
    }
    let checks = validate(&folder.join("checks.yaml"));
    match host.problems.len() {
        0 => checks,
        count => {
            fail(&format!("the Functions host cannot run {}: {}", folder.display(), text::count(count, "mistake")))
        }
    }
}

fn validate(file: &Path) -> ExitCode {
    let name = file.display();
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => return fail(&format!("{name} cannot be read: {error}; name it: `checkgate validate FILE`")),
    };
    match ChecksFile::parse_for(&text, config::decided_with(&config::environment)) {
        Ok(checks) => {
            let warnings = checks.warnings(&text);
            for warning in &warnings {
                print(&format!("{name}: warning: {warning}"));
            }
            let warned = match warnings.len() {
                0 => String::new(),
                count => format!(", {}", text::count(count, "warning")),
            };
            print(&format!("{name}: {}, no mistakes{warned}", text::count(checks.checks.len(), "check")));
            for (check, definition) in &checks.checks {
                print(&format!("  {check}  {}", definition.description));
            }
            ExitCode::SUCCESS
        }
        Err(problems) => {
            for problem in &problems {
                print(&format!("{name}: {problem}"));
            }
            fail(&format!("{name} has {}", text::count(problems.len(), "mistake")))
        }
    }
}
