//! Judges a check again, by facts that were written down. Pure: nobody is asked.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::verdict::judge_in;
use super::wanted::{wanted_by_each, wanted_in};
use super::{Explanation, Memory, Status, Verdict};
use crate::check::{CheckDefinition, OnTimeout};
use crate::conditions::Scope;
use crate::facts::run::{CurrentRunState, RunDetails};
use crate::facts::{Mismatch, RecordedFact, Wanted};

/// An evaluation that happened, or that a test describes: everything but the facts that a verdict depends on.
#[derive(Debug, Clone, Copy)]
pub struct Replay<'a> {
    /// What must hold.
    pub definition: &'a CheckDefinition,
    /// The inputs that were sent.
    pub inputs: &'a BTreeMap<String, String>,
    /// When the check was delivered.
    pub delivered_at: DateTime<Utc>,
    /// When the check ends although its conditions are not decided.
    pub deadline: DateTime<Utc>,
    /// The time of the evaluation.
    pub at: DateTime<Utc>,
    /// When the last fact was read.
    pub read_at: DateTime<Utc>,
    /// What the conditions remembered.
    pub memory: &'a Memory,
}

/// Why a check ends although its conditions are not decided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum End<'a> {
    /// Its time is over, and it fails.
    TimeIsOver,
    /// Its time is over, and by its definition it decides nothing then.
    Skipped,
    /// This condition could not be measured for longer than it may be.
    OverBudget(&'a Explanation),
}

impl Replay<'_> {
    /// Judges the check by these facts, and says which of them no condition asks for, or cannot be read.
    #[must_use]
    pub fn judge(&self, facts: &[RecordedFact]) -> (Verdict, Vec<Mismatch>) {
        let inputs = self.definition.input_values(self.inputs);
        let scope = self.scope(&inputs);
        let (mut facts, mismatches) = self.wanted(scope).answered_by(facts);
        facts.set_read_at(self.read_at);
        (judge_in(&self.definition.conditions, scope, &facts, self.memory), mismatches)
    }

    /// Which of these facts each condition asks for, in the order of an explanation without its root.
    #[must_use]
    pub fn positions(&self, facts: &[RecordedFact]) -> Vec<Vec<usize>> {
        let inputs = self.definition.input_values(self.inputs);
        let each = wanted_by_each(&self.definition.conditions, self.scope(&inputs), self.memory);
        each.iter().map(|wanted| wanted.positions(facts)).collect()
    }

    /// What the check comes to, if it must be decided now: at its deadline, or when a condition could not be measured for
    /// longer than it may be.
    #[must_use]
    pub fn status(&self, verdict: &Verdict) -> Status {
        match self.end(verdict) {
            Some(End::TimeIsOver | End::OverBudget(_)) => Status::Failed,
            Some(End::Skipped) | None => verdict.status(),
        }
    }

    /// Whether the check ends now, when its facts are read, although its conditions are not decided.
    #[must_use]
    pub fn end<'a>(&self, verdict: &'a Verdict) -> Option<End<'a>> {
        if matches!(verdict.status(), Status::Passed | Status::Failed) {
            return None;
        }
        let now = self.read_at.max(self.at);
        if now >= self.deadline {
            let skips = self.definition.on_timeout == OnTimeout::Skip && !self.definition.dry_run;
            return Some(if skips { End::Skipped } else { End::TimeIsOver });
        }
        verdict.over_budget(self.definition.error_budget.delta(), now).map(End::OverBudget)
    }

    /// The run is always asked for, whatever the conditions need: records have it.
    fn wanted(&self, scope: Scope<'_>) -> Wanted {
        let mut wanted = wanted_in(&self.definition.conditions, scope, self.memory);
        wanted.add(RunDetails);
        wanted.add(CurrentRunState);
        wanted
    }

    fn scope<'a>(&self, inputs: &'a BTreeMap<&'a str, &'a str>) -> Scope<'a> {
        Scope {
            now: self.at,
            delivered_at: self.delivered_at,
            deadline: self.deadline,
            interval: self.definition.reevaluate_every().after(self.at - self.delivered_at),
            completion_event: self.definition.completion_event,
            inputs,
            state: None,
        }
    }
}
