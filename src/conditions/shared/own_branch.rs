//! Runs that another pipeline's run started: on a branch and a commit of their own.

use crate::azure_devops::build::Run;

/// What to add where a run's branch or commit is named, so that nobody takes it for the other run's.
pub(in crate::conditions) fn started_by_another(run: &Run) -> &'static str {
    if run.was_started_by_another() { " (its own, and not that of the run that started it)" } else { "" }
}
