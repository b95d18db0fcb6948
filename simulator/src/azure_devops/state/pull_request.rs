//! Azure Repos: pull requests and their reviewers.

use chrono::{DateTime, Utc};
use uuid::Uuid;

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
    /// Display name of its author.
    pub created_by: String,
    /// When it was opened.
    pub creation_date: DateTime<Utc>,
    /// Full reference of the source.
    pub source_branch: String,
    /// Full reference of the target.
    pub target_branch: String,
    /// Its commits.
    pub commits: Vec<String>,
    /// The merge commit. A run of the pull request builds it.
    pub last_merge_commit: String,
    /// Its reviewers with their votes.
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

    pub(crate) fn is_in(&self, repository: &str) -> bool {
        self.repository.eq_ignore_ascii_case(repository) || Uuid::try_parse(repository).ok() == Some(self.repository_id)
    }
}
