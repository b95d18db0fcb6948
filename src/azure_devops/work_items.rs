//! Work items that are linked to a run, with the category of their state.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::build::TheRun;
use super::type_states::TypeStates;
use super::{Error, Session, Wrapped};
use crate::facts::{Fact, Gatherer, Unmeasured};

/// How many work items one call may ask for.
const BATCH: usize = 200;

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

/// A work item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkItem {
    /// Its id.
    pub id: u64,
    /// Its type, such as `User Story`.
    pub kind: String,
    /// Its title.
    pub title: String,
    /// The name of its state.
    pub state: String,
    /// Its project, which need not be the run's.
    pub project: String,
    /// The category of its state, where it was asked for and its type still knows the state.
    pub category: Option<String>,
}

impl fmt::Display for WorkItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} \"{}\" is {}", self.kind, self.id, self.title, self.state)
    }
}

/// The fact: the work items linked to the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkedWorkItems {
    /// Which links count.
    pub source: LinkSource,
    /// Whether the categories of their states are needed.
    pub with_categories: bool,
}

#[derive(Debug, Deserialize)]
struct ResourceRef {
    id: String,
}

#[derive(Debug, Deserialize)]
struct WorkItemAnswer {
    id: u64,
    fields: BTreeMap<String, Value>,
}

impl Session<'_> {
    /// The ids of the work items linked to a commit of the run, or to the run as a whole.
    async fn linked_ids(&self, commit: Option<&str>) -> Result<Vec<u64>, Unmeasured> {
        let path = self.in_project(&format!("build/builds/{}/workitems?$top={BATCH}", self.build_id()?));
        let what = "read the work items linked to the run";
        let links: Wrapped<ResourceRef> = match commit {
            Some(commit) => self.post(what, &path, &json!([commit])).await?,
            None => self.get(what, &path).await?,
        };
        distinct(&links.value)
    }

    /// Reads work items of any project. Those that the build service may not see are missing from the answer.
    async fn work_items(&self, ids: &[u64]) -> Result<Vec<WorkItem>, Error> {
        let body = json!({
            "ids": ids,
            "fields": ["System.Title", "System.State", "System.WorkItemType", "System.TeamProject"],
            "errorPolicy": "omit",
        });
        let answer: Wrapped<Option<WorkItemAnswer>> =
            self.post("read the work items", "_apis/wit/workitemsbatch", &body).await?;
        Ok(answer.value.into_iter().flatten().map(WorkItem::from).collect())
    }
}

/// The ids of links, each once. Some of them are no answer: a check over a part would pass where the rest is not done.
fn distinct(links: &[ResourceRef]) -> Result<Vec<u64>, Unmeasured> {
    if links.len() >= BATCH {
        return Err(Unmeasured::because(format!(
            "the run has {BATCH} or more linked work items, more than one evaluation reads"
        )));
    }
    let id = |link: &ResourceRef| {
        link.id.parse().map_err(|_| Unmeasured::because("Azure DevOps answered a work item whose id is no number"))
    };
    let ids: BTreeSet<u64> = links.iter().map(id).collect::<Result<_, _>>()?;
    Ok(ids.into_iter().collect())
}

impl From<WorkItemAnswer> for WorkItem {
    fn from(answer: WorkItemAnswer) -> Self {
        let field = |name| answer.fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self {
            id: answer.id,
            kind: field("System.WorkItemType"),
            title: field("System.Title"),
            state: field("System.State"),
            project: field("System.TeamProject"),
            category: None,
        }
    }
}

impl Fact for LinkedWorkItems {
    type Value = Vec<WorkItem>;

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<Vec<WorkItem>, Unmeasured> {
        let commit = match self.source {
            LinkSource::Commit => Some(gatherer.get(&TheRun).await?.source_version.clone()),
            LinkSource::Run => None,
        };
        if commit.as_deref() == Some("") {
            return Err(Unmeasured::because("Azure DevOps does not tell the run's commit"));
        }
        let ids = gatherer.azure_devops.linked_ids(commit.as_deref()).await?;
        let mut items = Vec::with_capacity(ids.len());
        for batch in ids.chunks(BATCH) {
            items.extend(gatherer.azure_devops.work_items(batch).await?);
        }
        let hidden: Vec<String> =
            ids.iter().filter(|id| !items.iter().any(|item| item.id == **id)).map(u64::to_string).collect();
        if !hidden.is_empty() {
            return Err(Unmeasured::because(format!(
                "work item {} cannot be read; let the pipeline's build service view it (\"View work items in this node\")",
                hidden.join(", ")
            )));
        }
        if self.with_categories {
            for item in &mut items {
                let fact = TypeStates { project: item.project.clone(), kind: item.kind.clone() };
                let states = gatherer.get(&fact).await?;
                let state = states.iter().find(|(name, _)| name.eq_ignore_ascii_case(&item.state));
                item.category = state.map(|(_, category)| category.clone());
                if item.category.is_none() {
                    gatherer.azure_devops.found_unknown_state(&fact);
                }
            }
        }
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: impl IntoIterator<Item = String>) -> Result<Vec<u64>, String> {
        let links: Vec<ResourceRef> = ids.into_iter().map(|id| ResourceRef { id }).collect();
        distinct(&links).map_err(|unmeasured| unmeasured.why)
    }

    #[test]
    fn links_are_read_all_or_not_at_all() {
        assert_eq!(ids(["7", "3", "7"].map(str::to_owned)), Ok(vec![3, 7]));
        assert_eq!(ids((1..200).map(|id| id.to_string())).map(|ids| ids.len()), Ok(199));
        let many = "the run has 200 or more linked work items, more than one evaluation reads";
        assert_eq!(ids((1..=200).map(|id| id.to_string())), Err(many.to_owned()));
        let odd = "Azure DevOps answered a work item whose id is no number";
        assert_eq!(ids(["7", "vstfs:8"].map(str::to_owned)), Err(odd.to_owned()));
    }
}

#[cfg(fuzzing)]
pub(super) mod fuzzing {
    use super::super::fuzzing::decode;
    use super::super::type_states::StateAnswer;
    use super::{LinkSource, LinkedWorkItems, ResourceRef, WorkItem, WorkItemAnswer, Wrapped};
    use crate::facts::Facts;

    pub(in super::super) fn read(body: &[u8], facts: &mut Facts) {
        let _ = decode::<Wrapped<ResourceRef>>(body).map(|links| super::distinct(&links.value));
        let category = decode::<Wrapped<StateAnswer>>(body).and_then(|mut states| Some(states.value.pop()?.category));
        let Some(items) = decode::<Wrapped<Option<WorkItemAnswer>>>(body) else { return };
        let items = items.value.into_iter().flatten().map(WorkItem::from);
        let items: Vec<WorkItem> = items.map(|item| WorkItem { category: category.clone(), ..item }).collect();
        for with_categories in [false, true] {
            facts.insert(LinkedWorkItems { source: LinkSource::Commit, with_categories }, Ok(items.clone()));
        }
    }
}
