//! How an evaluation hands the check on: it queues an early successor at its begin, and the next evaluation at its end.
//!
//! # What must hold
//!
//! * The host deletes a message only when the next one is durable, or the check needs none.
//! * The death of a process in the middle of an evaluation costs a check two minutes at most.
//! * An outage of the queue does not decide a check, as long as an evaluation that waits would not either.
//!
//! # How
//!
//! An evaluation begins by queueing its message once more. This *early successor* is due in a minute, which moves on while the
//! evaluation runs; it becomes the next evaluation at the end, or is deleted ([`crate::queue::EarlySuccessor`]). It is the
//! same message under another id: it carries the same claims, counts as handed out before, and counts the claims of the
//! message that it stands for as its own. So it goes on after a death, it does not oust a chain that lives, and where the
//! evaluation goes on all the same, the two are duplicates, which die out. A message that was handed out before queues none:
//! its first try has. Else a crash that repeats would double the messages each time.
//!
//! An evaluation whose successor cannot be queued keeps its invocation and tries again. Meanwhile it is its own successor: when
//! the next evaluation is due, it takes place here. So an outage of a few minutes delays no check, and a check whose time is
//! over is decided although nothing can be queued. If the outage lasts longer, the evaluation notes in the check's record that
//! it could not hand on, and the host gets the message back. [`super::tries`] says how these tries are counted.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::context::Context;
use super::next::Next;
use super::{Failure, record};
use crate::azure_devops::task::RecordUpdate;
use crate::queue::{EVALUATION_PUT, QueueError, Schedule};
use crate::task::Decision;

/// How long after its begin an evaluation goes on trying to queue its successor. Then the host gets the message back well
/// inside `EVALUATION_TIMEOUT`.
const KEEP_TRYING: TimeDelta = TimeDelta::minutes(4);

/// How long the pause between two tries is. Each is a few quick ones.
const PAUSE: TimeDelta = TimeDelta::seconds(5);

/// Why the next evaluation is not queued.
pub(super) enum NotQueued {
    /// The queue does not take it, and it is due now.
    Due,
    /// The queue has not taken it for as long as may be waited, or never will.
    Refused(QueueError),
}

impl Context<'_> {
    /// Queues the next evaluation for this time, or as soon as possible if it has passed. When this returns, it is durable, and
    /// this message may go.
    pub(super) async fn queue_successor(&mut self, at: DateTime<Utc>) -> Result<(), NotQueued> {
        let text = self.seal_successor();
        let deadline = self.message.check.deadline;
        // A write that was left out may have asked for more than was planned.
        let at = self.session.stay_away_until().map_or(at, |until| at.max(until.min(deadline)));
        let due = at.max(self.present() + TimeDelta::seconds(1));
        let schedule = Schedule { due, deadline };
        let until = if self.tries.are_used_up() { deadline } else { due };
        loop {
            let error = match self.queue_once(&text, schedule).await {
                Ok(()) => return Ok(()),
                Err(error @ QueueError::TooLarge(..)) => return Err(NotQueued::Refused(error)),
                Err(error) => error,
            };
            let (now, end) = (self.present(), until.min(self.began + KEEP_TRYING));
            // The check goes on with the state that it had before.
            if now >= self.began + KEEP_TRYING && self.early.take().is_some() {
                return Ok(());
            }
            if now >= end {
                let is_due = now >= until && !self.tries.are_used_up();
                return Err(if is_due { NotQueued::Due } else { NotQueued::Refused(error) });
            }
            tracing::warn!(error = %error, "the next evaluation could not be queued; it is tried again");
            self.app.clock.sleep((end - now).min(PAUSE).to_std().unwrap_or(Duration::ZERO)).await;
        }
    }

    /// This message as it goes on: with what this evaluation has learned.
    pub(super) fn seal_successor(&mut self) -> String {
        let claims = self.claims.clone().hand_on(self.app.claim_times.next(self.app.clock.now()));
        self.message.held_back = self.session.was_held_back();
        let calls = self.session.calls();
        self.progress().hand_on(claims);
        self.progress().note_calls(calls);
        self.message.seal(&self.token, &self.app.sealer)
    }

    /// Turns the early successor into this message, or puts it anew: while somebody has the early successor, this evaluation
    /// may have made the newest claim, and must not end without a successor of its own.
    async fn queue_once(&mut self, text: &str, schedule: Schedule) -> Result<(), QueueError> {
        if let Some(early) = &self.early {
            match early.replace(text, schedule).await {
                Ok(true) => {
                    self.early = None;
                    return Ok(());
                }
                Ok(false) => self.early = None,
                Err(error @ QueueError::TooLarge(..)) => return Err(error),
                // It cannot be changed. A new message may be put all the same, and then it is deleted.
                Err(QueueError::Unavailable(_)) => {}
            }
        }
        self.app.queue.put(text, schedule, EVALUATION_PUT).await
    }

    /// Queues this message once more, for the case that the evaluation does not end. One of an earlier try may be there
    /// already.
    pub(super) async fn queue_early_successor(&mut self) {
        if self.tries.is_retry() {
            return;
        }
        let mut message = self.message.clone();
        message.progress.interrupt(&self.claims.message_id);
        let text = message.seal(&self.token, &self.app.sealer);
        match self.app.queue.put_early(text, message.check.deadline).await {
            Ok(early) => self.early = Some(early),
            Err(error) => tracing::warn!(error = %error, "the evaluation begins without an early successor"),
        }
    }

    /// The check needs no next evaluation.
    pub(super) async fn withdraw_early_successor(&mut self) {
        if let Some(early) = self.early.take() {
            early.delete().await;
        }
    }

    /// Whether this is the last chance to decide the check: the host does not hand out its message again, or not in time.
    fn must_end_here(&self) -> bool {
        let is_over = self.tries.are_used_up() && self.message.is_over(self.present());
        !self.message.progress.is_first() && (is_over || self.tries.is_last())
    }

    /// The next evaluation is not queued, and the host gets the message back. The check fails where there is no other way to
    /// go on.
    pub(super) async fn after_not_queued(&mut self, error: QueueError) -> Result<Next, Failure> {
        let has_decided = self.message.pending_decision.is_some();
        match &error {
            // Trying again would not make it smaller.
            QueueError::TooLarge(..) if !has_decided => {
                self.progress().forget_measurements();
                Ok(self.fail_unjudged(format!("The check has outgrown the queue: {error}.")))
            }
            QueueError::Unavailable(_) if !has_decided && self.must_end_here() => {
                Ok(self.fail_unjudged(format!("The check could not be queued for its next evaluation: {error}.")))
            }
            _ => {
                self.note_not_queued().await;
                Err(Failure::NotQueued(error))
            }
        }
    }

    /// The check fails although its conditions have not: the record of the decision must not say that they led to it.
    fn fail_unjudged(&mut self, reason: String) -> Next {
        self.judged = None;
        Next::decide(Decision::rejected(reason))
    }

    /// Notes in the check's record that this try could not hand on the check: it did not crash.
    async fn note_not_queued(&mut self) {
        let (id, tries) = (self.claims.message_id.clone(), self.tries.not_queued_with_this());
        self.write_record(record::with_not_queued(RecordUpdate::default(), &id, tries)).await;
    }
}
