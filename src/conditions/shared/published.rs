//! What a run publishes arrives a little after the task that published it, so a check waits for it, but not for ever.

use crate::conditions::{Finding, Outcome, Scope};
use crate::yaml::Duration;

/// How long a check waits for what the run publishes, unless the condition says otherwise.
pub(in crate::conditions) const fn default_wait() -> Duration {
    Duration::minutes(10)
}

/// Whether the wait, counted from the check's delivery, is over.
pub(in crate::conditions) fn wait_is_over(within: Duration, scope: &Scope<'_>) -> bool {
    let until = scope.delivered_at + within.delta();
    scope.now >= until
}

/// The finding while, or after, something was not published.
pub(in crate::conditions) fn not_published(
    why: String,
    expected: String,
    within: Duration,
    scope: &Scope<'_>,
) -> Finding {
    if wait_is_over(within, scope) {
        let found = format!("{why}, {within} after the check began");
        return Finding::new(Outcome::NotMet, found, expected).without_evidence();
    }
    let until = scope.delivered_at + within.delta();
    let next = scope.now + scope.interval;
    let mut finding = Finding::new(Outcome::Waiting, format!("{why} yet; awaited for {within}"), expected);
    finding.look_again_at = Some(next.min(until));
    finding
}
