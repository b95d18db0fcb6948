//! How an evaluation hands the check on: it queues the next evaluation.
//!
//! # What must hold
//!
//! * The host deletes a message only when the next one is durable, or the check needs none.
//! * An outage of the queue does not decide a check, as long as an evaluation that waits would not either.
//!
//! # How
//!
//! An evaluation whose successor cannot be queued keeps its invocation and tries again. Meanwhile it is its own successor: when
//! the next evaluation is due, it takes place here. So an outage of a few minutes delays no check, and a check whose time is
//! over is decided although nothing can be queued. If the outage lasts longer, the evaluation notes in the check's record that
//! it could not hand on, and the host gets the message back. [`super::tries`] says how these tries are counted.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::context::Context;
use super::record;
use crate::azure_devops::task::RecordUpdate;
use crate::queue::{EVALUATION_PUT, QueueError, Schedule};

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
        let claims = self.claims.clone().hand_on(self.app.claim_times.next(self.app.clock.now()));
        self.message.held_back = self.session.was_held_back();
        let calls = self.session.calls();
        self.progress().hand_on(claims);
        self.progress().note_calls(calls);
        let text = self.message.seal(&self.token, &self.app.sealer);
        let deadline = self.message.check.deadline;
        // A write that was left out may have asked for more than was planned.
        let at = self.session.stay_away_until().map_or(at, |until| at.max(until.min(deadline)));
        let due = at.max(self.present() + TimeDelta::seconds(1));
        let schedule = Schedule { due, deadline };
        let until = if self.tries.are_used_up() { deadline } else { due };
        loop {
            let error = match self.app.queue.put(&text, schedule, EVALUATION_PUT).await {
                Ok(()) => return Ok(()),
                Err(error @ QueueError::TooLarge(..)) => return Err(NotQueued::Refused(error)),
                Err(error) => error,
            };
            let (now, end) = (self.present(), until.min(self.began + KEEP_TRYING));
            if now >= end {
                let is_due = now >= until && !self.tries.are_used_up();
                return Err(if is_due { NotQueued::Due } else { NotQueued::Refused(error) });
            }
            tracing::warn!(error = %error, "the next evaluation could not be queued; it is tried again");
            self.app.clock.sleep((end - now).min(PAUSE).to_std().unwrap_or(Duration::ZERO)).await;
        }
    }

    /// Whether this is the last chance to decide the check: the host does not hand out its message again, or not in time.
    pub(super) fn must_end_here(&self) -> bool {
        let is_over = self.tries.are_used_up() && self.message.is_over(self.present());
        !self.message.progress.is_first() && (is_over || self.tries.is_last())
    }

    /// Notes in the check's record that this try could not hand on the check: it did not crash.
    pub(super) async fn note_not_queued(&mut self) {
        let (id, tries) = (self.claims.message_id.clone(), self.tries.not_queued_with_this());
        self.write_record(record::with_not_queued(RecordUpdate::default(), &id, tries)).await;
    }
}
