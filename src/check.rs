//! A check as Azure Pipelines delivered it: who asks, about which run, and by which definition. No I/O.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::checks_file::CheckDefinition;
use crate::plan_url::PlanUrl;

/// The name of the task hub in the callback's URL: `checks` for a check of a YAML pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HubName(String);

impl HubName {
    /// The name as delivered: 1 to 32 letters, so that it is safe in a path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HubName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if (1..=32).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphabetic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err("a hub name of 1 to 32 letters, such as `checks`")
        }
    }
}

impl TryFrom<String> for HubName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<HubName> for String {
    fn from(hub: HubName) -> Self {
        hub.0
    }
}

/// The ids by which Azure Pipelines knows the check, named as its headers are.
///
/// See <https://learn.microsoft.com/azure/devops/pipelines/process/invoke-checks>.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskProperties {
    /// The organisation or collection, `$(system.CollectionUri)`.
    pub plan_url: PlanUrl,
    /// The project, `$(system.TeamProjectId)`.
    pub project_id: Uuid,
    /// The task hub, `$(system.HostType)`.
    pub hub_name: HubName,
    /// The check's own orchestration plan, `$(system.PlanId)`. Not the plan of the run.
    pub plan_id: Uuid,
    /// The job of the check within its plan, `$(system.JobId)`.
    pub job_id: Uuid,
    /// The timeline that holds the check's record; the plan's id where the delivery does not say.
    pub timeline_id: Uuid,
    /// The check's own record in that timeline, `$(system.TaskInstanceId)`.
    pub task_instance_id: Uuid,
    /// The run, `$(build.BuildId)`. Absent when the check reads nothing of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_id: Option<u64>,
}

impl TaskProperties {
    /// What a sealed decision is bound to: the ids *and* the URL, so that neither can be exchanged.
    #[must_use]
    pub fn seal_binding(&self) -> String {
        format!(
            "checkgate/1 {} {} {} {} {} {} {} {:?}",
            self.plan_url,
            self.project_id,
            self.hub_name.as_str(),
            self.plan_id,
            self.job_id,
            self.timeline_id,
            self.task_instance_id,
            self.build_id,
        )
    }
}

/// A delivered check, as it stays from its delivery to its decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// The name in `checks.yaml`, or `inline` for a definition in the delivery's body.
    pub name: String,
    /// Who asks.
    pub properties: TaskProperties,
    /// What must hold, as it was at delivery: a later deployment of `checks.yaml` does not change a waiting check.
    pub definition: CheckDefinition,
    /// The extra headers that the definition declares, validated. Data of whoever wrote the pipeline.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
    /// When the delivery arrived.
    pub delivered_at: DateTime<Utc>,
    /// When the check ends without a verdict of its conditions.
    pub deadline: DateTime<Utc>,
}

/// The final answer to Azure Pipelines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "result")]
pub enum Decision {
    /// The stage may use the resource.
    Approved,
    /// It may not, for this reason (a full sentence for the pipeline's log).
    Rejected {
        /// Why.
        reason: String,
    },
}

impl Decision {
    /// The word for the decision in the body of the callback: a `TaskResult` of Azure DevOps.
    #[must_use]
    pub const fn task_result(&self) -> &'static str {
        match self {
            Self::Approved => "succeeded",
            Self::Rejected { .. } => "failed",
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.task_result())
    }
}
