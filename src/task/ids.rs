//! The ids by which Azure Pipelines knows a check.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::plan_url::PlanUrl;

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

    /// Whether it is the hub of the gates of classic releases, whose events carry other ids than those of a check.
    #[must_use]
    pub fn is_of_gates(&self) -> bool {
        self.0.eq_ignore_ascii_case("Gates")
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
