//! Before an evaluation: does somebody still wait for this check, and does the check belong to this chain of messages?

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::Ended;
use super::record::{self, Reader, recorded_claim};
use crate::azure_devops::task::{CheckRecord, Plan};
use crate::azure_devops::{Error, ErrorKind, Session};
use crate::queue::PendingDecision;
use crate::queue::claim::{Claim, Claims, Ownership};
use crate::task_log;

/// How long past the deadline a message looks again that waits for a chain which looks at the deadline. What is left of the
/// half minute after which Azure Pipelines stops waiting is for its own decision.
const AFTER_DEADLINE: TimeDelta = TimeDelta::seconds(10);

/// What can be seen of a check.
#[derive(Debug)]
pub(super) enum Seen {
    /// Nobody waits for it, as it seems: why.
    Gone(String),
    /// The timeline is hidden from the token, or was named wrongly. No status can be shown, but a decision can still be made.
    Hidden,
    /// The timeline has no record of the check.
    Missing,
    /// Its record.
    Record(CheckRecord),
}

/// What to do about it.
#[derive(Debug)]
pub(super) enum Precheck {
    /// Evaluate the check, or deliver the decision that was made already.
    Proceed(Option<PendingDecision>),
    /// The check is completed, or another chain of messages takes care of it. The lines go into the check's log.
    Stop { ended: Ended, lines: Vec<String> },
    /// Nobody waits for the check, as it seems: look again before believing it.
    Gone(String),
    /// Another chain may live: wait until it has had the time to write a newer claim.
    WaitForOtherChain(Claim, Option<DateTime<Utc>>),
}

impl Precheck {
    fn stop(why: &str) -> Self {
        Self::Stop { ended: Ended::Stopped(why.to_owned()), lines: Vec::new() }
    }
}

/// Looks for the check. Before the first evaluation the delivered token must be able to read the delivered record or plan,
/// which proves where the delivery comes from.
///
/// The session follows the plan to the timeline that has the record, where the delivered one has not.
///
/// # Errors
///
/// Azure DevOps did not answer, or shows neither plan nor record.
pub(super) async fn look(session: &mut Session<'_>, is_first: bool) -> Result<Seen, Error> {
    match look_once(session, is_first).await {
        Err(error) if error.kind == ErrorKind::Gone => Ok(Seen::Gone(error.to_string())),
        seen => seen,
    }
}

async fn look_once(session: &mut Session<'_>, is_first: bool) -> Result<Seen, Error> {
    let mut record = session.record().await;
    let mut plan = None;
    if is_first && is_missing(&record) {
        plan = match session.plan().await {
            Ok(plan) => Some(plan),
            // Whether a check's token may read its plan is not documented.
            Err(error) if error.kind == ErrorKind::NotVisible => None,
            Err(error) => return Err(error),
        };
        let others = |timeline: &Uuid| *timeline != session.properties().timeline_id;
        if let Some(timeline) = plan.as_ref().and_then(Plan::timeline_id).filter(others) {
            session.use_timeline(timeline);
            record = session.record().await;
        }
    }
    let seen = match record {
        // Only Azure Pipelines completes its own record, and it always does.
        Ok(Some(record)) if !record::is_own(&record) => return Ok(Seen::Record(record)),
        Ok(record) => record.map_or(Seen::Missing, Seen::Record),
        Err(error) if error.kind == ErrorKind::NotVisible && (!is_first || plan.is_some()) => Seen::Hidden,
        Err(error) => return Err(error),
    };
    if plan.is_none() {
        plan = read_again(session).await?;
    }
    if plan.is_some_and(|plan| plan.is_completed()) {
        let why = "the check's plan is completed: the run was cancelled, or the check decided";
        return Ok(Seen::Gone(why.to_owned()));
    }
    Ok(seen)
}

/// Whether the record may be in another timeline.
fn is_missing(record: &Result<Option<CheckRecord>, Error>) -> bool {
    match record {
        Ok(record) => record.is_none(),
        Err(error) => error.kind == ErrorKind::NotVisible,
    }
}

/// The plan, where it can be read: the check goes on without it.
async fn read_again(session: &Session<'_>) -> Result<Option<Plan>, Error> {
    match session.plan().await {
        Err(error) if error.kind == ErrorKind::Gone => Err(error),
        plan => Ok(plan.ok()),
    }
}

/// What to do about a check that looks like this.
pub(super) fn judge(seen: &Seen, reader: Reader<'_>, claims: &mut Claims, is_last_attempt: bool) -> Precheck {
    let record = match seen {
        Seen::Gone(why) => return Precheck::Gone(why.clone()),
        Seen::Hidden | Seen::Missing => return Precheck::Proceed(reader.message.pending_decision.clone()),
        Seen::Record(record) => record,
    };
    if record.is_completed() {
        let lines = reader.passed_undecided(record).then(task_log::passed_undecided).into_iter().collect();
        return Precheck::Stop { ended: reader.completion(record), lines };
    }
    let recorded = recorded_claim(record);
    let ownership = claims.judge(recorded.as_ref(), reader.message.progress.doubted_claim());
    let pending = reader.pending_decision(record);
    // Do not wait if a decision exists or is due now.
    let is_due = pending.is_some() || is_last_attempt || reader.message.is_over(reader.now);
    match (ownership, recorded) {
        (Ownership::Other, _) => Precheck::stop("another chain of messages takes care of the check"),
        (Ownership::Promised(until), Some(claim)) => Precheck::WaitForOtherChain(claim, Some(until)),
        (Ownership::Unclear(until), Some(claim)) if !is_due => {
            let latest = reader.message.check.deadline + AFTER_DEADLINE;
            Precheck::WaitForOtherChain(claim, until.map(|until| until.min(latest)))
        }
        _ => Precheck::Proceed(pending),
    }
}

/// Whether a decision that was made already can be delivered as it is.
pub(super) fn is_settled(seen: &Seen, reader: Reader<'_>) -> bool {
    match seen {
        Seen::Record(record) => reader.is_settled(record),
        Seen::Missing | Seen::Hidden | Seen::Gone(_) => true,
    }
}
