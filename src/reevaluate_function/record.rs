//! The check's own timeline record: where evaluations meet.
//!
//! The main variables of the record are two. One holds the claim of the chain of messages that lives; see
//! [`crate::queue::claim`]. The other holds the decision, sealed, from the moment at which it is made: it survives a crash,
//! and every other evaluation of the check follows it. Evaluations that decide at the same moment write one each, and
//! [`super::decision`] says which one counts.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Ended;
use crate::azure_devops::Error;
use crate::azure_devops::task::{CheckRecord, NewRecord, RecordUpdate};
use crate::check::Check;
use crate::events::Event;
use crate::queue::PendingDecision;
use crate::queue::claim::Claim;
use crate::queue::message::MessageV1;
use crate::task::sealer::Sealer;
use crate::task::{Decision, TaskProperties};

/// The variable that holds the claim of the chain that lives.
const CLAIM: &str = "checkgate.claim";

/// How the names of the variables begin that hold decisions, sealed. The rest of a name is the claim with which the decision was
/// made: a dot and its time in 16 hexadecimal digits, a dot and its message's id. Earlier versions left out the id, or both.
const DECISION: &str = "checkgate.decision";

/// The variable that holds the deadline of the chain that lives.
const DEADLINE: &str = "checkgate.deadline";

/// The variable of a record that checkgate made, because the timeline had none.
const CREATED: &str = "checkgate.created";

/// The variable that says how many tries of which message could not queue a successor, such as `3 800ae4b3-…`.
const NOT_QUEUED: &str = "checkgate.notQueued";

/// How long a call may take that people can do without. Each delays a decision by no more than this, and those that write the
/// decision into the record by 8 s in all.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// The claim that the record holds. Anything else that somebody wrote there does not count.
pub(crate) fn recorded_claim(record: &CheckRecord) -> Option<Claim> {
    record.variable(CLAIM)?.parse().ok()
}

/// Whether the evaluation of another message than this one has ever claimed the check.
pub(super) fn was_claimed_by_another(record: &CheckRecord, message_id: &str) -> bool {
    record.variable(CLAIM).is_some() && recorded_claim(record).is_none_or(|claim| claim.message_id != message_id)
}

/// The deadline that the record holds.
pub(super) fn recorded_deadline(record: &CheckRecord) -> Option<DateTime<Utc>> {
    record.variable(DEADLINE)?.parse().ok()
}

/// Whether checkgate made the record. Then nobody completes it when the check ends.
pub(super) fn is_own(record: &CheckRecord) -> bool {
    record.variable(CREATED).is_some()
}

/// What makes a record of this check.
pub(super) fn new_record(check: &Check, now: DateTime<Utc>) -> RecordUpdate {
    let name = crate::text::one_line(&check.name);
    let created = Some(NewRecord::task(name, check.properties.job_id));
    RecordUpdate { created, start_time: Some(now), ..RecordUpdate::default() }.variable(CREATED, "true")
}

/// The decision of the record that counts, if checkgate made it for this check: the one that was made with the record's claim. If
/// there is none, the one with the newest claim.
pub(crate) fn recorded_decision(record: &CheckRecord, ids: &TaskProperties, sealer: &Sealer) -> Option<Decision> {
    counting_decision(record, ids, sealer).map(|(_, decision)| decision)
}

/// That decision, and its variable.
fn counting_decision(record: &CheckRecord, ids: &TaskProperties, sealer: &Sealer) -> Option<(String, Decision)> {
    let settled = recorded_claim(record).as_ref().map(decision_variable);
    let mut sealed: Vec<_> = record.variables_of(DECISION).collect();
    sealed.sort_by_cached_key(|(variable, _)| (Some(variable) == settled.as_ref(), variable.clone()));
    sealed.into_iter().rev().find_map(|(variable, sealed)| {
        let bytes = sealer.open(sealed, &decision_binding(ids, &variable)).ok()?;
        Some((variable, serde_json::from_slice(&bytes).ok()?))
    })
}

/// The variable of a decision that is made with this claim.
fn decision_variable(claim: &Claim) -> String {
    format!("{DECISION}.{:016x}.{}", claim.made_at, claim.message_id.to_ascii_lowercase())
}

/// Whether the record holds a decision that was made with this claim.
pub(super) fn holds_decision(record: &CheckRecord, claim: &Claim) -> bool {
    record.variable(&decision_variable(claim)).is_some_and(|sealed| !sealed.is_empty())
}

/// The record as it was without the decision that was made with this claim.
pub(super) fn before_decision(record: &CheckRecord, claim: &Claim) -> CheckRecord {
    record.without_variable(&decision_variable(claim))
}

/// Takes away the decision that was made with this claim.
pub(super) fn without_decision(claim: &Claim) -> RecordUpdate {
    RecordUpdate::default().variable(decision_variable(claim), "")
}

/// What a sealed decision is bound to: its check, and its variable.
fn decision_binding(ids: &TaskProperties, variable: &str) -> String {
    let claim = variable.strip_prefix(DECISION).unwrap_or_default();
    format!("{} decision{claim}", ids.seal_binding())
}

/// Adds a decision that was made with this claim, sealed.
pub(super) fn with_decision(
    update: RecordUpdate,
    (decision, claim): (&Decision, &Claim),
    ids: &TaskProperties,
    sealer: &Sealer,
) -> RecordUpdate {
    let text = serde_json::to_vec(decision).unwrap_or_default();
    let variable = decision_variable(claim);
    let sealed = sealer.seal(&text, &decision_binding(ids, &variable));
    update.variable(variable, sealed)
}

/// Adds a claim, and the deadline of its chain.
pub(super) fn with_claim(update: RecordUpdate, claim: &Claim, deadline: DateTime<Utc>) -> RecordUpdate {
    update.variable(CLAIM, claim.to_string()).variable(DEADLINE, deadline.to_rfc3339())
}

/// Takes the claim away: nobody takes care of the check any more.
pub(super) fn without_claim() -> RecordUpdate {
    RecordUpdate::default().variable(CLAIM, "")
}

/// How many tries of this message could not queue a successor.
pub(super) fn not_queued(record: &CheckRecord, message_id: &str) -> u32 {
    let (tries, id) = record.variable(NOT_QUEUED).and_then(|text| text.split_once(' ')).unwrap_or_default();
    if id == message_id { tries.parse().unwrap_or_default() } else { 0 }
}

/// Adds that so many tries of this message could not queue a successor.
pub(super) fn with_not_queued(update: RecordUpdate, message_id: &str, tries: u32) -> RecordUpdate {
    update.variable(NOT_QUEUED, format!("{tries} {message_id}"))
}

/// Makes a call that people can do without. A failure is one line of the handler's log.
pub(super) async fn try_call<T>(call: impl Future<Output = Result<T, Error>>) -> Option<T> {
    match tokio::time::timeout(CALL_TIMEOUT, call).await {
        Ok(Ok(answer)) => Some(answer),
        Ok(Err(error)) => {
            tracing::warn!(error = %error, "the run's page could not be updated");
            None
        }
        Err(_) => {
            tracing::warn!("the run's page was not updated within {} s", CALL_TIMEOUT.as_secs());
            None
        }
    }
}

/// What a record means for a message.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) message: &'a MessageV1,
    pub(super) sealer: &'a Sealer,
    pub(super) now: DateTime<Utc>,
}

impl Reader<'_> {
    /// The decision that the record holds.
    pub(super) fn decision(&self, record: &CheckRecord) -> Option<Decision> {
        recorded_decision(record, &self.message.check.properties, self.sealer)
    }

    /// Whether the decision that the record holds was made with the record's claim. Then everybody follows it.
    pub(super) fn is_settled(&self, record: &CheckRecord) -> bool {
        let decided = counting_decision(record, &self.message.check.properties, self.sealer);
        decided.map(|(variable, _)| variable) == recorded_claim(record).as_ref().map(decision_variable)
    }

    /// The decision that was made already, by this chain or another, and may not have arrived. The record's counts, unless
    /// Azure DevOps has accepted ours.
    pub(super) fn pending_decision(&self, record: &CheckRecord) -> Option<PendingDecision> {
        let ours = self.message.pending_decision.clone();
        if ours.as_ref().is_some_and(|ours| ours.accepted) {
            return ours;
        }
        let Some(decision) = self.decision(record) else {
            if let Some((variable, _)) = record.variables_of(DECISION).next() {
                Event::DecisionForged.report(&format!("the variable {variable} does not open"));
            }
            return ours;
        };
        Some(ours.filter(|ours| ours.decision == decision).unwrap_or_else(|| PendingDecision::new(decision)))
    }

    /// Whether the check passed although checkgate has not decided it: an acknowledgement passes a check whose completion
    /// event is not `Callback`.
    pub(super) fn passed_undecided(&self, record: &CheckRecord) -> bool {
        let is_decided = self.message.pending_decision.is_some() || self.decision(record).is_some();
        record.result.as_deref() == Some("succeeded") && !is_decided
    }

    /// How a check ended whose record is completed: decided by checkgate, or cancelled, bypassed, timed out.
    pub(super) fn completion(&self, record: &CheckRecord) -> Ended {
        let result = record.result.as_deref().unwrap_or("without a result");
        let ours = self.message.pending_decision.as_ref().map(|pending| pending.decision.clone());
        match ours.or_else(|| self.decision(record)) {
            Some(decision) if decision.task_result() == result => Ended::Decided(decision),
            _ => {
                let why = format!("its record is completed with the result {result}");
                if self.passed_undecided(record) {
                    Event::PassedUndecided.report(&why);
                } else if result == "failed" {
                    Event::DecidedBySomeoneElse.report(&why);
                }
                Ended::Stopped(format!("the check is completed already: {result}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_claims_of_the_same_moment_have_decisions_of_their_own() {
        let [one, other] = ["one", "other"].map(|id| Claim { made_at: 7, message_id: id.to_owned(), next_look: None });
        assert_ne!(decision_variable(&one), decision_variable(&other));
    }
}
