//! `query`: as many work items as allowed are found by a query, such as no open bug.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::azure_devops::queries::Found;
use crate::conditions::{Declared, Finding, Rule, Scope, WhenNotMet};
use crate::facts::work_items::WorkItemQuery;
use crate::facts::{Facts, Wanted};
use crate::yaml::Problems;

/// The parameters of `query`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Query {
    /// The query in the Work Item Query Language. It runs in the run's project, as the pipeline's build service.
    wiql: String,
    /// The most work items that pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max: Option<u64>,
    /// The fewest work items that pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min: Option<u64>,
}

impl Query {
    fn wanted_count(&self) -> String {
        match (self.min, self.max) {
            (Some(min), Some(max)) if min == max => format!("exactly {min} work items"),
            (Some(min), Some(max)) => format!("{min} to {max} work items"),
            (None, Some(0)) => "no work item".to_owned(),
            (None, Some(max)) => format!("at most {max} work items"),
            (Some(min), None) => format!("at least {min} work items"),
            (None, None) => "any number of work items".to_owned(),
        }
    }

    /// More were found than the platform lists: enough to know, unless more than that may pass.
    fn judge_more_than(&self, limit: u64, expected: String) -> Finding {
        let found = format!("the query finds more than {limit} work items, the most that Azure DevOps lists");
        match (self.min, self.max) {
            (_, Some(max)) if max <= limit => Finding::passed_if(false, found, expected)
                .remedy("bring the work items to where the query does not find them"),
            (Some(min), None) if min <= limit => Finding::passed_if(true, found, expected),
            _ => Finding::errored(format!("{found}; write a query that finds fewer"), expected),
        }
    }

    fn fact(&self) -> WorkItemQuery {
        WorkItemQuery { wiql: self.wiql.clone() }
    }
}

impl Rule for Query {
    fn describe(&self) -> String {
        format!("the work item query finds {}", self.wanted_count())
    }

    fn when_not_met(&self) -> WhenNotMet {
        WhenNotMet::Wait
    }

    fn validate(&self, _: &Declared<'_>, problems: &mut Problems<'_>) {
        let starts = self.wiql.trim_start().get(..6).is_some_and(|word| word.eq_ignore_ascii_case("select"));
        if !starts {
            let example = "SELECT [System.Id] FROM WorkItems WHERE [System.WorkItemType] = 'Bug'";
            problems.push("wiql", format!("is not a query; write for instance `{example}`"));
        }
        match (self.min, self.max) {
            (None, None) => problems.push("", "needs `max` or `min`; write for instance `max: 0`"),
            (Some(min), Some(max)) if min > max => {
                problems.push("min", format!("{min} is more than `max`, {max}; no count can be both"));
            }
            (Some(0), None) => problems.push("min", "0 would let everything pass; write at least 1, or use `max`"),
            _ => {}
        }
    }

    fn facts(&self, _: &Scope<'_>, wanted: &mut Wanted) {
        wanted.add(self.fact());
    }

    fn evaluate(&self, facts: &Facts, _: &Scope<'_>) -> Finding {
        let expected = self.wanted_count();
        let ids = match facts.get(&self.fact()) {
            Ok(ids) => ids,
            Err(error) => return Finding::errored(error.why, expected),
        };
        let ids = match &*ids {
            Found::Items(ids) => ids,
            Found::MoreThan(limit) => return self.judge_more_than(*limit, expected),
        };
        let count = ids.len() as u64;
        let is_met = self.max.is_none_or(|max| count <= max) && self.min.is_none_or(|min| count >= min);
        let first: Vec<String> = ids.iter().take(10).map(u64::to_string).collect();
        let dots = if ids.len() > first.len() { ", …" } else { "" };
        let found = match count {
            0 => "the query finds no work item".to_owned(),
            1 => format!("the query finds 1 work item: {}", first.join(", ")),
            _ => format!("the query finds {count} work items: {}{dots}", first.join(", ")),
        };
        let remedy = if is_met { "" } else { "bring the work items to where the query finds as many as expected" };
        Finding::passed_if(is_met, found, expected).remedy(remedy)
    }

    fn asks_azure_devops(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::conditions::Outcome;
    use crate::conditions::testing::{measure, refused};
    use crate::facts::FactError;

    const WIQL: &str = "SELECT [System.Id] FROM WorkItems";

    fn with(limits: &str, answer: Result<Vec<u64>, FactError>) -> Finding {
        let mut facts = Facts::default();
        facts.insert(WorkItemQuery { wiql: WIQL.to_owned() }, answer.map(Into::into));
        measure(&format!("query: {{ wiql: '{WIQL}', {limits} }}"), &facts, TimeDelta::zero())
    }

    #[test]
    fn the_count_decides() {
        for (limits, ids, measured, found) in [
            ("max: 0", vec![], Outcome::Passed, "the query finds no work item"),
            ("max: 0", vec![4], Outcome::NotMet, "the query finds 1 work item: 4"),
            ("min: 1", vec![], Outcome::NotMet, "the query finds no work item"),
            ("min: 2, max: 3", vec![1, 2, 3], Outcome::Passed, "the query finds 3 work items: 1, 2, 3"),
            ("min: 2, max: 2", vec![1, 2, 3], Outcome::NotMet, "the query finds 3 work items: 1, 2, 3"),
            (
                "max: 1",
                (1..=12).collect(),
                Outcome::NotMet,
                "the query finds 12 work items: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, …",
            ),
        ] {
            let finding = with(limits, Ok(ids));
            assert_eq!((finding.outcome, finding.found.as_str()), (measured, found), "{limits}");
        }
    }

    #[test]
    fn more_than_the_platform_lists_is_more_than_max() {
        let look = |limits: &str| {
            let mut facts = Facts::default();
            facts.insert(WorkItemQuery { wiql: WIQL.to_owned() }, Ok(Found::MoreThan(20_000)));
            let finding = measure(&format!("query: {{ wiql: '{WIQL}', {limits} }}"), &facts, TimeDelta::zero());
            (finding.outcome, finding.has_evidence)
        };
        assert_eq!(look("max: 0"), (Outcome::NotMet, true));
        assert_eq!(look("min: 1, max: 20000"), (Outcome::NotMet, true));
        assert_eq!(look("min: 1"), (Outcome::Passed, true));
        assert_eq!(look("max: 20001").0, Outcome::Errored, "21,000 are too many, 20,001 are not");
        assert_eq!(look("min: 20002").0, Outcome::Errored);
    }

    #[test]
    fn a_query_that_the_server_refuses_is_an_error() {
        let finding =
            with("max: 0", Err(FactError::because("TF51005: The query references a field that does not exist")));
        assert_eq!(finding.outcome, Outcome::Errored);
        assert!(finding.found.contains("TF51005"));
    }

    #[test]
    fn wrong_parameters_name_key_and_fix() {
        refused("query: { wiql: 'open bugs', max: 0 }", &["query.wiql", "SELECT [System.Id]"]);
        refused("query: { wiql: 'SELECT [System.Id] FROM WorkItems' }", &["`max: 0`"]);
        refused("query: { wiql: 'select x', min: 3, max: 2 }", &["query.min", "more than `max`"]);
        refused("query: { wiql: 'select x', min: 0 }", &["query.min", "everything pass"]);
        refused("query: { wiql: 'select x', max: -1 }", &["query.max"]);
    }
}
