//! When a queued message becomes visible, and how long the queue keeps it. Pure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// The longest visibility delay that Azure Storage takes. After it the check is evaluated once more, and waits again.
const MAX_VISIBILITY_DELAY: TimeDelta = TimeDelta::days(7);

/// How much longer than the deadline the queue keeps a message. A check that is hours late is still poisoned, not lost.
const KEPT_BEYOND_DEADLINE: TimeDelta = TimeDelta::days(2);

/// When a message becomes visible, and how long the queue keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// When the evaluation is due.
    pub due: DateTime<Utc>,
    /// The check's deadline.
    pub deadline: DateTime<Utc>,
}

impl Schedule {
    /// An evaluation that is due at once.
    #[must_use]
    pub const fn at_once(now: DateTime<Utc>, deadline: DateTime<Utc>) -> Self {
        Self { due: now, deadline }
    }

    /// How long a message that is put now stays invisible: whole seconds, rounded up, so that it never comes earlier than
    /// was announced.
    #[must_use]
    pub fn visibility_delay(&self, now: DateTime<Utc>) -> Duration {
        Duration::from_secs(self.delay(now).num_seconds().unsigned_abs())
    }

    /// How long the queue keeps a message that is put now.
    #[must_use]
    pub fn time_to_live(&self, now: DateTime<Utc>) -> Duration {
        let left = (self.deadline - now).max(TimeDelta::zero());
        let kept = left + KEPT_BEYOND_DEADLINE + self.delay(now);
        Duration::from_secs(kept.num_seconds().unsigned_abs())
    }

    fn delay(&self, now: DateTime<Utc>) -> TimeDelta {
        let milliseconds = (self.due - now).num_milliseconds();
        TimeDelta::seconds((milliseconds + 999).div_euclid(1_000)).clamp(TimeDelta::zero(), MAX_VISIBILITY_DELAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_600_000, 0).expect("a time")
    }

    fn schedule(due: TimeDelta, deadline: TimeDelta) -> Schedule {
        Schedule { due: now() + due, deadline: now() + deadline }
    }

    #[test]
    fn a_message_never_becomes_visible_before_it_is_due() {
        for (due, seconds) in [(0, 0), (1, 1), (999, 1), (1_000, 1), (1_001, 2), (-5_000, 0)] {
            let delay = schedule(TimeDelta::milliseconds(due), TimeDelta::hours(1)).visibility_delay(now());
            assert_eq!(delay, Duration::from_secs(seconds), "{due} ms");
        }
    }

    #[test]
    fn a_delay_is_never_longer_than_azure_storage_takes() {
        let far = schedule(TimeDelta::days(9), TimeDelta::days(10));
        assert_eq!(far.visibility_delay(now()), Duration::from_secs(7 * 24 * 3_600));
        assert_eq!(far.time_to_live(now()), Duration::from_secs((10 + 2 + 7) * 24 * 3_600));
    }

    #[test]
    fn a_message_that_is_late_is_kept_long_enough_to_be_poisoned() {
        let late = schedule(TimeDelta::seconds(1), TimeDelta::hours(-3));
        assert_eq!(late.time_to_live(now()), Duration::from_secs(2 * 24 * 3_600 + 1));
    }
}
