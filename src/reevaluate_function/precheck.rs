//! The first look of an evaluation: does anybody still wait for this check, and is it this message's turn?

use std::time::Duration;

use chrono::TimeDelta;

use super::attempt::Step;
use super::{Ended, Failure};
use crate::App;
use crate::azure_devops::task::CheckRecord;
use crate::azure_devops::{Error, ErrorKind};
use crate::queue::claim::{Claim, Ownership};
use crate::queue::message::PendingDecision;
use crate::task::{Decision, TaskProperties};

/// The variable of the check's own record that holds the claim of the chain that lives.
pub(super) const CLAIM: &str = "checkgate.claim";

/// The variable that holds a decision from the moment it is made, sealed: it outlives a crash, and binds twins.
pub(super) const DECISION: &str = "checkgate.decision";

/// How long Azure DevOps may refuse the token without a break before it counts as dead. Some refusals pass: a service
/// under maintenance answers everything with a page for people, as it does when it asks them to sign in.
const TOKEN_DEAD_AFTER: TimeDelta = TimeDelta::minutes(30);

/// How long past its deadline a check that was decided goes on trying to deliver the decision.
pub(super) const DELIVERY_GRACE: TimeDelta = TimeDelta::hours(1);

/// How long a check may stay invisible to its token before it ends.
const UNSEEN_FOR_GOOD_AFTER: TimeDelta = TimeDelta::seconds(30);

/// The longest wait with a decision that is not delivered, whatever the other side asks for: people wait for it.
const LONGEST_WHEN_DECIDED: TimeDelta = TimeDelta::minutes(2);

/// How long a message stands by that may have a living twin: longer than most evaluations take, at whose end the twin
/// renews its claim.
const STAND_BY: TimeDelta = TimeDelta::seconds(30);

/// What the first look found.
pub(super) enum Look {
    /// It is this message's turn.
    GoOn,
    /// The evaluation ends here.
    End(Result<Ended, Failure>),
}

impl Step<'_> {
    /// Reads the check's own record: cancellation, the claim, a decision that was made already.
    pub(super) async fn look(&mut self, is_last: bool) -> Look {
        if self.is_first()
            && let Some(end) = self.prove_origin().await
        {
            return Look::End(end);
        }
        let record = match self.read_record().await {
            Ok(record) => record,
            // The timeline is hidden or was named wrongly: no status can be shown, but a decision can still be made.
            Err(error) if error.kind == ErrorKind::NotVisible && !self.is_first() => None,
            Err(error) if error.kind == ErrorKind::NotVisible && self.plan_was_read => None,
            Err(error) => return Look::End(self.cannot_look(&error).await),
        };
        let Some(record) = record else {
            tracing::warn!(check.plan_id = %self.ids().plan_id, "the timeline has no record of the check: no status will be shown");
            return Look::GoOn;
        };
        self.message.progress.unseen_since = None;
        self.has_record = true;
        if record.is_completed() {
            return Look::End(Ok(self.completed(&record)));
        }
        let recorded = recorded_claim(&record);
        let turn = self.turn(recorded.as_ref());
        if turn == Ownership::Other {
            return Look::End(Ok(Ended::Stopped("another chain of messages takes care of the check".to_owned())));
        }
        self.adopt(&record);
        // What is decided, or has to be now, does not wait: whoever delivers a decision, it is welcome.
        if turn == Ownership::Unclear && self.message.pending_decision.is_none() && !self.is_over() && !is_last {
            return Look::End(self.stand_by(recorded).await);
        }
        self.message.progress.doubted_claim = None;
        Look::GoOn
    }

    /// Whose turn it is, by the claim that the record holds.
    pub(super) fn turn(&mut self, recorded: Option<&Claim>) -> Ownership {
        self.claims.judge(recorded, self.message.progress.doubted_claim.as_ref())
    }

    /// Leaves a twin the time to show that it lives.
    pub(super) async fn stand_by(&mut self, recorded: Option<Claim>) -> Result<Ended, Failure> {
        self.message.progress.doubted_claim = recorded;
        self.queue_successor(STAND_BY.min(self.message.check.deadline - self.now)).await?;
        Ok(Ended::Requeued("another chain of messages may take care of the check".to_owned()))
    }

    /// Reads the check's own record: in the timeline that was delivered, or else in the one that the plan names.
    async fn read_record(&mut self) -> Result<Option<CheckRecord>, Error> {
        let record = self.session.record().await;
        let is_missing = match &record {
            Ok(record) => record.is_none(),
            Err(error) => error.kind == ErrorKind::NotVisible,
        };
        match self.plan_timeline.filter(|id| is_missing && *id != self.session.properties().timeline_id) {
            Some(timeline) => {
                self.message.progress.timeline_id = Some(timeline);
                self.session.use_timeline(timeline);
                self.session.record().await
            }
            None => record,
        }
    }

    /// Before the first evaluation: the delivered token must be able to read the delivered plan.
    async fn prove_origin(&mut self) -> Option<Result<Ended, Failure>> {
        match self.session.plan().await {
            Ok(plan) if plan.is_completed() => Some(Ok(Ended::Stopped(
                "the check's plan is completed: the run was cancelled, or the check decided".to_owned(),
            ))),
            Ok(plan) => {
                self.plan_was_read = true;
                self.plan_timeline = plan.timeline_id();
                None
            }
            // Whether a check's token may read its plan is not documented: its record, read next, proves as much.
            Err(error) if error.kind == ErrorKind::NotVisible => None,
            Err(error) => Some(self.cannot_look(&error).await),
        }
    }

    /// Azure DevOps did not let us look.
    async fn cannot_look(&mut self, error: &Error) -> Result<Ended, Failure> {
        match error.kind {
            // A plan that was made a moment ago may not be known, or visible, everywhere yet.
            ErrorKind::Gone if !self.is_first() || self.is_unseen_for_good() => {
                Ok(Ended::Stopped(format!("nobody waits for the check any more: {error}")))
            }
            ErrorKind::NotVisible if self.is_unseen_for_good() => {
                tracing::error!(check.plan_id = %self.ids().plan_id, error = %error, "the delivered token cannot read the delivered plan: the check ends without a decision");
                Ok(Ended::Stopped(format!("the delivered token cannot read the delivered plan: {error}")))
            }
            ErrorKind::TokenRefused if self.is_token_dead() => {
                tracing::error!(check.plan_id = %self.ids().plan_id, error = %error, "the token is dead: no decision can be delivered, the stage ends at the check's timeout in Azure Pipelines");
                Ok(Ended::Stopped(format!("the token is dead: {error}")))
            }
            _ if self.now > self.message.check.deadline + DELIVERY_GRACE => {
                tracing::error!(check.plan_id = %self.ids().plan_id, error = %error, "Azure DevOps could not be read until after the deadline: the check ends without a decision");
                Ok(Ended::Stopped(format!("the deadline is over: {error}")))
            }
            _ => self.try_again_later(error).await,
        }
    }

    /// Notes that there is nothing to see, and tells whether it has been so for long enough.
    fn is_unseen_for_good(&mut self) -> bool {
        let since = *self.message.progress.unseen_since.get_or_insert(self.now);
        self.now - since >= UNSEEN_FOR_GOOD_AFTER
    }

    /// Notes a refusal, and tells whether there were only refusals for long enough.
    pub(super) fn is_token_dead(&mut self) -> bool {
        let since = *self.message.progress.refused_since.get_or_insert(self.now);
        self.now - since >= TOKEN_DEAD_AFTER
    }

    /// Azure DevOps could not be reached: keep everything as it is and come back.
    pub(super) async fn try_again_later(&mut self, error: &Error) -> Result<Ended, Failure> {
        let retry_after = match error.kind {
            ErrorKind::Transient { retry_after } => retry_after,
            _ => None,
        };
        if error.kind != ErrorKind::TokenRefused {
            self.message.progress.refused_since = None;
        }
        self.message.progress.unreadable_since.get_or_insert(self.now);
        let delay = self.in_time(self.message.pending_decision.is_some(), retry_after);
        tracing::warn!(check.plan_id = %self.ids().plan_id, error = %error, "Azure DevOps could not be read");
        self.queue_successor(delay).await?;
        Ok(Ended::Requeued(error.to_string()))
    }

    /// The wait after an error: at the deadline at the latest, and short when only the delivery is missing.
    fn in_time(&mut self, is_decided: bool, retry_after: Option<Duration>) -> TimeDelta {
        let delay = self.after_error(retry_after);
        let left = self.message.check.deadline - self.now;
        let delay = if left > TimeDelta::zero() { delay.min(left) } else { delay };
        if is_decided { delay.min(LONGEST_WHEN_DECIDED) } else { delay }
    }

    pub(super) fn completed(&self, record: &CheckRecord) -> Ended {
        let result = record.result.as_deref().unwrap_or("without a result");
        let kept = self.message.pending_decision.as_ref().map(|pending| pending.decision.clone());
        let ours = kept.or_else(|| recorded_decision(self.app, self.ids(), record));
        match ours {
            Some(decision) if decision.task_result() == result => Ended::Decided(decision),
            _ => {
                // Cancelled, bypassed, timed out - or completed by someone else who may call Azure DevOps.
                if matches!(result, "succeeded" | "failed") {
                    tracing::warn!(check.plan_id = %self.ids().plan_id, result, "the check was completed, but not by checkgate");
                }
                Ended::Stopped(format!("the check is completed already: {result}"))
            }
        }
    }

    /// Takes over a decision that was made, by an earlier attempt or a twin, and may not have arrived.
    fn adopt(&mut self, record: &CheckRecord) {
        match recorded_decision(self.app, self.ids(), record) {
            // What was accepted stays: nothing else can be any more.
            Some(_) if self.message.pending_decision.as_ref().is_some_and(|pending| pending.accepted) => {}
            Some(decision) => {
                let pending = self.message.pending_decision.take().filter(|pending| pending.decision == decision);
                self.message.pending_decision = Some(pending.unwrap_or_else(|| PendingDecision::new(decision)));
            }
            None if record.variable(DECISION).is_none() => {}
            None => {
                tracing::warn!(check.plan_id = %self.ids().plan_id, "the record holds a decision that checkgate did not make; it is ignored")
            }
        }
    }
}

/// What the decision in a record is bound to: its check.
pub(super) fn decision_binding(ids: &TaskProperties) -> String {
    format!("{} decision", ids.seal_binding())
}

/// The decision that the record holds, if it is one of ours for this check.
pub(crate) fn recorded_decision(app: &App, ids: &TaskProperties, record: &CheckRecord) -> Option<Decision> {
    let bytes = app.sealer.open(record.variable(DECISION)?, &decision_binding(ids)).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// The claim that the record holds. Anything else that somebody wrote there is none.
pub(crate) fn recorded_claim(record: &CheckRecord) -> Option<Claim> {
    record.variable(CLAIM)?.parse().ok()
}
