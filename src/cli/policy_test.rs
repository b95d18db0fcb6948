//! `checkgate test`: runs the tests of policies.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::{cannot_look, help, note, print, read_checks};
use crate::policy_test::{self, Report, Seen};

/// How the names of files of tests end.
const ENDINGS: [&str; 3] = [".test.yaml", ".test.yml", ".test.json"];

/// Folders in which nobody writes tests, and which may be large.
const SKIPPED: [&str; 2] = ["target", "node_modules"];

/// Which tests to run.
#[derive(Args)]
#[command(after_help = help::TEST)]
pub(super) struct Options {
    /// The folder of checks.yaml: all files in it and below that end with .test.yaml are run. Or one such file
    #[arg(default_value = ".", value_name = "DIR")]
    place: PathBuf,
    /// The file with the checks; checks.yaml in the folder unless given
    #[arg(long)]
    file: Option<PathBuf>,
    /// How to report
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How to report.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// JUnit XML, for pipelines
    Junit,
}

pub(super) fn run(options: &Options) -> ExitCode {
    match run_all(options) {
        Ok(code) => code,
        Err(why) => cannot_look(&why),
    }
}

fn run_all(options: &Options) -> Result<ExitCode, String> {
    let place = &options.place;
    let folder = if place.is_dir() { place.as_path() } else { place.parent().unwrap_or_else(|| Path::new("")) };
    let checks = read_checks(&options.file.clone().unwrap_or_else(|| folder.join("checks.yaml")))?;
    let mut files = Vec::new();
    if place.is_dir() {
        find(place, &mut files).map_err(|error| format!("{} cannot be read: {error}", place.display()))?;
        files.sort();
    } else {
        files.push(place.clone());
    }
    if files.is_empty() {
        return Err(format!(
            "there are no tests in {}: their files end with .test.yaml; `checkgate evaluate --record NAME.test.yaml` writes the first one",
            place.display()
        ));
    }
    let (mut report, mut seen) = (Report::default(), Seen::default());
    for file in files {
        let text = read(&file)?;
        let folder_of_file = file.parent().unwrap_or_else(|| Path::new(""));
        let beside = |path: &str| {
            fs::read_to_string(folder_of_file.join(path)).map_err(|error| format!("cannot be read: {error}"))
        };
        let name = file.strip_prefix(folder).unwrap_or(&file).display().to_string();
        report.files.push((name, policy_test::run(&text, &checks, &beside, &mut seen)));
    }
    // What the tests do not see is not known while some of them do not run.
    if report.problems() == 0 {
        report.one_sided = seen.one_sided(&checks);
    }
    print(&match options.format {
        Format::Text => policy_test::text(&report).trim_end().to_owned(),
        Format::Junit => policy_test::junit(&report),
    });
    if options.format == Format::Junit {
        report.one_sided.iter().for_each(|line| note(&format!("not seen both ways: {}", crate::text::one_line(line))));
    }
    Ok(match (report.problems(), report.failed()) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(1),
        _ => ExitCode::from(2),
    })
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))
}

/// The files of tests in a folder and below.
fn find(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        // Without following links: they may lead in a circle.
        let kind = entry.file_type()?;
        if kind.is_dir() && !name.starts_with('.') && !SKIPPED.contains(&name.as_str()) {
            find(&path, files)?;
        } else if !kind.is_dir() && is_tests(&name) {
            files.push(path);
        }
    }
    Ok(())
}

/// Whether a file of this name holds tests.
pub(super) fn is_tests(name: &str) -> bool {
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}
