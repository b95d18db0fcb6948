//! Before an evaluation: does somebody still wait for this check, and does the check belong to this chain of messages?

use super::Ended;
use super::record::{Reader, recorded_claim};
use crate::azure_devops::task::CheckRecord;
use crate::azure_devops::{Error, ErrorKind, Session};
use crate::queue::PendingDecision;
use crate::queue::claim::{Claim, Claims, Ownership};

/// What can be seen of a check.
#[derive(Debug)]
pub(super) enum Seen {
    /// Its plan is completed.
    PlanCompleted,
    /// No record: the timeline is hidden, or was named wrongly. No status can be shown, but a decision can still be made.
    NoRecord,
    /// Its record.
    Record(CheckRecord),
}

/// What to do about it.
#[derive(Debug)]
pub(super) enum Precheck {
    /// Evaluate the check, or deliver the decision that was made already.
    Proceed(Option<PendingDecision>),
    /// Nobody waits for the check, or another chain of messages takes care of it.
    Stop(Ended),
    /// Another chain may live: wait until it has had the time to write a newer claim.
    WaitForOtherChain(Option<Claim>),
}

/// Looks for the check. Before the first evaluation the delivered token must be able to read the delivered plan or record,
/// which proves where the delivery comes from.
///
/// The session follows the plan to the timeline that has the record, where the delivered one has not.
///
/// # Errors
///
/// Azure DevOps did not answer, or shows neither plan nor record.
pub(super) async fn look(session: &mut Session<'_>, is_first: bool) -> Result<Seen, Error> {
    let mut plan = None;
    if is_first {
        plan = match session.plan().await {
            Ok(plan) if plan.is_completed() => return Ok(Seen::PlanCompleted),
            Ok(plan) => Some(plan),
            // Whether a check's token may read its plan is not documented. Its record, read next, proves as much.
            Err(error) if error.kind == ErrorKind::NotVisible => None,
            Err(error) => return Err(error),
        };
    }
    let mut record = session.record().await;
    let is_missing = match &record {
        Ok(record) => record.is_none(),
        Err(error) => error.kind == ErrorKind::NotVisible,
    };
    let elsewhere = plan.as_ref().and_then(|plan| plan.timeline_id());
    if let Some(timeline) = elsewhere.filter(|id| is_missing && *id != session.properties().timeline_id) {
        session.use_timeline(timeline);
        record = session.record().await;
    }
    match record {
        Ok(record) => Ok(record.map_or(Seen::NoRecord, Seen::Record)),
        Err(error) if error.kind == ErrorKind::NotVisible && (!is_first || plan.is_some()) => Ok(Seen::NoRecord),
        Err(error) => Err(error),
    }
}

/// What to do about a check that looks like this.
pub(super) fn judge(seen: &Seen, reader: Reader<'_>, claims: &mut Claims, is_last_attempt: bool) -> Precheck {
    let record = match seen {
        Seen::PlanCompleted => {
            let why = "the check's plan is completed: the run was cancelled, or the check decided";
            return Precheck::Stop(Ended::Stopped(why.to_owned()));
        }
        Seen::NoRecord => {
            tracing::warn!("the timeline has no record of the check: no status will be shown");
            return Precheck::Proceed(reader.message.pending_decision.clone());
        }
        Seen::Record(record) => record,
    };
    if record.is_completed() {
        return Precheck::Stop(reader.completion(record));
    }
    let recorded = recorded_claim(record);
    let ownership = claims.judge(recorded.as_ref(), reader.message.progress.doubted_claim());
    if ownership == Ownership::Other {
        return Precheck::Stop(Ended::Stopped("another chain of messages takes care of the check".to_owned()));
    }
    let pending = reader.pending_decision(record);
    // Do not wait if a decision exists or is due now.
    let is_due = pending.is_some() || is_last_attempt || reader.message.is_over(reader.now);
    if ownership == Ownership::Unclear && !is_due {
        return Precheck::WaitForOtherChain(recorded);
    }
    Precheck::Proceed(pending)
}
