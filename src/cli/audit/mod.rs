//! `checkgate audit`: what is wrong with the checks on the resources of a project, or of a whole organisation.

mod fix;
mod reading;

pub(super) use fix::write;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use globset::{Glob, GlobSet, GlobSetBuilder};

use super::connect::{Organization, Place, explain};
use super::{block_on, cannot_look, help, print, read_checks};
use crate::checks_file::ChecksFile;
use crate::clock::Clock;
use crate::compliance::Level;
use crate::compliance::report::{self, Report};

/// The environment variable with the function key.
pub(super) const FUNCTION_KEY: &str = "CHECKGATE_FUNCTION_KEY";

/// What to audit, and how to report it.
#[derive(Args)]
#[command(after_help = help::AUDIT)]
pub(super) struct Options {
    #[command(flatten)]
    place: Place,
    /// The file with the checks
    #[arg(long, default_value = "checks.yaml")]
    file: PathBuf,
    /// Resources that must have a check, as TYPE/NAME with `*`; may be repeated
    #[arg(long, value_name = "GLOB")]
    require: Vec<String>,
    /// How to report
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// An earlier report in JSON: its findings are accepted
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// The least level that makes the exit code 1
    #[arg(long, value_enum, default_value_t = FailOn::Error)]
    fail_on: FailOn,
    /// Exit with 0 even with findings
    #[arg(long)]
    exit_zero: bool,
    /// Mend what can be mended, after asking
    #[arg(long)]
    fix: bool,
    /// Do not ask before mending
    #[arg(long, requires = "fix")]
    yes: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
    Sarif,
    Markdown,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Error,
    Warning,
}

pub(super) fn run(options: &Options) -> ExitCode {
    block_on(async {
        match audit(options).await {
            Ok(code) => code,
            Err(why) => cannot_look(&why),
        }
    })
}

/// What an audit needs to know besides the organisation.
struct Demands {
    checks: ChecksFile,
    require: GlobSet,
    accepted: std::collections::BTreeSet<String>,
}

async fn audit(options: &Options) -> Result<ExitCode, String> {
    let demands = Demands {
        checks: read_checks(&options.file)?,
        require: globs(&options.require)?,
        accepted: options.baseline.as_ref().map_or_else(|| Ok(Default::default()), read_baseline)?,
    };
    let organization = Organization::open(&options.place, &Clock::system()).await?;
    let mut audited = reading::read(&organization, &demands).await.map_err(|error| explain(&error))?;
    let mut failures = Vec::new();
    if options.fix {
        let fixed = fix::fix(&organization, &demands, &audited, options.yes).await;
        failures = fixed.failures;
        if fixed.changed > 0 {
            audited = reading::read(&organization, &demands).await.map_err(|error| explain(&error))?;
        }
    }
    print(show(&audited.report, options.format).trim_end());
    if options.fix {
        super::note(&fix::what_is_left(&audited.report, &failures));
    }
    let incomplete = audited.report.is_incomplete() || !failures.is_empty();
    Ok(exit_code(&audited.report, options, incomplete))
}

fn exit_code(report: &Report, options: &Options, incomplete: bool) -> ExitCode {
    let warns = options.fail_on == FailOn::Warning && report.count(Level::Warning) > 0;
    match (incomplete, report.count(Level::Error) > 0 || warns) {
        (true, _) => ExitCode::from(2),
        (false, true) if !options.exit_zero => ExitCode::from(1),
        _ => ExitCode::SUCCESS,
    }
}

fn show(report: &Report, format: Format) -> String {
    match format {
        Format::Table => report::table(report),
        Format::Json => format!("{:#}", report::json(report)),
        Format::Sarif => format!("{:#}", report::sarif(report)),
        Format::Markdown => report::markdown(report),
    }
}

fn globs(patterns: &[String]) -> Result<GlobSet, String> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        // A name alone means every type.
        let pattern = if pattern.contains('/') { pattern.clone() } else { format!("*/{pattern}") };
        set.add(Glob::new(&pattern).map_err(|error| format!("--require {error}"))?);
    }
    set.build().map_err(|error| format!("--require {error}"))
}

fn read_baseline(file: &PathBuf) -> Result<std::collections::BTreeSet<String>, String> {
    let name = file.display();
    let text = fs::read_to_string(file).map_err(|error| format!("{name} cannot be read: {error}"))?;
    report::baseline(&text).map_err(|why| format!("{name}: {why}"))
}
