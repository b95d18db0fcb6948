//! What one evaluation works with: the message, Azure DevOps, and the few things that it writes.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::acting::{end_with_token, session_of};
use super::decision::ShownIn;
use super::evidence::{Judged, Noted};
use super::next::Next;
use super::notify::Notices;
use super::page::Claimed;
use super::precheck::{self, Seen};
use super::record::{self, Reader};
use super::retry::{self, Moment, StepError};
use super::tries::Tries;
use super::{Ended, micros};
use crate::App;
use crate::azure_devops::task::CheckRecord;
use crate::azure_devops::{Error, Session};
use crate::evaluation::evaluator::{Evaluation, Evaluator, ReadRun};
use crate::events::Event;
use crate::facts::{FactError, ReadingTime};
use crate::queue::claim::{Claim, Claims};
use crate::queue::message::MessageV1;
use crate::queue::progress::Progress;
use crate::queue::{EarlySuccessor, PendingDecision};
use crate::task::token::AuthToken;
use crate::task_log;

/// How long reading the facts of one evaluation may take. Instances are taken away all the time, and one that is stopped
/// during an evaluation delays the check by a minute or two, so that evaluations are short. What an operator allows a connection
/// stays well inside the host's `functionTimeout` of 5 min, after which it would kill the process with all evaluations.
const READING_TIME: ReadingTime = ReadingTime { usual: Duration::from_secs(10), most: Duration::from_secs(90) };

/// The same for the evaluation at the deadline: Azure Pipelines stops waiting soon after.
const LAST_READING_TIME: ReadingTime = ReadingTime { usual: Duration::from_secs(10), most: Duration::from_secs(15) };

/// How long a message waits for another chain that may live: longer than most evaluations take, at whose end the other
/// chain writes a newer claim.
const WAIT_FOR_OTHER_CHAIN: TimeDelta = TimeDelta::seconds(30);

/// What one evaluation works with.
pub(super) struct Context<'a> {
    pub(super) app: &'a Arc<App>,
    pub(super) message: MessageV1,
    pub(super) session: Session<'a>,
    /// What this message knows of claims.
    pub(super) claims: Claims,
    /// How often it was tried.
    pub(super) tries: Tries,
    /// What goes on where this evaluation does not end.
    pub(super) early: Option<EarlySuccessor>,
    /// Whether the check has a record, so that a status can be shown.
    pub(super) has_record: bool,
    /// Whether checkgate made that record, so that nobody else completes it.
    pub(super) owns_record: bool,
    /// The newest claim of this evaluation, once Azure DevOps has taken it.
    pub(super) claimed: Option<Claimed>,
    /// Whether the record says that the check has not begun.
    pub(super) is_pending: bool,
    /// When this chain looks again, as far as is known: what its claims promise.
    pub(super) next_look: DateTime<Utc>,
    /// Lines for the check's log that nothing else has written yet.
    pub(super) notes: Vec<String>,
    /// When the host called.
    pub(super) began: DateTime<Utc>,
    /// What people elsewhere are told.
    pub(super) notices: Notices,
    /// When the evaluation began: one moment for all of it.
    pub(super) now: DateTime<Utc>,
    /// What this evaluation judged, until a decision is made of it.
    pub(super) judged: Option<Judged>,
    /// The decision that this evaluation has made, until it was posted.
    pub(super) noted: Option<Noted>,
    /// Sealed into the successor.
    pub(super) token: AuthToken,
}

impl<'a> Context<'a> {
    pub(super) fn new(app: &'a Arc<App>, sealed: (MessageV1, AuthToken), claims: Claims, tries: Tries) -> Self {
        let (mut message, token) = sealed;
        let notes = end_with_token(&app.azure_devops, &mut message);
        let session = session_of(&app.azure_devops, &message, &token);
        let now = app.clock.now();
        Self {
            app,
            message,
            session,
            claims,
            tries,
            early: None,
            has_record: false,
            owns_record: false,
            claimed: None,
            is_pending: false,
            next_look: now,
            notes,
            began: now,
            notices: Notices::default(),
            now,
            judged: None,
            noted: None,
            token,
        }
    }

    /// The next evaluation begins here, where it could not be queued.
    pub(super) fn begin_again(&mut self) {
        self.now = self.app.clock.now();
        self.claimed = None;
        (self.judged, self.noted) = (None, None);
        self.claims.pass_time(micros(self.now));
        self.session = session_of(&self.app.azure_devops, &self.message, &self.token);
    }

    pub(super) const fn progress(&mut self) -> &mut Progress {
        &mut self.message.progress
    }

    /// The check was found waiting, and belongs to this chain.
    pub(super) fn begin(&mut self) {
        self.progress().begin();
        if self.has_record {
            self.progress().note_doubt(None);
        }
    }

    /// The time now: later than when the evaluation began. What is planned counts from here.
    pub(super) fn present(&self) -> DateTime<Utc> {
        self.app.clock.now()
    }

    pub(super) fn is_over(&self) -> bool {
        self.message.is_over(self.now)
    }

    /// What a record is judged with.
    pub(super) fn judges(&mut self) -> (Reader<'_>, &mut Claims) {
        (Reader { message: &self.message, sealer: &self.app.sealer, now: self.now }, &mut self.claims)
    }

    pub(super) fn moment(&self) -> Moment {
        let backoff = retry::backoff(self.message.progress.consecutive_errors().saturating_add(1));
        let now = self.present();
        let asked_to_wait = self.session.stay_away_until().and_then(|until| (until - now).to_std().ok());
        Moment { now, backoff, asked_to_wait }
    }

    /// Looks for the check, and notes what was found.
    pub(super) async fn look(&mut self) -> Result<Seen, Error> {
        let seen = precheck::look(&mut self.session, self.message.progress.is_first()).await;
        let timeline = self.session.properties().timeline_id;
        if timeline != self.message.check.properties.timeline_id {
            self.progress().note_timeline(timeline);
        }
        if let Ok(Seen::Record(record)) = &seen {
            (self.has_record, self.owns_record) = (true, record::is_own(record));
            self.is_pending = record.is_pending();
            self.tries.note_not_queued(record::not_queued(record, &self.claims.message_id));
            self.progress().note_seen();
            self.notices.see(record);
            if !self.owns_record {
                self.progress().note_awaited();
            }
        }
        seen
    }

    /// What follows from a look that found that nobody waits for the check: more looks, until it is believed.
    pub(super) fn look_again_before_believing(&mut self, why: &str) -> Next {
        self.progress().note_gone();
        if self.message.progress.gone_looks() < retry::LOOKS_TO_BELIEVE {
            return self.look_again(format!("nobody waits for the check, as it seems: {why}"));
        }
        match &self.message.pending_decision {
            Some(pending) if pending.accepted => Next::End(Ended::Decided(pending.decision.clone())),
            _ => Next::stop(format!("nobody waits for the check any more: {why}")),
        }
    }

    /// The same for a decision for which nobody waits, as Azure DevOps answers.
    pub(super) fn post_again_before_believing(&mut self, pending: PendingDecision, why: &Error) -> Next {
        let pending = PendingDecision { gone: pending.gone.saturating_add(1), ..pending };
        if pending.gone < retry::LOOKS_TO_BELIEVE {
            self.message.keep(pending);
            return self.look_again(format!("nobody waits for the decision, as it seems: {why}"));
        }
        match self.shown_in() {
            _ if pending.accepted => Next::End(Ended::Decided(pending.decision)),
            ShownIn::Record => Next::give_up(Event::DecisionUndeliverable, why),
            ShownIn::Plan | ShownIn::Nothing => Next::stop(format!("nobody waits for the decision: {why}")),
        }
    }

    fn look_again(&self, why: String) -> Next {
        Next::Requeue { at: self.present() + retry::LOOK_AGAIN_AFTER, why }
    }

    /// What follows from an error.
    pub(super) fn after_error(&mut self, error: &StepError<'_>) -> Next {
        error.note(&mut self.message.progress, self.now);
        let next = retry::error_policy(error, &self.message, self.moment());
        if let Next::Requeue { why, .. } = &next {
            tracing::warn!(error = why, "Azure DevOps could not be reached; the check tries again");
            self.progress().count_error();
        }
        next
    }

    /// Comes back when another chain has had the time to show that it lives.
    pub(super) fn wait_for_other_chain(&mut self, claim: Claim, until: Option<DateTime<Utc>>) -> Next {
        self.progress().note_doubt(Some(claim));
        let now = self.present();
        let soon = retry::by_deadline(now + WAIT_FOR_OTHER_CHAIN, &self.message, now);
        let at = until.map_or(soon, |until| until.max(soon));
        Next::Requeue { at, why: "another chain of messages may take care of the check".to_owned() }
    }

    /// Goes on with a check whose own chain is dead, where that was found: until the first deadline.
    pub(super) fn take_over(&mut self, record: &CheckRecord) {
        let Some(due) = self.claims.dead_since() else { return };
        let deadline = record::recorded_deadline(record).unwrap_or(self.message.check.deadline);
        self.message.check.deadline = self.message.check.deadline.min(deadline);
        Event::ChainLost.report(&format!("the evaluation that was due at {} never came", task_log::time(due)));
        self.notes.push(task_log::takes_over(due));
    }

    /// Reads the facts and judges them.
    pub(super) async fn evaluate(&self) -> Result<Evaluation, FactError> {
        let (progress, is_over) = (&self.message.progress, self.is_over());
        // The check's own record shows that it was cancelled. Where there is none, only the run shows it.
        let only_the_run_shows_it = !self.has_record || self.owns_record;
        let checks = self.app.checks.in_force();
        let evaluator = Evaluator {
            check: &self.message.check,
            azure_devops: &self.session,
            sources: &checks.sources,
            memory: progress.memory(),
            run: progress.run(),
            read_run: if only_the_run_shows_it { ReadRun::State } else { ReadRun::Details },
            // What is due is asked for whatever the hosts say.
            waits: (!is_over).then_some(&self.message.waits),
            now: self.now,
            limit: if is_over { LAST_READING_TIME } else { READING_TIME },
        };
        evaluator.evaluate().await
    }
}
