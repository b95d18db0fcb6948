//! What measuring one condition gives.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::facts::FactError;

/// What to make of a condition that was measured and is not met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum WhenNotMet {
    /// The check fails.
    Fail,
    /// The check waits.
    Wait,
}

/// What judging one condition gave, before `whenNotMet` is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not hold; `whenNotMet` says whether the check fails or waits.
    NotMet,
    /// It does not hold and never will, whatever `whenNotMet` says.
    Failed,
    /// There is no evidence yet, but there may be later.
    Waiting,
    /// It could not be measured.
    Errored,
}

/// The answer of one condition, in words for the person who reads the pipeline's log.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The answer.
    pub outcome: Outcome,
    /// What was found.
    pub found: String,
    /// What was expected.
    pub expected: String,
    /// What would change the answer; empty when it passed.
    pub remedy: String,
    /// Further lines for the log, such as a table of checkpoints.
    pub details: Vec<String>,
    /// When the next evaluation is useful, if the condition knows better than the check's interval. If it could not be
    /// measured: the earliest time for the next attempt.
    pub look_again_at: Option<DateTime<Utc>>,
    /// Whether the answer was really seen. Without evidence neither a condition nor its negation passes.
    pub has_evidence: bool,
    /// What the condition remembers for the next evaluation.
    pub state: Option<Value>,
}

impl Finding {
    /// A finding with what was found and what was expected.
    pub fn new(outcome: Outcome, found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self {
            outcome,
            found: found.into(),
            expected: expected.into(),
            remedy: String::new(),
            details: Vec::new(),
            look_again_at: None,
            has_evidence: true,
            state: None,
        }
    }

    /// Met if `met`, else not met.
    pub fn passed_if(met: bool, found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::new(if met { Outcome::Passed } else { Outcome::NotMet }, found, expected)
    }

    /// Could not be measured, for this reason.
    pub fn errored(why: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::new(Outcome::Errored, why, expected)
    }

    /// Could not be measured because a fact could not be read.
    pub fn unread(error: &FactError, expected: impl Into<String>, now: DateTime<Utc>) -> Self {
        let wait = error.retry_after.and_then(|wait| TimeDelta::from_std(wait).ok());
        Self { look_again_at: wait.map(|wait| now + wait), ..Self::errored(error.why.clone(), expected) }
    }

    /// Says that there was nothing to see: then the negation of the condition does not pass either.
    #[must_use]
    pub fn without_evidence(mut self) -> Self {
        self.has_evidence = false;
        self
    }

    /// Adds the page to look at, where one is known.
    #[must_use]
    pub fn see(mut self, link: &str) -> Self {
        self.details.extend((!link.is_empty()).then(|| format!("see {link}")));
        self
    }

    /// Adds what would change the answer.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }
}
