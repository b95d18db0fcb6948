//! The wait that Azure DevOps asks one check for, and when it is kept.
//!
//! Azure DevOps throttles each caller for itself, and a check is a caller. If one call is asked to wait, the check makes no
//! other before the time. Two things limit that. At its deadline a check is decided whatever was asked. And an answer that
//! *succeeds* may ask for a wait too, each time, as long as others use up the quota: the evaluation after one that was held
//! back by a success goes on after successes, so that each second evaluation comes to its end.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Session;

/// The wait that Azure DevOps asked one check for.
#[derive(Debug, Default)]
pub(super) struct AskedWait(Mutex<State>);

#[derive(Debug, Default, Clone, Copy)]
struct State {
    /// Until when to stay away.
    until: Option<DateTime<Utc>>,
    /// The same, as far as calls are held back for it.
    kept_until: Option<DateTime<Utc>>,
    /// From when on calls are made all the same; none are held back where this is not known.
    deadline: Option<DateTime<Utc>>,
    /// Whether calls are held back after successes too.
    after_success: bool,
    /// Whether the wait that is kept was asked for by a success, and a call was held back for it.
    was_held_back: bool,
    /// Whether a call that was refused asked for the wait.
    is_refusal: bool,
}

impl AskedWait {
    /// Holds back calls until `deadline`; those after a success only if `after_success`.
    pub(super) fn keep(&self, deadline: DateTime<Utc>, after_success: bool) {
        let mut state = self.lock();
        (state.deadline, state.after_success) = (Some(deadline), after_success);
    }

    /// Whether a call may be made now.
    ///
    /// # Errors
    ///
    /// How long to wait.
    pub(super) fn admit(&self, now: DateTime<Utc>) -> Result<(), Duration> {
        let mut state = self.lock();
        let (Some(until), Some(deadline)) = (state.kept_until, state.deadline) else { return Ok(()) };
        if now >= until.min(deadline) {
            return Ok(());
        }
        state.was_held_back |= !state.is_refusal;
        Err((until - now).to_std().unwrap_or_default())
    }

    /// An answer asked for this wait. It was a success, or refused the call.
    pub(super) fn note(&self, wait: Duration, is_success: bool, now: DateTime<Utc>) {
        let mut state = self.lock();
        let until = Some(now + TimeDelta::from_std(wait).unwrap_or_default());
        state.until = state.until.max(until);
        if !is_success || state.after_success {
            state.kept_until = state.kept_until.max(until);
            state.is_refusal |= !is_success;
        }
    }

    /// Until when to stay away.
    pub(super) fn until(&self) -> Option<DateTime<Utc>> {
        self.lock().until
    }

    /// Whether a call was held back because a success asked for it.
    pub(super) fn was_held_back(&self) -> bool {
        self.lock().was_held_back
    }

    /// The state is whole after each statement, so one that a panic left is good.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session<'_> {
    /// Makes no call while Azure DevOps asks to stay away, until `deadline`; after successes only if `after_success`.
    pub fn keep_waits(&self, deadline: DateTime<Utc>, after_success: bool) {
        self.wait.keep(deadline, after_success);
    }

    /// Until when Azure DevOps asked to stay away.
    #[must_use]
    pub fn stay_away_until(&self) -> Option<DateTime<Utc>> {
        self.wait.until()
    }

    /// Whether a call was not made because an answer that succeeded asked for a wait.
    #[must_use]
    pub fn was_held_back(&self) -> bool {
        self.wait.was_held_back()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn asked(after_success: bool, is_success: bool) -> AskedWait {
        let wait = AskedWait::default();
        wait.keep(at(100), after_success);
        wait.note(Duration::from_secs(60), is_success, at(0));
        wait
    }

    #[test]
    fn calls_are_held_back_until_the_time_that_was_asked_for_or_the_deadline() {
        let wait = asked(true, false);
        assert_eq!(wait.admit(at(20)), Err(Duration::from_secs(40)));
        assert_eq!(wait.admit(at(60)), Ok(()));
        wait.note(Duration::from_secs(600), false, at(60));
        assert_eq!((wait.admit(at(99)), wait.admit(at(100))), (Err(Duration::from_secs(561)), Ok(())));
    }

    #[test]
    fn a_success_holds_back_no_call_in_the_evaluation_after_one_that_was_held_back() {
        let wait = asked(true, true);
        assert!(wait.admit(at(1)).is_err() && wait.was_held_back());
        let wait = asked(false, true);
        assert!(wait.admit(at(1)).is_ok() && !wait.was_held_back());
        assert_eq!(wait.until(), Some(at(60)), "the next evaluation stays away all the same");
        let wait = asked(false, false);
        assert!(wait.admit(at(1)).is_err() && !wait.was_held_back());
    }
}
