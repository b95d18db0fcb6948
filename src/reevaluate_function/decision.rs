//! A decision is made once, kept, and delivered until it has arrived or nobody waits for it.
//!
//! # What must hold
//!
//! * Azure Pipelines gets one decision, however often an evaluation dies, is repeated, or runs twice at the same time.
//! * A decision that was made arrives, as long as somebody waits for it and the token is good.
//!
//! # How
//!
//! An evaluation that has come to a decision
//!
//! 1. writes its claim into the check's record, unless it has already, with a new time that nobody else's claim has,
//! 2. looks at the record as it is with this claim: if it holds a decision, that one counts,
//! 3. writes its decision into the record, sealed ([`super::record`]),
//! 4. looks at the record as it is then: if it holds another claim by now, another evaluation is on the same way. This one takes
//!    its decision out of the record again. It ends if the other chain is the one that goes on, and waits if that is unclear.
//!
//! Only then are the last lines written into the log (nobody reads it after the decision) and the decision is posted.
//! Azure DevOps answers each write with the record as it is then. If the answer to step 3 shows no claim, it may show only what
//! was written, so the record is read. The answer to step 1 does not show whether it leaves anything out, so the record is read for
//! step 2, unless the organization has shown in its last answer to a step 3 that it leaves out nothing. A record without the decision or
//! without any claim proves nothing, and the steps are repeated: three times at most, and for 8 s at most.
//!
//! Two evaluations never both come to the end with different decisions. Say that both A and B did, and A made its claim first.
//! A has found its own claim in step 4, so that was before step 1 of B. Then step 3 of A was earlier still, and B found a
//! decision in step 2. (It is the same way as that of [`super::once`].)
//!
//! An evaluation that had to wait looks again later. It judges the check anew, unless the record holds a decision by then. It
//! follows that decision in the same four steps, with a new claim. There may be several decisions for a moment, of which one may
//! have been posted, so each has a variable of its own. One that was made with the record's claim is *settled*. It counts, and it
//! is followed at once: evaluations that claim the check later find it, and those that have claimed it before wait. If none is
//! settled, the one with the newest claim counts: each earlier claim was followed by another one, so that its evaluation did not
//! come to the end.
//!
//! A post that fails makes the decision *pending*: it travels in the next message, and every later evaluation delivers it
//! instead of judging again. A post that succeeds does not prove that Azure Pipelines matched it with the check. The record
//! proves it, so it is read once more, and an unconfirmed decision is posted again a few times. That nobody waits for a decision
//! is believed after three posts, each half a minute after the one before.
//!
//! # Accepted races
//!
//! An evaluation whose record could not be written or read in three tries may post a decision that the record does not hold, or
//! another one than the record holds. Claims are as old as the clocks say that made them: of three evaluations at the same moment,
//! on machines whose clocks differ, the third may follow the wrong one if no decision is settled. Azure Pipelines takes the first
//! decision and refuses the second.
//!
//! Evaluations may overlook a decision in step 2 while an organization answers now with whole records and now with parts that hold
//! the claim.
//!
//! An evaluation that dies between the steps 3 and 4 leaves a decision that may not count, and the next one follows it without
//! judging the check. A claim that is newer than the decision does not show that it did not count: it may have been made after the
//! decision was posted.

use chrono::TimeDelta;

use super::Ended;
use super::record::{self, Reader, recorded_claim};
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
#[derive(Clone)]
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

/// What became of a decision that was written into the record.
pub(super) enum Kept {
    /// This one counts.
    Counts(Decision),
    /// The check is completed.
    End(Ended),
    /// Another chain decides the check.
    Other,
    /// Another evaluation or chain has claimed the check, and may still live.
    Contested(Claim),
}

/// Compares the record, which holds a claim and the decision that was written, with the claim that was made before.
pub(super) fn read_back(record: &CheckRecord, written: Decision, reader: Reader<'_>, claims: &mut Claims) -> Kept {
    if record.is_completed() {
        // Not by the decision that was just written: Azure Pipelines has not got that one.
        let before = claims.newest().map_or_else(|| record.clone(), |claim| record::before_decision(record, claim));
        return Kept::End(reader.completion(&before));
    }
    let recorded = recorded_claim(record);
    let is_contested = recorded.as_ref() != claims.newest();
    let ownership = claims.judge(recorded.as_ref(), reader.message.progress.doubted_claim());
    match recorded {
        _ if ownership == Ownership::Other => Kept::Other,
        Some(claim) if is_contested => Kept::Contested(claim),
        _ => Kept::Counts(written),
    }
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
