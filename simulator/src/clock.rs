//! Time as the simulated worlds see it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// A clock whose clones all share one hand: whoever moves it moves it for every world.
#[derive(Clone, Debug)]
pub struct Clock {
    hand: Arc<Mutex<Hand>>,
}

#[derive(Debug)]
enum Hand {
    /// Runs by itself, this far ahead of real time.
    Running { ahead: TimeDelta },
    /// Moves only when told to.
    Stopped { at: DateTime<Utc> },
}

impl Clock {
    /// Real time. It can still be advanced, and then runs on ahead of real time.
    pub fn system() -> Self {
        Self::with_hand(Hand::Running { ahead: TimeDelta::zero() })
    }

    /// A clock that stands at `at` until it is advanced or set.
    pub fn starting_at(at: DateTime<Utc>) -> Self {
        Self::with_hand(Hand::Stopped { at })
    }

    fn with_hand(hand: Hand) -> Self {
        Self { hand: Arc::new(Mutex::new(hand)) }
    }

    /// The present moment.
    pub fn now(&self) -> DateTime<Utc> {
        match *self.lock() {
            Hand::Running { ahead } => Utc::now() + ahead,
            Hand::Stopped { at } => at,
        }
    }

    /// Moves the hand forward; durations beyond chrono's range move it as far as possible.
    pub fn advance(&self, by: Duration) {
        let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
        match &mut *self.lock() {
            Hand::Running { ahead } => *ahead = ahead.checked_add(&by).unwrap_or(TimeDelta::MAX),
            Hand::Stopped { at } => *at = at.checked_add_signed(by).unwrap_or(DateTime::<Utc>::MAX_UTC),
        }
    }

    /// Puts the hand to `at` and stops the clock there.
    pub fn set(&self, at: DateTime<Utc>) {
        *self.lock() = Hand::Stopped { at };
    }

    fn lock(&self) -> MutexGuard<'_, Hand> {
        self.hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_one_hand() {
        let clock = Clock::starting_at(DateTime::UNIX_EPOCH);
        let clone = clock.clone();
        clock.advance(Duration::from_secs(90));
        assert_eq!(clone.now().timestamp(), 90);
    }
}
