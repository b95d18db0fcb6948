//! The end of a check: a decision is made once, kept, and delivered until it has arrived or nobody waits for it.

use chrono::TimeDelta;

use super::attempt::{MAX_EVALUATIONS_PER_CHECK, Step};
use super::precheck::{DECISION, DELIVERY_GRACE, decision_binding, recorded_claim, recorded_decision};
use super::status::STATUS_LIMIT;
use super::{Ended, Failure};
use crate::azure_devops::task::RecordUpdate;
use crate::azure_devops::{Error, ErrorKind};
use crate::check::OnTimeout;
use crate::evaluation::Memory;
use crate::queue::claim::{Claim, Ownership};
use crate::queue::message::PendingDecision;
use crate::task::Decision;
use crate::task_log;

/// How long after it was accepted a decision is looked for in the record again.
const CONFIRM_AFTER: TimeDelta = TimeDelta::seconds(10);

/// How many times an accepted decision is sent again because the record does not show it.
const MAX_CONFIRMATIONS: u32 = 5;

/// The longest reason of a decision, in characters: it travels in the message and the record, and a message must still fit
/// into the queue. The log has all of it.
const MAX_REASON: usize = 2_000;

/// What the record holds after a decision was written into it.
enum Kept {
    /// The decision, as far as can be seen.
    Ours,
    /// Another decision for the same message: it is evaluated twice.
    Other(Decision),
    /// The check is completed, or the claim of another chain, which decides.
    Over(Ended),
    /// A claim that may be a living twin's.
    Unclear(Option<Claim>),
}

impl Step<'_> {
    /// Makes the decision: from here on it is never made again. `lines` tell how it came about.
    pub(super) async fn decide(&mut self, decision: Decision, lines: Vec<String>) -> Result<Ended, Failure> {
        let real = match decision {
            Decision::Rejected { reason } => Decision::Rejected { reason: crate::text::cut(&reason, MAX_REASON) },
            approved @ Decision::Approved => approved,
        };
        let dry_run = self.message.check.definition.dry_run;
        let decision = if dry_run { Decision::Approved } else { real.clone() };
        let last_lines = task_log::decision(&decision, dry_run.then_some(&real));
        let operation = task_log::shorten(&last_lines.join(" "));
        let status = RecordUpdate { current_operation: Some(operation), ..RecordUpdate::default() };
        if self.keep(status, &decision).await {
            match self.read_back(&decision).await {
                Kept::Ours => {}
                Kept::Other(theirs) => return self.deliver_again(PendingDecision::new(theirs)).await,
                Kept::Over(ended) => return Ok(ended),
                Kept::Unclear(recorded) => {
                    self.write_log(&lines).await;
                    return self.stand_by(recorded).await;
                }
            }
        }
        // The last lines come before the decision: after it, nobody listens.
        let logged = self.write_log(&[lines, last_lines].concat()).await;
        self.deliver(PendingDecision { logged, ..PendingDecision::new(decision) }).await
    }

    /// The deadline is reached without a verdict.
    pub(super) async fn time_is_over(&mut self, missing: &str, lines: Vec<String>) -> Result<Ended, Failure> {
        let definition = &self.message.check.definition;
        if self.now < self.message.check.deadline {
            let reason = format!(
                "The check was evaluated {MAX_EVALUATIONS_PER_CHECK} times, which is the most; write a longer `reevaluateEvery`. Still missing: {missing}."
            );
            return self.decide(Decision::Rejected { reason }, lines).await;
        }
        if definition.on_timeout == OnTimeout::Skip && !definition.dry_run {
            let text = format!("The check's time is over, and it does not decide then. Still missing: {missing}.");
            self.write_log(&[lines, vec![text.clone()]].concat()).await;
            return Ok(Ended::Stopped(text));
        }
        let reason = format!("The check's time is over ({}). Still missing: {missing}.", definition.timeout);
        self.decide(Decision::Rejected { reason }, lines).await
    }

    /// Tries again to deliver a decision that an earlier message made.
    pub(super) async fn deliver_again(&mut self, mut pending: PendingDecision) -> Result<Ended, Failure> {
        if pending.logged {
            self.tell_outage().await;
        } else {
            self.begin().await;
            pending.logged = self.write_log(&task_log::decision(&pending.decision, None)).await;
        }
        self.deliver(pending).await
    }

    /// Writes the decision into the record, sealed, so that a crash from here on cannot lead to another one.
    async fn keep(&mut self, status: RecordUpdate, decision: &Decision) -> bool {
        let text = serde_json::to_vec(decision).unwrap_or_default();
        let sealed = self.app.sealer.seal(&text, &decision_binding(self.ids()));
        self.write_record(status.variable(DECISION, sealed)).await
    }

    /// Twins that became visible together may both have read the same old claim: the one that wrote last goes on. And a
    /// message that is evaluated twice at the same time has one claim, but may have come to two decisions.
    async fn read_back(&mut self, ours: &Decision) -> Kept {
        let look = tokio::time::timeout(STATUS_LIMIT, self.session.record()).await;
        let Ok(Ok(Some(record))) = look else { return Kept::Ours };
        if record.is_completed() {
            return Kept::Over(self.completed(&record));
        }
        let recorded = recorded_claim(&record);
        match self.turn(recorded.as_ref()) {
            Ownership::Other => {
                return Kept::Over(Ended::Stopped("another chain of messages decides the check".to_owned()));
            }
            Ownership::Unclear if !self.is_over() => return Kept::Unclear(recorded),
            Ownership::Ours | Ownership::Unclear => {}
        }
        let kept = recorded_decision(self.app, self.ids(), &record);
        kept.filter(|kept| kept != ours).map_or(Kept::Ours, Kept::Other)
    }

    /// Delivers a decision, and confirms it.
    pub(super) async fn deliver(&mut self, mut pending: PendingDecision) -> Result<Ended, Failure> {
        pending.attempts += 1;
        if self.message.progress.unreadable_since.is_some() {
            self.write_log(&[]).await;
        }
        match self.session.report_decision(&pending.decision).await {
            Ok(()) => self.confirm(pending).await,
            Err(error) if error.kind == ErrorKind::Gone => Ok(if pending.accepted {
                Ended::Decided(pending.decision)
            } else {
                Ended::Stopped(format!("nobody waits for the decision: {error}"))
            }),
            Err(error) => self.undelivered(pending, &error).await,
        }
    }

    /// A success does not prove that the decision was matched with the check: the record does.
    async fn confirm(&mut self, pending: PendingDecision) -> Result<Ended, Failure> {
        let is_confirmed = match self.session.record().await {
            Ok(Some(record)) => record.is_completed(),
            Ok(None) => true,
            Err(error) => matches!(error.kind, ErrorKind::Gone | ErrorKind::NotVisible),
        };
        if is_confirmed {
            return Ok(Ended::Decided(pending.decision));
        }
        if pending.attempts > MAX_CONFIRMATIONS {
            tracing::warn!(check.plan_id = %self.ids().plan_id, decision = %pending.decision, "the decision was accepted, but the record never showed it");
            return Ok(Ended::Decided(pending.decision));
        }
        self.message.progress.memory = Memory::default();
        self.message.pending_decision = Some(PendingDecision { accepted: true, ..pending });
        self.queue_successor(CONFIRM_AFTER).await?;
        Ok(Ended::Requeued("the decision is accepted, not yet confirmed".to_owned()))
    }

    /// Azure DevOps did not take the decision: keep it, and try again.
    async fn undelivered(&mut self, pending: PendingDecision, error: &Error) -> Result<Ended, Failure> {
        let is_dead = error.kind == ErrorKind::TokenRefused && self.is_token_dead();
        if is_dead || self.now > self.message.check.deadline + DELIVERY_GRACE {
            tracing::error!(check.plan_id = %self.ids().plan_id, decision = %pending.decision, error = %error, "the decision cannot be delivered any more");
            return Ok(Ended::Stopped(format!("the decision cannot be delivered any more: {error}")));
        }
        // Nothing is measured any more.
        self.message.progress.memory = Memory::default();
        self.message.pending_decision = Some(pending);
        self.try_again_later(error).await
    }
}
