//! What an evaluation shows on the run's page: a status in the check's record, and lines in its log. Pure.
//!
//! Nothing here changes a decision. People can do without a line of a log.

use chrono::{DateTime, Utc};

use crate::azure_devops::task::RecordUpdate;
use crate::check::Check;
use crate::evaluation::Verdict;
use crate::queue::message::MessageV1;
use crate::task_log;

/// Parts of the check's time, in percent, at which the log warns.
const WARN_AT: [u32; 3] = [50, 80, 95];

/// What to show while the check waits.
pub(super) struct Status {
    /// New lines for the log: only what has changed.
    pub(super) lines: Vec<String>,
    /// The digest of the whole status, by which changes are noticed.
    pub(super) digest: String,
    /// How many warnings before the deadline are given with these lines.
    pub(super) warnings: u32,
    /// The record's one line.
    pub(super) record: RecordUpdate,
}

/// The record's first update, before the first fact is read. The state is written once, while the record is pending: later, it
/// could replace the state of a check that has just ended.
pub(super) fn started(check: &Check, start_time: Option<DateTime<Utc>>, is_pending: bool) -> RecordUpdate {
    let operation = format!("Check `{}` is evaluated", check.name);
    RecordUpdate { state: is_pending.then_some("inProgress"), start_time, ..operation_update(&operation) }
}

/// The status of a check that waits until its next evaluation at `next`.
pub(super) fn waiting(message: &MessageV1, verdict: &Verdict, next: DateTime<Utc>, now: DateTime<Utc>) -> Status {
    let (check, progress) = (&message.check, &message.progress);
    let conditions = task_log::conditions(verdict);
    let digest = task_log::digest(&conditions);
    let warnings = warnings_due(check, now);
    let mut lines = Vec::new();
    if warnings > progress.warnings() {
        lines.push(task_log::deadline_nears(WARN_AT[usize::try_from(warnings - 1).unwrap_or_default()], check));
    }
    if !progress.shows(&digest) {
        lines.extend(conditions);
        lines.push(task_log::looks_again(next, check.deadline));
    }
    let record = operation_update(&task_log::current_operation(verdict, next));
    Status { lines, digest, warnings, record }
}

/// How many of the warnings are due.
fn warnings_due(check: &Check, now: DateTime<Utc>) -> u32 {
    let (total, spent) = (check.deadline - check.delivered_at, now - check.delivered_at);
    let is_due = |percent: &&u32| spent * 100 >= total * i32::try_from(**percent).unwrap_or(100);
    u32::try_from(WARN_AT.iter().take_while(is_due).count()).unwrap_or_default()
}

/// A record update that shows one line.
pub(super) fn operation_update(operation: &str) -> RecordUpdate {
    RecordUpdate { current_operation: Some(task_log::shorten(operation)), ..RecordUpdate::default() }
}

/// These lines, after what the log has to say first: its first lines, and since when Azure DevOps did not answer.
pub(super) fn log_lines(message: &MessageV1, lines: Vec<String>, now: DateTime<Utc>) -> Vec<String> {
    let progress = &message.progress;
    let mut all = Vec::new();
    if !progress.has_log_begun() {
        all.extend(task_log::begins(&message.check, progress.run()));
    }
    all.extend(progress.unreadable_since().map(|since| task_log::outage(since, now)));
    all.extend(lines);
    all
}
