//! When checkpoints are taken.

use chrono::{DateTime, TimeDelta, Utc};

use crate::conditions::Scope;
use crate::conditions::kinds::metric::Metric;
use crate::conditions::kinds::metric::analysis::{Analysis, Assessment, Phase};
use crate::yaml::Duration;

/// How soon a measurement is tried again after an error: Argo's default, unless the interval is longer.
const SOONEST_RETRY: TimeDelta = TimeDelta::seconds(10);

/// After an error nothing waits longer than this for the next try.
const LATEST_RETRY: TimeDelta = TimeDelta::seconds(60);

impl Metric {
    pub(super) fn first_at(&self, scope: &Scope<'_>) -> DateTime<Utc> {
        scope.delivered_at + self.initial_delay.map_or_else(TimeDelta::zero, Duration::delta)
    }

    /// The analysis so far, and whether a checkpoint is due.
    pub(super) fn analysis(&self, scope: &Scope<'_>) -> (Analysis, bool) {
        let analysis = Analysis::read(scope.state, self.first_at(scope));
        // At the deadline nothing is gained by waiting for the next try.
        let is_last_chance = analysis.is_in_error() && scope.now >= scope.deadline;
        let is_due = scope.now >= analysis.next_at() || is_last_chance;
        let is_due = is_due && analysis.assess(self.limits()) == Assessment::Running;
        (analysis, is_due)
    }

    /// When to try again after an error, or to take the next checkpoint. Those keep the times that were planned at the
    /// delivery: a message that is picked up late, and tries after an error, move none of them.
    pub(super) fn next_at(
        &self,
        phase: Phase,
        retry_after: Option<std::time::Duration>,
        scope: &Scope<'_>,
    ) -> DateTime<Utc> {
        let interval = self.interval.map_or(SOONEST_RETRY, Duration::delta);
        if phase == Phase::Error {
            let asked = retry_after.and_then(|wait| TimeDelta::from_std(wait).ok()).unwrap_or_default();
            return scope.now + interval.clamp(SOONEST_RETRY, LATEST_RETRY).max(asked);
        }
        let first = self.first_at(scope);
        let since_planned = (scope.now - first).num_milliseconds().rem_euclid(interval.num_milliseconds().max(1));
        scope.now - TimeDelta::milliseconds(since_planned) + interval
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conditions::Outcome;
    use crate::conditions::given::minute;
    use crate::conditions::kinds::metric::tests::{Analysed, FIVE};

    #[test]
    fn a_checkpoint_that_is_taken_late_does_not_move_the_later_ones() {
        let mut canary = Analysed::by(FIVE);
        for (taken_at, next_at) in [(0, 5), (5, 10)] {
            let late = minute(taken_at) + TimeDelta::seconds(9);
            let finding = canary.look(late, &[("errors", Ok(vec![0.01]))]);
            assert_eq!(finding.look_again_at, Some(minute(next_at)));
        }
        // One that is late by more than an interval is not taken twice.
        let mut canary = Analysed::by(FIVE);
        assert_eq!(canary.look(minute(7), &[("errors", Ok(vec![0.01]))]).look_again_at, Some(minute(10)));
        // The tries after an error do not move it either.
        let mut canary = Analysed::by(FIVE);
        canary.fails_to_get(minute(0));
        assert_eq!(canary.look(minute(1), &[("errors", Ok(vec![0.01]))]).look_again_at, Some(minute(5)));
    }

    #[test]
    fn a_checkpoint_that_is_due_is_taken_at_the_deadline_although_its_next_try_would_come_later() {
        let mut canary = Analysed::by("successCondition: result < 0.05");
        let deadline = canary.check.deadline;
        canary.fails_to_get(deadline - TimeDelta::seconds(5));
        assert_eq!(canary.gets(deadline, &[0.01]), Outcome::Passed);
    }
}
