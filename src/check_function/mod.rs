//! `CheckFunction`: takes delivery of a check.
//!
//! In callback mode it validates, queues, and acknowledges; it never calls Azure DevOps. In ApiResponse mode the decision
//! is the answer. The answer is printed in the pipeline's log, so it holds no secret and no internal detail.

pub mod delivery;
mod headers;
mod requested_check;

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument as _;
use warp::http::{HeaderMap, StatusCode};

use self::delivery::{Delivery, Refusal, Rules};
use crate::App;
use crate::azure_devops::{ErrorKind, Session};
use crate::evaluation::evaluator::{Evaluation, Evaluator, ReadRunState};
use crate::evaluation::{Explanation, Memory, Status};
use crate::facts::FactError;
use crate::queue::message::{MAX_FIRST_MESSAGE, MessageV1};
use crate::queue::{DELIVERY_PUT_TIMEOUT, QueueError, Schedule};
use crate::sources::Sources;
use crate::span;
use crate::task::CompletionEvent;
use crate::task_log;

/// The largest body of a delivery. Azure Pipelines lets people write 2,000 characters.
pub const MAX_BODY: u64 = 64 * 1024;

/// How long reading may take in all in ApiResponse mode, of the 3 s that Azure Pipelines waits for the answer.
const SYNCHRONOUS_BUDGET: Duration = Duration::from_millis(2_200);

/// An answer to Azure Pipelines: a status and a JSON body.
#[derive(Debug, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The body.
    pub body: Value,
}

impl Answer {
    fn new(status: StatusCode, body: impl Serialize) -> Self {
        Self { status, body: printable(serde_json::to_value(body).unwrap_or_default()) }
    }

    fn refused(status: StatusCode, problems: Vec<String>) -> Self {
        Self::new(status, Refused { status: "refused", problems })
    }
}

/// Makes every text in an answer safe to print: it holds what deliveries, definitions and work items say.
fn printable(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(crate::text::one_line(&text)),
        Value::Array(items) => items.into_iter().map(printable).collect(),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, printable(value))).collect(),
        other => other,
    }
}

/// The body of an acknowledgement.
#[derive(Serialize)]
struct Accepted<'a> {
    status: &'static str,
    check: &'a str,
    message: &'static str,
}

/// The body of a refusal.
#[derive(Serialize)]
struct Refused {
    status: &'static str,
    problems: Vec<String>,
}

/// The body of a synchronous decision.
#[derive(Serialize)]
struct Decided<'a> {
    status: &'static str,
    check: &'a str,
    reasons: Vec<String>,
    explanation: &'a [Explanation],
}

/// The answer to a body over [`MAX_BODY`].
#[must_use]
pub fn too_large() -> Answer {
    Answer::refused(
        StatusCode::PAYLOAD_TOO_LARGE,
        vec![format!(
            "the body is larger than {MAX_BODY} bytes: shorten the inline definition, or name a check of checks.yaml"
        )],
    )
}

/// The answer where the host wraps requests in JSON instead of passing them on. It names the setting.
#[must_use]
pub fn not_forwarded() -> Answer {
    let problem = "the Functions host does not pass on requests as they are: set \
                   customHandler.enableForwardingHttpRequest to true in host.json, and deploy the function app again";
    tracing::error!(problem, "delivery refused");
    Answer::refused(StatusCode::BAD_REQUEST, vec![problem.to_owned()])
}

/// The answer when the check could not be worked on: Azure Pipelines may deliver it again.
#[must_use]
pub fn unavailable(why: &str) -> Answer {
    Answer::refused(
        StatusCode::SERVICE_UNAVAILABLE,
        vec![format!("the check could not be queued, so it was not accepted: {why}; retry the stage")],
    )
}

/// Answers one delivery.
pub async fn deliver(app: &App, headers: &HeaderMap, query: &str, body: &[u8]) -> Answer {
    let now = app.clock.now();
    let checks = match app.checks.for_delivery() {
        Ok(checks) => checks,
        Err(problems) => {
            tracing::error!("delivery refused: there are no checks to choose from");
            return Answer::refused(StatusCode::SERVICE_UNAVAILABLE, problems);
        }
    };
    let rules = Rules { checks: &checks.file, allowed: &app.allowed_plan_urls, allow_inline: app.allow_inline_checks };
    let delivery = match delivery::read(headers, query, body, rules, now) {
        Ok(delivery) => delivery,
        Err(Refusal::Problems(problems)) => {
            tracing::warn!(problems = problems.join("; "), "delivery refused");
            return Answer::refused(StatusCode::BAD_REQUEST, problems);
        }
        Err(Refusal::ForbiddenPlanUrl(problem)) => {
            tracing::warn!(problem, "delivery refused");
            return Answer::refused(StatusCode::FORBIDDEN, vec![problem]);
        }
    };
    let unusable = checks.sources.problems_of(delivery.check.definition.connections());
    if !unusable.is_empty() {
        tracing::warn!(problems = unusable.join("; "), "delivery refused");
        return Answer::refused(StatusCode::BAD_REQUEST, unusable);
    }
    let span = span::of(&delivery.check, 0);
    match delivery.completion_event {
        CompletionEvent::Callback => accept(app, delivery).instrument(span).await,
        CompletionEvent::ApiResponse => decide(app, &checks.sources, &delivery).instrument(span).await,
    }
}

/// Queues the check, then acknowledges it.
async fn accept(app: &App, delivery: Delivery) -> Answer {
    let message = MessageV1::new(delivery.check);
    let text = message.seal(&delivery.token, &app.sealer);
    let check = &message.check;
    if text.len() > MAX_FIRST_MESSAGE {
        let problem = QueueError::TooLarge(text.len(), MAX_FIRST_MESSAGE).to_string();
        return Answer::refused(StatusCode::BAD_REQUEST, vec![problem]);
    }
    let schedule = Schedule::at_once(check.delivered_at, check.deadline);
    match app.queue.put(&text, schedule, DELIVERY_PUT_TIMEOUT).await {
        Ok(()) => {
            tracing::info!("delivery accepted");
            let message = "The check is queued. Its log and its decision appear on the run's page.";
            Answer::new(StatusCode::OK, Accepted { status: "accepted", check: &check.name, message })
        }
        Err(error) => {
            tracing::error!(error = %error, "delivery not accepted");
            match error {
                QueueError::TooLarge(..) => Answer::refused(StatusCode::BAD_REQUEST, vec![error.to_string()]),
                QueueError::Unavailable(_) => unavailable("the function app's storage does not answer"),
            }
        }
    }
}

/// Reads the check's facts and evaluates it, within the time that Azure Pipelines waits.
async fn evaluate(app: &App, sources: &Sources, delivery: &Delivery) -> Result<Evaluation, FactError> {
    let until = Instant::now() + SYNCHRONOUS_BUDGET;
    let check = &delivery.check;
    let session = app.azure_devops.session(&check.properties, &delivery.token);
    let evaluator = Evaluator {
        check,
        azure_devops: &session,
        sources,
        memory: &Memory::default(),
        run: None,
        read_run_state: ReadRunState::Never,
        now: check.delivered_at,
        limit: SYNCHRONOUS_BUDGET,
    };
    // What the headers alone can answer needs no call.
    if !evaluator.wanted().is_empty() {
        timeout_at(until, prove_origin(&session))
            .await
            .unwrap_or_else(|_| Err(FactError::because("Azure DevOps did not answer in time")))?;
    }
    let limit = until.saturating_duration_since(Instant::now());
    Evaluator { limit, ..evaluator }.evaluate().await
}

/// The delivered token must be able to read the delivered plan, or where it may not, the check's record. Without this,
/// whoever holds the function key could ask the sources anything and read it in the answer.
async fn prove_origin(session: &Session<'_>) -> Result<(), FactError> {
    match session.plan().await {
        Ok(_) => Ok(()),
        Err(error) if error.kind == ErrorKind::NotVisible => match session.record().await? {
            Some(_) => Ok(()),
            None => Err(error.into()),
        },
        Err(error) => Err(error.into()),
    }
}

/// Evaluates the check now: the decision is the answer.
async fn decide(app: &App, sources: &Sources, delivery: &Delivery) -> Answer {
    let check = &delivery.check;
    let (status, reasons, explanation) = match evaluate(app, sources, delivery).await {
        Ok(evaluation) => {
            let verdict = evaluation.verdict;
            let status = if check.definition.dry_run { Status::Passed } else { verdict.status() };
            let reasons = match verdict.status() {
                Status::Passed => vec!["all conditions passed".to_owned()],
                _ => task_log::blockers(&verdict.explanation),
            };
            (status, reasons, verdict.explanation.conditions)
        }
        Err(error) => {
            let status = if check.definition.dry_run { Status::Passed } else { Status::Errored };
            (status, vec![error.why], Vec::new())
        }
    };
    let status = match status {
        Status::Passed => "successful",
        Status::Failed => "failed",
        Status::Waiting | Status::Errored => "pending",
    };
    tracing::info!(status, "decided in the response");
    Answer::new(StatusCode::OK, Decided { status, check: &check.name, reasons, explanation: &explanation })
}
