//! The time of the simulated worlds.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;

/// A clock. All clones show the same time, so moving one moves every world.
#[derive(Clone, Debug)]
pub struct Clock {
    time: Arc<Mutex<Time>>,
    moved: watch::Sender<()>,
}

#[derive(Debug)]
enum Time {
    /// Follows real time, with this much added.
    Running { ahead: TimeDelta },
    /// Stands still until it is advanced or set.
    Stopped { at: DateTime<Utc> },
}

impl Clock {
    /// Real time. After [`Self::advance`] it keeps running, ahead of real time.
    pub fn system() -> Self {
        Self::with_time(Time::Running { ahead: TimeDelta::zero() })
    }

    /// A clock that stands still at `at` until it is advanced or set.
    pub fn starting_at(at: DateTime<Utc>) -> Self {
        Self::with_time(Time::Stopped { at })
    }

    fn with_time(time: Time) -> Self {
        Self { time: Arc::new(Mutex::new(time)), moved: watch::Sender::new(()) }
    }

    /// The present moment.
    pub fn now(&self) -> DateTime<Utc> {
        match *self.lock() {
            Time::Running { ahead } => Utc::now() + ahead,
            Time::Stopped { at } => at,
        }
    }

    /// Moves the time forward. A duration beyond chrono's range moves it as far as possible.
    pub fn advance(&self, by: Duration) {
        let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
        match &mut *self.lock() {
            Time::Running { ahead } => *ahead = ahead.checked_add(&by).unwrap_or(TimeDelta::MAX),
            Time::Stopped { at } => *at = at.checked_add_signed(by).unwrap_or(DateTime::<Utc>::MAX_UTC),
        }
        self.moved.send_replace(());
    }

    /// Sets the time to `at` and stops the clock there.
    pub fn set(&self, at: DateTime<Utc>) {
        *self.lock() = Time::Stopped { at };
        self.moved.send_replace(());
    }

    /// Waits until so much time has passed. On a clock that stands still, somebody has to move it.
    pub async fn sleep(&self, time: Duration) {
        let mut moved = self.moved.subscribe();
        let time = TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX);
        let until = self.now().checked_add_signed(time).unwrap_or(DateTime::<Utc>::MAX_UTC);
        while let Ok(rest) = (until - self.now()).to_std()
            && !rest.is_zero()
        {
            // The sender is this clock: it cannot be closed.
            let runs = matches!(*self.lock(), Time::Running { .. });
            match runs {
                true => drop(tokio::time::timeout(rest, moved.changed()).await),
                false => drop(moved.changed().await),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Time> {
        self.time.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_clones_show_the_same_time() {
        let clock = Clock::starting_at(DateTime::UNIX_EPOCH);
        let clone = clock.clone();
        clock.advance(Duration::from_secs(90));
        assert_eq!(clone.now().timestamp(), 90);
    }
}
