//! What a test or a demo does to repositories.

use super::organization::State;
use super::pull_request::PullRequest;

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
