//! How the progress of a check changes: each change has a name.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{LOG_BEGUN, Progress};
use crate::azure_devops::build::Run;
use crate::evaluation::Memory;
use crate::queue::claim::Claim;

impl Progress {
    /// An evaluation found the check waiting.
    pub const fn begin(&mut self) {
        self.begun = true;
    }

    /// This evaluation is over, and the next one carries these claims.
    pub fn hand_on(&mut self, claims: Vec<Claim>) {
        self.claims = claims;
        self.evaluations += 1;
        self.is_early = false;
        // One that waits for another chain has not shown that the check can be evaluated.
        if self.doubted_claim.is_none() {
            self.interrupted = 0;
        }
    }

    /// The evaluation of the message with this id may not end: this is for its early successor. What that evaluation claims is a
    /// claim of this chain, whenever it was made.
    pub fn interrupt(&mut self, message_id: &str) {
        self.is_early = true;
        self.interrupted = self.interrupted.saturating_add(1);
        self.take_over(Claim { made_at: 0, message_id: message_id.to_owned(), next_look: None });
    }

    /// An evaluation made so many calls.
    pub const fn note_calls(&mut self, calls: u32) {
        self.calls = self.calls.saturating_add(calls);
    }

    /// A chain that has ended left this claim in the record: the next message counts it as its own.
    pub fn take_over(&mut self, claim: Claim) {
        self.claims.push(claim);
        self.claims.sort();
    }

    /// The record's claim leaves it unclear whether another chain lives.
    pub fn note_doubt(&mut self, claim: Option<Claim>) {
        self.doubted_claim = claim;
    }

    /// The check's record is in this timeline.
    pub const fn note_timeline(&mut self, id: Uuid) {
        self.timeline_id = Some(id);
    }

    /// The check has this log.
    pub const fn note_log(&mut self, id: Option<u64>) {
        self.log_id = id;
    }

    /// Lines were written into the log. The first ones, and those about an outage, come with any others.
    pub fn note_log_written(&mut self) {
        self.unreadable_since = None;
        if !self.has_log_begun() {
            LOG_BEGUN.clone_into(&mut self.last_status);
        }
    }

    /// The log shows the status with this digest.
    pub fn note_status(&mut self, digest: String) {
        self.last_status = digest;
    }

    /// So many warnings before the deadline are given.
    pub fn note_warnings(&mut self, given: u32) {
        self.warnings = self.warnings.max(given);
    }

    /// This sender of the decision's notices hands on to the next message, or nobody does.
    pub fn note_notice_sender(&mut self, name: Option<String>) {
        self.notice_sender = name;
    }

    /// An evaluation came to no decision yet. Its conditions remember this, and could be measured or not.
    pub fn note_evaluation(&mut self, is_errored: bool, memory: Memory) {
        self.memory = memory;
        if is_errored {
            self.count_error();
        } else {
            self.consecutive_errors = 0;
        }
    }

    /// Nothing is measured any more.
    pub fn forget_measurements(&mut self) {
        self.memory = Memory::default();
    }

    /// This was read about the run, or nothing yet.
    pub fn note_run(&mut self, run: Option<Run>) {
        self.run = run;
    }

    /// An evaluation met an error.
    pub const fn count_error(&mut self) {
        self.consecutive_errors = self.consecutive_errors.saturating_add(1);
    }

    /// Azure DevOps refused the token.
    pub fn note_refusal(&mut self, now: DateTime<Utc>) {
        self.refused_since.get_or_insert(now);
    }

    /// Azure DevOps answered something other than a refusal of the token.
    pub const fn forget_refusals(&mut self) {
        self.refused_since = None;
    }

    /// The token cannot see the check's plan and record.
    pub fn note_unseen(&mut self, now: DateTime<Utc>) {
        self.unseen_since.get_or_insert(now);
    }

    /// The check's record was read.
    pub const fn note_seen(&mut self) {
        self.unseen_since = None;
    }

    /// This look found that nobody waits for the check.
    pub const fn note_gone(&mut self) {
        self.gone_looks = self.gone_looks.saturating_add(1);
    }

    /// This look found that somebody waits for the check.
    pub const fn note_awaited(&mut self) {
        self.gone_looks = 0;
    }

    /// Azure DevOps did not answer; the log has to say so.
    pub fn note_unreadable(&mut self, now: DateTime<Utc>) {
        self.unreadable_since.get_or_insert(now);
    }
}
