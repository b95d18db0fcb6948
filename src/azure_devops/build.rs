//! The run that the check guards: Azure DevOps calls it a build.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{Error, ErrorKind, Session};
use crate::http::json::or_default;
use crate::text::is_same;

/// What never changes about a run. It is kept in the queue message, so that it is read once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// The run's id, `$(build.BuildId)`.
    pub id: u64,
    /// The run's number, such as `20260101.3`.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub build_number: String,
    /// Why it runs, in Azure DevOps' spelling: `manual`, `pullRequest` …
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Such as `refs/heads/main`.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub source_branch: String,
    /// The commit.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub source_version: String,
    /// Who asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_for: Option<Identity>,
    /// The pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<Reference>,
    /// The repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<Repository>,
    /// The number of the pull request that it validates, as `pr.number`.
    #[serde(default, deserialize_with = "pull_request_number")]
    pub trigger_info: BTreeMap<String, String>,
}

impl Run {
    /// Whether Azure DevOps gave everything that conditions ask for.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        [&self.reason, &self.source_branch, &self.source_version].iter().all(|text| !text.is_empty())
    }
}

/// The number of the pull request that a run validates: all that is kept of what triggered it. The rest has no bounds, and
/// the run travels in the queue message; [`RunState::trigger_info`] has it.
const PULL_REQUEST_NUMBER: &str = "pr.number";

/// The longest number. Anybody who queues a run may write any text there.
const MAX_NUMBER: usize = 20;

fn pull_request_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let members: Option<BTreeMap<String, Value>> = Option::deserialize(deserializer)?;
    let number = members.unwrap_or_default().remove(PULL_REQUEST_NUMBER);
    let number = number.as_ref().and_then(Value::as_str).filter(|number| number.len() <= MAX_NUMBER);
    Ok(number.map(|number| (PULL_REQUEST_NUMBER.to_owned(), number.to_owned())).into_iter().collect())
}

/// A person or a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// Its id.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// Its name for people.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub display_name: String,
}

impl Identity {
    /// Whether it says who it is.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        !(self.id.is_empty() && self.display_name.is_empty())
    }

    /// Whether the two are the same: by id, and where one has none, by name. `None` where nothing can be compared.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> Option<bool> {
        let both = |one: &str, two: &str| !one.is_empty() && !two.is_empty();
        if both(&self.id, &other.id) {
            return Some(self.id.eq_ignore_ascii_case(&other.id));
        }
        both(&self.display_name, &other.display_name).then(|| is_same(&self.display_name, &other.display_name))
    }
}

/// Something with an id and a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reference {
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// Its name.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub name: String,
}

/// The repository of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Repository {
    /// Its id: a GUID in Azure Repos.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// `TfsGit` for Azure Repos.
    #[serde(default, rename = "type", deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub kind: String,
}

/// What may change about a run while its stage waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunState {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    result: Option<String>,
    /// Its tags, when Azure DevOps gives them.
    #[serde(default)]
    pub tags: Option<Vec<String>>,
    /// What triggered the run, as Azure DevOps sent it, such as `ci.message` and `scheduleName`.
    #[serde(default, rename = "triggerInfo")]
    pub trigger_info: Option<BTreeMap<String, Value>>,
}

impl RunState {
    /// Whether the run was cancelled, or is about to be: then nobody waits for the check. If a run ended in another way,
    /// the check may still be waited for.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        match self.status.as_deref() {
            Some("cancelling") => true,
            Some("completed") => self.result.as_deref() == Some("canceled"),
            _ => false,
        }
    }
}

/// A run with both its sides, as one call answers it.
#[derive(Debug, Clone)]
pub struct Build {
    /// What never changes.
    pub run: Run,
    /// What may change.
    pub state: RunState,
}

impl<'de> Deserialize<'de> for Build {
    /// Reads both sides out of the same members.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = Value::deserialize(deserializer)?;
        let run = Run::deserialize(&members).map_err(D::Error::custom)?;
        let state = RunState::deserialize(&members).map_err(D::Error::custom)?;
        Ok(Self { run, state })
    }
}

impl Run {
    /// Whether another pipeline's run started this one. Its branch and commit are its own all the same.
    #[must_use]
    pub fn was_started_by_another(&self) -> bool {
        ["buildCompletion", "resourceTrigger"].iter().any(|reason| self.reason.eq_ignore_ascii_case(reason))
    }
}

impl Repository {
    /// Whether it is in Azure Repos, as Git.
    #[must_use]
    pub fn is_in_azure_repos(&self) -> bool {
        self.kind.eq_ignore_ascii_case("TfsGit")
    }

    /// Whether Azure DevOps lists the work items of its commits. For repositories elsewhere it answers an empty list.
    #[must_use]
    pub fn links_work_items(&self) -> bool {
        self.is_in_azure_repos() || self.kind.eq_ignore_ascii_case("TfsVersionControl")
    }
}

impl Session<'_> {
    /// Reads the run.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn build(&self) -> Result<Build, Error> {
        let path = format!("build/builds/{}", self.build_id()?);
        self.get("read the run", &self.in_project(&path)).await
    }

    /// The id of the run that the delivery named.
    ///
    /// # Errors
    ///
    /// When it named none.
    pub fn build_id(&self) -> Result<u64, Error> {
        self.properties().build_id.ok_or_else(|| {
            Error::new(
                "read the run",
                ErrorKind::BadRequest,
                "the delivery has no header `BuildId`; add `\"BuildId\": \"$(build.BuildId)\"`",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_with_odd_trigger_info_is_still_a_run() {
        for odd in ["null", "{}", r#"{"pr.number":"7","nested":{"a":1},"none":null}"#] {
            let build: Build = serde_json::from_str(&format!(r#"{{"id":101,"triggerInfo":{odd}}}"#)).expect("a run");
            assert_eq!(build.run.trigger_info.contains_key("pr.number"), odd.contains("pr.number"));
        }
    }

    #[test]
    fn the_message_keeps_a_number_of_the_trigger_and_an_expression_sees_all_of_it() {
        let message = "\u{20ac}".repeat(100);
        let info = serde_json::json!({ "ci.message": message, "pr.number": "7", "scheduleName": "nightly" });
        let build: Build =
            serde_json::from_value(serde_json::json!({ "id": 1, "triggerInfo": info.clone() })).expect("a run");
        assert_eq!(
            serde_json::to_value(&build.run).expect("JSON")["triggerInfo"],
            serde_json::json!({ "pr.number": "7" })
        );
        assert_eq!(serde_json::to_value(&build.state.trigger_info).expect("JSON"), info);
        let long = serde_json::json!({ "id": 1, "triggerInfo": { "pr.number": "7".repeat(21) } });
        assert!(serde_json::from_value::<Build>(long).expect("a run").run.trigger_info.is_empty());
    }

    #[test]
    fn a_member_that_is_null_is_absent() {
        let with_nulls = serde_json::json!({
            "id": 7, "buildNumber": null, "reason": null, "sourceBranch": null, "sourceVersion": null, "status": null,
            "result": null, "requestedFor": { "id": null, "displayName": null }, "tags": null, "triggerInfo": null,
            "definition": { "id": null, "name": null }, "repository": { "id": null, "type": null },
        });
        let build: Build = serde_json::from_value(with_nulls).expect("a run");
        assert!(!build.run.is_complete() && !build.state.is_cancelled());
        assert_eq!(build.run.definition.expect("a pipeline").id, None);
        assert_eq!(build.run.repository.expect("a repository").kind, "");
    }
}
