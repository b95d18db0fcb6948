//! What an evaluation leads to. Pure.

use chrono::{DateTime, TimeDelta, Utc};

use super::Ended;
use super::retry::{self, Moment, StepError};
use crate::check::OnTimeout;
use crate::evaluation::{Status, Verdict};
use crate::events::Event;
use crate::queue::PendingDecision;
use crate::queue::message::MessageV1;
use crate::task::Decision;
use crate::task_log;

/// The next thing to do. Every evaluation comes to exactly one of the last four.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// Make this decision; the lines say why.
    Decide { decision: Decision, lines: Vec<String> },
    /// Deliver a decision that was made.
    Deliver(PendingDecision),
    /// Not yet: show what is awaited, and evaluate again at this time.
    Report { verdict: Box<Verdict>, at: DateTime<Utc> },
    /// Evaluate again at this time, with nothing new to show.
    Requeue { at: DateTime<Utc>, why: String },
    /// The work is done, or nobody waits for it.
    End(Ended),
    /// The check's time is over and its definition says not to decide then: say so in its log.
    Skip { why: String, lines: Vec<String> },
    /// Nothing more can be done, although somebody waits for the check: alert an operator.
    GiveUp { event: Event, why: String },
}

impl Next {
    pub(super) const fn decide(decision: Decision) -> Self {
        Self::Decide { decision, lines: Vec::new() }
    }

    /// The evaluations of this check crash.
    pub(super) fn cannot_evaluate() -> Self {
        let reason = "checkgate could not evaluate the check, although it tried several times; its own log tells why.";
        Self::decide(Decision::rejected(reason))
    }

    /// Nobody has evaluated this check, and its time is over.
    pub(super) fn was_not_evaluated(message: &MessageV1, now: DateTime<Utc>) -> Self {
        let missing = "the first evaluation, which no instance of the function app has made; its own log tells more";
        time_is_over(message, now, missing, Vec::new())
    }

    pub(super) fn stop(why: impl Into<String>) -> Self {
        Self::End(Ended::Stopped(why.into()))
    }

    pub(super) fn give_up(event: Event, why: &impl ToString) -> Self {
        Self::GiveUp { event, why: why.to_string() }
    }
}

/// What follows from a verdict.
#[must_use]
pub(super) fn conclude(verdict: Verdict, message: &MessageV1, moment: Moment) -> Next {
    let lines = task_log::conditions(&verdict);
    let blockers = task_log::blockers_in_one_line(&verdict.explanation);
    match verdict.status() {
        Status::Passed => Next::Decide { decision: Decision::Approved, lines },
        Status::Failed => Next::Decide { decision: Decision::rejected(task_log::not_met(&verdict.explanation)), lines },
        Status::Waiting | Status::Errored if message.is_over(moment.now) => {
            time_is_over(message, moment.now, &blockers, lines)
        }
        Status::Errored => match retry::error_policy(&StepError::Measure(&verdict), message, moment) {
            Next::Requeue { at, .. } => Next::Report { verdict: Box::new(verdict), at },
            Next::Decide { decision, .. } => Next::Decide { decision, lines },
            next => next,
        },
        Status::Waiting => {
            let asked = moment.asked_to_wait.and_then(|wait| TimeDelta::from_std(wait).ok()).unwrap_or_default();
            let expiring = message.check.tells_expiring_at().filter(|at| *at > moment.now);
            let look_again_at = expiring.map_or(verdict.look_again_at, |at| at.min(verdict.look_again_at));
            let at = look_again_at.max(moment.now + asked);
            Next::Report { at: retry::by_deadline(at, message, moment.now), verdict: Box::new(verdict) }
        }
    }
}

/// The check has to be decided now, and there is no verdict.
#[must_use]
pub(super) fn time_is_over(message: &MessageV1, now: DateTime<Utc>, missing: &str, lines: Vec<String>) -> Next {
    let definition = &message.check.definition;
    let reason = if now < message.check.deadline {
        format!(
            "The check was evaluated {} times, which is the most; write a longer `reevaluateEvery`. Still missing: {missing}.",
            definition.max_evaluations()
        )
    } else if definition.on_timeout == OnTimeout::Skip && !definition.dry_run {
        return Next::Skip { why: task_log::skipped(missing), lines };
    } else {
        task_log::time_is_over(definition, missing)
    };
    Next::Decide { decision: Decision::rejected(reason), lines }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::testing::{a_message, a_verdict, minute};
    use super::*;

    fn moment(now: i64) -> Moment {
        Moment { now: minute(now), backoff: Duration::from_secs(4), asked_to_wait: None }
    }

    fn concluded(status: Status, now: i64) -> Next {
        conclude(a_verdict(status), &a_message(&[]), moment(now))
    }

    fn decided(next: Next) -> Decision {
        match next {
            Next::Decide { decision, lines } if !lines.is_empty() => decision,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_check_is_over_at_its_deadline_or_after_its_last_evaluation() {
        let mut message = a_message(&[]);
        assert!(!message.is_over(minute(59)) && message.is_over(minute(60)));
        let most = message.check.definition.max_evaluations();
        (1..most).for_each(|_| message.progress.hand_on(Vec::new()));
        assert!(!message.is_over(minute(0)));
        message.progress.hand_on(Vec::new());
        assert!(message.is_over(minute(0)));
    }

    fn reason(next: Next) -> String {
        match decided(next) {
            Decision::Rejected { reason } => reason,
            Decision::Approved => panic!("approved"),
        }
    }

    #[test]
    fn a_verdict_decides_the_check_and_its_lines_say_why() {
        assert_eq!(decided(concluded(Status::Passed, 1)), Decision::Approved);
        let reason = reason(concluded(Status::Failed, 1));
        assert_eq!(reason, "Not met: the work item: Active (expected: Completed).");
    }

    #[test]
    fn a_check_that_waits_is_evaluated_again_when_it_says_and_at_the_deadline_at_the_latest() {
        for (now, look_again_at, expected) in [(1, 5, 5), (1, 90, 60), (59, 61, 60)] {
            let verdict = Verdict { look_again_at: minute(look_again_at), ..a_verdict(Status::Waiting) };
            match conclude(verdict, &a_message(&[]), moment(now)) {
                Next::Report { at, .. } => assert_eq!(at, minute(expected)),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_check_that_waits_keeps_away_as_long_as_azure_devops_asked() {
        let moment = Moment { asked_to_wait: Some(Duration::from_secs(600)), ..moment(1) };
        match conclude(a_verdict(Status::Waiting), &a_message(&[]), moment) {
            Next::Report { at, .. } => assert_eq!(at, minute(11)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn at_the_deadline_a_check_fails_with_what_is_missing() {
        for status in [Status::Waiting, Status::Errored] {
            let reason = reason(concluded(status, 60));
            assert!(reason.starts_with("The check's time is over (1h). Still missing: the work item"), "{reason}");
        }
    }

    #[test]
    fn at_the_deadline_a_check_decides_nothing_where_its_definition_says_so() {
        let message = a_message(&[("onTimeout", "skip")]);
        let next = conclude(a_verdict(Status::Waiting), &message, moment(60));
        assert!(matches!(next, Next::Skip { .. }), "{next:?}");
    }

    #[test]
    fn a_condition_that_cannot_be_measured_for_too_long_is_the_reason_with_its_lines() {
        let reason = reason(concluded(Status::Errored, 31));
        assert_eq!(reason, "the work item could not be measured for 30m: Active.");
    }
}
