//! What people are told about a check: what a notice says, and how each kind of webhook takes it. Pure.
//!
//! # Layout
//!
//! [`Notice`] is what is said. `cloud_event`, `slack` and `teams` write it as their receivers take it. `limits` says how many
//! are under way at a time.

mod cloud_event;
mod limits;
mod slack;
mod teams;

use chrono::{DateTime, Utc};

use crate::check::{Check, Occasion, OnTimeout};
use crate::sources::Format;
use crate::task::Decision;
use crate::task_log;
use crate::text::{cut, one_line};

pub use limits::{Permit, UnderWay};

/// How much of a long notice is said, longest first: how many lines, and how many characters of each. The last always
/// fits.
const LENGTHS: [Length; 6] = [
    Length { lines: 40, characters: 1_000 },
    Length { lines: 20, characters: 500 },
    Length { lines: 10, characters: 300 },
    Length { lines: 5, characters: 200 },
    Length { lines: 3, characters: 100 },
    Length { lines: 0, characters: 100 },
];

/// The longest name in a notice, in characters.
const MAX_NAME: usize = 100;

/// One thing that people are told.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice<'a> {
    /// What it is sent for.
    pub occasion: Occasion,
    /// The check.
    pub check: &'a Check,
    /// The run: its number, or its id.
    pub run: String,
    /// The pipeline's name, as far as it is known.
    pub pipeline: String,
    /// The decision, where there is one.
    pub decision: Option<&'a Decision>,
    /// What is awaited, one text for each condition that blocks the check.
    pub awaited: &'a [String],
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// How much of a notice is said.
#[derive(Debug, Clone, Copy)]
struct Length {
    lines: usize,
    characters: usize,
}

/// A body, and whether its receiver takes it.
struct Body {
    text: String,
    fits: bool,
}

impl Notice<'_> {
    /// The body for a webhook, no longer than it takes: what is too long is cut.
    #[must_use]
    pub fn body(&self, format: Format) -> String {
        let write = |length| match format {
            Format::CloudEvents => cloud_event::write(self, length),
            Format::Slack => slack::write(self, length),
            Format::Teams => teams::write(self, length),
        };
        let mut written = String::new();
        for length in LENGTHS {
            let body = write(length);
            written = body.text;
            if body.fits {
                break;
            }
        }
        written
    }

    /// The one sentence that says all.
    fn title(&self) -> String {
        let pipeline = if self.pipeline.is_empty() { String::new() } else { format!(" of {}", name(&self.pipeline)) };
        let run = if self.run.is_empty() { String::new() } else { format!(" for run {}{pipeline}", name(&self.run)) };
        let subject = format!("Check {}{run}", name(&self.check.name));
        match (self.occasion, self.decision) {
            (Occasion::Waiting, _) => format!("{subject} waits"),
            (Occasion::Expiring, _) => format!("{subject} still waits, and its time is nearly over"),
            (Occasion::Decided, Some(Decision::Approved)) => format!("{subject} succeeded"),
            (Occasion::Decided, _) => format!("{subject} failed"),
        }
    }

    /// What is awaited or why it failed, as far as it is said.
    fn lines(&self, length: Length) -> Vec<String> {
        let reason = match self.decision {
            Some(Decision::Rejected { reason }) => std::slice::from_ref(reason),
            Some(Decision::Approved) => &[],
            None => self.awaited,
        };
        let mut lines: Vec<String> =
            reason.iter().take(length.lines).map(|line| cut(&one_line(line), length.characters)).collect();
        let left = reason.len() - lines.len();
        if left > 0 {
            lines.push(format!("and {left} more: see the run's page"));
        }
        lines
    }

    /// What happens next, or what to know about the decision.
    fn end(&self) -> Option<String> {
        let check = self.check;
        if self.decision.is_some() {
            return check
                .definition
                .dry_run
                .then(|| "This was a dry run: the stage goes on whatever was found.".to_owned());
        }
        let then = match check.definition.on_timeout {
            _ if check.definition.dry_run => "the stage goes on then, since this is a dry run",
            OnTimeout::Fail => "the check fails then",
            OnTimeout::Skip => "the stage is skipped then",
        };
        Some(format!("It may take until {}; {then}.", task_log::time(check.deadline)))
    }

    /// The run's page.
    fn link(&self) -> Option<String> {
        let properties = &self.check.properties;
        let build = properties.build_id?;
        let project = properties.project_id;
        Some(format!("{}{project}/_build/results?buildId={build}", properties.plan_url))
    }
}

/// A name that others chose, short and on one line.
fn name(text: &str) -> String {
    cut(&one_line(text), MAX_NAME)
}

#[cfg(test)]
mod tests;
