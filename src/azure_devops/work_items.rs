//! Work items that are linked to a run, with the category of their state.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::build::TheRun;
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

/// The fact: the states of one work item type. Kept by the process for a while, see [`crate::facts`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TypeStates {
    /// The project, by name: it is what a work item tells.
    pub project: String,
    /// The type.
    pub kind: String,
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

#[derive(Debug, Deserialize)]
struct StateAnswer {
    name: String,
    category: String,
}

impl Session<'_> {
    /// The ids of the work items linked to a commit of the run, or to the run as a whole.
    async fn linked_ids(&self, commit: Option<&str>) -> Result<Vec<u64>, Error> {
        let path = self.in_project(&format!("build/builds/{}/workitems?$top={BATCH}", self.build_id()?));
        let what = "read the work items linked to the run";
        let links: Wrapped<ResourceRef> = match commit {
            Some(commit) => self.post(what, &path, &json!([commit])).await?,
            None => self.get(what, &path).await?,
        };
        let ids: BTreeSet<u64> = links.value.iter().filter_map(|link| link.id.parse().ok()).collect();
        Ok(ids.into_iter().collect())
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

    /// The states of a work item type, with their categories.
    async fn type_states(&self, project: &str, kind: &str) -> Result<Vec<(String, String)>, Error> {
        let path = format!("{}/_apis/wit/workitemtypes/{}/states", segment(project), segment(kind));
        let states: Wrapped<StateAnswer> = self.get("read the states of a work item type", &path).await?;
        Ok(states.value.into_iter().map(|state| (state.name, state.category)).collect())
    }
}

/// Escapes text that becomes one segment of a path.
fn segment(text: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    encoded.replace('+', "%20")
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
            }
        }
        Ok(items)
    }
}

impl Fact for TypeStates {
    type Value = Vec<(String, String)>;

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<Self::Value, Unmeasured> {
        Ok(gatherer.azure_devops.type_states(&self.project, &self.kind).await?)
    }
}
