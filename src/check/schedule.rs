//! The times of a check: whether they can work together.

use chrono::TimeDelta;

use super::{Bounds, CheckDefinition, ReevaluateEvery};
use crate::task::CompletionEvent;
use crate::yaml::{Duration, Problems};

/// The most evaluations of a check that its token outlives: five times as many as Azure Pipelines itself makes. One that
/// waits longer may be evaluated at the same pace.
const MAX_EVALUATIONS: i64 = 10_000;

/// How long a check's token lives.
pub(super) const TOKEN_LIFETIME: TimeDelta = TimeDelta::hours(48);

/// The longest `timeout` of a check whose decision must be delivered with its token.
pub(super) const LONGEST_WITH_TOKEN: Duration = Duration::hours(47);

/// The longest `timeout` of all: Azure Pipelines lets no check wait longer.
const LONGEST: Duration = Duration::hours(30 * 24);

/// What the decision is delivered with at the end, which limits how long a check may wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DecidedWith {
    /// The check's own token.
    #[default]
    Token,
    /// The function app's managed identity, once the token has ended.
    Identity,
}

/// The time from one evaluation to the next, where neither the check nor a shorter `timeout` says otherwise.
const REEVALUATE_EVERY: Duration = Duration::minutes(1);

impl CheckDefinition {
    /// The time from one evaluation to the next while the check waits.
    #[must_use]
    pub fn reevaluate_every(&self) -> ReevaluateEvery {
        self.reevaluate_every.unwrap_or_else(|| ReevaluateEvery::Fixed(REEVALUATE_EVERY.min(self.timeout)))
    }

    /// How often the check is evaluated at most. The number grows with `timeout`.
    #[must_use]
    pub fn max_evaluations(&self) -> u32 {
        let at_this_pace = MAX_EVALUATIONS * self.timeout.delta().num_seconds() / TOKEN_LIFETIME.num_seconds();
        u32::try_from(at_this_pace.max(MAX_EVALUATIONS)).unwrap_or(u32::MAX)
    }

    pub(super) fn validate_schedule(&self, decided_with: DecidedWith, problems: &mut Problems<'_>) {
        let found = self.timeout;
        if found > LONGEST {
            let problem = format!("{found} is longer than {LONGEST}; Azure Pipelines lets no check wait longer");
            problems.push("timeout", problem);
        } else if found > LONGEST_WITH_TOKEN && decided_with == DecidedWith::Token {
            problems.push(
                "timeout",
                format!("{found} is longer than {LONGEST_WITH_TOKEN}; the token for the answer is not valid for longer; with the app setting DecideWithManagedIdentity it may be up to {LONGEST}"),
            );
        }
        match self.reevaluate_every() {
            ReevaluateEvery::Fixed(every) => self.validate_interval(every, problems),
            ReevaluateEvery::Growing(bounds) => self.validate_bounds(bounds, problems),
        }
    }

    fn validate_interval(&self, every: Duration, problems: &mut Problems<'_>) {
        let timeout = self.timeout;
        if every > timeout {
            problems.push("reevaluateEvery", format!("{every} is longer than the timeout, {timeout}"));
        }
        let most = self.max_evaluations();
        let shortest = shortest_interval(self.until_deadline(), most);
        // In ApiResponse mode Azure Pipelines says when the check is evaluated again.
        if every.delta() < shortest && self.completion_event == CompletionEvent::Callback {
            let seconds = shortest.num_seconds();
            problems.push(
                "reevaluateEvery",
                format!("{every} is too short for the timeout, {timeout}: a check is evaluated at most {most} times; write at least {seconds}s, or a shorter timeout"),
            );
        }
    }

    fn validate_bounds(&self, Bounds { first, up_to }: Bounds, problems: &mut Problems<'_>) {
        let timeout = self.timeout;
        if self.completion_event == CompletionEvent::ApiResponse {
            problems.push("reevaluateEvery", "cannot grow in ApiResponse mode, in which Azure Pipelines asks at its own *Time between evaluations*: write one duration, or `completionEvent: Callback`");
        }
        if first >= up_to {
            problems.push(
                "reevaluateEvery.upTo",
                format!("{up_to} is not longer than `first`, {first}; write one duration if it must not grow"),
            );
        }
        if up_to > timeout {
            problems.push("reevaluateEvery.upTo", format!("{up_to} is longer than the timeout, {timeout}"));
        }
        let most = self.max_evaluations();
        let evaluations = self.reevaluate_every().evaluations(self.until_deadline());
        if evaluations > i64::from(most) {
            problems.push(
                "reevaluateEvery.upTo",
                format!("{up_to} is too short for the timeout, {timeout}: the check would be evaluated {evaluations} times, and at most {most} times is allowed; write a longer one, or a shorter timeout"),
            );
        }
    }
}

/// The shortest interval, in whole seconds, at which a check may be evaluated until its deadline.
fn shortest_interval(until_deadline: TimeDelta, most: u32) -> TimeDelta {
    let intervals = i64::from(most) - 1;
    TimeDelta::seconds(until_deadline.num_seconds().max(0) / intervals + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_at_the_shortest_interval_is_not_evaluated_too_often() {
        for until_deadline in [1, 9_998, 9_999, 10_000, 86_370, 169_170] {
            let shortest = shortest_interval(TimeDelta::seconds(until_deadline), 10_000).num_seconds();
            let evaluations = |every: i64| until_deadline / every + 1;
            assert!(evaluations(shortest) <= MAX_EVALUATIONS, "{until_deadline}");
            assert!(shortest == 1 || evaluations(shortest - 1) >= MAX_EVALUATIONS);
        }
    }

    #[test]
    fn a_check_that_waits_longer_than_its_token_lives_may_be_evaluated_more_often() {
        for (timeout, most) in [("1h", 10_000), ("47h", 10_000), ("96h", 20_000), ("240h", 50_000), ("720h", 150_000)] {
            let definition = serde_json::json!({ "timeout": timeout, "conditions": [] });
            let definition: CheckDefinition = serde_json::from_value(definition).expect("a definition");
            assert_eq!(definition.max_evaluations(), most, "{timeout}");
        }
    }
}
