//! The run that the check guards: Azure DevOps calls it a build.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{Error, ErrorKind, Session};

/// What never changes about a run. It is kept in the queue message, so that it is read once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// The run's id, `$(build.BuildId)`.
    pub id: u64,
    /// The run's number, such as `20260101.3`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub build_number: String,
    /// Why it runs, in Azure DevOps' spelling: `manual`, `pullRequest` …
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Such as `refs/heads/main`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source_branch: String,
    /// The commit.
    #[serde(default, skip_serializing_if = "String::is_empty")]
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
    /// What triggered it, such as `pr.number`.
    #[serde(default, deserialize_with = "texts")]
    pub trigger_info: BTreeMap<String, String>,
}

impl Run {
    /// Whether Azure DevOps gave everything that conditions ask for.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        [&self.reason, &self.source_branch, &self.source_version].iter().all(|text| !text.is_empty())
    }
}

/// What is kept of the trigger's information: the rest says nothing that a check asks for.
const TRIGGERS: [&str; 2] = ["pr.", "ci."];

/// The longest value of it, in bytes: it is kept in the queue message, and a commit message has no limit.
const MAX_TRIGGER: usize = 200;

/// Reads the members that are texts. It is not documented what else Azure DevOps may put there, and no check should fail
/// for it.
fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let members: Option<BTreeMap<String, Value>> = Option::deserialize(deserializer)?;
    let text = |(name, value): (String, Value)| Some((name, cut(value.as_str()?).to_owned()));
    let members = members.unwrap_or_default().into_iter();
    Ok(members.filter(|(name, _)| TRIGGERS.iter().any(|start| name.starts_with(start))).filter_map(text).collect())
}

/// The beginning of a text, cut between two characters.
fn cut(text: &str) -> &str {
    let end = (0..=MAX_TRIGGER.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

/// A person or a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// Its id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// Its name for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub display_name: String,
}

impl Identity {
    /// Whether the two are the same: by id, and where one has none, by name.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        if self.id.is_empty() || other.id.is_empty() {
            return self.display_name.eq_ignore_ascii_case(&other.display_name);
        }
        self.id.eq_ignore_ascii_case(&other.id)
    }
}

/// Something with an id and a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// Its id.
    pub id: u64,
    /// Its name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
}

/// The repository of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// Its id: a GUID in Azure Repos.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// `TfsGit` for Azure Repos.
    #[serde(default, rename = "type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
}

/// What may change about a run while its stage waits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RunState {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    result: Option<String>,
    /// Its tags, when Azure DevOps gives them.
    #[serde(default)]
    pub tags: Option<Vec<String>>,
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
#[derive(Debug, Clone, Deserialize)]
pub struct Build {
    /// What never changes.
    #[serde(flatten)]
    pub run: Run,
    /// What may change.
    #[serde(flatten)]
    pub state: RunState,
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
    fn trigger_info_is_kept_only_where_conditions_ask_for_it_and_is_cut() {
        let info = serde_json::json!({ "ci.message": "\u{20ac}".repeat(100), "pr.number": "7", "other": "x" });
        let run: Run = serde_json::from_value(serde_json::json!({ "id": 1, "triggerInfo": info })).expect("a run");
        let kept: Vec<(&str, usize)> =
            run.trigger_info.iter().map(|(name, text)| (name.as_str(), text.len())).collect();
        assert_eq!(kept, [("ci.message", 198), ("pr.number", 1)]);
    }
}
