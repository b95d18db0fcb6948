//! The work items that are linked to the run, or that a query finds.

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::run::RunDetails;
use super::{Fact, FactError, Gatherer};
use crate::azure_devops::type_states::{States, WorkItemType};
use crate::azure_devops::work_items::{BATCH, WorkItem};

/// Which links between a run and its work items count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LinkSource {
    /// Those of the run's source version: the commit that triggered it.
    #[default]
    Commit,
    /// All that are associated with the run: those of every commit since the last successful one.
    Run,
}

impl fmt::Display for LinkSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Commit => "run's commit",
            Self::Run => "run",
        })
    }
}

/// The work items linked to the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkedWorkItems {
    /// Which links count.
    pub source: LinkSource,
    /// Whether the categories of their states are needed.
    pub with_categories: bool,
}

impl Fact for LinkedWorkItems {
    type Value = Vec<WorkItem>;

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<Vec<WorkItem>, FactError> {
        let commit = match self.source {
            LinkSource::Commit => Some(gatherer.get(&RunDetails).await?.source_version.clone()),
            LinkSource::Run => None,
        };
        if commit.as_deref() == Some("") {
            return Err(FactError::because("Azure DevOps does not give the run's commit"));
        }
        let ids = distinct(&gatherer.azure_devops.linked_work_items(commit.as_deref()).await?)?;
        let mut items = Vec::with_capacity(ids.len());
        for batch in ids.chunks(BATCH) {
            items.extend(gatherer.azure_devops.work_items(batch).await?);
        }
        let hidden: Vec<String> =
            ids.iter().filter(|id| !items.iter().any(|item| item.id == **id)).map(u64::to_string).collect();
        if !hidden.is_empty() {
            return Err(FactError::because(format!(
                "work item {} cannot be read; let the pipeline's build service view it (\"View work items in this node\")",
                hidden.join(", ")
            )));
        }
        if self.with_categories {
            for item in &mut items {
                let fact = StatesOf(WorkItemType { project: item.project.clone(), kind: item.kind.clone() });
                let states = gatherer.get(&fact).await?;
                let state = states.iter().find(|(name, _)| name.eq_ignore_ascii_case(&item.state));
                item.category = state.map(|(_, category)| category.clone());
                if item.category.is_none() {
                    gatherer.azure_devops.found_unknown_state(&fact.0);
                }
            }
        }
        Ok(items)
    }
}

/// The ids of links, each once. They are read all or not at all: otherwise a check could pass while the rest is not done.
pub(super) fn distinct(links: &[String]) -> Result<Vec<u64>, FactError> {
    if links.len() >= BATCH {
        return Err(FactError::because(format!(
            "the run has {BATCH} or more linked work items, more than one evaluation reads"
        )));
    }
    let id = |link: &String| {
        link.parse().map_err(|_| FactError::because("Azure DevOps answered a work item whose id is not a number"))
    };
    let ids: BTreeSet<u64> = links.iter().map(id).collect::<Result<_, _>>()?;
    Ok(ids.into_iter().collect())
}

/// The states of one work item type, with their categories.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct StatesOf(WorkItemType);

impl Fact for StatesOf {
    type Value = States;

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<States, FactError> {
        Ok(gatherer.azure_devops.type_states(&self.0, gatherer.delivered_at).await?)
    }
}

/// The ids of the work items that a query finds, in ascending order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WorkItemQuery {
    /// The query. It comes from the check, never from the pipeline.
    pub wiql: String,
}

impl Fact for WorkItemQuery {
    type Value = Vec<u64>;

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<Vec<u64>, FactError> {
        let ids = gatherer.azure_devops.query(&self.wiql).await?;
        ids.ok_or_else(|| FactError::because("the work item query was answered without work items or links"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: impl IntoIterator<Item = String>) -> Result<Vec<u64>, String> {
        distinct(&ids.into_iter().collect::<Vec<_>>()).map_err(|error| error.why)
    }

    #[test]
    fn links_are_read_all_or_not_at_all() {
        assert_eq!(ids(["7", "3", "7"].map(str::to_owned)), Ok(vec![3, 7]));
        assert_eq!(ids((1..200).map(|id| id.to_string())).map(|ids| ids.len()), Ok(199));
        let many = "the run has 200 or more linked work items, more than one evaluation reads";
        assert_eq!(ids((1..=200).map(|id| id.to_string())), Err(many.to_owned()));
        let odd = "Azure DevOps answered a work item whose id is not a number";
        assert_eq!(ids(["7", "vstfs:8"].map(str::to_owned)), Err(odd.to_owned()));
    }
}
