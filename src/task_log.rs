//! What people read in the pipeline's log: all sentences in one place.

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use sha2::{Digest, Sha256};

use crate::azure_devops::build::Run;
use crate::check::{Check, CheckDefinition, OnTimeout};
use crate::evaluation::{Explanation, Status, Verdict};
use crate::task::Decision;
use crate::text::{cut, one_line};

/// The longest `currentOperation`: one line on the run page.
const MAX_CURRENT_OPERATION: usize = 500;

/// Renders lines as Azure Pipelines stores them: `{UTC, 7 digits}Z text`, one line each.
#[must_use]
pub fn render(lines: &[String], at: DateTime<Utc>) -> String {
    let stamp = at.format("%Y-%m-%dT%H:%M:%S%.6f");
    let mut text = String::new();
    for line in lines {
        // Chrono writes up to 6 or 9 digits; the log takes 7.
        let _ = writeln!(text, "{stamp}0Z {}", one_line(line.trim_end()));
    }
    text
}

/// A time as people read it.
#[must_use]
pub fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The first lines of a check's log.
#[must_use]
pub fn begins(check: &Check, run: Option<&Run>) -> Vec<String> {
    let run = match (run, check.properties.build_id) {
        (Some(run), _) if !run.build_number.is_empty() => format!(" for run {} (build {})", run.build_number, run.id),
        (_, Some(build)) => format!(" for build {build}"),
        _ => String::new(),
    };
    let mut lines = vec![format!("Check `{}`{run} was delivered at {}.", check.name, time(check.delivered_at))];
    if !check.definition.description.is_empty() {
        lines.extend(check.definition.description.lines().map(str::to_owned));
    }
    lines.push(format!(
        "To use the resource, {}:",
        match check.definition.conditions.len() {
            1 => "this must hold".to_owned(),
            count => format!("all {count} of these must hold"),
        }
    ));
    lines.extend(check.definition.conditions.iter().map(|condition| format!("  - {}", condition.title())));
    let timeout = match check.definition.on_timeout {
        OnTimeout::Fail => "the check fails then",
        OnTimeout::Skip => "the stage is skipped then",
    };
    lines.push(format!("It may take until {}; {timeout}.", time(check.deadline)));
    if check.definition.dry_run {
        lines.push("This is a dry run: whatever is found, the stage may go on.".to_owned());
    }
    lines
}

/// The word for a status at the start of a line.
const fn word(status: Status) -> &'static str {
    match status {
        Status::Passed => "passed ",
        Status::Failed => "failed ",
        Status::Waiting => "waiting",
        Status::Errored => "error  ",
    }
}

/// One line or more for each condition: where it stands, what was found, what was expected, what would change it.
#[must_use]
pub fn conditions(verdict: &Verdict) -> Vec<String> {
    let mut lines = Vec::new();
    for (depth, explanation) in verdict.explanation.flatten().into_iter().skip(1) {
        let indent = "  ".repeat(depth);
        lines.push(format!("{indent}[{}] {}", word(explanation.status), explanation.condition));
        if explanation.conditions.is_empty() {
            let inner = format!("{indent}          ");
            lines.push(format!("{inner}found: {}", explanation.found));
            if explanation.status != Status::Passed {
                lines.push(format!("{inner}expected: {}", explanation.expected));
                if !explanation.remedy.is_empty() {
                    lines.push(format!("{inner}to change this: {}", explanation.remedy));
                }
            }
            lines.extend(explanation.details.iter().map(|detail| format!("{inner}{detail}")));
        }
    }
    lines
}

/// What blocks the check, one text for each condition: `name: found (expected: …)`.
#[must_use]
pub fn blockers(explanation: &Explanation) -> Vec<String> {
    let sentence = |leaf: &Explanation| format!("{}: {} (expected: {})", leaf.condition, leaf.found, leaf.expected);
    explanation.blocking().into_iter().map(sentence).collect()
}

/// What blocks the check, in one line.
#[must_use]
pub fn blockers_in_one_line(explanation: &Explanation) -> String {
    blockers(explanation).join("; ")
}

/// Why a check fails whose conditions are not met.
#[must_use]
pub fn not_met(explanation: &Explanation) -> String {
    format!("Not met: {}.", blockers_in_one_line(explanation))
}

/// Why a check fails at its deadline.
#[must_use]
pub fn time_is_over(definition: &CheckDefinition, missing: &str) -> String {
    format!("The check's time is over ({}). Still missing: {missing}.", definition.timeout)
}

/// That a check decides nothing at its deadline.
#[must_use]
pub fn skipped(missing: &str) -> String {
    format!("The check's time is over, and it does not decide then. Still missing: {missing}.")
}

/// Why a check fails that has used up its error budget for this condition.
#[must_use]
pub fn over_budget(condition: &Explanation, definition: &CheckDefinition) -> String {
    let Explanation { condition, found, .. } = condition;
    format!("{condition} could not be measured for {}: {found}.", definition.error_budget)
}

/// The digest of a status, by which changes are noticed.
#[must_use]
pub fn digest(lines: &[String]) -> String {
    let digest = Sha256::digest(lines.join("\n"));
    digest[..8].iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The record's one line while the check waits.
#[must_use]
pub fn current_operation(verdict: &Verdict, next: DateTime<Utc>) -> String {
    let what = match verdict.status() {
        Status::Errored => "Could not find out",
        _ => "Waiting",
    };
    shorten(&format!("{what}: {} - next look at {}", blockers_in_one_line(&verdict.explanation), time(next)))
}

/// Cuts a text to what one line of the run page takes.
#[must_use]
pub fn shorten(text: &str) -> String {
    cut(&one_line(text), MAX_CURRENT_OPERATION)
}

/// When it is looked at again, and until when.
#[must_use]
pub fn looks_again(next: DateTime<Utc>, deadline: DateTime<Utc>) -> String {
    format!("Not decided yet. Looked at again at {}, until {} at the latest.", time(next), time(deadline))
}

/// That Azure DevOps was away.
#[must_use]
pub fn outage(since: DateTime<Utc>, until: DateTime<Utc>) -> String {
    format!("Azure DevOps could not be read between {} and {}.", time(since), time(until))
}

/// The last lines of a check's log.
#[must_use]
pub fn decision(decision: &Decision, dry_run: Option<&Decision>) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(real) = dry_run {
        lines.push(match real {
            Decision::Approved => "Dry run: the decision would have been succeeded.".to_owned(),
            Decision::Rejected { reason } => format!("Dry run: the decision would have been failed. {reason}"),
        });
    }
    lines.push(match decision {
        Decision::Approved if dry_run.is_some() => "Decision: succeeded, because this is a dry run.".to_owned(),
        Decision::Approved => "Decision: succeeded. The stage may use the resource.".to_owned(),
        Decision::Rejected { reason } => format!("Decision: failed. {reason}"),
    });
    lines
}

/// That the check passed without a decision.
#[must_use]
pub fn passed_undecided() -> String {
    "Error: this check passed before checkgate decided it. Set the Completion event of the check to Callback; with ApiResponse, the acknowledgement of the delivery passes it.".to_owned()
}

/// That a later delivery goes on with a check whose message was lost.
#[must_use]
pub fn takes_over(due: DateTime<Utc>) -> String {
    format!(
        "The evaluation that was due at {} never came. A later delivery goes on with the check until the first deadline; what was remembered of earlier evaluations is lost.",
        time(due)
    )
}

/// That the check ends earlier than was planned, because nobody could deliver its decision later.
#[must_use]
pub fn ends_with_token(planned: DateTime<Utc>, end: DateTime<Utc>) -> String {
    format!(
        "The function app may not decide with its managed identity any more. So the check ends at {} instead of {}, before its token ends.",
        time(end),
        time(planned)
    )
}

/// That nobody has evaluated the check.
#[must_use]
pub fn not_evaluated(check: &Check) -> String {
    let then = match check.definition.on_timeout {
        OnTimeout::Fail => "the check fails then",
        OnTimeout::Skip => "the stage is skipped then",
    };
    format!(
        "Warning: no instance of the function app has evaluated this check since {}. If none does until {}, {then}.",
        time(check.delivered_at),
        time(check.deadline)
    )
}

/// The warning when a part of the time is over.
#[must_use]
pub fn deadline_nears(percent: u32, check: &Check) -> String {
    format!("Warning: {percent} % of the check's time is over; it ends at {}.", time(check.deadline))
}
