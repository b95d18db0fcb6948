//! ApiResponse mode: the check is evaluated at once, and the decision is the answer.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, timeout_at};
use warp::http::StatusCode;

use super::answer::Answer;
use super::delivery::Delivery;
use crate::App;
use crate::azure_devops::{ErrorKind, Session};
use crate::decision_record::{self as record, DecisionRecord};
use crate::evaluation::evaluator::{Evaluation, Evaluator, ReadRun};
use crate::evaluation::{Explanation, Memory, Status};
use crate::facts::{FactError, ReadingTime};
use crate::sources::Sources;
use crate::task_log;
use crate::telemetry;

/// How long reading may take in all in ApiResponse mode, of the 3 s that Azure Pipelines waits for the answer.
const RESPONSE_TIMEOUT: Duration = Duration::from_millis(2_200);

/// The status of the answer `failed`. Any 200 passes a check without *Success criteria*, which is what the platform
/// starts with, so only `successful` is a 200. A 4xx, because proxies and clients repeat a request after a 5xx.
const FAILED: StatusCode = StatusCode::PRECONDITION_FAILED;

/// The status of the answer `pending`. Another than [`FAILED`], so that the pipeline's log tells them apart.
const PENDING: StatusCode = StatusCode::CONFLICT;

/// The body of a synchronous decision.
#[derive(Serialize)]
struct Decided<'a> {
    status: &'static str,
    check: &'a str,
    reasons: Vec<String>,
    explanation: &'a [Explanation],
}

/// Reads the check's facts and evaluates it, within the time that Azure Pipelines waits.
async fn evaluate(app: &App, sources: &Sources, delivery: &Delivery) -> Result<Evaluation, FactError> {
    let until = Instant::now() + RESPONSE_TIMEOUT;
    let check = &delivery.check;
    let session = app.azure_devops.session(&check.properties, &delivery.token);
    let evaluator = Evaluator {
        check,
        azure_devops: &session,
        sources,
        memory: &Memory::default(),
        run: None,
        read_run: ReadRun::Never,
        waits: None,
        now: check.delivered_at,
        limit: ReadingTime { usual: RESPONSE_TIMEOUT, most: RESPONSE_TIMEOUT },
    };
    // A check that the headers alone can answer needs no call.
    if !evaluator.wanted().await.is_empty() {
        timeout_at(until, prove_origin(&session))
            .await
            .unwrap_or_else(|_| Err(FactError::because("Azure DevOps did not answer in time")))?;
    }
    let left = until.saturating_duration_since(Instant::now());
    Evaluator { limit: ReadingTime { usual: left, most: left }, ..evaluator }.evaluate().await
}

/// The delivered token must be able to read the delivered plan or, if it may not, the check's record. Otherwise everybody with
/// the function key could ask the sources anything, and read it in the answer.
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

/// Writes the record of a decision into the handler's log. What is pending is no decision.
fn record(app: &App, sources: &Sources, delivery: &Delivery, evaluation: &Evaluation) {
    let (check, verdict) = (&delivery.check, &evaluation.verdict);
    if !matches!(verdict.status(), Status::Passed | Status::Failed) {
        return;
    }
    let decided_at = app.clock.now();
    let decision = if verdict.status() == Status::Passed { "succeeded" } else { "failed" };
    let after = decided_at - check.delivered_at;
    telemetry::decided(decision, "conditions", (after, check.definition.dry_run));
    let record = DecisionRecord::new(check, evaluation.run.as_ref(), Some(verdict), check.delivered_at).with_evidence(
        check,
        &evaluation.evidence,
        &Memory::default(),
    );
    let delivered = record::Delivery {
        evaluations: 1,
        decided_at,
        duration_seconds: after.num_seconds(),
        calls: evaluation.calls.saturating_add(record.asked_elsewhere()),
        dry_run: check.definition.dry_run,
        told: BTreeMap::from([("azurePipelines".to_owned(), "in the response".to_owned())]),
    };
    let session = app.azure_devops.session(&check.properties, &delivery.token);
    let hide = |value| sources.hide_secrets(session.hide_secrets(value));
    match record.delivered(delivered).without_secrets(&hide) {
        Some(record) => app.decision_log.keep(record),
        None => tracing::warn!("the record of the decision cannot be written without secrets; it is left out"),
    }
}

/// Evaluates the check now: the decision is the answer.
pub(super) async fn decide(app: &App, sources: &Sources, delivery: &Delivery) -> Answer {
    let check = &delivery.check;
    let (status, reasons, explanation) = match evaluate(app, sources, delivery).await {
        Ok(evaluation) => {
            record(app, sources, delivery, &evaluation);
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
    let (code, status) = match status {
        Status::Passed => (StatusCode::OK, "successful"),
        Status::Failed => (FAILED, "failed"),
        Status::Waiting | Status::Errored => (PENDING, "pending"),
    };
    tracing::info!(status, "decided in the response");
    Answer::new(code, Decided { status, check: &check.name, reasons, explanation: &explanation })
}
