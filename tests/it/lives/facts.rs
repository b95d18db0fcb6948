//! What the conditions of a check come to, and when.

use chrono::{DateTime, TimeDelta, Utc};

use super::life::{Check, Event, Life};
use super::stage::Account;

/// What the conditions come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Yes,
    No,
    NotYet,
}

/// The verdict on the facts as they were at this time, counted from the beginning.
pub(super) fn verdict(life: &Life, at: TimeDelta) -> Verdict {
    let changes = life.events.iter().filter(|(when, _)| *when <= at);
    let is_closed = changes.fold(life.is_closed, |is_closed, (_, event)| match event {
        Event::Closes => true,
        Event::Reopens => false,
        _ => is_closed,
    });
    match (life.check, life.has_task, is_closed) {
        (Check::Task, true, _) | (Check::NoTask, false, _) => Verdict::Yes,
        (Check::Task, false, _) | (Check::NoTask, true, _) => Verdict::No,
        (Check::Both | Check::Dry, false, _) => Verdict::No,
        (Check::Either, true, _) => Verdict::Yes,
        (_, _, true) => Verdict::Yes,
        (_, _, false) => Verdict::NotYet,
    }
}

/// Whether somebody who read the facts between these times may have come to this verdict. They change one at a time.
pub(super) fn could_be(
    life: &Life,
    account: &Account,
    (begun, ended): (DateTime<Utc>, DateTime<Utc>),
    wanted: Verdict,
) -> bool {
    let (begun, ended) = (begun - account.begin, ended - account.begin);
    let changes = life.events.iter().map(|(at, _)| *at).filter(|at| (begun..=ended).contains(at));
    changes.chain([begun]).any(|at| verdict(life, at) == wanted)
}
