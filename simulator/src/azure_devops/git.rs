//! Azure Repos: pull requests and their reviewers.

use serde_json::{Value, json};
use uuid::Uuid;

use super::plan::date;
use super::state::State;
use chrono::{DateTime, Utc};

/// A pull request.
#[derive(Clone, Debug)]
pub struct PullRequest {
    /// Its number, unique in the organization.
    pub id: u64,
    /// Name of its repository.
    pub repository: String,
    /// Id of its repository.
    pub repository_id: Uuid,
    /// `active`, `completed` or `abandoned`.
    pub status: String,
    /// Title.
    pub title: String,
    /// Display name of who opened it.
    pub created_by: String,
    /// When it was opened.
    pub creation_date: DateTime<Utc>,
    /// Full reference of the source.
    pub source_branch: String,
    /// Full reference of the target.
    pub target_branch: String,
    /// Commits that it brings.
    pub commits: Vec<String>,
    /// The merge commit, which a pull request's own run builds.
    pub last_merge_commit: String,
    /// Who reviews it, with their votes.
    pub reviewers: Vec<Reviewer>,
    /// Linked work items.
    pub work_items: Vec<u64>,
}

/// A reviewer's vote.
#[derive(Clone, Debug)]
pub struct Reviewer {
    /// Identity.
    pub id: Uuid,
    /// Display name.
    pub name: String,
    /// 10 approved, 5 approved with suggestions, 0 none, -5 waiting, -10 rejected.
    pub vote: i8,
    /// Whether the vote is required.
    pub is_required: bool,
}

impl State {
    /// Opens a pull request that brings this commit to `main`.
    pub fn pull_request(&mut self, id: u64, commit: &str) -> &mut PullRequest {
        self.pull_requests.retain(|known| known.id != id);
        self.pull_requests.push(PullRequest {
            id,
            repository: "FabrikamFiber".to_owned(),
            repository_id: uuid::uuid!("5febef5a-833d-4e14-b9c0-14cb638f91e6"),
            status: "active".to_owned(),
            title: format!("Pull request {id}"),
            created_by: "Johnnie McLeod".to_owned(),
            creation_date: self.clock.now(),
            source_branch: "refs/heads/topic".to_owned(),
            target_branch: "refs/heads/main".to_owned(),
            commits: vec![commit.to_owned()],
            last_merge_commit: commit.to_owned(),
            reviewers: Vec::new(),
            work_items: Vec::new(),
        });
        let last = self.pull_requests.len() - 1;
        &mut self.pull_requests[last]
    }
}

impl PullRequest {
    /// Adds a reviewer, or changes the vote of the one with this name.
    pub fn vote(&mut self, name: &str, vote: i8) -> &mut Self {
        if let Some(known) = self.reviewers.iter_mut().find(|reviewer| reviewer.name == name) {
            known.vote = vote;
        } else {
            self.reviewers.push(Reviewer { id: Uuid::new_v4(), name: name.to_owned(), vote, is_required: false });
        }
        self
    }

    pub(super) fn is_in(&self, repository: &str) -> bool {
        self.repository.eq_ignore_ascii_case(repository) || Uuid::try_parse(repository).ok() == Some(self.repository_id)
    }

    pub(super) fn to_json(&self, collection: &str) -> Value {
        json!({
            "repository": {"id": self.repository_id, "name": self.repository},
            "pullRequestId": self.id,
            "status": self.status,
            "title": self.title,
            "createdBy": {"displayName": self.created_by},
            "creationDate": date(self.creation_date),
            "sourceRefName": self.source_branch,
            "targetRefName": self.target_branch,
            "mergeStatus": "succeeded",
            "lastMergeCommit": {"commitId": self.last_merge_commit},
            "reviewers": self.reviewers.iter().map(Reviewer::to_json).collect::<Vec<_>>(),
            "url": format!("{collection}_apis/git/repositories/{}/pullRequests/{}", self.repository_id, self.id),
        })
    }
}

impl Reviewer {
    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "displayName": self.name,
            "uniqueName": self.name,
            "vote": self.vote,
            "isRequired": self.is_required,
            "hasDeclined": false,
            "isContainer": false,
            "votedFor": [],
        })
    }
}
