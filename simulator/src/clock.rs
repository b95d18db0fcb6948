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
    /// Follows real time.
    Running(Pace),
    /// Stands still until it is advanced or set.
    Stopped { at: DateTime<Utc> },
}

/// How a clock runs beside real time. Another process can keep the same time with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// A moment of real time.
    pub since: DateTime<Utc>,
    /// What the clock showed at that moment.
    pub at: DateTime<Utc>,
    /// How many seconds of the clock pass in a second of real time.
    pub speed: f64,
}

impl Pace {
    /// What the clock shows now.
    pub fn now(&self) -> DateTime<Utc> {
        let passed = (Utc::now() - self.since).num_microseconds().unwrap_or_default();
        // More than a century at a time is not worth a panic.
        let scaled = TimeDelta::microseconds((passed as f64 * self.speed) as i64);
        self.at.checked_add_signed(scaled).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    fn from_now(at: DateTime<Utc>, speed: f64) -> Self {
        Self { since: Utc::now(), at, speed }
    }
}

impl Clock {
    /// Real time. After [`Self::advance`] it keeps running, ahead of real time.
    pub fn system() -> Self {
        Self::with_time(Time::Running(Pace::from_now(Utc::now(), 1.0)))
    }

    /// Starts at the real time, and runs so many times faster.
    pub fn at_speed(speed: f64) -> Self {
        Self::with_time(Time::Running(Pace::from_now(Utc::now(), speed)))
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
            Time::Running(pace) => pace.now(),
            Time::Stopped { at } => at,
        }
    }

    /// Moves the time forward. A duration beyond chrono's range moves it as far as possible.
    pub fn advance(&self, by: Duration) {
        let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
        match &mut *self.lock() {
            Time::Running(pace) => pace.at = pace.at.checked_add_signed(by).unwrap_or(DateTime::<Utc>::MAX_UTC),
            Time::Stopped { at } => *at = at.checked_add_signed(by).unwrap_or(DateTime::<Utc>::MAX_UTC),
        }
        self.moved.send_replace(());
    }

    /// Runs so many times faster than real time from now on. A clock that stands still begins to run.
    pub fn set_speed(&self, speed: f64) {
        let now = self.now();
        *self.lock() = Time::Running(Pace::from_now(now, speed));
        self.moved.send_replace(());
    }

    /// How the clock runs. `None` if it stands still.
    pub fn pace(&self) -> Option<Pace> {
        match *self.lock() {
            Time::Running(pace) => Some(pace),
            Time::Stopped { .. } => None,
        }
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
            match self.pace() {
                Some(pace) => drop(tokio::time::timeout(real(rest, pace.speed), moved.changed()).await),
                None => drop(moved.changed().await),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Time> {
        self.time.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long it takes in real time until so much time has passed. At least a millisecond, so that nobody waits in a circle.
fn real(time: Duration, speed: f64) -> Duration {
    Duration::try_from_secs_f64(time.as_secs_f64() / speed).unwrap_or(Duration::MAX).max(Duration::from_millis(1))
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

    #[test]
    fn a_fast_clock_goes_on_from_where_it_is() {
        let clock = Clock::starting_at(DateTime::UNIX_EPOCH);
        clock.set_speed(3_600_000.0);
        let pace = clock.pace().unwrap();
        assert!(pace.at == DateTime::UNIX_EPOCH && pace.speed == 3_600_000.0, "{pace:?}");
        clock.advance(Duration::from_secs(60));
        assert!(clock.now().timestamp() >= 60);
        let later = Pace { since: pace.since - TimeDelta::seconds(1), ..pace };
        assert!(later.now().timestamp() >= 3_600_000, "{:?}", later.now());
    }

    #[tokio::test]
    async fn an_hour_passes_at_once_on_a_fast_clock() {
        let clock = Clock::at_speed(36_000.0);
        let begun = clock.now();
        clock.sleep(Duration::from_secs(3_600)).await;
        assert!(clock.now() - begun >= TimeDelta::hours(1));
    }
}
