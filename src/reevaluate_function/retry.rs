//! What happens after an error: one policy for every step of an evaluation. Pure.
//!
//! While the check has time left, an error leads to another try: with a growing pause, and no sooner than the other side
//! asked for. Three things end that. Nobody waits for the check any more: it stops. Nothing can be delivered any more: it
//! stops, and an operator is alerted. The conditions could not be measured for too long: the check fails, with that reason.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use chrono::{DateTime, TimeDelta, Utc};

use super::next::Next;
use crate::azure_devops::{Error, ErrorKind};
use crate::evaluation::Verdict;
use crate::events::Event;
use crate::queue::message::MessageV1;
use crate::queue::progress::Progress;
use crate::task::Decision;
use crate::task_log;

/// The first pause.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause, which jitter may double: the end of an outage is noticed within two minutes.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The longest pause after the deadline, whatever the other side asks for: Azure Pipelines stops waiting soon.
const LONGEST_PAUSE_WHEN_DUE: TimeDelta = TimeDelta::minutes(2);

/// How long Azure DevOps may refuse the token without a break before the token counts as dead. Some refusals pass: a service
/// under maintenance answers everything with a page for people, as it does when it asks them to sign in.
const TOKEN_DEAD_AFTER: TimeDelta = TimeDelta::minutes(30);

/// How many looks at a check in a row must find that nobody waits for it: one machine of Azure DevOps may not know it for
/// a moment.
pub(super) const LOOKS_TO_BELIEVE: u32 = 3;

/// How long after such a look the next one follows.
pub(super) const LOOK_AGAIN_AFTER: TimeDelta = TimeDelta::seconds(30);

/// How long the token may not see a check before the check counts as gone. A plan that was made a moment ago may not be
/// visible everywhere yet.
const UNSEEN_FOR_GOOD_AFTER: TimeDelta = TimeDelta::seconds(30);

/// How long past its deadline a check goes on trying to reach Azure DevOps.
const DELIVERY_GRACE: TimeDelta = TimeDelta::hours(1);

/// An error, by the step in which it happened.
pub(super) enum StepError<'a> {
    /// The check's own plan or record could not be read.
    Precheck(&'a Error),
    /// Azure DevOps refused the token for the facts, although the token reads the check's record.
    Gather(&'a str),
    /// Conditions could not be measured.
    Measure(&'a Verdict),
    /// The decision was not accepted.
    Deliver(&'a Error),
}

impl StepError<'_> {
    /// Writes down since when it is so.
    pub(super) fn note(&self, progress: &mut Progress, now: DateTime<Utc>) {
        match self {
            Self::Precheck(error) | Self::Deliver(error) => {
                match error.kind {
                    ErrorKind::TokenRefused => progress.note_refusal(now),
                    _ => progress.forget_refusals(),
                }
                progress.note_unreadable(now);
            }
            Self::Gather(_) => progress.note_refusal(now),
            Self::Measure(_) => {}
        }
        if let Self::Precheck(Error { kind: ErrorKind::NotVisible, .. }) = self {
            progress.note_unseen(now);
        }
    }

    fn retry_after(&self, now: DateTime<Utc>) -> Option<Duration> {
        match self {
            Self::Precheck(error) | Self::Deliver(error) => match error.kind {
                ErrorKind::Transient { retry_after } => retry_after,
                _ => None,
            },
            Self::Measure(verdict) => verdict.stay_away_until.and_then(|until| (until - now).to_std().ok()),
            Self::Gather(_) => None,
        }
    }
}

/// The moment of a question, for what depends on time and chance.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    /// When it is asked what follows: pauses count from here.
    pub(super) now: DateTime<Utc>,
    /// The pause that this check's errors ask for, by [`backoff`].
    pub(super) backoff: Duration,
    /// How much is left of the longest wait that Azure DevOps asked for during the evaluation.
    pub(super) asked_to_wait: Option<Duration>,
}

/// What happens after an error, which [`StepError::note`] has written into the message's progress already.
#[must_use]
pub(super) fn error_policy(error: &StepError<'_>, message: &MessageV1, moment: Moment) -> Next {
    let progress = &message.progress;
    let is_token_dead = progress.refused_for(moment.now) >= TOKEN_DEAD_AFTER;
    let is_unseen_for_good = progress.unseen_for(moment.now) >= UNSEEN_FOR_GOOD_AFTER;
    let is_too_late = moment.now > message.check.deadline + DELIVERY_GRACE;
    match error {
        StepError::Precheck(error) => match error.kind {
            ErrorKind::NotVisible if is_unseen_for_good => return Next::give_up(Event::PlanNotVisible, error),
            ErrorKind::TokenRefused if is_token_dead => return Next::give_up(Event::TokenRefused, error),
            _ if is_too_late => return Next::give_up(Event::DeadlineMissed, error),
            _ => {}
        },
        StepError::Deliver(error) => {
            if is_too_late || (error.kind == ErrorKind::TokenRefused && is_token_dead) {
                return Next::give_up(Event::DecisionUndeliverable, error);
            }
        }
        StepError::Gather(why) if is_token_dead => {
            return Next::decide(Decision::rejected(format!("The conditions could not be measured: {why}.")));
        }
        StepError::Gather(_) => {}
        StepError::Measure(verdict) => {
            let definition = &message.check.definition;
            if let Some(condition) = verdict.over_budget(definition.error_budget.delta(), moment.now) {
                return Next::decide(Decision::rejected(task_log::over_budget(condition, definition)));
            }
        }
    }
    try_again(error, message, moment)
}

/// Another try: at the deadline at the latest, and soon after it.
fn try_again(error: &StepError<'_>, message: &MessageV1, moment: Moment) -> Next {
    let asked = error.retry_after(moment.now).max(moment.asked_to_wait).unwrap_or_default();
    let pause = TimeDelta::from_std(moment.backoff.max(asked)).unwrap_or(TimeDelta::hours(1));
    let at = if moment.now < message.check.deadline {
        by_deadline(moment.now + pause, message, moment.now)
    } else {
        moment.now + pause.min(LONGEST_PAUSE_WHEN_DUE)
    };
    let why = match error {
        StepError::Precheck(error) | StepError::Deliver(error) => error.to_string(),
        StepError::Gather(why) => (*why).to_owned(),
        StepError::Measure(_) => "a condition could not be measured".to_owned(),
    };
    Next::Requeue { at, why }
}

/// This time, but the deadline if that is earlier; a second from now at the soonest. A check that may outlive its token is looked
/// at before that ends: if the identity was taken away meanwhile, the token delivers the decision then.
pub(super) fn by_deadline(at: DateTime<Utc>, message: &MessageV1, now: DateTime<Utc>) -> DateTime<Utc> {
    let with_token = message.check.deadline_with_token();
    let at = if now < with_token { at.min(with_token) } else { at };
    at.min(message.check.deadline.max(now + TimeDelta::seconds(1)))
}

/// The pause after so many errors in a row: exponential, with jitter so that waiting checks do not come back together.
#[must_use]
pub(super) fn backoff(errors: u32) -> Duration {
    let policy = ExponentialBuilder::default()
        .with_min_delay(SHORTEST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .with_jitter()
        .without_max_times();
    let step = usize::try_from(errors.saturating_sub(1).min(16)).unwrap_or(16);
    policy.build().nth(step).unwrap_or(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{a_message, a_verdict, minute};
    use super::*;
    use crate::evaluation::Status;

    const SLOW: ErrorKind = ErrorKind::Transient { retry_after: Some(Duration::from_secs(500)) };
    const DOWN: ErrorKind = ErrorKind::Transient { retry_after: None };

    /// What a row of a table expects.
    #[derive(Debug, PartialEq)]
    enum Then {
        AgainIn(i64),
        Fail,
        GiveUp(Event),
    }

    fn moment(now: i64) -> Moment {
        Moment { now: minute(now), backoff: Duration::from_secs(4), asked_to_wait: None }
    }

    fn then(next: &Next, now: i64) -> Then {
        match next {
            Next::Requeue { at, .. } => Then::AgainIn((*at - minute(now)).num_seconds()),
            Next::Decide { decision: Decision::Rejected { .. }, .. } => Then::Fail,
            Next::GiveUp { event, .. } => Then::GiveUp(*event),
            other => panic!("{other:?}"),
        }
    }

    /// What happens after an error that has been there since a minute, and is there at another.
    fn after(mut message: MessageV1, error: &StepError<'_>, (since, now): (i64, i64)) -> Then {
        error.note(&mut message.progress, minute(since));
        error.note(&mut message.progress, minute(now));
        then(&error_policy(error, &message, moment(now)), now)
    }

    fn a_begun_message() -> MessageV1 {
        let mut message = a_message(&[]);
        message.progress.begin();
        message
    }

    #[test]
    fn a_check_whose_record_cannot_be_read_tries_again_until_nothing_can_come_of_it() {
        let rows = [
            (DOWN, (0, 5), Then::AgainIn(4)),
            (SLOW, (0, 5), Then::AgainIn(500)),
            (SLOW, (0, 59), Then::AgainIn(60)),
            (DOWN, (0, 90), Then::AgainIn(4)),
            (DOWN, (0, 120), Then::AgainIn(4)),
            (DOWN, (0, 121), Then::GiveUp(Event::DeadlineMissed)),
            (ErrorKind::BadRequest, (0, 5), Then::AgainIn(4)),
            (ErrorKind::TokenRefused, (0, 29), Then::AgainIn(4)),
            (ErrorKind::TokenRefused, (0, 30), Then::GiveUp(Event::TokenRefused)),
        ];
        for (kind, times, expected) in rows {
            let error = Error::new("read the check's record", kind, "so");
            assert_eq!(after(a_begun_message(), &StepError::Precheck(&error), times), expected, "{kind:?}, {times:?}");
        }
    }

    #[test]
    fn a_plan_that_was_just_made_may_not_be_visible_yet() {
        let rows = [
            (ErrorKind::NotVisible, (0, 0), Then::AgainIn(4)),
            (ErrorKind::NotVisible, (0, 1), Then::GiveUp(Event::PlanNotVisible)),
        ];
        for (kind, times, expected) in rows {
            let error = Error::new("read the check's plan", kind, "so");
            assert_eq!(after(a_message(&[]), &StepError::Precheck(&error), times), expected, "{kind:?}, {times:?}");
        }
    }

    #[test]
    fn a_decision_that_is_not_accepted_is_tried_again_soon_and_for_an_hour_past_the_deadline() {
        let rows = [
            (DOWN, (0, 5), Then::AgainIn(4)),
            (SLOW, (0, 5), Then::AgainIn(500)),
            (SLOW, (0, 61), Then::AgainIn(120)),
            (DOWN, (0, 90), Then::AgainIn(4)),
            (DOWN, (0, 121), Then::GiveUp(Event::DecisionUndeliverable)),
            (ErrorKind::NotVisible, (0, 30), Then::AgainIn(4)),
            (ErrorKind::TokenRefused, (0, 29), Then::AgainIn(4)),
            (ErrorKind::TokenRefused, (0, 30), Then::GiveUp(Event::DecisionUndeliverable)),
        ];
        for (kind, times, expected) in rows {
            let error = Error::new("report the decision", kind, "so");
            assert_eq!(after(a_begun_message(), &StepError::Deliver(&error), times), expected, "{kind:?}, {times:?}");
        }
    }

    #[test]
    fn a_token_that_reads_the_record_but_not_the_facts_fails_the_check_in_the_end() {
        for (times, expected) in [((0, 29), Then::AgainIn(4)), ((0, 30), Then::Fail)] {
            assert_eq!(after(a_begun_message(), &StepError::Gather("the token is refused"), times), expected);
        }
    }

    #[test]
    fn a_condition_that_cannot_be_measured_fails_the_check_when_the_error_budget_is_spent() {
        let verdict = a_verdict(Status::Errored);
        for (times, expected) in [((0, 29), Then::AgainIn(4)), ((0, 30), Then::Fail)] {
            assert_eq!(after(a_begun_message(), &StepError::Measure(&verdict), times), expected);
        }
        let asks = Verdict { stay_away_until: Some(minute(7)), ..a_verdict(Status::Errored) };
        assert_eq!(after(a_begun_message(), &StepError::Measure(&asks), (5, 5)), Then::AgainIn(120));
    }

    #[test]
    fn a_wait_that_azure_devops_asks_for_counts_whatever_the_error() {
        let moment = Moment { asked_to_wait: Some(Duration::from_secs(70)), ..moment(5) };
        let next = error_policy(&StepError::Gather("refused"), &a_begun_message(), moment);
        assert_eq!(then(&next, 5), Then::AgainIn(70));
    }

    #[test]
    fn any_other_answer_shows_that_the_token_lives() {
        let mut message = a_begun_message();
        for (kind, now) in [(ErrorKind::TokenRefused, 0), (DOWN, 29), (ErrorKind::TokenRefused, 31)] {
            let error = Error::new("read the check's record", kind, "so");
            StepError::Precheck(&error).note(&mut message.progress, minute(now));
        }
        assert_eq!(message.progress.refused_for(minute(31)), TimeDelta::zero());
    }

    #[test]
    fn pauses_grow_to_their_bound() {
        for errors in [0, 1] {
            assert!((1..=2).contains(&backoff(errors).as_secs()));
        }
        assert!(backoff(5) > backoff(1));
        assert!(backoff(40) <= 2 * LONGEST_PAUSE);
    }
}
