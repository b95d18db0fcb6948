//! Watches over acknowledged checks that nobody evaluates.
//!
//! # What must hold
//!
//! An acknowledgement is a promise that the check is evaluated. Some reasons why it is not stand in no file that the handler
//! can read: a queue without a listener, a host that takes every message for undecodable, messages that somebody deletes. So
//! the process that acknowledged a check looks for it two minutes later.
//!
//! # How
//!
//! Every evaluation writes a claim into the check's record ([`crate::queue::claim`]). If there is none, the check's log and
//! an event say so, and the process looks again at the deadline. If there is none then either, it makes the decision that is
//! due at the deadline, on the way on which all decisions are made. It tries again each minute, for an hour, until the decision has
//! arrived, and queues nothing. An evaluation that comes all the same finds the decision.
//!
//! # Where it ends
//!
//! The list dies with the process. A check whose record is hidden or missing is not decided: whether somebody claimed it
//! cannot be seen.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::StreamExt as _;
use tracing::Instrument as _;

use super::acting::session_of;
use super::attempt::Purpose;
use super::context::Context;
use super::precheck::{self, Seen};
use super::record;
use super::tries::Tries;
use super::{Ended, attempt, claims_of, in_time, open, status};
use crate::App;
use crate::azure_devops::{ErrorKind, Session};
use crate::check::Check;
use crate::events::Event;
use crate::queue::message::{CheckMessage, MessageV1};
use crate::queue::watch::Watched;
use crate::span;
use crate::task::token::AuthToken;
use crate::task_log;

/// How many checks are looked for at a time, so that evaluations keep their connections.
const AT_A_TIME: usize = 8;

/// How long after a look that led to nothing the next one follows.
const LOOK_AGAIN_AFTER: TimeDelta = TimeDelta::minutes(1);

/// How long past its deadline a check is looked for.
const GRACE: TimeDelta = TimeDelta::hours(1);

/// What a look leads to.
enum Then {
    /// Somebody takes care of the check, or nobody waits for it.
    End,
    /// Look again at this time.
    LookAt(DateTime<Utc>),
}

/// Looks for each check that is due.
pub async fn look(app: &Arc<App>) {
    let due = futures_util::stream::iter(app.watch.due(app.clock.now()));
    due.for_each_concurrent(AT_A_TIME, |watched| look_for(app, watched)).await;
}

async fn look_for(app: &Arc<App>, mut watched: Watched) {
    // This process has written it, with a key that it has.
    let Ok(CheckMessage::V1(message, sealed)) = CheckMessage::parse(&watched.text) else { return };
    let Ok(token) = open(app, &message, &sealed) else { return };
    let ids = message.check.properties.clone();
    let span = span::of(&message.check, 0);
    match check_on(app, *message, token, &mut watched).instrument(span).await {
        Then::End => app.watch.end(&ids),
        Then::LookAt(look_at) => {
            watched.look_at = look_at;
            app.watch.go_on(watched);
        }
    }
}

async fn check_on(app: &Arc<App>, message: MessageV1, token: AuthToken, watched: &mut Watched) -> Then {
    let mut session = session_of(&app.azure_devops, &message, &token);
    let (check, now) = (&message.check, app.clock.now());
    let seen = match precheck::look(&mut session, true).await {
        Ok(seen) => seen,
        Err(error) if error.kind == ErrorKind::NotVisible => Seen::Missing,
        Err(error) => return again(check, now, &error.to_string()),
    };
    let is_claimed = match &seen {
        Seen::Record(record) => record.is_completed() || record::was_claimed_by_another(record, &watched.message_id),
        Seen::Missing => false,
        Seen::Gone(_) | Seen::Hidden => true,
    };
    if is_claimed {
        return Then::End;
    }
    if !std::mem::replace(&mut watched.is_reported, true) {
        let due = task_log::time(check.delivered_at);
        Event::CheckNotEvaluated.report(&format!("its first evaluation was due at {due}"));
    }
    match seen {
        Seen::Record(_) if now >= check.deadline => decide(app, (message, token), watched).await,
        Seen::Record(_) => {
            write(&session, check, now).await;
            Then::LookAt(check.deadline)
        }
        _ => Then::End,
    }
}

/// Another look in a minute, until nobody waits any more.
fn again(check: &Check, now: DateTime<Utc>, why: &str) -> Then {
    if now >= check.deadline + GRACE {
        Event::DeadlineMissed.report(why);
        return Then::End;
    }
    let next = now + LOOK_AGAIN_AFTER;
    Then::LookAt(if now < check.deadline { next.min(check.deadline) } else { next })
}

/// Says so on the run's page. It claims nothing: an evaluation may still come.
async fn write(session: &Session<'_>, check: &Check, now: DateTime<Utc>) {
    let line = task_log::not_evaluated(check);
    let update = status::operation_update(&line);
    let Some(log) = record::try_call(session.create_log()).await else { return };
    record::try_call(session.append_log(log, &task_log::render(&[line], now))).await;
    record::try_call(session.update_record(&update.log(Some(log)))).await;
}

/// Makes the decision of a check that nobody has evaluated. If it does not arrive, the next attempt goes on with what this one has
/// learned.
async fn decide(app: &Arc<App>, (message, token): (MessageV1, AuthToken), watched: &mut Watched) -> Then {
    let check = message.check.clone();
    let claims = claims_of(app, &message, watched.message_id.clone(), false);
    let tries = Tries::new(1, app.host.max_dequeue_count, 0);
    let mut context = Context::new(app, (message, token), claims, tries);
    let why = match in_time(attempt::run(&mut context, Purpose::EndUnevaluated)).await {
        Ok(Ended::Decided(_) | Ended::Stopped(_)) => return Then::End,
        Ok(Ended::Requeued(why)) => why,
        Err(failure) => {
            Event::EvaluationFailed.report(&failure.to_string());
            failure.to_string()
        }
    };
    watched.text = context.seal_successor();
    again(&check, app.clock.now(), &why)
}
