//! What one evaluation works with: the message, Azure DevOps, and the few things that it writes.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::next::Next;
use super::precheck::{self, Seen};
use super::record::{self, Reader};
use super::retry::{self, Moment, StepError};
use super::{Failure, status};
use crate::App;
use crate::azure_devops::task::{CheckRecord, RecordUpdate};
use crate::azure_devops::{AzureDevOps, Error, Session};
use crate::evaluation::evaluator::{Evaluation, Evaluator, ReadRunState};
use crate::facts::{FactError, ReadingTime};
use crate::queue::claim::{Claim, Claims};
use crate::queue::message::MessageV1;
use crate::queue::progress::Progress;
use crate::queue::{EVALUATION_PUT, Schedule};
use crate::task::Decision;
use crate::task::token::AuthToken;
use crate::task_log;

/// How long reading the facts of one evaluation may take. Instances are taken away all the time, and one that is stopped
/// during an evaluation costs the check up to 10 min, so that evaluations are short. What an operator allows a connection
/// stays well inside the host's `functionTimeout` of 5 min, after which it would kill the process with all evaluations.
const READING_TIME: ReadingTime = ReadingTime { usual: Duration::from_secs(10), most: Duration::from_secs(90) };

/// The same for the evaluation at the deadline: Azure Pipelines stops waiting soon after.
const LAST_READING_TIME: ReadingTime = ReadingTime { usual: Duration::from_secs(10), most: Duration::from_secs(15) };

/// How long a message waits for another chain that may live: longer than most evaluations take, at whose end the other
/// chain writes a newer claim.
const WAIT_FOR_OTHER_CHAIN: TimeDelta = TimeDelta::seconds(30);

/// A session for the check of this message.
pub(crate) fn session_of<'a>(azure_devops: &'a AzureDevOps, message: &MessageV1, token: &AuthToken) -> Session<'a> {
    let mut session = azure_devops.session(&message.check.properties, token);
    session.keep_waits(message.check.deadline, !message.held_back);
    if let Some(timeline) = message.progress.timeline_id() {
        session.use_timeline(timeline);
    }
    session
}

/// What one evaluation works with.
pub(super) struct Context<'a> {
    pub(super) app: &'a App,
    pub(super) message: MessageV1,
    pub(super) session: Session<'a>,
    /// What this message knows of claims.
    pub(super) claims: Claims,
    /// Whether the check has a record, so that a status can be shown.
    pub(super) has_record: bool,
    /// When the evaluation began: one moment for all of it.
    pub(super) now: DateTime<Utc>,
    /// Sealed into the successor.
    token: AuthToken,
}

impl<'a> Context<'a> {
    pub(super) fn new(app: &'a App, message: MessageV1, token: AuthToken, claims: Claims) -> Self {
        let session = session_of(&app.azure_devops, &message, &token);
        Self { app, message, session, claims, has_record: false, now: app.clock.now(), token }
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
    pub(super) const fn judges(&mut self) -> (Reader<'_>, &mut Claims) {
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
        self.has_record = matches!(seen, Ok(Seen::Record(_)));
        if self.has_record {
            self.progress().note_seen();
        }
        seen
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
    pub(super) fn wait_for_other_chain(&mut self, claim: Option<Claim>) -> Next {
        self.progress().note_doubt(claim);
        let now = self.present();
        let at = retry::by_deadline(now + WAIT_FOR_OTHER_CHAIN, &self.message, now);
        Next::Requeue { at, why: "another chain of messages may take care of the check".to_owned() }
    }

    /// Reads the facts and judges them.
    pub(super) async fn evaluate(&self) -> Result<Evaluation, FactError> {
        let (progress, is_over) = (&self.message.progress, self.is_over());
        // The check's own record shows a cancellation first. Where there is none, only the run shows it.
        let only_the_run_shows_it = progress.run().is_none() || !self.has_record || is_over;
        let checks = self.app.checks.in_force();
        let evaluator = Evaluator {
            check: &self.message.check,
            azure_devops: &self.session,
            sources: &checks.sources,
            memory: progress.memory(),
            run: progress.run(),
            read_run_state: if only_the_run_shows_it { ReadRunState::Always } else { ReadRunState::BeforeDeciding },
            // What is due is asked for whatever the hosts say.
            waits: (!is_over).then_some(&self.message.waits),
            now: self.now,
            limit: if is_over { LAST_READING_TIME } else { READING_TIME },
        };
        evaluator.evaluate().await
    }

    /// Creates the check's log, and shows on the run's page that the check has started.
    pub(super) async fn open_log(&mut self, is_first: bool) {
        if !self.has_record || self.message.progress.log_id().is_some() {
            return;
        }
        let log = record::try_call(self.session.create_log()).await;
        self.progress().note_log(log);
        let update = status::started(&self.message.check, is_first.then_some(self.now));
        self.write_record(update).await;
    }

    /// Appends to the check's log. `false` when it could not be written, which never stops an evaluation.
    pub(super) async fn write_log(&mut self, lines: Vec<String>) -> bool {
        let lines = status::log_lines(&self.message, lines, self.now);
        if lines.is_empty() {
            return true;
        }
        let Some(log_id) = self.message.progress.log_id() else { return false };
        let text = task_log::render(&lines, self.now);
        let is_written = record::try_call(self.session.append_log(log_id, &text)).await.is_some();
        if is_written {
            self.progress().note_log_written();
        }
        is_written
    }

    /// Writes into the check's record, and with it this message's claim. Returns whether that is certain.
    pub(super) async fn write_record(&mut self, update: RecordUpdate) -> bool {
        if !self.has_record {
            return false;
        }
        let claim = self.claims.make(self.app.claim_times.next(self.app.clock.now()));
        let update = record::with_claim(update.log(self.message.progress.log_id()), &claim);
        record::try_call(self.session.update_record(&update)).await.is_some()
    }

    /// Writes a decision into the record, so that a crash from here on cannot lead to another one. Returns the record as it is
    /// then, where it can be read.
    pub(super) async fn keep_decision(&mut self, update: RecordUpdate, decision: &Decision) -> Option<CheckRecord> {
        let (ids, sealer) = (&self.message.check.properties, &self.app.sealer);
        let update = record::with_decision(update, decision, ids, sealer);
        if !self.write_record(update).await {
            return None;
        }
        record::try_call(self.session.record()).await.flatten()
    }

    /// Queues the next evaluation for this time, or as soon as possible if it has passed. When this returns, it is durable, and this message may go.
    pub(super) async fn queue_successor(&mut self, at: DateTime<Utc>) -> Result<(), Failure> {
        let claims = self.claims.clone().hand_on(self.app.claim_times.next(self.app.clock.now()));
        self.message.held_back = self.session.was_held_back();
        self.progress().hand_on(claims);
        let text = self.message.seal(&self.token, &self.app.sealer);
        let deadline = self.message.check.deadline;
        // A write that was left out may have asked for more than was planned.
        let at = self.session.stay_away_until().map_or(at, |until| at.max(until.min(deadline)));
        let due = at.max(self.present() + TimeDelta::seconds(1));
        let schedule = Schedule { due, deadline };
        Ok(self.app.queue.put(&text, schedule, EVALUATION_PUT).await?)
    }
}
