//! The events that an operator must act on, with the names by which alerts find them.
//!
//! A name stands in the field `event` of a line of the handler's log. Names never change: people write alerts for them.

use std::fmt;

/// Something that an operator must act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A check was delivered whose plan the delivered token cannot read. It ends without a decision.
    PlanNotVisible,
    /// Azure DevOps refuses the check's token for good. Nothing can be delivered any more.
    TokenRefused,
    /// Azure DevOps could not be read until long after the deadline. The check ends without a decision.
    DeadlineMissed,
    /// A decision was made, and cannot be delivered.
    DecisionUndeliverable,
    /// Azure DevOps accepted a decision again and again, and the check's record never showed it.
    DecisionUnconfirmed,
    /// Somebody other than checkgate let the check fail.
    DecidedBySomeoneElse,
    /// The check passed before checkgate decided it.
    PassedUndecided,
    /// A message of a check was lost. A later delivery goes on with the check, and what the conditions remembered is lost.
    ChainLost,
    /// The host has handed out a message as often as it does, and moves it to the poison queue.
    CheckPoisoned,
}

impl Event {
    /// Its name: the value of the field `event`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PlanNotVisible => "plan_not_visible",
            Self::TokenRefused => "token_refused",
            Self::DeadlineMissed => "deadline_missed",
            Self::DecisionUndeliverable => "decision_undeliverable",
            Self::DecisionUnconfirmed => "decision_unconfirmed",
            Self::DecidedBySomeoneElse => "decided_by_someone_else",
            Self::PassedUndecided => "passed_undecided",
            Self::ChainLost => "chain_lost",
            Self::CheckPoisoned => "check_poisoned",
        }
    }

    /// Writes the event into the handler's log, with what led to it.
    pub fn report(self, why: &str) {
        tracing::error!(event = self.name(), error = why, "{self}");
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PlanNotVisible => "the delivered token cannot read the delivered plan; the check ends undecided",
            Self::TokenRefused => {
                "the token is dead; no decision can be delivered, and Azure Pipelines ends the check at its timeout"
            }
            Self::DeadlineMissed => "Azure DevOps could not be read until after the deadline; the check ends undecided",
            Self::DecisionUndeliverable => "the decision cannot be delivered any more",
            Self::DecisionUnconfirmed => "the decision was accepted, but the record never showed it",
            Self::DecidedBySomeoneElse => "somebody other than checkgate let the check fail",
            Self::PassedUndecided => {
                "the check passed before checkgate decided it; set its Completion event to Callback"
            }
            Self::ChainLost => "a message of the check was lost; a later delivery goes on, without what was remembered",
            Self::CheckPoisoned => {
                "the evaluation failed for the last time; the host moves its message to the poison queue"
            }
        })
    }
}
