//! `checkgate poison`: what an operator does about checks that could not be evaluated.

use std::process::ExitCode;

use clap::Subcommand;

use super::connect::token_of_azure_cli;
use super::{block_on, fail, help, print, serve};
use crate::App;
use crate::azure_devops::task::{CheckRecord, RecordUpdate};
use crate::azure_devops::{ErrorKind, Session};
use crate::clock::Clock;
use crate::config;
use crate::queue::message::{CheckMessage, MessageV1};
use crate::queue::{EVALUATION_PUT, Poisoned, Schedule};
use crate::reevaluate_function::{open, recorded_claim, recorded_decision, session_of};
use crate::task::Decision;
use crate::task::token::AuthToken;
use crate::task_log;

/// What to do.
#[derive(Subcommand)]
#[command(after_help = help::POISON)]
pub(super) enum Command {
    /// List the poisoned checks, with the run of each
    #[command(after_help = help::POISON_LIST)]
    List,
    /// Queue a check again; it is tried as often as a new one
    #[command(after_help = help::POISON_REQUEUE)]
    Requeue {
        /// The message's id, from `list`
        message_id: String,
    },
    /// Fail a check: post the failed decision
    #[command(after_help = help::POISON_FAIL)]
    Fail {
        /// The message's id, from `list`
        message_id: String,
    },
}

pub(super) fn run(command: &Command) -> ExitCode {
    block_on(async {
        match act(command).await {
            Ok(said) => {
                print(&said);
                ExitCode::SUCCESS
            }
            Err(why) => fail(&why),
        }
    })
}

async fn act(command: &Command) -> Result<String, String> {
    // A person starts this, not the host, so no port is set.
    let lookup = |name: &str| match name {
        "FUNCTIONS_CUSTOMHANDLER_PORT" => Some("0".to_owned()),
        // The app's settings name an account and no key: only Azure has the app's identity.
        config::STORAGE_TOKEN => config::environment(name).or_else(|| {
            let is_elsewhere = config::environment("IDENTITY_ENDPOINT").is_none();
            is_elsewhere.then(|| token_of_azure_cli("https://storage.azure.com")).flatten()
        }),
        name => config::environment(name),
    };
    let config = serve::read_config(&lookup).map_err(|error| error.to_string())?;
    let app = serve::build_app(config, Clock::system())?;
    if let Some(problem) = app.problems.first() {
        return Err(problem.clone());
    }
    match command {
        Command::List => list(&app).await,
        Command::Requeue { message_id } => requeue(&app, message_id).await,
        Command::Fail { message_id } => fail_check(&app, message_id).await,
    }
}

async fn list(app: &App) -> Result<String, String> {
    let poisoned = app.queue.poison().peek().await?;
    if poisoned.is_empty() {
        return Ok("No check is poisoned.".to_owned());
    }
    let entries: Vec<String> = poisoned.iter().map(describe).collect();
    Ok(format!("{}\nThese are the first {}; there may be more.", entries.join("\n"), poisoned.len()))
}

/// Says enough to find the run, and never a token, sealed or not.
fn describe(poisoned: &Poisoned) -> String {
    let Poisoned { id, since, text } = poisoned;
    let since = task_log::time(*since);
    match CheckMessage::parse(text) {
        Ok(CheckMessage::V1(message, _)) => {
            let (check, progress) = (&message.check, &message.progress);
            let ids = &check.properties;
            let run = ids.build_id.map_or_else(String::new, |build| {
                format!("\n  run        {}{}/_build/results?buildId={build}", ids.plan_url, ids.project_id)
            });
            format!(
                "{id}\n  check      {}, poisoned at {since}{run}\n  plan       {}\n  delivered  {}, after {} evaluations; its time ends at {}",
                crate::text::one_line(&check.name),
                ids.plan_id,
                task_log::time(check.delivered_at),
                progress.evaluations(),
                task_log::time(check.deadline),
            )
        }
        Err(error) => {
            let run = crate::queue::message::RunIds::read(text);
            format!(
                "{id}\n  unreadable, poisoned at {since}: {error}\n  run        build {}, plan {}",
                or_unknown(&run.build_id),
                or_unknown(&run.plan_id)
            )
        }
    }
}

fn or_unknown(id: &str) -> &str {
    if id.is_empty() { "unknown" } else { id }
}

async fn requeue(app: &App, id: &str) -> Result<String, String> {
    let taken = app.queue.poison().take(id).await?.ok_or_else(|| not_found(id))?;
    let (mut message, token) = read(app, &taken.text)?;
    let record = record(&session_of(&app.azure_devops, &message, &token)).await?;
    // Its chain has ended, but the record still holds the claim of that chain.
    if let Some(claim) = record.as_ref().and_then(recorded_claim) {
        message.progress.take_over(claim);
    }
    let text = message.seal(&token, &app.sealer);
    let schedule = Schedule::at_once(app.clock.now(), message.check.deadline);
    let put = app.queue.put(&text, schedule, EVALUATION_PUT).await;
    put.map_err(|error| error.to_string())?;
    app.queue.poison().delete(taken).await?;
    Ok(format!("Check `{}` is queued again.", message.check.name))
}

async fn fail_check(app: &App, id: &str) -> Result<String, String> {
    let taken = app.queue.poison().take(id).await?.ok_or_else(|| not_found(id))?;
    let (message, token) = read(app, &taken.text)?;
    let session = session_of(&app.azure_devops, &message, &token);
    let record = record(&session).await?;
    let recorded = record.and_then(|record| recorded_decision(&record, &message.check.properties, &app.sealer));
    // A decision that was made already may have arrived: it is sent again, not contradicted.
    let decision = message.pending_decision.map(|pending| pending.decision).or(recorded).unwrap_or_else(|| {
        let reason = "checkgate could not evaluate the check, and an operator has ended it.".to_owned();
        Decision::Rejected { reason }
    });
    write_log(app, &session, &decision).await;
    let said = match session.report_decision(&decision).await {
        Ok(()) => format!("Check `{}` is {decision}.", message.check.name),
        Err(error) if error.kind == ErrorKind::Gone => {
            format!("Nobody waits for check `{}` any more.", message.check.name)
        }
        Err(error) => return Err(format!("{error}; the message stays in the poison queue")),
    };
    app.queue.poison().delete(taken).await?;
    Ok(said)
}

/// The check's record, if it is there to be seen.
async fn record(session: &Session<'_>) -> Result<Option<CheckRecord>, String> {
    match session.record().await {
        Err(error) if matches!(error.kind, ErrorKind::Gone | ErrorKind::NotVisible) => Ok(None),
        record => record.map_err(|error| format!("{error}; the message stays in the poison queue")),
    }
}

/// Writes the decision into the check's log, if possible.
async fn write_log(app: &App, session: &Session<'_>, decision: &Decision) {
    if let Ok(log_id) = session.create_log().await {
        let text = task_log::render(&task_log::decision(decision, None), app.clock.now());
        let _ = session.append_log(log_id, &text).await;
        let _ = session.update_record(&RecordUpdate::default().log(Some(log_id))).await;
    }
}

fn read(app: &App, text: &str) -> Result<(MessageV1, AuthToken), String> {
    let advice = "it stays in the poison queue: end the check on the run's page instead";
    let CheckMessage::V1(message, sealed) = CheckMessage::parse(text).map_err(|error| format!("{error}; {advice}"))?;
    let token = open(app, &message, &sealed).map_err(|failure| format!("{failure}; {advice}"))?;
    Ok((*message, token))
}

fn not_found(id: &str) -> String {
    format!(
        "there is no message {id} in the poison queue, or another command took it in the last 30 seconds; see `checkgate poison list`"
    )
}
