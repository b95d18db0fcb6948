//! `CheckFunction`: takes delivery of a check.
//!
//! In Callback mode it validates, queues, and acknowledges; it never calls Azure DevOps. In ApiResponse mode the decision is
//! the answer. Azure Pipelines prints the answer in its log, so it holds no secret and no internal detail.
//!
//! # Layout
//!
//! In reading order: [`delivery`] (all of a delivery), `headers` and `requested_check` (its parts), `respond` (the decision in
//! the response), `answer` (what Azure Pipelines gets back).

mod answer;
pub mod delivery;
mod headers;
mod requested_check;
mod respond;

use serde::Serialize;
use tracing::Instrument as _;
use warp::http::{HeaderMap, StatusCode};

use self::delivery::{Delivery, Refusal, Request, Rules};
use crate::App;
use crate::events::Event;
use crate::queue::message::{MAX_FIRST_MESSAGE, MessageV1};
use crate::queue::{DELIVERY_PUT, QueueError, Schedule};
use crate::span;
use crate::task::CompletionEvent;
use crate::telemetry;

pub use answer::{Answer, MAX_BODY, misconfigured, not_forwarded, too_large, unavailable};

/// The body of an acknowledgement.
#[derive(Serialize)]
struct Accepted<'a> {
    status: &'static str,
    check: &'a str,
    message: &'static str,
}

/// Answers one delivery.
pub async fn deliver(app: &App, headers: &HeaderMap, query: &str, body: &[u8]) -> Answer {
    let now = app.clock.now();
    let checks = match app.checks.for_delivery() {
        Ok(checks) if app.problems.is_empty() => checks,
        checks => {
            let of_file = checks.err().unwrap_or_default();
            return misconfigured(app.problems.iter().cloned().chain(of_file).collect());
        }
    };
    let rules = Rules {
        checks: &checks.file,
        allowed: &app.allowed_plan_urls,
        allow_inline: app.allow_inline_checks,
        decided_with: app.decided_with(),
    };
    let mut delivery = match delivery::read(Request { headers, query, body }, rules, now) {
        Ok(delivery) => delivery,
        Err(Refusal::Problems(problems)) => {
            tracing::warn!(problems = problems.join("; "), "delivery refused");
            return Answer::refused(StatusCode::BAD_REQUEST, problems);
        }
        Err(Refusal::ForbiddenPlanUrl(problem)) => {
            Event::PlanUrlRefused.report(&problem);
            return Answer::refused(StatusCode::FORBIDDEN, vec![problem]);
        }
    };
    let unusable = checks.sources.problems_of(delivery.check.definition.connections());
    if !unusable.is_empty() {
        Event::ConnectionUnusable.report(&unusable.join("; "));
        return Answer::refused(StatusCode::BAD_REQUEST, unusable);
    }
    // Where traces are made, evaluations link to the delivery and not to its caller.
    delivery.check.trace = telemetry::context().or(delivery.check.trace);
    let span = span::of(&delivery.check, 0);
    match delivery.completion_event {
        CompletionEvent::Callback => accept(app, delivery).instrument(span).await,
        CompletionEvent::ApiResponse => respond::decide(app, &checks.sources, &delivery).instrument(span).await,
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
    match app.queue.put(&text, schedule, DELIVERY_PUT).await {
        Ok(()) => {
            tracing::info!("delivery accepted");
            app.watch.begin(check, text);
            let message = "The check is queued. Its log and its decision appear on the run's page.";
            Answer::new(StatusCode::OK, Accepted { status: "accepted", check: &check.name, message })
        }
        Err(error) => {
            Event::DeliveryNotAccepted.report(&error.to_string());
            match error {
                QueueError::TooLarge(..) => Answer::refused(StatusCode::BAD_REQUEST, vec![error.to_string()]),
                QueueError::Unavailable(_) => unavailable("the function app's storage does not answer"),
            }
        }
    }
}
