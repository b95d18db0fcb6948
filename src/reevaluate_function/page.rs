//! What an evaluation writes on the run's page: the check's record, its log, and with the record its claim.

use chrono::{DateTime, TimeDelta, Utc};

use super::context::Context;
use super::decision::ShownIn;
use super::record::{self, holds_decision, recorded_claim, recorded_decision};
use super::status;
use crate::azure_devops::task::{CheckRecord, RecordUpdate};
use crate::queue::claim::Claim;
use crate::task::Decision;
use crate::task_log;

/// The longest sleep of a chain whose claim may not have arrived: well inside the time after which it counts as dead.
const WITHOUT_A_PROMISE: TimeDelta = TimeDelta::minutes(5);

/// A claim that Azure DevOps has taken.
pub(super) struct Claimed {
    claim: Claim,
    /// The record as it was then, as far as it was answered, until somebody has looked at it.
    answer: Option<CheckRecord>,
}

impl Context<'_> {
    /// Where a decision shows that it has arrived.
    pub(super) const fn shown_in(&self) -> ShownIn {
        match (self.has_record, self.owns_record) {
            (false, _) => ShownIn::Nothing,
            (true, false) => ShownIn::Record,
            (true, true) => ShownIn::Plan,
        }
    }

    /// Makes a record of the check, where its timeline has none: for people, and for the claims of other chains.
    pub(super) async fn create_record(&mut self) {
        if self.message.progress.log_id().is_some() {
            // There was one a moment ago.
            return;
        }
        (self.has_record, self.owns_record, self.is_pending) = (true, true, true);
        let is_made = self.write_record(record::new_record(&self.message.check, self.now)).await;
        (self.has_record, self.owns_record) = (is_made, is_made);
        if !is_made {
            tracing::warn!("the timeline has no record of the check, and takes none: no status will be shown");
        }
    }

    /// Creates the check's log, and shows on the run's page that the check has started.
    pub(super) async fn open_log(&mut self, is_first: bool) {
        if !self.has_record || self.message.progress.log_id().is_some() {
            return;
        }
        let log = record::try_call(self.session.create_log()).await;
        self.progress().note_log(log);
        let is_first = is_first && self.claims.dead_since().is_none();
        let update = status::started(&self.message.check, is_first.then_some(self.now), self.is_pending);
        self.write_record(update).await;
    }

    /// Appends to the check's log. `false` when it could not be written, which never stops an evaluation.
    pub(super) async fn write_log(&mut self, lines: Vec<String>) -> bool {
        let lines = status::log_lines(&self.message, [self.notes.clone(), lines].concat(), self.now);
        if lines.is_empty() {
            return true;
        }
        let Some(log_id) = self.message.progress.log_id() else { return false };
        let text = task_log::render(&lines, self.now);
        let is_written = record::try_call(self.session.append_log(log_id, &text)).await.is_some();
        if is_written {
            self.notes.clear();
            self.progress().note_log_written();
        }
        is_written
    }

    /// Adds lines to the log of a check that is completed, if that can still be done.
    pub(super) async fn add_to_log(&mut self, lines: Vec<String>) {
        if lines.is_empty() {
            return;
        }
        if self.message.progress.log_id().is_none() {
            let log = record::try_call(self.session.create_log()).await;
            self.progress().note_log(log);
        }
        if self.write_log(lines).await {
            let update = RecordUpdate::default().log(self.message.progress.log_id());
            record::try_call(self.session.update_record(&update)).await;
        }
    }

    /// Shows in the record what is awaited, and claims the check until the next look. Returns when that has to be: soon if the
    /// claim may not have arrived, since a chain that promises nothing counts as dead after a while.
    pub(super) async fn announce_next(&mut self, update: RecordUpdate, at: DateTime<Utc>) -> DateTime<Utc> {
        self.next_look = at;
        if self.write_record(update).await || !self.has_record {
            return at;
        }
        at.min(self.present() + WITHOUT_A_PROMISE)
    }

    /// Writes into the check's record, and with it this message's claim. Returns whether that is certain.
    pub(super) async fn write_record(&mut self, update: RecordUpdate) -> bool {
        self.claimed = None;
        if !self.has_record {
            return false;
        }
        let claim = self.claims.make_until(self.app.claim_times.next(self.app.clock.now()), self.next_look);
        let update = update.log(self.message.progress.log_id());
        let update = record::with_claim(update, &claim, self.message.check.deadline);
        let answer = record::try_call(self.session.update_record(&update)).await;
        self.claimed = answer.map(|answer| Claimed { claim, answer });
        self.claimed.is_some()
    }

    /// This chain ends without a decision: another delivery of the check need not wait until it is late.
    pub(super) async fn release_record(&self) {
        if self.has_record {
            record::try_call(self.session.update_record(&record::without_claim())).await;
        }
    }

    /// Claims the check, unless this evaluation has. Returns the record as it was then or later; `None` if that is uncertain.
    /// Nothing in the answer to a claim shows whether it leaves out a decision that the record holds. So the record is read, unless
    /// the organization is known to answer with all of it. A decision in the answer may have been taken back since: then it is read
    /// too.
    pub(super) async fn claim(&mut self) -> Option<CheckRecord> {
        if self.claimed.is_none() && !self.write_record(RecordUpdate::default()).await {
            return None;
        }
        let answer = self.claimed.as_mut().and_then(|claimed| claimed.answer.take());
        match answer.filter(|record| self.session.answers_are_whole() && self.shows_only_the_claim(record)) {
            Some(record) => Some(record),
            None => record::try_call(self.session.record()).await.flatten(),
        }
    }

    /// Whether a record holds the claim of this evaluation, and no decision.
    fn shows_only_the_claim(&self, record: &CheckRecord) -> bool {
        let claimed = self.claimed.as_ref().map(|claimed| &claimed.claim);
        let (ids, sealer) = (&self.message.check.properties, &self.app.sealer);
        recorded_claim(record).as_ref() == claimed && recorded_decision(record, ids, sealer).is_none()
    }

    /// Writes a decision into the record, so that a crash from here on cannot lead to another one. Returns the record as it is
    /// then, if it holds the decision and a claim. It makes no claim, so that the record shows whether another evaluation has
    /// made one. An answer without a claim may show only what was written, so the record is read. Without a claim there as well,
    /// another chain has released the check, and this evaluation has to claim it anew.
    pub(super) async fn keep_decision(&mut self, update: RecordUpdate, decision: &Decision) -> Option<CheckRecord> {
        let claim = self.claims.newest().filter(|_| self.has_record)?;
        let (ids, sealer) = (&self.message.check.properties, &self.app.sealer);
        let update = update.log(self.message.progress.log_id());
        let update = record::with_decision(update, (decision, claim), ids, sealer);
        let is_kept = |record: &CheckRecord| holds_decision(record, claim) && recorded_claim(record).is_some();
        let answer = record::try_call(self.session.update_record(&update)).await?.filter(is_kept);
        self.session.note_whole_answer(answer.is_some());
        if answer.is_some() {
            return answer;
        }
        let record = record::try_call(self.session.record()).await??;
        if is_kept(&record) {
            return Some(record);
        }
        self.claimed = None;
        None
    }

    /// Takes back the decision of this evaluation, which does not count: a later one has to judge the check anew.
    pub(super) async fn withdraw_decision(&self) {
        if let Some(Claimed { claim, .. }) = &self.claimed {
            record::try_call(self.session.update_record(&record::without_decision(claim))).await;
        }
    }
}
