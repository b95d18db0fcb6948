//! How far a check has come. It travels in the check's messages; each change has a name. Pure.

mod changes;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::claim::Claim;
use crate::azure_devops::build::Run;
use crate::evaluation::Memory;

/// Stands for a status before the first one is written: the log has its first lines.
const LOG_BEGUN: &str = "begun";

/// How far a check has come.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Progress {
    /// How many evaluations are over.
    evaluations: u32,
    /// Whether an evaluation has found the check waiting. Until then, each is the first one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    begun: bool,
    /// Whether the message is an early successor: it stands for one whose evaluation may not have ended.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_early: bool,
    /// How many evaluations in a row did not end, so that their early successors took over.
    #[serde(skip_serializing_if = "is_zero")]
    interrupted: u32,
    /// The newest claims that messages of this chain may have written, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    claims: Vec<Claim>,
    /// The record's claim, when it left the ownership of the check unclear.
    #[serde(skip_serializing_if = "Option::is_none")]
    doubted_claim: Option<Claim>,
    /// The timeline of the check's record, where the delivery did not name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    timeline_id: Option<Uuid>,
    /// The check's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    log_id: Option<u64>,
    /// A digest of the last status in the log, so that only changes are written.
    #[serde(skip_serializing_if = "String::is_empty")]
    last_status: String,
    /// What the conditions remember.
    #[serde(skip_serializing_if = "Memory::is_empty")]
    memory: Memory,
    /// How many evaluations in a row met an error: the step of the backoff.
    #[serde(skip_serializing_if = "is_zero")]
    consecutive_errors: u32,
    /// Since when Azure DevOps refuses the token without a break.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused_since: Option<DateTime<Utc>>,
    /// Since when the token cannot see the check's plan and record.
    #[serde(skip_serializing_if = "Option::is_none")]
    unseen_since: Option<DateTime<Utc>>,
    /// How many looks in a row found that nobody waits for the check.
    #[serde(skip_serializing_if = "is_zero")]
    gone_looks: u32,
    /// Since when Azure DevOps does not answer, until the check's log says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable_since: Option<DateTime<Utc>>,
    /// What never changes about the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<Run>,
    /// How many of the warnings before the deadline were given.
    #[serde(skip_serializing_if = "is_zero")]
    warnings: u32,
    /// How many calls Azure DevOps got.
    #[serde(skip_serializing_if = "is_zero")]
    calls: u32,
    /// Who would have told the decision, had it been accepted: the next message tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice_sender: Option<String>,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Progress {
    /// How many evaluations are over.
    pub const fn evaluations(&self) -> u32 {
        self.evaluations
    }

    /// Whether the message is an early successor.
    pub const fn is_early(&self) -> bool {
        self.is_early
    }

    /// How many evaluations in a row did not end.
    pub const fn interrupted(&self) -> u32 {
        self.interrupted
    }

    /// Whether no evaluation has found the check waiting yet.
    pub const fn is_first(&self) -> bool {
        !self.begun
    }

    /// How many calls Azure DevOps got.
    pub const fn calls(&self) -> u32 {
        self.calls
    }

    /// The newest claims of this chain, oldest first.
    pub fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// The claim that left the last message of this chain in doubt.
    pub const fn doubted_claim(&self) -> Option<&Claim> {
        self.doubted_claim.as_ref()
    }

    /// The timeline of the check's record, where it is not the delivered one.
    pub const fn timeline_id(&self) -> Option<Uuid> {
        self.timeline_id
    }

    /// The check's log.
    pub const fn log_id(&self) -> Option<u64> {
        self.log_id
    }

    /// Whether the log has its first lines.
    pub const fn has_log_begun(&self) -> bool {
        !self.last_status.is_empty()
    }

    /// Whether the log says this already.
    pub fn shows(&self, digest: &str) -> bool {
        self.last_status == digest
    }

    /// What the conditions remember.
    pub const fn memory(&self) -> &Memory {
        &self.memory
    }

    /// What never changes about the run, once it was read.
    pub const fn run(&self) -> Option<&Run> {
        self.run.as_ref()
    }

    /// How many evaluations in a row met an error.
    pub const fn consecutive_errors(&self) -> u32 {
        self.consecutive_errors
    }

    /// How long Azure DevOps has refused the token without a break.
    pub fn refused_for(&self, now: DateTime<Utc>) -> TimeDelta {
        self.refused_since.map_or(TimeDelta::zero(), |since| now - since)
    }

    /// How long the token has not seen the check's plan and record.
    pub fn unseen_for(&self, now: DateTime<Utc>) -> TimeDelta {
        self.unseen_since.map_or(TimeDelta::zero(), |since| now - since)
    }

    /// How many looks in a row found that nobody waits for the check.
    pub const fn gone_looks(&self) -> u32 {
        self.gone_looks
    }

    /// Since when Azure DevOps did not answer, where the log does not say so yet.
    pub const fn unreadable_since(&self) -> Option<DateTime<Utc>> {
        self.unreadable_since
    }

    /// The sender of the decision's notices that has handed on to this message.
    pub fn notice_sender(&self) -> Option<&str> {
        self.notice_sender.as_deref()
    }

    /// How many of the warnings before the deadline were given.
    pub const fn warnings(&self) -> u32 {
        self.warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_600_000 + seconds, 0).expect("a time")
    }

    fn claim(made_at: u64) -> Claim {
        Claim { made_at, message_id: "message".to_owned(), next_look: None }
    }

    #[test]
    fn refusals_count_from_the_first_one_until_something_else_is_answered() {
        let mut progress = Progress::default();
        assert_eq!(progress.refused_for(at(5)), TimeDelta::zero());
        progress.note_refusal(at(0));
        progress.note_refusal(at(60));
        assert_eq!(progress.refused_for(at(90)), TimeDelta::seconds(90));
        progress.forget_refusals();
        assert_eq!(progress.refused_for(at(90)), TimeDelta::zero());
    }

    #[test]
    fn a_record_that_is_seen_again_was_not_unseen() {
        let mut progress = Progress::default();
        progress.note_unseen(at(0));
        progress.note_unseen(at(10));
        assert_eq!(progress.unseen_for(at(30)), TimeDelta::seconds(30));
        progress.note_seen();
        assert_eq!(progress.unseen_for(at(30)), TimeDelta::zero());
    }

    #[test]
    fn an_outage_is_remembered_until_the_log_says_so() {
        let mut progress = Progress::default();
        progress.note_unreadable(at(0));
        progress.note_unreadable(at(10));
        assert_eq!(progress.unreadable_since(), Some(at(0)));
        progress.note_log_written();
        assert_eq!(progress.unreadable_since(), None);
        assert!(progress.has_log_begun());
    }

    #[test]
    fn a_status_that_the_log_shows_is_kept_when_other_lines_are_written() {
        let mut progress = Progress::default();
        progress.note_status("0123".to_owned());
        progress.note_log_written();
        assert!(progress.shows("0123") && !progress.shows("4567"));
    }

    #[test]
    fn a_first_evaluation_ends_when_the_check_is_found_waiting() {
        let mut progress = Progress::default();
        progress.hand_on(vec![claim(1)]);
        assert!(progress.is_first() && progress.evaluations() == 1, "an evaluation that saw nothing");
        progress.begin();
        assert!(!progress.is_first());
    }

    #[test]
    fn a_claim_that_is_taken_over_stands_among_the_others_by_its_age() {
        let mut progress = Progress::default();
        progress.hand_on(vec![claim(1), claim(5)]);
        progress.take_over(claim(3));
        assert_eq!(progress.claims(), [claim(1), claim(3), claim(5)]);
    }

    #[test]
    fn deaths_are_counted_until_an_evaluation_comes_to_its_end() {
        let mut progress = Progress::default();
        progress.hand_on(vec![claim(5)]);
        progress.interrupt("dead");
        progress.interrupt("dead too");
        assert_eq!(progress.claims().last(), Some(&claim(5)), "its own claims are older than any");
        assert_eq!(progress.claims().len(), 3);
        progress.note_doubt(Some(claim(6)));
        assert!(progress.is_early());
        progress.hand_on(Vec::new());
        assert!(!progress.is_early());
        assert_eq!(progress.interrupted(), 2, "a message that only waits for another chain proves nothing");
        progress.note_doubt(None);
        progress.hand_on(Vec::new());
        assert_eq!(progress.interrupted(), 0);
    }

    #[test]
    fn errors_are_counted_until_an_evaluation_has_none() {
        let mut progress = Progress::default();
        progress.count_error();
        progress.note_evaluation(true, Memory::default());
        assert_eq!(progress.consecutive_errors(), 2);
        progress.note_evaluation(false, Memory::default());
        assert_eq!(progress.consecutive_errors(), 0);
    }

    #[test]
    fn warnings_that_were_given_are_not_taken_back() {
        let mut progress = Progress::default();
        progress.note_warnings(2);
        progress.note_warnings(1);
        assert_eq!(progress.warnings(), 2);
    }
}
