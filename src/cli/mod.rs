//! The command line. No subcommand means: serve, as the Functions host starts it.

mod address;
mod app_folder;
mod audit;
mod backtest;
mod connect;
mod evaluate;
mod explain;
mod help;
mod install;
mod log;
mod man;
mod poison;
mod policy_test;
mod progress;
mod recording;
mod serve;
mod telemetry;
mod validate;
mod verify_record;

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::check::DecidedWith;
use crate::checks_file::ChecksFile;
use crate::clock::Clock;
use crate::decision_record::DecisionRecord;
use crate::policy_test::TestFile;
use crate::task::sealer::Sealer;
use crate::text;

pub use log::{hide_panics, log};
pub use serve::{build_app, read_config, serve};

#[derive(Parser)]
#[command(name = "checkgate", version, about, after_help = help::CHECKGATE, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Check a checks.yaml, or a whole function app, and report all mistakes; for CI
    Validate(validate::Options),
    /// Evaluate a check once against a real run and explain the result; nothing is posted
    Evaluate(evaluate::Options),
    /// Say in plain sentences what a check demands, and what to write into its panel
    Explain(explain::Options),
    /// Show what a check would have decided on the runs that already happened
    Backtest(backtest::Options),
    /// Find what is wrong with the checks on the resources of a project or an organisation, and mend it
    Audit(audit::Options),
    /// Put a check of checks.yaml on a resource, with the settings that the guide recommends
    Install(install::Options),
    /// Run the tests of policies: given facts, expected decisions
    Test(policy_test::Options),
    /// Judge the facts of decision records again: the decision must be the same
    VerifyRecord(verify_record::Options),
    /// List the checks that could not be evaluated, queue one again, or fail it; for operators
    #[command(subcommand)]
    Poison(poison::Command),
    /// Print the JSON Schema of checks.yaml or of its tests, for editors, or of a decision record
    #[command(after_help = help::SCHEMA)]
    Schema {
        /// Of what
        #[arg(value_enum, default_value_t = SchemaOf::Checks)]
        of: SchemaOf,
    },
    /// Print a fresh key for the app setting TokenSealingKey
    #[command(after_help = help::KEYGEN)]
    Keygen,
    /// Print what makes a shell complete the commands and their options
    #[command(after_help = help::COMPLETIONS)]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page of checkgate, or of one command
    Man(man::Options),
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SchemaOf {
    /// checks.yaml
    Checks,
    /// The tests of policies
    Tests,
    /// What `evaluate` and `backtest` print with --format json, and the handler writes into its log
    Decision,
}

/// Runs what the arguments say.
#[must_use]
pub fn run() -> ExitCode {
    match Arguments::parse().command {
        None => serve(Clock::system()),
        Some(Command::Validate(options)) => validate::run(&options),
        Some(Command::Evaluate(options)) => evaluate::run(&options),
        Some(Command::Explain(options)) => explain::run(&options),
        Some(Command::Backtest(options)) => backtest::run(&options),
        Some(Command::Audit(options)) => audit::run(&options),
        Some(Command::Install(options)) => install::run(&options),
        Some(Command::Test(options)) => policy_test::run(&options),
        Some(Command::VerifyRecord(options)) => verify_record::run(&options),
        Some(Command::Poison(command)) => poison::run(&command),
        Some(Command::Schema { of }) => {
            print(&match of {
                SchemaOf::Checks => schema(),
                SchemaOf::Tests => tests_schema(),
                SchemaOf::Decision => decision_schema(),
            });
            ExitCode::SUCCESS
        }
        Some(Command::Keygen) => match Sealer::generate_key() {
            Ok(key) => {
                print(&key);
                ExitCode::SUCCESS
            }
            Err(why) => fail(&why),
        },
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "checkgate", &mut script);
            print(String::from_utf8_lossy(&script).trim_end());
            ExitCode::SUCCESS
        }
        Some(Command::Man(options)) => man::run(&options, Arguments::command()),
    }
}

/// Runs `work` to its end, on a runtime of its own.
fn block_on(work: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => fail(&format!("the runtime cannot start: {error}")),
    }
}

/// Prints the output. A reader that has seen enough, such as `head`, does not change how the command ends. Any other
/// reason for which the output is lost ends the process.
fn print(text: &str) {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            note(&format!("error: the output cannot be written: {error}"));
            std::process::exit(2);
        }
        _ => {}
    }
}

/// Says something beside the output.
fn note(text: &str) {
    // Nobody may listen any more. The exit code says the same as an error.
    let _ = writeln!(io::stderr(), "{text}");
}

fn fail(text: &str) -> ExitCode {
    note(&format!("error: {text}"));
    ExitCode::FAILURE
}

/// Ends a command that could not find out what it was asked.
fn cannot_look(text: &str) -> ExitCode {
    note(&format!("error: {text}"));
    ExitCode::from(2)
}

/// Reads `checks.yaml` for a command that does not report its mistakes.
fn read_checks(file: &Path) -> Result<ChecksFile, String> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("{} cannot be read: {error}; name it with --file", file.display()))?;
    ChecksFile::parse_for(&text, DecidedWith::Identity).map_err(|problems| {
        let count = text::count(problems.len(), "mistake");
        format!("{} has {count}; see `checkgate validate`", file.display())
    })
}

/// The JSON Schema of a decision record, as it is committed.
///
/// # Panics
///
/// Never: a schema is JSON.
#[must_use]
#[expect(clippy::expect_used, reason = "a schema is JSON")]
pub fn decision_schema() -> String {
    serde_json::to_string_pretty(&schemars::schema_for!(DecisionRecord)).expect("a schema is JSON")
}

/// The JSON Schema of the tests of policies, as it is committed.
///
/// # Panics
///
/// Never: a schema is JSON.
#[must_use]
#[expect(clippy::expect_used, reason = "a schema is JSON")]
pub fn tests_schema() -> String {
    serde_json::to_string_pretty(&schemars::schema_for!(TestFile)).expect("a schema is JSON")
}

/// The JSON Schema of `checks.yaml`, as it is committed.
///
/// # Panics
///
/// Never: a schema is JSON.
#[must_use]
#[expect(clippy::expect_used, reason = "a schema is JSON")]
pub fn schema() -> String {
    serde_json::to_string_pretty(&schemars::schema_for!(ChecksFile)).expect("a schema is JSON")
}
