//! Work items that are linked to a run, with the category of their state.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::build::TheRun;
use super::{Error, Session, Wrapped};
use crate::facts::{Fact, Gatherer, Unmeasured};
use crate::plan_url::PlanUrl;

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

/// How much older than a check the states of a work item type may be that it uses: a process changes rarely, and a check
/// that waits for days need not read them again at every look.
const KEEP_STATES: TimeDelta = TimeDelta::hours(1);

/// How many types' states are kept before all are forgotten.
const MAX_KEPT: usize = 1_000;

/// The states of work item types that the process has read, with their categories and the time of reading.
#[derive(Debug, Default)]
pub(super) struct KeptStates(Mutex<HashMap<(PlanUrl, TypeStates), ReadStates>>);

type ReadStates = (DateTime<Utc>, States);

/// The names of states with their categories.
type States = Vec<(String, String)>;

impl KeptStates {
    fn get(&self, plan_url: &PlanUrl, kind: &TypeStates, since: DateTime<Utc>) -> Option<States> {
        let kept = self.0.lock().ok()?;
        let (read_at, states) = kept.get(&(plan_url.clone(), kind.clone()))?;
        (*read_at >= since).then(|| states.clone())
    }

    /// Forgets the states of a type that were read before `since`: they do not tell all.
    fn forget(&self, plan_url: &PlanUrl, kind: &TypeStates, since: DateTime<Utc>) {
        let Ok(mut kept) = self.0.lock() else { return };
        kept.retain(|(url, other), (read_at, _)| url != plan_url || other != kind || *read_at >= since);
    }

    fn keep(&self, plan_url: &PlanUrl, kind: &TypeStates, now: DateTime<Utc>, states: &States) {
        let Ok(mut kept) = self.0.lock() else { return };
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert((plan_url.clone(), kind.clone()), (now, states.clone()));
    }
}

/// The fact: the states of one work item type. Kept by the process for a while.
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

    /// The states of a work item type, with their categories, for a check that was delivered at `delivered_at`.
    async fn type_states(&self, kind: &TypeStates, delivered_at: DateTime<Utc>) -> Result<States, Error> {
        let (plan_url, now) = (&self.properties.plan_url, self.azure_devops.clock.now());
        if let Some(states) = self.azure_devops.states.get(plan_url, kind, delivered_at - KEEP_STATES) {
            return Ok(states);
        }
        let path = format!("{}/_apis/wit/workitemtypes/{}/states", segment(&kind.project), segment(&kind.kind));
        let answer: Wrapped<StateAnswer> = self.get("read the states of a work item type", &path).await?;
        let states: States = answer.value.into_iter().map(|state| (state.name, state.category)).collect();
        // A type without states is a hiccup of the server, not worth keeping.
        if !states.is_empty() {
            self.azure_devops.states.keep(plan_url, kind, now, &states);
        }
        Ok(states)
    }

    /// A work item is in a state that its type does not have, as far as is known: the type is read again at the next look,
    /// unless that was done within the hour.
    fn found_unknown_state(&self, kind: &TypeStates) {
        let since = self.azure_devops.clock.now() - KEEP_STATES;
        self.azure_devops.states.forget(&self.properties.plan_url, kind, since);
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

impl Fact for TypeStates {
    type Value = States;

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<Self::Value, Unmeasured> {
        Ok(gatherer.azure_devops.type_states(self, gatherer.check.delivered_at).await?)
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
    use super::{LinkSource, LinkedWorkItems, ResourceRef, StateAnswer, WorkItem, WorkItemAnswer, Wrapped};
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
