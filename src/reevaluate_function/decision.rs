//! A decision is made once, kept, and delivered until it has arrived or nobody waits for it.
//!
//! # What must hold
//!
//! * Azure Pipelines gets one decision, however often an evaluation dies, is repeated, or runs twice at the same time.
//! * A decision that was made arrives, as long as somebody waits for it and the token is good.
//!
//! # How
//!
//! The decision is first written into the check's record, sealed ([`super::record`]). Then the record is read back. If it
//! holds another decision by now, that one counts. If it holds a newer claim, the other chain decides. Only then are the last
//! lines written into the log (nobody reads it after the decision) and the decision is posted.
//!
//! A post that fails makes the decision *pending*: it travels in the next message, and every later evaluation delivers it
//! instead of judging again. A post that succeeds does not prove that Azure Pipelines matched it with the check. The record
//! proves it, so it is read once more, and an unconfirmed decision is posted again a few times. That nobody waits for a decision
//! is believed after three posts, each half a minute after the one before.
//!
//! # Accepted races
//!
//! Two chains may write and read back at the same moment and post two decisions. Azure Pipelines takes the first and refuses
//! the second. An evaluation whose write of the decision timed out may post a decision that the record does not hold yet.

use chrono::TimeDelta;

use super::Ended;
use super::record::{Reader, recorded_claim};
use super::status;
use crate::azure_devops::task::{CheckRecord, RecordUpdate};
use crate::azure_devops::{Error, ErrorKind, Session};
use crate::events::Event;
use crate::queue::PendingDecision;
use crate::queue::claim::{Claim, Claims, Ownership};
use crate::task::Decision;
use crate::task_log;

/// How long after it was accepted a decision is looked for in the record again.
pub(super) const CONFIRM_AFTER: TimeDelta = TimeDelta::seconds(10);

/// How many times an accepted decision is posted again because the record does not show it.
const MAX_CONFIRMATIONS: u32 = 5;

/// The longest reason of a decision, in characters: it travels in the message and the record, and a message must still fit
/// into the queue. The log has all of it.
const MAX_REASON: usize = 2_000;

/// A decision, and how it is shown.
pub(super) struct Announcement {
    /// What Azure Pipelines gets: in a dry run always `succeeded`.
    pub(super) decision: Decision,
    /// The last lines of the check's log.
    pub(super) lines: Vec<String>,
    /// The record's last update.
    pub(super) record: RecordUpdate,
}

/// How a decision is announced.
pub(super) fn announce(real: Decision, is_dry_run: bool) -> Announcement {
    let real = match real {
        Decision::Rejected { reason } => Decision::rejected(crate::text::cut(&reason, MAX_REASON)),
        Decision::Approved => Decision::Approved,
    };
    let decision = if is_dry_run { Decision::Approved } else { real.clone() };
    let lines = task_log::decision(&decision, is_dry_run.then_some(&real));
    Announcement { record: status::operation_update(&lines.join(" ")), decision, lines }
}

/// What the record holds after a decision was written into it.
pub(super) enum ReadBack {
    /// Our decision, as far as can be seen.
    Ours,
    /// Another decision: a duplicate of this message was faster.
    Other(Decision),
    /// The check is completed, or another chain decides it.
    End(Ended),
    /// A claim of a chain that may still live.
    Unclear(Claim),
}

/// Compares the record with the decision that was written into it.
pub(super) fn compare(record: &CheckRecord, ours: &Decision, reader: Reader<'_>, claims: &mut Claims) -> ReadBack {
    if record.is_completed() {
        return ReadBack::End(reader.completion(record));
    }
    let recorded = recorded_claim(record);
    match (claims.judge(recorded.as_ref(), reader.message.progress.doubted_claim()), recorded) {
        (Ownership::Other, _) => {
            return ReadBack::End(Ended::Stopped("another chain of messages decides the check".to_owned()));
        }
        (Ownership::Unclear(_), Some(claim)) if !reader.message.is_over(reader.now) => return ReadBack::Unclear(claim),
        _ => {}
    }
    reader.decision(record).filter(|kept| kept != ours).map_or(ReadBack::Ours, ReadBack::Other)
}

/// How a post of a decision went, if it was not refused.
pub(super) enum Posted {
    /// The decision has arrived.
    Confirmed,
    /// It was accepted, but the record does not show it.
    Unconfirmed,
    /// Nobody waits for it, as it seems.
    Gone(Error),
}

/// Where a decision shows that it has arrived.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ShownIn {
    /// Nowhere: the record is hidden, and an acceptance is all there is.
    Nothing,
    /// In the check's record, which Azure Pipelines completes.
    Record,
    /// In the plan: checkgate made the record, and nobody completes it.
    Plan,
}

/// Posts a decision, and confirms it.
///
/// # Errors
///
/// Azure DevOps did not accept it.
pub(super) async fn post(session: &Session<'_>, pending: &PendingDecision, shown_in: ShownIn) -> Result<Posted, Error> {
    match session.report_decision(&pending.decision).await {
        Ok(()) => {}
        Err(error) if error.kind == ErrorKind::Gone => return Ok(Posted::Gone(error)),
        Err(error) => return Err(error),
    }
    let is_confirmed = has_arrived(session, shown_in).await;
    if !is_confirmed && pending.attempts <= MAX_CONFIRMATIONS {
        return Ok(Posted::Unconfirmed);
    }
    if !is_confirmed {
        Event::DecisionUnconfirmed.report(&pending.decision.to_string());
    }
    Ok(Posted::Confirmed)
}

/// Whether Azure DevOps shows a decision that it has accepted. What cannot be read now is looked at again.
async fn has_arrived(session: &Session<'_>, shown_in: ShownIn) -> bool {
    match shown_in {
        ShownIn::Nothing => true,
        ShownIn::Record => matches!(session.record().await, Ok(Some(record)) if record.is_completed()),
        ShownIn::Plan => {
            session.plan().await.map_or_else(|error| error.kind == ErrorKind::NotVisible, |plan| plan.is_completed())
        }
    }
}
