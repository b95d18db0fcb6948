//! `checkgate evaluate`: one dry evaluation against a real run.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use uuid::Uuid;

use super::serve::build_sources;
use super::serve::client;
use super::{block_on, fail, print, read_checks};
use crate::azure_devops::{self, AzureDevOps};
use crate::check::Check;
use crate::checks_file::ChecksFile;
use crate::clock::Clock;
use crate::config::{self, Settings};
use crate::evaluation::evaluator::{Evaluator, ReadRunState};
use crate::evaluation::{Memory, Status};
use crate::facts::ReadingTime;
use crate::task::plan_url::AllowedPlanUrls;
use crate::task::token::AuthToken;
use crate::task::{HubName, TaskProperties};
use crate::task_log;

/// The environment variable with the token: everybody on the machine can read a command line.
const TOKEN: &str = "CHECKGATE_TOKEN";

/// How long reading the facts may take.
const LIMIT: Duration = Duration::from_secs(60);

/// What to evaluate.
#[derive(Args)]
#[command(
    after_help = "The token comes from the environment variable CHECKGATE_TOKEN: a job access token, or a personal access token that may read builds and work items."
)]
pub(super) struct Options {
    /// The check's name in the file
    #[arg(long)]
    check: String,
    /// The organisation or collection, such as <https://dev.azure.com/fabrikam/>
    #[arg(long)]
    plan_url: String,
    /// The project's id (a GUID)
    #[arg(long)]
    project: Uuid,
    /// The run's id, as in the run page's address
    #[arg(long)]
    build: u64,
    /// An input of the check, as Name=value; may be repeated
    #[arg(long = "input", value_parser = parse_input)]
    inputs: Vec<(String, String)>,
    /// The file with the checks
    #[arg(long, default_value = "checks.yaml")]
    file: PathBuf,
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
    let token = config::environment(TOKEN)
        .ok_or_else(|| format!("set the environment variable {TOKEN} to a token for Azure DevOps"))?;
    let token = AuthToken::new(token);
    let clock = Clock::system();
    let checks = read_checks(&options.file)?;
    let sources = build_sources(&checks, &Settings::from_fn(config::environment), reqwest::Client::builder())?;
    let check = check(options, checks, &clock)?;
    if let Some(problem) = sources.problems_of(check.definition.connections()).first() {
        return Err(problem.clone());
    }
    let api_version = config::api_version(&config::environment).map_err(|error| error.to_string())?;
    let options = azure_devops::Options { api_version, ..azure_devops::Options::default() };
    let http = client(config::environment("ExtraRootCertificates").map(PathBuf::from).as_deref())?;
    let azure_devops = AzureDevOps::new(http, options, clock.clone());
    let azure_devops = azure_devops.map_err(|error| format!("the HTTP client cannot start: {error}"))?;
    let session = azure_devops.session(&check.properties, &token);
    let evaluator = Evaluator {
        check: &check,
        azure_devops: &session,
        sources: &sources,
        memory: &Memory::default(),
        run: None,
        read_run_state: ReadRunState::Always,
        waits: None,
        now: clock.now(),
        limit: ReadingTime { usual: LIMIT, most: LIMIT },
    };
    let evaluation = evaluator.evaluate().await.map_err(|refused| refused.why)?;
    for line in
        task_log::begins(&check, evaluation.run.as_ref()).iter().chain(&task_log::conditions(&evaluation.verdict))
    {
        print(&crate::text::one_line(line));
    }
    let status = evaluation.verdict.status();
    print(&match status {
        Status::Passed => "The decision would be: succeeded.".to_owned(),
        Status::Failed => {
            format!(
                "The decision would be: failed. {}.",
                task_log::blockers_in_one_line(&evaluation.verdict.explanation)
            )
        }
        Status::Waiting | Status::Errored => {
            format!("It would not be decided yet. {}.", task_log::blockers_in_one_line(&evaluation.verdict.explanation))
        }
    });
    Ok(status)
}

/// The check as if it was delivered now. The person who runs this decides where their token goes.
fn check(options: &Options, mut checks: ChecksFile, clock: &Clock) -> Result<Check, String> {
    let definition = checks
        .checks
        .remove(&options.check)
        .ok_or_else(|| format!("there is no check `{}` in {}", options.check, options.file.display()))?;
    let allowed: AllowedPlanUrls = options.plan_url.parse().map_err(|why| format!("--plan-url: {why}"))?;
    let plan_url = allowed.admit(&options.plan_url).map_err(|why| format!("--plan-url {why}"))?;
    let hub_name: HubName = "checks".parse()?;
    let nil = Uuid::nil();
    let properties = TaskProperties {
        plan_url,
        project_id: options.project,
        hub_name,
        plan_id: nil,
        job_id: nil,
        timeline_id: nil,
        task_instance_id: nil,
        build_id: Some(options.build),
    };
    let mut inputs: BTreeMap<String, String> = BTreeMap::new();
    for (name, input) in &definition.inputs {
        let given =
            options.inputs.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone());
        let value = given.or_else(|| input.default.clone());
        if value.is_none() && input.is_required() {
            return Err(format!("the check reads the input {name}: add --input {name}=…"));
        }
        inputs.extend(value.map(|value| (name.clone(), value)));
    }
    let now = clock.now();
    let deadline = definition.deadline(now);
    Ok(Check { name: options.check.clone(), properties, definition, inputs, delivered_at: now, deadline })
}
