//! Work items that are linked to a run, with the category of their state.

use std::collections::BTreeMap;
use std::fmt;

use chrono::SecondsFormat;
use schemars::JsonSchema;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::session::{Call, Wrapped};
use super::{Error, Session};

/// How many work items one call may ask for.
pub const BATCH: usize = 200;

/// A work item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkItem {
    /// Its id.
    pub id: u64,
    /// Its type, such as `User Story`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its title.
    #[serde(default)]
    pub title: String,
    /// The name of its state.
    pub state: String,
    /// Its project, which need not be the run's.
    #[serde(default)]
    pub project: String,
    /// The category of its state, where it was asked for and its type still knows the state.
    #[serde(default)]
    pub category: Option<String>,
}

impl fmt::Display for WorkItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} \"{}\" is {}", self.kind, self.id, self.title, self.state)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct ResourceRef {
    pub(super) id: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct WorkItemAnswer {
    id: u64,
    fields: BTreeMap<String, Value>,
}

impl Session<'_> {
    /// The ids of the work items linked to a commit of the run, or to the run as a whole; at most [`BATCH`], as written.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn linked_work_items(&self, commit: Option<&str>) -> Result<Vec<String>, Error> {
        let path = self.in_project(&format!("build/builds/{}/workitems?$top={BATCH}", self.build_id()?));
        let what = "read the work items linked to the run";
        let call = match commit {
            Some(commit) => Call::post(what, &path, json!([commit])),
            None => Call::get(what, &path),
        };
        let links: Vec<ResourceRef> = self.list(call).await?;
        Ok(links.into_iter().map(|link| link.id).collect())
    }

    /// How many commits the run has; at most `most` are counted.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn count_commits(&self, most: usize) -> Result<usize, Error> {
        let path = self.in_project(&format!("build/builds/{}/changes?$top={most}", self.build_id()?));
        let (changes, next) = self.first_page::<IgnoredAny>(Call::get("read the run's commits", &path)).await?;
        Ok(if next.is_some() { most } else { changes.len() })
    }

    /// Reads work items of any project. Those that the build service may not see are missing from the answer.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn work_items(&self, ids: &[u64]) -> Result<Vec<WorkItem>, Error> {
        let mut body = json!({
            "ids": ids,
            "fields": ["System.Title", "System.State", "System.WorkItemType", "System.TeamProject"],
            "errorPolicy": "omit",
        });
        if let Some(as_of) = self.azure_devops.options.as_of {
            body["asOf"] = json!(as_of.to_rfc3339_opts(SecondsFormat::Millis, true));
        }
        let answer: Wrapped<Option<WorkItemAnswer>> =
            self.post("read the work items", "_apis/wit/workitemsbatch", &body).await?;
        Ok(answer.value.into_iter().flatten().map(WorkItem::from).collect())
    }
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
