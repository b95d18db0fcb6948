//! The explanation of a verdict: a tree of conditions, how they combine, and which of them block.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Status;
use crate::conditions::Combinator;

/// A condition with its answer, and the conditions inside it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The condition's `name`, or a description of it.
    pub condition: String,
    /// Where it stands.
    pub status: Status,
    /// What was found.
    pub found: String,
    /// What was expected.
    pub expected: String,
    /// What would change the answer.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub remedy: String,
    /// Further lines.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
    /// The conditions inside.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Self>,
    /// Since when it could not be measured.
    #[serde(skip)]
    pub errored_since: Option<DateTime<Utc>>,
    /// Whether a failure was seen, rather than there being nothing to see.
    #[serde(skip)]
    pub has_evidence: bool,
    /// How the conditions inside combine.
    #[serde(skip)]
    pub combined: Combinator,
}

/// Combines the conditions inside one by three-valued logic.
pub(super) fn combine(title: String, combinator: Combinator, conditions: Vec<Explanation>) -> Explanation {
    let count = |status| conditions.iter().filter(|inner| inner.status == status).count();
    let (passed, failed, waiting) = (count(Status::Passed), count(Status::Failed), count(Status::Waiting));
    let total = conditions.len();
    // How many are seen to fail: what failed without evidence may hold just as well.
    let seen = conditions.iter().filter(|inner| inner.status == Status::Failed && inner.has_evidence).count();
    let (status, has_evidence, expected) = match combinator {
        Combinator::Leaf | Combinator::Not => {
            let has_evidence = seen == failed;
            let status = match conditions.first().map(|inner| inner.status) {
                Some(Status::Failed) if has_evidence => Status::Passed,
                Some(Status::Passed | Status::Failed) => Status::Failed,
                Some(unknown) => unknown,
                None => Status::Errored,
            };
            (
                status,
                has_evidence,
                conditions.first().map_or_else(String::new, |inner| format!("not: {}", inner.expected)),
            )
        }
        Combinator::AtLeast(needed) => {
            let status = if passed >= needed && needed > 0 {
                Status::Passed
            } else if total - failed < needed || needed == 0 {
                Status::Failed
            } else if passed + waiting >= needed {
                // Those that could not be measured are not needed: waiting for the others is enough.
                Status::Waiting
            } else {
                Status::Errored
            };
            (status, total - seen < needed, format!("{needed} of {total} to pass"))
        }
    };
    let found = match (combinator, conditions.first()) {
        (Combinator::Not, Some(inner)) => inner.found.clone(),
        _ => format!("{passed} of {total} passed"),
    };
    Explanation {
        condition: title,
        status,
        found,
        expected,
        remedy: String::new(),
        details: Vec::new(),
        conditions,
        errored_since: None,
        has_evidence,
        combined: combinator,
    }
}

impl Explanation {
    /// The smallest set of conditions that would have to change for this one to pass.
    #[must_use]
    pub fn blocking(&self) -> Vec<&Self> {
        self.to_change(Status::Passed)
    }

    /// The smallest set of conditions that would have to change for this one to become `wanted`.
    fn to_change(&self, wanted: Status) -> Vec<&Self> {
        if self.status == wanted {
            return Vec::new();
        }
        let opposite = if wanted == Status::Passed { Status::Failed } else { Status::Passed };
        match self.combined {
            Combinator::Leaf => vec![self],
            // What could not be measured is the condition inside; what was measured is shown as the negation.
            Combinator::Not if self.status == Status::Errored => {
                self.conditions.iter().flat_map(|inner| inner.to_change(opposite)).collect()
            }
            Combinator::Not => vec![self],
            Combinator::AtLeast(needed) => {
                let total = self.conditions.len();
                let needed = if wanted == Status::Passed { needed } else { (total + 1).saturating_sub(needed) };
                let already = self.conditions.iter().filter(|inner| inner.status == wanted).count();
                let mut sets: Vec<Vec<&Self>> = self
                    .conditions
                    .iter()
                    .filter(|inner| inner.status != wanted)
                    // What failed is the reason of a failed check; what still waits beside it is not.
                    .filter(|inner| !(needed == total && self.status == opposite) || inner.status == opposite)
                    .map(|inner| inner.to_change(wanted))
                    .collect();
                // What is final cannot be changed; what waits or could not be measured can.
                sets.sort_by_key(|set| (set.iter().any(|leaf| leaf.status == opposite), set.len()));
                sets.into_iter().take(needed.saturating_sub(already)).flatten().collect()
            }
        }
    }

    /// What it comes to if the conditions for which `is_given_up` holds never answer: neither they nor their negations hold.
    pub(super) fn without(&self, is_given_up: &impl Fn(&Self) -> bool) -> Self {
        match self.combined {
            // Only where an error is in the way do errors matter.
            _ if self.status != Status::Errored => self.clone(),
            Combinator::Leaf if is_given_up(self) => {
                Self { status: Status::Failed, has_evidence: false, ..self.clone() }
            }
            Combinator::Leaf => self.clone(),
            combinator => {
                let inside = self.conditions.iter().map(|inner| inner.without(is_given_up)).collect();
                combine(self.condition.clone(), combinator, inside)
            }
        }
    }

    /// What it comes to if the conditions for which `is_unknown` holds could not be measured, whatever they say.
    pub(super) fn not_knowing(&self, is_unknown: &impl Fn(&Self) -> bool) -> Self {
        if !self.flatten().iter().any(|(_, inner)| is_unknown(inner)) {
            return self.clone();
        }
        if self.conditions.is_empty() {
            return Self { status: Status::Errored, has_evidence: false, ..self.clone() };
        }
        let inside = self.conditions.iter().map(|inner| inner.not_knowing(is_unknown)).collect();
        combine(self.condition.clone(), self.combined, inside)
    }

    /// All conditions of the tree, outermost first, with their depth.
    #[must_use]
    pub fn flatten(&self) -> Vec<(usize, &Self)> {
        let mut all = Vec::new();
        let mut stack = vec![(0, self)];
        while let Some((depth, explanation)) = stack.pop() {
            all.push((depth, explanation));
            stack.extend(explanation.conditions.iter().rev().map(|inner| (depth + 1, inner)));
        }
        all
    }
}
