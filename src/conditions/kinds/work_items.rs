//! `workItems`: the work items linked to the run are in a state. The guide's advanced example.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::azure_devops::build::Run;
use crate::azure_devops::work_items::WorkItem;
use crate::conditions::shared::own_branch::started_by_another;
use crate::conditions::{Declared, Finding, Outcome, Rule, Scope, WhenNotMet};
use crate::facts::pull_requests::validated;
use crate::facts::run::RunDetails;
use crate::facts::work_items::{LinkSource, LinkedWorkItems};
use crate::facts::{Facts, Wanted};
use crate::suggest::suggest;
use crate::text::is_same;
use crate::yaml::Problems;

/// The categories into which every process sorts its states.
const CATEGORIES: [&str; 5] = ["Proposed", "InProgress", "Resolved", "Completed", "Removed"];

/// The parameters of `workItems`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkItems {
    /// The state category: `Proposed`, `InProgress`, `Resolved`, `Completed` or `Removed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    /// Names of states, instead of a category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    states: Option<Vec<String>>,
    /// Whether all or any of the work items must be in that state.
    #[serde(default, rename = "match")]
    matching: Match,
    /// Which links count.
    #[serde(default)]
    source: LinkSource,
    /// Only work items of these types.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    types: Option<Vec<String>>,
    /// What to make of a run without linked work items.
    #[serde(default)]
    when_none: WhenNone,
}

/// How many of the work items must be in the state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) enum Match {
    /// All of them.
    #[default]
    All,
    /// One is enough.
    Any,
}

/// What to make of a run without linked work items.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) enum WhenNone {
    /// The condition fails.
    #[default]
    Fail,
    /// The condition passes.
    Pass,
}

impl WorkItems {
    fn is_met(&self, item: &WorkItem) -> bool {
        match (&self.state, &self.states) {
            (Some(category), _) => item.category.as_deref().is_some_and(|found| is_same(found, category)),
            (None, Some(states)) => states.iter().any(|state| is_same(state, &item.state)),
            (None, None) => false,
        }
    }

    /// Whether it is known if the item is in the state: its type may not have the item's state any more.
    fn is_known(&self, item: &WorkItem) -> bool {
        !item.state.is_empty() && (self.state.is_none() || item.category.is_some())
    }

    fn wanted_state(&self) -> String {
        match (&self.state, &self.states) {
            (Some(category), _) => format!("state category {category}"),
            (None, states) => format!("state {}", states.as_deref().unwrap_or_default().join(" or ")),
        }
    }

    fn counts(&self, item: &WorkItem) -> bool {
        self.types.as_ref().is_none_or(|types| types.iter().any(|kind| is_same(kind, &item.kind)))
    }

    fn none_found(&self, total: usize, run: Option<&Run>, expected: String) -> Finding {
        let place = self.place(run);
        let found = if total > 0 {
            format!("{total} work items are linked to the {place}, none of the wanted types")
        } else {
            format!("no work item is linked to the {place}")
        };
        match self.when_none {
            WhenNone::Pass => Finding::new(Outcome::Passed, found, expected),
            WhenNone::Fail => {
                Finding::new(Outcome::Failed, found, expected).without_evidence().remedy(self.advice(run))
            }
        }
    }

    /// What the work items would have to be linked to, with what a reader may not expect of it.
    fn place(&self, run: Option<&Run>) -> String {
        match (self.source, run) {
            (LinkSource::Commit, Some(run)) if validated(run).is_some() => {
                "pull request, whose merge commit this run validates".to_owned()
            }
            (LinkSource::Commit, Some(run)) => format!(
                "run's commit{}; work items that only its pull request links count with `source: pullRequest`",
                started_by_another(run)
            ),
            (source, _) => source.to_string(),
        }
    }

    fn advice(&self, run: Option<&Run>) -> &'static str {
        let repository = run.and_then(|run| run.repository.as_ref());
        if self.source == LinkSource::PullRequest || run.is_some_and(|run| validated(run).is_some()) {
            "link a work item to the pull request"
        } else if repository.is_some_and(|repository| !repository.links_work_items()) {
            "mention a work item in the commit message (`AB#123`), and run the pipeline again"
        } else {
            "mention a work item in the commit message (`#123`), and run the pipeline again"
        }
    }
}

impl Rule for WorkItems {
    fn describe(&self) -> String {
        let quantity = match self.matching {
            Match::All => "all work items",
            Match::Any => "one of the work items",
        };
        format!("{quantity} linked to the {} are in {}", self.source, self.wanted_state())
    }

    fn when_not_met(&self) -> WhenNotMet {
        WhenNotMet::Wait
    }

    fn validate(&self, _: &Declared<'_>, problems: &mut Problems<'_>) {
        match (&self.state, &self.states) {
            (None, None) => problems.push("", "needs `state` (a category, such as `Completed`) or `states` (names)"),
            (Some(_), Some(_)) => problems.push("states", "contradicts `state`; give one of them"),
            (None, Some(states)) if states.is_empty() => problems.push("states", "is empty"),
            (Some(category), None) if !CATEGORIES.iter().any(|known| known.eq_ignore_ascii_case(category)) => {
                let hint = suggest(category, CATEGORIES);
                let known = CATEGORIES.join("`, `");
                problems.push(
                    "state",
                    format!(
                        "`{category}` is not a state category; write one of `{known}`, or use `states` for names{hint}"
                    ),
                );
            }
            _ => {}
        }
    }

    fn facts(&self, _: &Scope<'_>, wanted: &mut Wanted) {
        wanted.add(LinkedWorkItems { source: self.source, with_categories: self.state.is_some() });
        if self.source != LinkSource::Run {
            wanted.add(RunDetails);
        }
    }

    fn evaluate(&self, facts: &Facts, _: &Scope<'_>) -> Finding {
        let expected = match self.matching {
            Match::All => format!("all in {}", self.wanted_state()),
            Match::Any => format!("one in {}", self.wanted_state()),
        };
        let fact = LinkedWorkItems { source: self.source, with_categories: self.state.is_some() };
        let items = match facts.get(&fact) {
            Ok(items) => items,
            Err(error) => return Finding::errored(error.why, expected),
        };
        // One that is not known to be of the wanted types is not known to be of others either.
        if self.types.is_some()
            && let Some(untyped) = items.iter().find(|item| item.kind.is_empty())
        {
            return Finding::errored(
                format!("Azure DevOps does not give the type of work item {}", untyped.id),
                expected,
            );
        }
        let counted: Vec<&WorkItem> = items.iter().filter(|item| self.counts(item)).collect();
        if counted.is_empty() {
            return self.none_found(items.len(), facts.get(&RunDetails).ok().as_deref(), expected);
        }
        let (met, missing): (Vec<&WorkItem>, Vec<&WorkItem>) =
            counted.iter().copied().partition(|item| self.is_met(item));
        let passes = match self.matching {
            Match::All => missing.is_empty(),
            Match::Any => !met.is_empty(),
        };
        let shown = if passes { &met } else { &missing };
        let found = shown.iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ");
        let verb = if shown.len() == 1 { "it" } else { "them" };
        let remedy = if passes { String::new() } else { format!("bring {verb} to {}", self.wanted_state()) };
        let finding = Finding::passed_if(passes, found, expected).remedy(remedy);
        let is_seen = match self.matching {
            Match::All => missing.iter().any(|item| self.is_known(item)),
            Match::Any => missing.iter().all(|item| self.is_known(item)),
        };
        if passes || is_seen { finding } else { finding.without_evidence() }
    }

    fn reads_run(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::conditions::testing::measure;

    fn evidence(matching: &str, categories: &[Option<&str>]) -> (Outcome, bool) {
        let item = |category: &Option<&str>| WorkItem {
            id: 1,
            kind: "Bug".to_owned(),
            title: "Title".to_owned(),
            state: "Odd".to_owned(),
            project: "Fabrikam".to_owned(),
            category: category.map(str::to_owned),
        };
        let mut facts = Facts::default();
        let fact = LinkedWorkItems { source: LinkSource::Commit, with_categories: true };
        facts.insert(fact, Ok(categories.iter().map(item).collect()));
        let condition = format!("workItems: {{ state: Completed, match: {matching} }}");
        let finding = measure(&condition, &facts, TimeDelta::zero());
        (finding.outcome, finding.has_evidence)
    }

    #[test]
    fn a_work_item_without_a_type_is_not_ignored() {
        let item = |id, kind: &str| WorkItem {
            id,
            kind: kind.to_owned(),
            title: "Title".to_owned(),
            state: "Active".to_owned(),
            project: "Fabrikam".to_owned(),
            category: None,
        };
        let look = |condition: &str, kinds: &[&str]| {
            let mut facts = Facts::default();
            let fact = LinkedWorkItems { source: LinkSource::Commit, with_categories: false };
            facts.insert(fact, Ok((1..).zip(kinds).map(|(id, kind)| item(id, kind)).collect()));
            measure(&format!("workItems: {{ states: [Closed], {condition} }}"), &facts, TimeDelta::zero())
        };
        let bugs = "types: [Bug], whenNone: pass";
        assert_eq!(look(bugs, &["Task"]).outcome, Outcome::Passed);
        let finding = look(bugs, &["Task", ""]);
        assert_eq!(finding.outcome, Outcome::Errored);
        assert_eq!(finding.found, "Azure DevOps does not give the type of work item 2");
        assert_eq!(look("whenNone: pass", &[""]).outcome, Outcome::NotMet, "the type does not matter here");
    }

    #[test]
    fn a_state_without_a_category_gives_no_evidence() {
        let (done, open) = (Some("Completed"), Some("Proposed"));
        for (matching, categories, found) in [
            ("all", &[done, None][..], (Outcome::NotMet, false)),
            ("all", &[open, None], (Outcome::NotMet, true)),
            ("any", &[open, None], (Outcome::NotMet, false)),
            ("any", &[open, open], (Outcome::NotMet, true)),
            ("any", &[done, None], (Outcome::Passed, true)),
        ] {
            assert_eq!(evidence(matching, categories), found, "{matching} {categories:?}");
        }
    }
}
