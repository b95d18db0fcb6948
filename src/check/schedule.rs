//! The times of a check: whether they can work together.

use chrono::TimeDelta;

use super::CheckDefinition;
use crate::task::CompletionEvent;
use crate::yaml::{Duration, Problems};

/// The most evaluations of one check: five times as many as Azure Pipelines itself makes.
pub const MAX_EVALUATIONS_PER_CHECK: u32 = 10_000;

/// The longest `timeout`: the token lives 48 h, and the decision must be delivered with it.
const MAX_TIMEOUT: Duration = Duration::hours(47);

/// The time from one evaluation to the next, where neither the check nor a shorter `timeout` says otherwise.
const REEVALUATE_EVERY: Duration = Duration::minutes(1);

impl CheckDefinition {
    /// The time from one evaluation to the next while the check waits.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.reevaluate_every.unwrap_or_else(|| REEVALUATE_EVERY.min(self.timeout))
    }

    pub(super) fn validate_schedule(&self, problems: &mut Problems<'_>) {
        if self.timeout > MAX_TIMEOUT {
            let found = self.timeout;
            problems.push(
                "timeout",
                format!("{found} is longer than {MAX_TIMEOUT}; the token for the answer is not valid for longer"),
            );
        }
        let (every, timeout) = (self.interval(), self.timeout);
        if every > timeout {
            problems.push("reevaluateEvery", format!("{every} is longer than the timeout, {timeout}"));
        }
        let shortest = shortest_interval(self.until_deadline());
        // In ApiResponse mode Azure Pipelines says when the check is evaluated again.
        if every.delta() < shortest && self.completion_event == CompletionEvent::Callback {
            let seconds = shortest.num_seconds();
            problems.push(
                "reevaluateEvery",
                format!("{every} is too short for the timeout, {timeout}: a check is evaluated at most {MAX_EVALUATIONS_PER_CHECK} times; write at least {seconds}s, or a shorter timeout"),
            );
        }
    }
}

/// The shortest interval, in whole seconds, at which a check may be evaluated until its deadline.
fn shortest_interval(until_deadline: TimeDelta) -> TimeDelta {
    let intervals = i64::from(MAX_EVALUATIONS_PER_CHECK) - 1;
    TimeDelta::seconds(until_deadline.num_seconds().max(0) / intervals + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_at_the_shortest_interval_is_not_evaluated_too_often() {
        for until_deadline in [1, 9_998, 9_999, 10_000, 86_370, 169_170] {
            let shortest = shortest_interval(TimeDelta::seconds(until_deadline)).num_seconds();
            let evaluations = |every: i64| until_deadline / every + 1;
            assert!(evaluations(shortest) <= i64::from(MAX_EVALUATIONS_PER_CHECK), "{until_deadline}");
            assert!(shortest == 1 || evaluations(shortest - 1) >= i64::from(MAX_EVALUATIONS_PER_CHECK));
        }
    }
}
