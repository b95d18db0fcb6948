//! The pull requests that brought the commit of a run, with their reviewers' votes. Azure Repos only.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::build::Identity;
use super::session::Call;
use super::work_items::ResourceRef;
use super::{Error, Session};
use crate::http::json::or_default;

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PullRequest {
    /// Its number.
    #[serde(rename = "pullRequestId")]
    pub id: u64,
    /// Its title.
    #[serde(default, deserialize_with = "or_default")]
    pub title: String,
    /// `active`, `completed` or `abandoned`.
    #[serde(default, deserialize_with = "or_default")]
    pub status: String,
    /// The branch that it changes, in full.
    #[serde(default, deserialize_with = "or_default")]
    pub target_ref_name: String,
    /// The branch that it comes from, in full.
    #[serde(default, deserialize_with = "or_default")]
    pub source_ref_name: String,
    /// Who opened it.
    #[serde(default)]
    pub created_by: Option<Identity>,
    /// Who was asked to review it, or did.
    #[serde(default, deserialize_with = "or_default")]
    pub reviewers: Vec<Reviewer>,
}

/// A reviewer of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reviewer {
    /// Who it is.
    #[serde(flatten)]
    pub identity: Identity,
    /// 10 approved, 5 approved with suggestions, 0 none, -5 waits for the author, -10 rejected.
    #[serde(default, deserialize_with = "or_default")]
    pub vote: i32,
    /// Whether it is a group: its vote repeats that of a member.
    #[serde(default, deserialize_with = "or_default")]
    pub is_container: bool,
}

/// By commit, the pull requests that hold it; one map for each query.
#[derive(Debug, Deserialize)]
pub(super) struct PullRequestQueryAnswer {
    results: Vec<BTreeMap<String, Vec<PullRequest>>>,
}

impl PullRequestQueryAnswer {
    /// Each pull request once, newest first: several queries may find the same one.
    pub(super) fn found(self) -> Vec<PullRequest> {
        let mut found: Vec<PullRequest> = self.results.into_iter().flat_map(BTreeMap::into_values).flatten().collect();
        found.sort_by_key(|pull_request| std::cmp::Reverse(pull_request.id));
        found.dedup_by_key(|pull_request| pull_request.id);
        found
    }
}

impl Session<'_> {
    /// The pull requests that hold a commit, newest first.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn pull_requests_with(&self, repository: Uuid, commit: &str) -> Result<Vec<PullRequest>, Error> {
        let path = self.in_project(&format!("git/repositories/{repository}/pullrequestquery"));
        let queries = json!({ "queries": [
            { "type": "lastMergeCommit", "items": [commit] },
            { "type": "commit", "items": [commit] },
        ]});
        let answer: PullRequestQueryAnswer = self.post("find the pull request of the commit", &path, &queries).await?;
        Ok(answer.found())
    }

    /// One pull request.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn pull_request(&self, repository: Uuid, id: u64) -> Result<PullRequest, Error> {
        let path = self.in_project(&format!("git/repositories/{repository}/pullrequests/{id}"));
        self.get("read the pull request", &path).await
    }

    /// The ids of the work items linked to a pull request, as written.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn pull_request_work_items(&self, repository: Uuid, id: u64) -> Result<Vec<String>, Error> {
        let path = self.in_project(&format!("git/repositories/{repository}/pullrequests/{id}/workitems"));
        let call = Call::get("read the work items linked to the pull request", &path);
        let links: Vec<ResourceRef> = self.list(call).await?;
        Ok(links.into_iter().map(|link| link.id).collect())
    }

    /// The reviewers of a pull request, with their votes.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn reviewers(&self, repository: Uuid, id: u64) -> Result<Vec<Reviewer>, Error> {
        let path = self.in_project(&format!("git/repositories/{repository}/pullrequests/{id}/reviewers"));
        self.list(Call::get("read the votes of the pull request", &path)).await
    }
}
