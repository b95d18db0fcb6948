//! `checkgate evaluate`: one dry evaluation against a real run.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, Utc};
use clap::{Args, ValueEnum};

use super::connect::{Organization, Place, explain};
use super::serve::build_sources;
use super::{block_on, fail, help, print, read_checks, recording};
use crate::check::{Check, CheckDefinition};
use crate::clock::Clock;
use crate::config::{self, Settings};
use crate::decision_record::DecisionRecord;
use crate::evaluation::evaluator::{Evaluation, Evaluator, ReadRun};
use crate::evaluation::{Memory, Status};
use crate::facts::ReadingTime;
use crate::suggest::suggest;
use crate::task::TaskProperties;
use crate::task_log;

/// How long reading the facts may take.
const LIMIT: Duration = Duration::from_secs(60);

/// What to evaluate.
#[derive(Args)]
#[command(after_help = help::EVALUATE)]
pub(super) struct Options {
    /// The run's address from the browser, or that of its project with --build
    #[arg(required_unless_present = "plan_url", conflicts_with = "plan_url")]
    address: Option<String>,
    /// The organisation or collection, such as <https://dev.azure.com/fabrikam/>, instead of an address
    #[arg(long)]
    plan_url: Option<String>,
    /// The project's name or id, where the address does not say it
    #[arg(long)]
    project: Option<String>,
    /// The run's id, where the address does not say it
    #[arg(long)]
    build: Option<u64>,
    /// The check's name in the file
    #[arg(long)]
    check: String,
    /// An input of the check, as Name=value; may be repeated
    #[arg(long = "input", value_parser = parse_input)]
    inputs: Vec<(String, String)>,
    /// The file with the checks
    #[arg(long, default_value = "checks.yaml")]
    file: PathBuf,
    /// Write what was seen, and what follows, into a new file, as a test for `checkgate test`; without secrets
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// How to report; json is the decision record of decision.schema.json
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How to report.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

pub(super) fn parse_input(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as Name=value")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(super) fn run(options: &Options) -> ExitCode {
    block_on(async {
        match evaluate(options).await {
            Ok(Status::Passed) => ExitCode::SUCCESS,
            Ok(Status::Failed) => ExitCode::from(1),
            Ok(Status::Waiting | Status::Errored) => ExitCode::from(2),
            Err(why) => fail(&why),
        }
    })
}

async fn evaluate(options: &Options) -> Result<Status, String> {
    let clock = Clock::system();
    let mut checks = read_checks(&options.file)?;
    let sources = build_sources(&checks, &Settings::from_fn(config::environment), reqwest::Client::builder())?;
    let hint = suggest(&options.check, checks.checks.keys().map(String::as_str));
    let definition = checks
        .checks
        .remove(&options.check)
        .ok_or_else(|| format!("there is no check `{}` in {}{hint}", options.check, options.file.display()))?;
    if let Some(problem) = sources.problems_of(definition.connections()).first() {
        return Err(problem.clone());
    }
    let address = options.address.as_ref().or(options.plan_url.as_ref()).cloned().unwrap_or_default();
    let organization = Organization::open(&Place { address, project: options.project.clone() }, &clock).await?;
    let build = options.build.or(organization.address.build);
    let build = build.ok_or("the address names no run: copy that of the run's page, or add --build")?;
    let project = organization.project().await?;
    let properties = organization.properties(project.id, Some(build)).map_err(|error| explain(&error))?;
    let now = clock.now().trunc_subsecs(0);
    let check = check_at((&options.check, definition), properties, &options.inputs, now)?;
    let session = organization.session(project.id, Some(build)).map_err(|error| explain(&error))?;
    let evaluator = Evaluator {
        check: &check,
        azure_devops: &session,
        sources: &sources,
        memory: &Memory::default(),
        run: None,
        read_run: ReadRun::Details,
        waits: None,
        now: check.delivered_at,
        limit: ReadingTime { usual: LIMIT, most: LIMIT },
    };
    let evaluation = evaluator.evaluate().await.map_err(|refused| refused.why)?;
    let status = evaluation.verdict.status();
    let hide = |value| sources.hide_secrets(session.hide_secrets(value));
    if let Some(file) = &options.record {
        recording::write(file, &check, &evaluation, &hide)?;
    }
    match options.format {
        Format::Text => print_text(&check, &evaluation),
        Format::Json => {
            let record = record(&check, &evaluation).without_secrets(&hide);
            print_record(&record.ok_or("nothing can be reported without secrets")?);
        }
    }
    Ok(status)
}

/// The record of a decision that is made at once.
fn record(check: &Check, evaluation: &Evaluation) -> DecisionRecord {
    let (run, verdict) = (evaluation.run.as_ref(), Some(&evaluation.verdict));
    let record = DecisionRecord::new(check, run, verdict, check.delivered_at);
    record.with_evidence(check, &evaluation.evidence, &Memory::default()).whole()
}

/// Prints a record on one line.
pub(super) fn print_record(record: &DecisionRecord) {
    print(&serde_json::to_string(record).unwrap_or_default());
}

fn print_text(check: &Check, evaluation: &Evaluation) {
    let verdict = &evaluation.verdict;
    for line in task_log::begins(check, evaluation.run.as_ref()).iter().chain(&task_log::conditions(verdict)) {
        print(&crate::text::one_line(line));
    }
    let blockers = || task_log::blockers_in_one_line(&verdict.explanation);
    print(&match verdict.status() {
        Status::Passed => "The decision would be: succeeded.".to_owned(),
        Status::Failed => format!("The decision would be: failed. Reason: {}.", blockers()),
        Status::Waiting | Status::Errored => format!("It would not be decided yet. Reason: {}.", blockers()),
    });
}

/// The check as if it was delivered at this moment. The person who runs this decides where their token goes.
pub(super) fn check_at(
    (name, definition): (&str, CheckDefinition),
    properties: TaskProperties,
    given: &[(String, String)],
    at: DateTime<Utc>,
) -> Result<Check, String> {
    let mut inputs: BTreeMap<String, String> = BTreeMap::new();
    for (name, input) in &definition.inputs {
        let given = given.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone());
        let value = given.or_else(|| input.default.clone());
        if value.is_none() && input.is_required() {
            return Err(format!("the check reads the input {name}: add --input {name}=…"));
        }
        inputs.extend(value.map(|value| (name.clone(), value)));
    }
    let deadline = definition.deadline(at);
    Ok(Check { name: name.to_owned(), properties, definition, inputs, delivered_at: at, deadline, trace: None })
}
