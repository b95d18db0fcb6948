//! How long to stay away from what could not be reached.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use chrono::TimeDelta;

/// The first wait.
const SHORTEST: Duration = Duration::from_secs(1);

/// The longest wait, which jitter may double: an outage that ends is noticed within two minutes.
const LONGEST: Duration = Duration::from_secs(60);

/// The wait before try number `failures` + 1: exponential, with jitter so that waiting checks do not return in step.
/// A wait that the other side asked for is kept if it is longer.
#[must_use]
pub(super) fn delay(failures: u32, retry_after: Option<Duration>) -> TimeDelta {
    let policy = ExponentialBuilder::default()
        .with_min_delay(SHORTEST)
        .with_max_delay(LONGEST)
        .with_jitter()
        .without_max_times();
    let step = usize::try_from(failures.saturating_sub(1).min(16)).unwrap_or(16);
    let own = policy.build().nth(step).unwrap_or(LONGEST);
    TimeDelta::from_std(own.max(retry_after.unwrap_or_default())).unwrap_or(TimeDelta::hours(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_bound_and_keep_what_was_asked_for() {
        for failures in [0, 1] {
            assert!((1..=2).contains(&delay(failures, None).num_seconds()));
        }
        assert!(delay(5, None) > delay(1, None));
        assert!(delay(40, None).num_seconds() <= 2 * 60);
        assert_eq!(delay(1, Some(Duration::from_secs(500))), TimeDelta::seconds(500));
    }
}
