//! `ReevaluateFunction`: one evaluation of a check, from its queue message to exactly one end.
//!
//! An evaluation decides the check, queues the next evaluation, or stops because nobody waits for the check any more. If it
//! can do none of these, the host gets an error, and its retries and its poison queue apply. The host may run an evaluation
//! twice on the same message, so every step is idempotent.
//!
//! # Layout
//!
//! In reading order: [`envelope`] (what the host sends), `put_back` (messages of other apps), `attempt` (one evaluation, from
//! top to bottom), `precheck` (does somebody wait for this check, and is it ours?), `next` (what a verdict leads to), `retry`
//! (what an error leads to), `status`, `decision` and `decide` (what is shown and posted), `evidence` (what is recorded of a decision),
//! `notify`, `once` and `telling` (who else is told), `page` (how it is written), `record` (the check's own timeline
//! record), `successor` and `tries` (how the check is handed on, and what becomes of one that dies or
//! cannot be handed on), `acting` (whose token is used), `context` (what all of them work with). [`watch`]: checks that
//! nobody evaluates.

mod acting;
mod attempt;
mod context;
mod decide;
mod decision;
pub mod envelope;
mod evidence;
mod next;
mod notify;
mod once;
mod page;
mod precheck;
mod put_back;
mod record;
mod retry;
mod status;
mod successor;
mod telling;
#[cfg(test)]
mod testing;
mod tries;
pub mod watch;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::App;
use crate::events::Event;
use crate::queue::claim::Claims;
use crate::queue::message::{CheckMessage, MessageV1, RunIds, SealedToken};
use crate::reevaluate_function::envelope::{Invocation, InvocationResult};
use crate::span;
use crate::task::Decision;
use crate::task::token::AuthToken;
use crate::telemetry;

pub(crate) use acting::session_of;
use attempt::Purpose;
use context::Context;
pub(crate) use record::{recorded_claim, recorded_decision};
use tries::Tries;

/// How long an evaluation may take in all: inside the 5 min of `functionTimeout` in `host.json`, after which the host kills
/// the process with all other evaluations in it. The limits of its parts add up to less, and it stops trying to queue its
/// successor before.
const EVALUATION_TIMEOUT: Duration = Duration::from_secs(270);

/// How an evaluation ended. The message has done its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The decision has reached Azure Pipelines.
    Decided(Decision),
    /// A successor is queued.
    Requeued(String),
    /// Nobody waits for the check, or another chain takes care of it.
    Stopped(String),
}

/// Why an evaluation could not end: the host keeps the message and hands it out again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The envelope or the message cannot be read, or its token does not open.
    #[error("the queue message cannot be used: {0}")]
    Unusable(String),
    /// The successor could not be queued.
    #[error("the next evaluation could not be queued: {0}")]
    NotQueued(#[from] crate::queue::QueueError),
    /// It took longer than any evaluation may.
    #[error("the evaluation took longer than {} s", EVALUATION_TIMEOUT.as_secs())]
    TookTooLong,
    /// The code failed.
    #[error("the evaluation ended unexpectedly")]
    Panicked,
}

/// Answers one invocation of the host.
///
/// # Errors
///
/// [`Failure`]; it is logged here, once.
pub async fn invoke(app: &Arc<App>, body: &[u8]) -> Result<InvocationResult, Failure> {
    let invocation = match Invocation::parse(body) {
        Ok(invocation) => invocation,
        Err(why) => {
            let failure = Failure::Unusable(why.to_owned());
            Event::EvaluationFailed.report(&failure.to_string());
            return Err(failure);
        }
    };
    match run(app, &invocation).await {
        Ok(ended) => {
            telemetry::ended(ended.name());
            Ok(InvocationResult::logging(&describe(&ended)))
        }
        Err(failure) => {
            let RunIds { plan_id, build_id } = RunIds::read(&invocation.message);
            // The host logs nothing that names the check when it moves the message.
            let is_poisoned = invocation.dequeue_count >= app.host.max_dequeue_count;
            let event = if is_poisoned { Event::CheckPoisoned } else { Event::EvaluationFailed };
            let message_id = invocation.message_id.unwrap_or_default();
            tracing::error_span!(
                "check",
                message_id,
                invocation.dequeue_count,
                check.plan_id = plan_id,
                check.build_id = build_id
            )
            .in_scope(|| event.report(&failure.to_string()));
            Err(failure)
        }
    }
}

async fn run(app: &Arc<App>, invocation: &Invocation) -> Result<Ended, Failure> {
    let CheckMessage::V1(message, sealed) =
        CheckMessage::parse(&invocation.message).map_err(|error| Failure::Unusable(error.to_string()))?;
    if let Some(key) = sealed.unknown_key(&app.sealer) {
        return put_back::put_back(app, (&message, key), invocation).await;
    }
    let token = open(app, &message, &sealed)?;
    // Unique to the queue message, so that a message which was queued twice has two claims.
    let message_id = invocation.message_id.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
    let interrupted = message.progress.interrupted();
    let tries = Tries::new(invocation.dequeue_count, app.host.max_dequeue_count, interrupted);
    let is_retry = tries.is_retry() || message.progress.is_early() || put_back::was_put_back(&message, invocation);
    app.watch.end(&message.check.properties);
    let delivered_at = message.check.delivered_at;
    picked_up(app, &message, is_retry);
    let (app, clock) = (Arc::clone(app), app.clock.clone());
    let span = span::of(&message.check, message.progress.evaluations());
    // A task of its own: a panic in one evaluation does not take others with it, and a host that hangs up does not cut
    // one off in the middle.
    let evaluation = tokio::spawn(
        async move {
            if message.progress.is_early() {
                tracing::warn!(
                    interrupted,
                    "the evaluation before this one did not end as it should; the check goes on"
                );
            }
            let claims = claims_of(&app, &message, message_id, is_retry);
            let mut context = Context::new(&app, (*message, token), claims, tries);
            let ended = in_time(attempt::run(&mut context, Purpose::Evaluate)).await;
            if let Ok(ended) = &ended {
                tracing::info!(outcome = describe(ended), "evaluation ended");
            }
            ended
        }
        .instrument(span),
    );
    let ended = evaluation.await.unwrap_or(Err(Failure::Panicked));
    if let Ok(Ended::Requeued(_)) = &ended {
        telemetry::waits(clock.now() - delivered_at);
    }
    ended
}

/// Measures how late a message is, unless it was handed out before, and links its evaluation to the delivery.
fn picked_up(app: &App, message: &MessageV1, is_retry: bool) {
    let planned = match message.progress.claims().last() {
        Some(claim) => claim.next_look(),
        None => Some(message.check.delivered_at),
    };
    let delay = planned.filter(|_| !is_retry).map(|planned| app.clock.now() - planned);
    telemetry::picked_up(&app.host.queue_name, delay, message.check.trace);
}

/// An attempt, but no longer than any may take.
async fn in_time(attempt: impl Future<Output = Result<Ended, Failure>>) -> Result<Ended, Failure> {
    tokio::time::timeout(EVALUATION_TIMEOUT, attempt).await.unwrap_or(Err(Failure::TookTooLong))
}

/// What a message knows of claims. Until its chain has owned the check, it is a newcomer.
fn claims_of(app: &App, message: &MessageV1, message_id: String, is_retry: bool) -> Claims {
    let now = micros(app.clock.now());
    let claims = Claims::new(message_id, message.progress.claims().to_vec());
    let claims = if is_retry { claims.of_retry(now) } else { claims };
    if message.progress.is_first() { claims.of_newcomer(now) } else { claims }
}

/// The time as claims count it: in microseconds since 1970.
fn micros(time: DateTime<Utc>) -> u64 {
    u64::try_from(time.timestamp_micros()).unwrap_or_default()
}

/// Opens the token, and checks the allow-list again: the message may be old, or forged.
pub(crate) fn open(app: &App, message: &MessageV1, sealed: &SealedToken) -> Result<AuthToken, Failure> {
    let properties = &message.check.properties;
    let admitted = app.allowed_plan_urls.admit(properties.plan_url.as_str());
    if admitted.is_ok_and(|admitted| admitted == properties.plan_url) {
        let token = sealed.open(&app.sealer);
        token.map_err(|error| Failure::Unusable(format!("token of plan {}: {error}", properties.plan_id)))
    } else {
        Err(Failure::Unusable(format!("the PlanUrl of plan {} is not among AllowedPlanUrls", properties.plan_id)))
    }
}

impl Ended {
    /// What the metrics call it.
    const fn name(&self) -> &'static str {
        match self {
            Self::Decided(_) => "decided",
            Self::Requeued(_) => "requeued",
            Self::Stopped(_) => "stopped",
        }
    }
}

fn describe(ended: &Ended) -> String {
    match ended {
        Ended::Decided(decision) => format!("decided: {decision}"),
        Ended::Requeued(why) => format!("queued again: {why}"),
        Ended::Stopped(why) => format!("stopped: {why}"),
    }
}
