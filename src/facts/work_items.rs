//! The work items that are linked to the run, or that a query finds.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pull_requests::{MAX_PULL_REQUESTS, azure_repository, validated, without_votes};
use super::run::{BRANCH, COMMIT, RunDetails};
use super::{Fact, FactError, Gatherer};
use crate::azure_devops::build::{Repository, Run};
use crate::azure_devops::queries::Found;
use crate::azure_devops::type_states::{States, WorkItemType};
use crate::azure_devops::work_items::{BATCH, WorkItem};
use crate::text::is_same;

/// Of how many commits the platform lists the work items. From public reports; today's number is not documented.
pub(super) const MAX_COMMITS: usize = 200;

/// Which links between a run and its work items count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LinkSource {
    /// Those of the run's source version: the commit that triggered it.
    #[default]
    Commit,
    /// All that are associated with the run: those of every commit since the last successful one.
    Run,
    /// Those of the pull requests that brought the run's commit.
    PullRequest,
}

impl fmt::Display for LinkSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Commit => "run's commit",
            Self::Run => "run",
            Self::PullRequest => "run's pull request",
        })
    }
}

/// The work items linked to the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkedWorkItems {
    /// Which links count.
    pub source: LinkSource,
    /// Whether the categories of their states are needed.
    pub with_categories: bool,
}

impl Fact for LinkedWorkItems {
    const NAME: &'static str = "workItems";

    type Value = Vec<WorkItem>;

    /// The links, and the work items if there are any. The states of their types are kept.
    fn calls(&self) -> RangeInclusive<usize> {
        let links = match self.source {
            LinkSource::Commit => 1..=1,
            // The commits are counted.
            LinkSource::Run => 2..=2,
            LinkSource::PullRequest => 1..=1 + MAX_PULL_REQUESTS,
        };
        *links.start()..=links.end() + 1
    }

    fn of_run(&self) -> &'static [&'static str] {
        match self.source {
            LinkSource::Commit => &[COMMIT],
            LinkSource::Run => &[],
            LinkSource::PullRequest => &[COMMIT, BRANCH],
        }
    }

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<Vec<WorkItem>, FactError> {
        let ids = self.ids(gatherer).await?;
        let mut items = Vec::with_capacity(ids.len());
        for batch in ids.chunks(BATCH) {
            items.extend(gatherer.azure_devops.work_items(batch).await?);
        }
        let hidden: Vec<String> =
            ids.iter().filter(|id| !items.iter().any(|item| item.id == **id)).map(u64::to_string).collect();
        if !hidden.is_empty() {
            return Err(FactError::because(format!(
                "work item {} cannot be read: if it was deleted, remove the link or restore it; if not, let the pipeline's build service view it (\"View work items in this node\")",
                hidden.join(", ")
            )));
        }
        if self.with_categories {
            for item in &mut items {
                let fact = StatesOf(WorkItemType { project: item.project.clone(), kind: item.kind.clone() });
                let states = gatherer.get(&fact).await?;
                let state = states.iter().find(|(name, _)| is_same(name, &item.state));
                item.category = state.map(|(_, category)| category.clone());
                if item.category.is_none() {
                    gatherer.azure_devops.found_unknown_state(&fact.0);
                }
            }
        }
        Ok(items)
    }
}

impl LinkedWorkItems {
    /// The ids of the linked work items. None is an answer only of a platform that would know of some.
    async fn ids(self, gatherer: &mut Gatherer<'_>) -> Result<Vec<u64>, FactError> {
        let links = match self.source {
            LinkSource::Commit => of_commit(gatherer).await?,
            LinkSource::Run => of_run(gatherer).await?,
            LinkSource::PullRequest => of_pull_requests(gatherer).await?,
        };
        let ids = distinct(&links)?;
        if ids.is_empty() {
            expect_links(&*gatherer.get(&RunDetails).await?)?;
        }
        Ok(ids)
    }
}

/// The links of the commit that triggered the run. A run that validates a pull request builds a temporary merge commit,
/// which no work item mentions: the links of the pull request stand for it.
async fn of_commit(gatherer: &mut Gatherer<'_>) -> Result<Vec<String>, FactError> {
    let run = gatherer.get(&RunDetails).await?;
    let is_in_azure_repos = run.repository.as_ref().is_some_and(Repository::is_in_azure_repos);
    if let Some(id) = validated(&run).filter(|_| is_in_azure_repos) {
        return Ok(gatherer.azure_devops.pull_request_work_items(azure_repository(&run)?, id).await?);
    }
    if run.source_version.is_empty() {
        return Err(FactError::because("Azure DevOps does not give the run's commit"));
    }
    Ok(gatherer.azure_devops.linked_work_items(Some(&run.source_version)).await?)
}

/// The links of all commits of the run, unless there are so many that the platform may not have looked at all of them.
async fn of_run(gatherer: &mut Gatherer<'_>) -> Result<Vec<String>, FactError> {
    if gatherer.azure_devops.count_commits(MAX_COMMITS + 1).await? >= MAX_COMMITS {
        return Err(FactError::because(format!(
            "the run has {MAX_COMMITS} or more commits, and Azure DevOps may list the work items of the first {MAX_COMMITS} only; run the pipeline more often, or use `source: commit`"
        )));
    }
    Ok(gatherer.azure_devops.linked_work_items(None).await?)
}

async fn of_pull_requests(gatherer: &mut Gatherer<'_>) -> Result<Vec<String>, FactError> {
    let (repository, found) = without_votes(gatherer).await?;
    let mut links = Vec::new();
    for pull_request in found {
        links.extend(gatherer.azure_devops.pull_request_work_items(repository, pull_request.id).await?);
    }
    Ok(links)
}

/// # Errors
///
/// When Azure DevOps knows of no links between the commits of the run's repository and work items.
fn expect_links(run: &Run) -> Result<(), FactError> {
    match run.repository.as_ref() {
        Some(repository) if repository.links_work_items() => Ok(()),
        Some(repository) if !repository.kind.is_empty() => Err(FactError::because(format!(
            "the run's repository is of type {}: for such a run Azure DevOps lists no work items, whatever its commits mention, so it is not known whether there are any",
            repository.kind
        ))),
        _ => Err(FactError::because("Azure DevOps does not give the type of the run's repository")),
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
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
struct StatesOf(WorkItemType);

impl Fact for StatesOf {
    const NAME: &'static str = "workItemStates";

    type Value = States;

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<States, FactError> {
        Ok(gatherer.azure_devops.type_states(&self.0, gatherer.delivered_at).await?)
    }
}

/// The work items that a query finds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct WorkItemQuery {
    /// The query. It comes from the check, never from the pipeline.
    pub wiql: String,
}

impl Fact for WorkItemQuery {
    const NAME: &'static str = "query";

    type Value = Found;

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<Found, FactError> {
        let found = gatherer.azure_devops.query(&self.wiql).await?;
        found.ok_or_else(|| FactError::because("the work item query was answered without work items or links"))
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
