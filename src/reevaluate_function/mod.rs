//! `ReevaluateFunction`: one evaluation of a check, from its queue message to exactly one of three ends.
//!
//! The decision is reported, or the next evaluation is queued, or the host gets an error, whose retries and poison queue
//! then apply. A handler may run twice on the same message: every step bears it.

mod attempt;
mod decision;
pub mod envelope;
mod precheck;
mod retry;
mod status;

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::App;
use crate::queue::claim::Claims;
use crate::queue::message::{CheckMessage, MessageV1, RunIds, SealedToken};
use crate::reevaluate_function::envelope::{Invocation, InvocationResult};
use crate::task::Decision;
use crate::task::token::AuthToken;

use attempt::Step;
pub(crate) use precheck::{recorded_claim, recorded_decision};

/// How many times the host hands out a message before it goes to the poison queue: `maxDequeueCount` in `host.json`.
pub const MAX_DEQUEUE_COUNT: u32 = 10;

/// The first of the last tries, which fail the check instead of evaluating it: two, because the process may be killed in
/// the middle of one.
const LAST_TRIES_FROM: u32 = MAX_DEQUEUE_COUNT - 1;

/// How long an evaluation may take in all: inside the 5 min of `functionTimeout` in `host.json`, after which the host kills
/// the process with all other evaluations in it. The limits of its parts add up to less.
const EVALUATION_LIMIT: Duration = Duration::from_secs(270);

/// How an evaluation ended. Whichever it is, the message has done its work.
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
    #[error("the evaluation took longer than {} s", EVALUATION_LIMIT.as_secs())]
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
            tracing::error!(error = %failure, "evaluation failed");
            return Err(failure);
        }
    };
    match run(app, &invocation).await {
        Ok(ended) => Ok(InvocationResult::logging(&describe(&ended))),
        Err(failure) => {
            let RunIds { plan_id, build_id } = RunIds::read(&invocation.message);
            let message_id = invocation.message_id.unwrap_or_default();
            tracing::error!(error = %failure, message_id, invocation.dequeue_count, check.plan_id = plan_id, check.build_id = build_id, "evaluation failed");
            Err(failure)
        }
    }
}

async fn run(app: &Arc<App>, invocation: &Invocation) -> Result<Ended, Failure> {
    let CheckMessage::V1(message, sealed) =
        CheckMessage::parse(&invocation.message).map_err(|error| Failure::Unusable(error.to_string()))?;
    let token = open(app, &message, &sealed)?;
    // Unique to the queue message, so that a message which was queued twice has two claims.
    let message_id = invocation.message_id.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
    let is_retry = invocation.dequeue_count > 1;
    let is_last = invocation.dequeue_count >= LAST_TRIES_FROM;
    let app = Arc::clone(app);
    // A task of its own: a panic in one evaluation does not take others with it, and a host that hangs up does not cut
    // one off in the middle.
    let evaluation = tokio::spawn(async move {
        let ids = message.check.properties.clone();
        let evaluations = message.progress.evaluations;
        let claims = Claims::new(message_id, message.progress.claims.clone(), is_retry);
        let step = Step::new(&app, *message, token, claims).take(is_last);
        let ended = tokio::time::timeout(EVALUATION_LIMIT, step).await.unwrap_or(Err(Failure::TookTooLong));
        if let Ok(ended) = &ended {
            tracing::info!(
                check.plan_id = %ids.plan_id,
                check.job_id = %ids.job_id,
                check.task_instance_id = %ids.task_instance_id,
                check.evaluations = evaluations,
                outcome = describe(ended),
                "evaluation ended"
            );
        }
        ended
    });
    evaluation.await.unwrap_or(Err(Failure::Panicked))
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

fn describe(ended: &Ended) -> String {
    match ended {
        Ended::Decided(decision) => format!("decided: {decision}"),
        Ended::Requeued(why) => format!("queued again: {why}"),
        Ended::Stopped(why) => format!("stopped: {why}"),
    }
}
