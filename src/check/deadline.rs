//! How long before its timeout a check ends.

use chrono::TimeDelta;

/// The least that comes off: a cold start of the function app, and the post of the decision.
const SHORTEST_MARGIN: TimeDelta = TimeDelta::seconds(30);

/// The most that comes off: the host may lease a message for 10 min when it is killed, and then starts cold.
const LONGEST_MARGIN: TimeDelta = TimeDelta::minutes(15);

/// How long before its `timeout` a check decides: what the last evaluation and the post of the decision may take, before
/// Azure Pipelines stops waiting. A longer `timeout` can afford more. Where 30 s is more than a third, it is a third.
#[must_use]
pub fn deadline_margin(timeout: TimeDelta) -> TimeDelta {
    (timeout / 20).clamp(SHORTEST_MARGIN, LONGEST_MARGIN).min(timeout / 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_check_ends_a_quarter_of_an_hour_before_its_timeout_and_a_short_one_at_two_thirds_of_it() {
        for (timeout, margin) in [
            (30, 10),
            (60, 20),
            (90, 30),
            (5 * 60, 30),
            (10 * 60, 30),
            (20 * 60, 60),
            (2 * 3_600, 6 * 60),
            (5 * 3_600, 15 * 60),
            (24 * 3_600, 15 * 60),
            (47 * 3_600, 15 * 60),
        ] {
            assert_eq!(deadline_margin(TimeDelta::seconds(timeout)).num_seconds(), margin, "{timeout} s");
        }
    }
}
