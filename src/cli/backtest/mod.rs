//! `checkgate backtest`: what a check would have decided on the runs that already happened.

mod judging;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use futures_util::stream::{self, StreamExt as _};

use super::connect::{Organization, Place, explain, patiently};
use super::evaluate::{Format, parse_input, print_record};
use super::progress::Progress;
use super::serve::build_sources;
use super::{block_on, cannot_look, help, note, print, read_checks};
use crate::check::CheckDefinition;
use crate::clock::Clock;
use crate::config::{self, Settings};
use crate::evaluation::past::not_of_the_past;
use crate::sources::Sources;
use crate::suggest::suggest;
use crate::text;
use judging::{Judged, Judging};

/// Which runs to judge, and by what.
#[derive(Args)]
#[command(after_help = help::BACKTEST)]
pub(super) struct Options {
    #[command(flatten)]
    place: Place,
    /// The check's name in the file
    #[arg(long)]
    check: String,
    /// The pipeline's id, as in the address of its page
    #[arg(long)]
    pipeline: u64,
    /// How many runs, from the newest
    #[arg(long, default_value_t = 50)]
    last: usize,
    /// The stage whose checks count; the last that waited for checks unless given
    #[arg(long)]
    stage: Option<String>,
    /// Another file: only the runs are shown on which its check of the same name decides differently
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// An input of the check, as Name=value, for all runs; may be repeated
    #[arg(long = "input", value_parser = parse_input)]
    inputs: Vec<(String, String)>,
    /// How many runs are read at a time
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=16))]
    parallel: u8,
    /// The file with the checks
    #[arg(long, default_value = "checks.yaml")]
    file: PathBuf,
    /// How to report; json is one decision record for each run
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) fn run(options: &Options) -> ExitCode {
    block_on(async {
        match backtest(options).await {
            Ok(code) => code,
            Err(why) => cannot_look(&why),
        }
    })
}

/// A policy: the definition of the check in one file, and its connections.
pub(super) struct Policy {
    definition: CheckDefinition,
    sources: Sources,
}

fn policy(file: &Path, name: &str) -> Result<Policy, String> {
    let mut checks = read_checks(file)?;
    let sources = build_sources(&checks, &Settings::from_fn(config::environment), reqwest::Client::builder())?;
    let hint = suggest(name, checks.checks.keys().map(String::as_str));
    let missing = || format!("there is no check `{name}` in {}{hint}", file.display());
    let definition = checks.checks.remove(name).ok_or_else(missing)?;
    Ok(Policy { definition, sources })
}

async fn backtest(options: &Options) -> Result<ExitCode, String> {
    let begun = Instant::now();
    let clock = Clock::system();
    let own = policy(&options.file, &options.check)?;
    let other = options.against.as_ref().map(|file| policy(file, &options.check)).transpose()?;
    let organization = Organization::open(&options.place, &clock).await?;
    let project = organization.project().await?;
    let session = organization.session(project.id, None).map_err(|error| explain(&error))?;
    let runs = patiently(|| session.completed_runs(options.pipeline, options.last)).await;
    let runs = runs.map_err(|error| explain(&error))?;
    let judging = Judging { organization: &organization, project: project.id, options, clock: &clock };
    let progress = Progress::new();
    let count = runs.len();
    let mut judged: Vec<Judged> = Vec::new();
    let mut reading = stream::iter(runs.into_iter().map(|run| judging.judge(run, &own, other.as_ref())))
        .buffer_unordered(usize::from(options.parallel));
    while let Some(run) = reading.next().await {
        judged.push(run?);
        progress.bar(judged.len(), count, "runs");
    }
    drop(progress);
    judged.sort_by_key(|judged| std::cmp::Reverse(judged.run.id));
    let calls = usize::try_from(organization.azure_devops.calls()).unwrap_or(usize::MAX);
    let took = format!("{} of Azure DevOps in {:.1} s.", text::count(calls, "call"), begun.elapsed().as_secs_f64());
    report(options, (&own, other.as_ref()), &judged, &took);
    if judged.is_empty() {
        let id = options.pipeline;
        note(&format!("pipeline {id} has no run that is over: is {id} what follows `definitionId=` in its address?"));
    }
    let differs = other.is_some() && judged.iter().any(Judged::differs);
    Ok(match (judged.iter().any(Judged::is_unread), differs) {
        (true, _) => ExitCode::from(2),
        (false, true) => ExitCode::from(1),
        (false, false) => ExitCode::SUCCESS,
    })
}

fn report(options: &Options, (own, other): (&Policy, Option<&Policy>), judged: &[Judged], took: &str) {
    match options.format {
        Format::Json => {
            let shown = judged.iter().filter(|it| other.is_none() || it.differs());
            shown.flat_map(|it| it.records()).for_each(print_record);
            note(took);
        }
        Format::Text => print(&format!("{}\n{took}", table::table(judged, other.is_some()).trim_end())),
    }
    let policies = [Some((own, &options.file)), other.zip(options.against.as_ref())];
    for (policy, file) in policies.into_iter().flatten() {
        for (condition, why) in not_of_the_past(&policy.definition) {
            note(&format!("not asked of the past ({}): {condition}: {why}", file.display()));
        }
    }
}
