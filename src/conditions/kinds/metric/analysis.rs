//! The checkpoints so far, and what they amount to.
//!
//! The rules are those of `assessMetricStatus` in Argo Rollouts' `analysis/analysis.go`, with two differences: what is
//! inconclusive fails, since nobody can resume a check by hand; and without a single success nothing passes.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::conditions::kinds::metric::measurement::Measurement;

/// How many checkpoints are kept for the table, as in Argo's measurement history. The counters go on.
const KEPT: usize = 10;

/// The longest value or message that is kept: all of it travels in the queue message.
const MAX_KEPT: usize = 200;

/// What one checkpoint was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    #[serde(rename = "s")]
    Successful,
    #[serde(rename = "f")]
    Failed,
    #[serde(rename = "i")]
    Inconclusive,
    #[serde(rename = "e")]
    Error,
}

impl Phase {
    const fn word(self) -> &'static str {
        match self {
            Self::Successful => "successful",
            Self::Failed => "failed",
            Self::Inconclusive => "inconclusive",
            Self::Error => "error",
        }
    }
}

/// How much of what ends an analysis.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) count: Option<u32>,
    pub(super) failure: u32,
    pub(super) consecutive_success: Option<u32>,
    /// None: the check's error budget ends it.
    pub(super) consecutive_error: Option<u32>,
}

/// What the checkpoints amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Assessment {
    Running,
    Successful,
    Failed(String),
    Inconclusive(String),
    Error(String),
}

/// The checkpoints so far. Travels in the queue message, so its names are short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Analysis {
    #[serde(rename = "s", default)]
    successful: u32,
    #[serde(rename = "f", default)]
    failed: u32,
    /// How many of those that failed did so for want of data.
    #[serde(rename = "nd", default)]
    without_data: u32,
    #[serde(rename = "i", default)]
    inconclusive: u32,
    #[serde(rename = "cs", default)]
    consecutive_successes: u32,
    #[serde(rename = "ce", default)]
    consecutive_errors: u32,
    #[serde(rename = "n", with = "chrono::serde::ts_milliseconds")]
    next_at: DateTime<Utc>,
    /// Whether the log has what the system notes about the query.
    #[serde(rename = "h", default, skip_serializing_if = "std::ops::Not::not")]
    hinted: bool,
    #[serde(rename = "l", default)]
    last: Vec<Checkpoint>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Checkpoint {
    #[serde(rename = "t", with = "chrono::serde::ts_seconds")]
    at: DateTime<Utc>,
    #[serde(rename = "p")]
    phase: Phase,
    #[serde(rename = "v")]
    value: String,
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    baseline: Option<String>,
}

impl Analysis {
    /// The analysis that was remembered, or one that begins at `first_at`.
    pub(super) fn read(state: Option<&Value>, first_at: DateTime<Utc>) -> Self {
        let remembered = state.and_then(|state| Self::deserialize(state).ok());
        remembered.unwrap_or(Self {
            successful: 0,
            failed: 0,
            without_data: 0,
            inconclusive: 0,
            consecutive_successes: 0,
            consecutive_errors: 0,
            next_at: first_at,
            hinted: false,
            last: Vec::new(),
        })
    }

    pub(super) fn write(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// When the next checkpoint is due.
    pub(super) const fn next_at(&self) -> DateTime<Utc> {
        self.next_at
    }

    /// Whether the last try was an error.
    pub(super) const fn is_in_error(&self) -> bool {
        self.consecutive_errors > 0
    }

    /// What the last error said.
    pub(super) fn last_error(&self) -> &str {
        let last = self.last.iter().rev().find(|checkpoint| checkpoint.phase == Phase::Error);
        last.map_or("", |checkpoint| &checkpoint.value)
    }

    /// What the log has to say about the query: each hint once for the whole analysis.
    pub(super) fn new_hints(&mut self, hints: &[String]) -> Vec<String> {
        if self.hinted {
            return Vec::new();
        }
        self.hinted = !hints.is_empty();
        let mut hints = hints.to_vec();
        hints.sort();
        hints.dedup();
        hints
    }

    /// Adds a checkpoint; the next one is due at `next_at`.
    pub(super) fn take(&mut self, measurement: Measurement, now: DateTime<Utc>, next_at: DateTime<Utc>) {
        let counter = match measurement.phase {
            Phase::Successful => &mut self.successful,
            Phase::Failed => &mut self.failed,
            Phase::Inconclusive => &mut self.inconclusive,
            Phase::Error => &mut self.consecutive_errors,
        };
        *counter = counter.saturating_add(1);
        if measurement.phase == Phase::Failed && !measurement.has_data {
            self.without_data = self.without_data.saturating_add(1);
        }
        if measurement.phase != Phase::Error {
            self.consecutive_errors = 0;
        }
        self.consecutive_successes =
            if measurement.phase == Phase::Successful { self.consecutive_successes.saturating_add(1) } else { 0 };
        let cut = |text: String| text.chars().take(MAX_KEPT).collect::<String>();
        let (phase, value) = (measurement.phase, cut(measurement.value));
        self.last.push(Checkpoint { at: now, phase, value, baseline: measurement.baseline.map(cut) });
        let excess = self.last.len().saturating_sub(KEPT);
        self.last.drain(..excess);
        self.next_at = next_at;
    }

    /// What the checkpoints amount to.
    pub(super) fn assess(&self, limits: Limits) -> Assessment {
        if let Some(limit) = limits.consecutive_error.filter(|limit| self.consecutive_errors > *limit) {
            let found = self.consecutive_errors;
            return Assessment::Error(format!("{found} errors in a row (consecutiveErrorLimit {limit})"));
        }
        if self.inconclusive > 0 {
            return Assessment::Inconclusive("neither successCondition nor failureCondition holds".to_owned());
        }
        if self.failed > limits.failure {
            return Assessment::Failed(format!("{} failed (failureLimit {})", self.failed, limits.failure));
        }
        if self.successful > 0 && limits.consecutive_success.is_some_and(|limit| self.consecutive_successes >= limit) {
            return Assessment::Successful;
        }
        if limits.count.is_none_or(|count| self.taken() < count) {
            return Assessment::Running;
        }
        match limits.consecutive_success {
            Some(limit) => Assessment::Inconclusive(format!("never {limit} successful in a row")),
            None if self.successful == 0 => Assessment::Failed("none was successful".to_owned()),
            None => Assessment::Successful,
        }
    }

    /// Whether the failures are enough without those for want of data, which say nothing about the metric's opposite.
    pub(super) const fn is_seen_to_fail(&self, limits: Limits) -> bool {
        self.without_data == 0 || self.failed.saturating_sub(self.without_data) > limits.failure
    }

    /// The checkpoints that count: errors do not.
    const fn taken(&self) -> u32 {
        self.successful.saturating_add(self.failed).saturating_add(self.inconclusive)
    }

    /// Where the analysis stands, in words.
    pub(super) fn progress(&self, count: Option<u32>) -> String {
        let of = count.map_or_else(String::new, |count| format!(" of {count}"));
        let taken = self.taken();
        if taken == 0 {
            return format!("0{of} checkpoints taken; the next is due at {}", time(self.next_at));
        }
        let last = self.last.iter().rev().find(|checkpoint| checkpoint.phase != Phase::Error);
        let last = last.map_or_else(String::new, |last| format!(", the last was {}", last.value));
        format!("{taken}{of} checkpoints taken, {} successful, {} failed{last}", self.successful, self.failed)
    }

    /// One line for each of the last checkpoints.
    pub(super) fn table(&self) -> Vec<String> {
        let line = |checkpoint: &Checkpoint| {
            let baseline =
                checkpoint.baseline.as_ref().map_or_else(String::new, |value| format!(" (baseline {value})"));
            format!("{}  {:<12}  {}{baseline}", time(checkpoint.at), checkpoint.phase.word(), checkpoint.value)
        };
        self.last.iter().map(line).collect()
    }
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
