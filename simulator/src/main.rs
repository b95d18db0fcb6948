//! `cargo run -p simulator -- deliver`: plays Azure Pipelines against any endpoint of an "Invoke Azure Function" or "Invoke
//! REST API" check, and reports what Azure Pipelines would do and why. `-- organization` serves an organization to practise
//! on.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use chrono::TimeDelta;
use clap::{Args, Parser, Subcommand, ValueEnum};
use simulator::Clock;
use simulator::azure_devops::AzureDevOps;
use simulator::azure_pipelines::{
    CheckConfiguration, CheckSettings, CompletionEvent, FunctionAddress, HEADERS, Outcome, ServiceConnection, Target,
    expand,
};
use simulator::practice;
use simulator::rehearsal::rehearse;

/// Stands in for Azure Pipelines on a developer's machine.
#[derive(Parser)]
#[command(name = "simulator", max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Deliver a check to an endpoint, and report what Azure Pipelines would do with its stage
    Deliver(Deliver),
    /// Serve an organization whose checks are misconfigured, to practise on
    Organization {
        /// The check of checks.yaml that the checks ask for
        #[arg(long, default_value = "work-item-completed")]
        check: String,
    },
}

#[derive(Args)]
struct Deliver {
    /// The address of the function, or of the REST API
    #[arg(long, value_name = "URL")]
    to: String,
    /// The function's key; without one, the check is an "Invoke REST API" check
    #[arg(long)]
    key: Option<String>,
    /// A file with the check's *Headers*: a JSON object; the guide's headers unless given
    #[arg(long, value_name = "FILE")]
    headers: Option<PathBuf>,
    /// A file with the check's *Body*
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// *Completion event*, with the platform's default
    #[arg(long, value_enum, default_value_t = Event::ApiResponse)]
    completion_event: Event,
    /// *Success criteria*, such as `eq(root['status'], 'successful')`; empty criteria accept every answer 200
    #[arg(long, default_value = "")]
    success_criteria: String,
    /// *Time between evaluations*, such as 5m; 0 is final
    #[arg(long, value_parser = duration, default_value = "0")]
    every: TimeDelta,
    /// *Timeout*, such as 90s, 15m or 24h
    #[arg(long, value_parser = duration, default_value = "24h")]
    timeout: TimeDelta,
    /// How many times faster than real time Azure Pipelines' clock runs
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Event {
    ApiResponse,
    Callback,
}

/// A number of seconds, minutes or hours.
fn duration(text: &str) -> Result<TimeDelta, String> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let seconds = match unit {
        "" if number == "0" => Some(0),
        "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3_600),
        _ => None,
    };
    let number: Option<i64> = number.parse().ok();
    let total = number.zip(seconds).and_then(|(number, seconds)| number.checked_mul(seconds));
    total.and_then(TimeDelta::try_seconds).ok_or_else(|| "write for instance 90s, 15m or 24h".to_owned())
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ended = runtime.map_err(|error| error.to_string()).and_then(|runtime| match command {
        Command::Deliver(deliver) => runtime.block_on(run(&deliver)),
        Command::Organization { check } => runtime.block_on(serve(&check)),
    });
    match ended {
        Ok(Outcome::Passed) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(why) => {
            complain(&why);
            ExitCode::from(2)
        }
    }
}

async fn run(deliver: &Deliver) -> Result<Outcome, String> {
    if !(deliver.speed >= 1.0 && deliver.speed <= 3_600.0) {
        return Err("--speed is a number from 1 to 3600".to_owned());
    }
    let check = deliver.configuration()?;
    let azure_devops = AzureDevOps::start(Clock::at_speed(deliver.speed)).await.map_err(|error| error.to_string())?;
    say(&format!("Azure DevOps is simulated at {}; the endpoint must be allowed to call it.", azure_devops.url()));
    let conclusion = rehearse(&azure_devops, check, |line| say(&line)).await;
    let does = match conclusion.outcome {
        Outcome::Passed => "runs the stage",
        Outcome::Failed => "fails the stage",
        Outcome::Skipped => "skips the stage",
        Outcome::Canceled | Outcome::Waiting => "cancels the stage",
    };
    say(&format!("{}  Azure Pipelines {does}. {}", conclusion.at.format("%H:%M:%S"), conclusion.why));
    Ok(conclusion.outcome)
}

/// Serves an organization until Ctrl+C.
async fn serve(check: &str) -> Result<Outcome, String> {
    let azure_devops = AzureDevOps::start(Clock::system()).await.map_err(|error| error.to_string())?;
    let token = azure_devops.with(|state| {
        practice::fill(state, check);
        state.personal_token()
    });
    let url = azure_devops.url();
    say(&format!("Azure DevOps is simulated at {url}. Ctrl+C ends it. In another terminal:\n"));
    say(&format!("  export CHECKGATE_TOKEN={token}\n  cargo run -- audit {url}FabrikamFiber"));
    tokio::signal::ctrl_c().await.map_err(|error| error.to_string())?;
    Ok(Outcome::Passed)
}

impl Deliver {
    fn configuration(&self) -> Result<CheckConfiguration, String> {
        if !(self.to.starts_with("http://") || self.to.starts_with("https://")) {
            return Err(format!("--to is `{}`; write for instance http://127.0.0.1:7071/api/CheckFunction", self.to));
        }
        let block = self.headers.as_deref().map_or_else(|| Ok(HEADERS.to_owned()), read)?;
        let parsed: Result<serde_json::Map<String, serde_json::Value>, _> = serde_json::from_str(&block);
        parsed.map_err(|error| format!("--headers is not a JSON object: {error}"))?;
        let settings = CheckSettings {
            completion_event: match self.completion_event {
                Event::ApiResponse => CompletionEvent::ApiResponse,
                Event::Callback => CompletionEvent::Callback,
            },
            success_criteria: self.success_criteria.clone(),
            timeout: self.timeout,
            time_between_evaluations: self.every,
            ..CheckSettings::default()
        };
        let target = match &self.key {
            Some(key) => {
                Target::AzureFunction { function: FunctionAddress::new(&self.to, key), parameters: String::new() }
            }
            None => Target::RestApi {
                connection: ServiceConnection { url: self.to.clone(), authorization: None },
                url_suffix: String::new(),
            },
        };
        let body = self.body.as_deref().map(read).transpose()?.unwrap_or_default();
        let headers = Arc::new(move |ids: &_| expand(&block, ids, &[]));
        Ok(CheckConfiguration { headers, body, ..CheckConfiguration::new(target, settings) })
    }
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))
}

/// Prints a line of the report. If nobody reads any more, the exit code still says how it ended.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn complain(why: &str) {
    let _ = writeln!(std::io::stderr(), "error: {why}");
}
