//! `all`, `any`, `not`, `atLeast`: conditions made of conditions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Condition, Rule};
use crate::conditions::{Declared, WhenNotMet};
use crate::yaml::Problems;

/// How the conditions inside one combine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Combinator {
    /// It has no conditions inside.
    #[default]
    Leaf,
    /// As many as this must pass.
    AtLeast(usize),
    /// The one inside must not hold.
    Not,
}

/// All of them must pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct All(#[schemars(length(min = 1))] Vec<Condition>);

/// One of them must pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Any(#[schemars(length(min = 1))] Vec<Condition>);

/// It must not hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Not(Box<Condition>);

/// `count` of them must pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AtLeast {
    /// How many.
    #[schemars(range(min = 1))]
    count: usize,
    /// Of which.
    #[schemars(length(min = 1))]
    of: Vec<Condition>,
}

impl Rule for All {
    fn describe(&self) -> String {
        "all of these hold".to_owned()
    }

    fn validate(&self, _: &Declared<'_>, problems: &mut Problems<'_>) {
        expect_conditions(&self.0, problems);
    }

    fn inside(&self) -> Option<(Combinator, &[Condition])> {
        Some((Combinator::AtLeast(self.0.len()), &self.0))
    }
}

impl Rule for Any {
    fn describe(&self) -> String {
        "any of these holds".to_owned()
    }

    fn validate(&self, _: &Declared<'_>, problems: &mut Problems<'_>) {
        expect_conditions(&self.0, problems);
    }

    fn inside(&self) -> Option<(Combinator, &[Condition])> {
        Some((Combinator::AtLeast(1), &self.0))
    }
}

impl Rule for Not {
    fn describe(&self) -> String {
        format!("not: {}", self.0.title())
    }

    /// A condition that can become true can also become false again; a final one cannot.
    fn when_not_met(&self) -> WhenNotMet {
        self.0.kind.when_not_met()
    }

    fn inside(&self) -> Option<(Combinator, &[Condition])> {
        Some((Combinator::Not, std::slice::from_ref(&*self.0)))
    }
}

impl Rule for AtLeast {
    fn describe(&self) -> String {
        format!("at least {} of these hold", self.count)
    }

    fn validate(&self, _: &Declared<'_>, problems: &mut Problems<'_>) {
        expect_conditions(&self.of, problems);
        if self.count == 0 {
            problems.push("count", "0 would let everything pass; write at least 1");
        }
        if self.count > self.of.len() {
            problems.push("count", format!("{} can never be reached by {} conditions", self.count, self.of.len()));
        }
    }

    fn inside(&self) -> Option<(Combinator, &[Condition])> {
        Some((Combinator::AtLeast(self.count), &self.of))
    }
}

fn expect_conditions(conditions: &[Condition], problems: &mut Problems<'_>) {
    if conditions.is_empty() {
        problems.push("", "is empty; write at least one condition");
    }
}

#[cfg(test)]
mod tests {
    use crate::azure_devops::work_items::WorkItem;
    use crate::conditions::testing::{check, delivered_at};
    use crate::evaluation::{Memory, Status, judge};
    use crate::facts::Facts;
    use crate::facts::work_items::{LinkSource, LinkedWorkItems};

    /// The status of one condition over a run whose commit mentions work items in these states.
    fn status(condition: &str, states: &[&str]) -> Status {
        let check = check(&format!("conditions:\n  - {condition}"));
        let item = |state: &&str| WorkItem {
            id: 42,
            kind: "Bug".to_owned(),
            title: "Title".to_owned(),
            state: (*state).to_owned(),
            project: "FabrikamFiber".to_owned(),
            category: None,
        };
        let mut facts = Facts::default();
        let fact = LinkedWorkItems { source: LinkSource::Commit, with_categories: false };
        facts.insert(fact, Ok(states.iter().map(item).collect()));
        judge(&check, &facts, &Memory::default(), delivered_at()).status()
    }

    #[test]
    fn a_condition_that_is_not_met_lets_its_negation_pass_even_if_it_would_wait() {
        let on_hold = "not: { workItems: { states: [On Hold], match: any } }";
        assert_eq!(status(on_hold, &["Active"]), Status::Passed);
        assert_eq!(status(on_hold, &["Active", "On Hold"]), Status::Waiting);
        assert_eq!(status(&format!("{{ {on_hold}, whenNotMet: fail }}"), &["On Hold"]), Status::Failed);
    }

    #[test]
    fn without_evidence_neither_a_condition_nor_its_negation_passes() {
        let closed = "workItems: { states: [Closed] }";
        assert_eq!(status(closed, &[]), Status::Failed);
        assert_eq!(status(&format!("not: {{ {closed} }}"), &[]), Status::Failed);
        assert_eq!(status(&format!("not: {{ any: [ {closed} ] }}"), &[]), Status::Failed);
        assert_eq!(status(&format!("not: {{ not: {{ {closed} }} }}"), &[]), Status::Failed);
    }
}
