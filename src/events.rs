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
    /// A check was acknowledged, and nobody has evaluated it.
    CheckNotEvaluated,
    /// The host has handed out a message as often as it does, and moves it to the poison queue.
    CheckPoisoned,
    /// An evaluation could not end. The host hands its message out again.
    EvaluationFailed,
    /// A check waits, and the app has no key at all.
    SealingKeyMissing,
    /// A check waits that was sealed with a key that the app does not have.
    SealedByAnotherApp,
    /// A check waits for longer than its token lives, and the setting that lets the identity decide it is gone.
    IdentityTakenAway,
    /// A check's record holds a decision that checkgate did not make.
    DecisionForged,
    /// A delivery could not be queued.
    DeliveryNotAccepted,
    /// More deliveries came at a time than the handler takes.
    TooManyDeliveries,
    /// More evaluations came at a time than the handler runs.
    TooManyEvaluations,
    /// A delivery names a `PlanUrl` that is not allowed.
    PlanUrlRefused,
    /// The name of a `PlanUrl` leads to addresses that must not be called.
    PlanUrlLeadsInside,
    /// A setting, or a file of the app, is wrong so that deliveries are refused.
    AppMisconfigured,
    /// A setting works, but probably not as it was meant.
    SettingDoubtful,
    /// There is no usable `checks.yaml`.
    ChecksFileUnusable,
    /// An edit of `checks.yaml` has mistakes. The last good file stays in force.
    ChecksFileEditRefused,
    /// A part of `checks.yaml` probably does not do what was meant.
    ChecksFileDoubtful,
    /// A connection of `checks.yaml` cannot be used.
    ConnectionUnusable,
    /// A notice could not be sent. The check goes on all the same.
    NoticeNotSent,
    /// Records of decisions could not be appended to a blob. They stand in the log.
    RecordNotAppended,
    /// Traces or metrics could not be sent.
    TelemetryNotSent,
    /// The queue could not be created. It is tried again.
    QueueNotCreated,
    /// The host could not connect to the handler.
    HostNotConnected,
    /// The handler ends by itself.
    HandlerEnded,
    /// The code failed.
    Panicked,
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
            Self::CheckNotEvaluated => "check_not_evaluated",
            Self::CheckPoisoned => "check_poisoned",
            Self::EvaluationFailed => "evaluation_failed",
            Self::SealingKeyMissing => "sealing_key_missing",
            Self::SealedByAnotherApp => "sealed_by_another_app",
            Self::IdentityTakenAway => "identity_taken_away",
            Self::DecisionForged => "decision_forged",
            Self::DeliveryNotAccepted => "delivery_not_accepted",
            Self::TooManyDeliveries => "too_many_deliveries",
            Self::TooManyEvaluations => "too_many_evaluations",
            Self::PlanUrlRefused => "plan_url_refused",
            Self::PlanUrlLeadsInside => "plan_url_leads_inside",
            Self::AppMisconfigured => "app_misconfigured",
            Self::SettingDoubtful => "setting_doubtful",
            Self::ChecksFileUnusable => "checks_file_unusable",
            Self::ChecksFileEditRefused => "checks_file_edit_refused",
            Self::ChecksFileDoubtful => "checks_file_doubtful",
            Self::ConnectionUnusable => "connection_unusable",
            Self::NoticeNotSent => "notice_not_sent",
            Self::RecordNotAppended => "record_not_appended",
            Self::TelemetryNotSent => "telemetry_not_sent",
            Self::QueueNotCreated => "queue_not_created",
            Self::HostNotConnected => "host_not_connected",
            Self::HandlerEnded => "handler_ended",
            Self::Panicked => "panicked",
        }
    }

    /// Whether work goes on as it should, so that the line is a warning and not an error.
    const fn is_warning(self) -> bool {
        matches!(
            self,
            Self::DecisionForged
                | Self::PlanUrlRefused
                | Self::PlanUrlLeadsInside
                | Self::SettingDoubtful
                | Self::ChecksFileEditRefused
                | Self::ChecksFileDoubtful
                | Self::ConnectionUnusable
                | Self::NoticeNotSent
                | Self::RecordNotAppended
                | Self::TelemetryNotSent
                | Self::QueueNotCreated
        )
    }

    /// Writes the event into the handler's log, with what led to it.
    pub fn report(self, why: &str) {
        if self.is_warning() {
            tracing::warn!(event = self.name(), error = why, "{self}");
        } else {
            tracing::error!(event = self.name(), error = why, "{self}");
        }
    }

    /// Writes the event into the handler's log, with a sentence that says all of it.
    pub fn say(self, sentence: &str) {
        if self.is_warning() {
            tracing::warn!(event = self.name(), "{sentence}");
        } else {
            tracing::error!(event = self.name(), "{sentence}");
        }
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
            Self::CheckNotEvaluated => "a check was acknowledged, and no instance of the function app has evaluated it",
            Self::CheckPoisoned => {
                "the evaluation failed for the last time; the host moves its message to the poison queue"
            }
            Self::EvaluationFailed => "evaluation failed",
            Self::SealingKeyMissing => "a check waits for the key that it was sealed with",
            Self::SealedByAnotherApp => "a check waits in this app's queue that another app has sealed; it is put back",
            Self::IdentityTakenAway => {
                "the managed identity may not decide any more; a check ends before its token does"
            }
            Self::DecisionForged => "the record holds a decision that checkgate did not make; it is ignored",
            Self::DeliveryNotAccepted => "delivery not accepted",
            Self::TooManyDeliveries => "too many deliveries at a time",
            Self::TooManyEvaluations => "too many evaluations at a time",
            Self::PlanUrlRefused => "delivery refused: its PlanUrl is not allowed",
            Self::PlanUrlLeadsInside => "a PlanUrl leads to addresses of this machine or its platform; none is called",
            Self::AppMisconfigured => "delivery refused: the function app is not configured correctly",
            Self::SettingDoubtful => "a setting probably does not do what was meant",
            Self::ChecksFileUnusable => "the file of checks cannot be used",
            Self::ChecksFileEditRefused => "the edit of the file of checks is not used",
            Self::ChecksFileDoubtful => "the file of checks probably does not do what was meant",
            Self::ConnectionUnusable => "checks that need this connection are refused",
            Self::NoticeNotSent => "a notice cannot be sent; checks go on without it",
            Self::RecordNotAppended => "records of decisions cannot be appended; they stand in this log",
            Self::TelemetryNotSent => "traces or metrics are lost; checks go on without them",
            Self::QueueNotCreated => "the queue could not be created; it is tried again",
            Self::HostNotConnected => "a connection of the host could not be accepted",
            Self::HandlerEnded => "the handler ends",
            Self::Panicked => "the code panicked",
        })
    }
}
