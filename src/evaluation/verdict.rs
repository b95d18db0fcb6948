//! Combines the findings of a check's conditions into a verdict. Pure: no I/O, no clock.
//!
//! `all`, `any`, `not` and `atLeast` follow three-valued logic: `Passed` is yes, `Failed` is no, `Waiting` and `Errored`
//! are unknown. An error is never a no and never a yes; no evidence is never a yes.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::check::Check;
use crate::conditions::{Combinator, Condition, Outcome, Scope, WhenNotMet};
use crate::facts::Facts;

use super::explanation::{Explanation, combine};

/// The status of a condition, or of the whole check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// It holds.
    Passed,
    /// It does not hold, and will not.
    Failed,
    /// It does not hold yet.
    Waiting,
    /// It could not be measured.
    Errored,
}

/// What conditions remember from one evaluation to the next, by the condition's place (`0`, `1.0`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Memory(BTreeMap<String, Remembered>);

impl Memory {
    /// Whether there is nothing to remember.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the condition at `place` remembered.
    #[must_use]
    pub fn state(&self, place: &str) -> Option<&Value> {
        self.0.get(place)?.state.as_ref()
    }

    fn errored_since(&self, place: &str) -> Option<DateTime<Utc>> {
        self.0.get(place)?.errored_since
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Remembered {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    errored_since: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<Value>,
}

/// What the facts say about a check.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The whole: the check as an `all` of its conditions.
    pub explanation: Explanation,
    /// When the next evaluation is useful: the earliest time that a waiting condition names, or after the check's interval.
    pub look_again_at: DateTime<Utc>,
    /// The earliest time for the next attempt, if a source that could not be read asked to wait.
    pub stay_away_until: Option<DateTime<Utc>>,
    /// What to remember for the next evaluation.
    pub memory: Memory,
}

impl Verdict {
    /// The status of the check.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.explanation.status
    }

    /// A condition that has used up the error budget and without which the check cannot pass: the others would not be
    /// enough.
    #[must_use]
    pub fn over_budget(&self, budget: TimeDelta, now: DateTime<Utc>) -> Option<&Explanation> {
        let is_spent = |leaf: &Explanation| leaf.errored_since.is_some_and(|since| now - since >= budget);
        if self.status() != Status::Errored || self.explanation.without(&is_spent).status != Status::Failed {
            return None;
        }
        self.explanation.blocking().into_iter().find(|blocking| is_spent(blocking))
    }
}

/// Judges a check by the facts that were read for it.
#[must_use]
pub fn judge(check: &Check, facts: &Facts, memory: &Memory, now: DateTime<Utc>) -> Verdict {
    let inputs = check.input_values();
    judge_in(&check.definition.conditions, check.scope(&inputs, now), facts, memory)
}

/// The same for conditions, by what they may know.
pub(super) fn judge_in(conditions: &[Condition], scope: Scope<'_>, facts: &Facts, memory: &Memory) -> Verdict {
    let mut walk = Walk { scope, facts, memory, next: Memory::default(), look_again_at: None, stay_away_until: None };
    let conditions: Vec<Explanation> = conditions
        .iter()
        .enumerate()
        .map(|(index, condition)| {
            walk.explain(condition, &Position { place: index.to_string(), ..Position::default() })
        })
        .collect();
    let explanation = combine(String::new(), Combinator::AtLeast(conditions.len()), conditions);
    let look_again_at = walk.look_again_at.unwrap_or(scope.now + scope.interval);
    Verdict { explanation, look_again_at, stay_away_until: walk.stay_away_until, memory: walk.next }
}

struct Walk<'a> {
    scope: Scope<'a>,
    facts: &'a Facts,
    memory: &'a Memory,
    next: Memory,
    look_again_at: Option<DateTime<Utc>>,
    stay_away_until: Option<DateTime<Utc>>,
}

/// The position of a condition in the tree.
#[derive(Default)]
struct Position {
    /// Its indices from the outside in: `1.0`.
    place: String,
    /// The `whenNotMet` of the combinator around it.
    inherited: Option<WhenNotMet>,
    /// Whether a `not` is around it.
    is_negated: bool,
}

impl Walk<'_> {
    /// Explains a condition. Inside `not`, a condition that is not met fails even where it would otherwise wait: that is
    /// what `not` asks for.
    fn explain(&mut self, condition: &Condition, position: &Position) -> Explanation {
        let Position { place, inherited, is_negated } = position;
        let own = condition.when_not_met.or(*inherited);
        let when_not_met = if *is_negated { Some(WhenNotMet::Fail) } else { own };
        let title = condition.title();
        let Some((combinator, inside)) = condition.kind.inside() else {
            return self.measure(condition, place, when_not_met);
        };
        let is_not = combinator == Combinator::Not;
        let position = |index| Position {
            place: format!("{place}.{index}"),
            inherited: when_not_met,
            is_negated: *is_negated || is_not,
        };
        let inside = inside.iter().enumerate();
        let conditions: Vec<Explanation> = inside.map(|(index, inner)| self.explain(inner, &position(index))).collect();
        let mut explanation = combine(title, combinator, conditions);
        let waits = when_not_met.unwrap_or_else(|| condition.kind.when_not_met()) == WhenNotMet::Wait;
        if is_not && waits && explanation.has_evidence && explanation.status == Status::Failed {
            explanation.status = Status::Waiting;
            self.look_again(None);
        }
        explanation
    }

    /// Notes when the next evaluation is useful: at the given time, or after the check's interval.
    fn look_again(&mut self, at: Option<DateTime<Utc>>) {
        let next = at.unwrap_or_else(|| self.scope.now + self.scope.interval);
        self.look_again_at = Some(self.look_again_at.map_or(next, |earlier| earlier.min(next)));
    }

    fn measure(&mut self, condition: &Condition, place: &str, when_not_met: Option<WhenNotMet>) -> Explanation {
        let scope = Scope { state: self.memory.state(place), ..self.scope };
        let finding = condition.kind.evaluate(self.facts, &scope);
        let waits = when_not_met.unwrap_or_else(|| condition.kind.when_not_met()) == WhenNotMet::Wait;
        let status = match finding.outcome {
            Outcome::Passed => Status::Passed,
            Outcome::NotMet if waits => Status::Waiting,
            Outcome::NotMet | Outcome::Failed => Status::Failed,
            Outcome::Waiting => Status::Waiting,
            Outcome::Errored => Status::Errored,
        };
        let errored_since =
            (status == Status::Errored).then(|| self.memory.errored_since(place).unwrap_or(self.scope.now));
        if errored_since.is_some() || finding.state.is_some() {
            self.next.0.insert(place.to_owned(), Remembered { errored_since, state: finding.state });
        }
        if status == Status::Errored {
            self.stay_away_until = self.stay_away_until.max(finding.look_again_at);
        }
        if matches!(status, Status::Waiting | Status::Errored) {
            self.look_again(finding.look_again_at);
        }
        Explanation {
            condition: condition.title(),
            status,
            found: finding.found,
            expected: finding.expected,
            remedy: finding.remedy,
            details: finding.details,
            conditions: Vec::new(),
            errored_since,
            has_evidence: finding.has_evidence,
            combined: Combinator::Leaf,
        }
    }
}
