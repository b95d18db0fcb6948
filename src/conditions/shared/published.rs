//! What a run publishes arrives a little after the task that published it, so a check waits for it, but not for ever.

use crate::conditions::{Finding, Outcome, Scope};
use crate::task::CompletionEvent;
use crate::yaml::Duration;

/// How long a check waits for what the run publishes, unless the condition says otherwise.
const DEFAULT_WAIT: Duration = Duration::minutes(10);

/// Whether the wait, counted from the check's delivery, is over. In ApiResponse mode it never is: each evaluation is a
/// delivery of its own, and the check's *Timeout* in Azure Pipelines ends the wait.
pub(in crate::conditions) fn wait_is_over(within: Option<Duration>, scope: &Scope<'_>) -> bool {
    let until = scope.delivered_at + within.unwrap_or(DEFAULT_WAIT).delta();
    scope.completion_event == CompletionEvent::Callback && scope.now >= until
}

/// The finding while, or after, something was not published.
pub(in crate::conditions) fn not_published(
    why: String,
    expected: String,
    within: Option<Duration>,
    scope: &Scope<'_>,
) -> Finding {
    let is_over = wait_is_over(within, scope);
    let within = within.unwrap_or(DEFAULT_WAIT);
    if is_over {
        let found = format!("{why}, {within} after the check began");
        return Finding::new(Outcome::NotMet, found, expected).without_evidence();
    }
    let until = scope.delivered_at + within.delta();
    let next = scope.now + scope.interval;
    let awaited = match scope.completion_event {
        CompletionEvent::Callback => format!("awaited for {within}"),
        CompletionEvent::ApiResponse => "awaited until the check's *Timeout* in Azure Pipelines".to_owned(),
    };
    let mut finding = Finding::new(Outcome::Waiting, format!("{why} yet; {awaited}"), expected);
    finding.look_again_at = Some(next.min(until));
    finding
}
