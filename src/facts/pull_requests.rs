//! The pull requests that brought the run's commit.

use std::ops::RangeInclusive;

use serde::Serialize;
use uuid::Uuid;

use super::run::{BRANCH, COMMIT, RunDetails};
use super::{Fact, FactError, Gatherer};
use crate::azure_devops::build::Run;
use crate::azure_devops::pull_requests::PullRequest;

/// The most pull requests that are read: each costs a call. Where there are more, all of them count or none.
pub(super) const MAX_PULL_REQUESTS: usize = 20;

/// The pull requests that brought the run's commit, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct RunPullRequests;

impl Fact for RunPullRequests {
    const NAME: &'static str = "pullRequests";

    type Value = Vec<PullRequest>;

    /// The pull requests, and the votes of each.
    fn calls(&self) -> RangeInclusive<usize> {
        1..=1 + MAX_PULL_REQUESTS
    }

    fn of_run(&self) -> &'static [&'static str] {
        &[COMMIT, BRANCH]
    }

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<Vec<PullRequest>, FactError> {
        let (repository, mut found) = without_votes(gatherer).await?;
        for pull_request in &mut found {
            pull_request.reviewers = gatherer.azure_devops.reviewers(repository, pull_request.id).await?;
        }
        Ok(found)
    }
}

/// The pull requests that brought the run's commit, and their repository.
pub(super) async fn without_votes(gatherer: &mut Gatherer<'_>) -> Result<(Uuid, Vec<PullRequest>), FactError> {
    let run = gatherer.get(&RunDetails).await?;
    let (repository, session) = (azure_repository(&run)?, gatherer.azure_devops);
    let found = match validated(&run) {
        Some(id) => vec![session.pull_request(repository, id).await?],
        None if run.source_branch.is_empty() || run.source_version.is_empty() => {
            return Err(FactError::because("Azure DevOps does not give the run's branch and commit"));
        }
        None => that_brought(&run, session.pull_requests_with(repository, &run.source_version).await?)?,
    };
    Ok((repository, found))
}

/// The id of the run's repository, which is in Azure Repos.
pub(super) fn azure_repository(run: &Run) -> Result<Uuid, FactError> {
    let repository = run.repository.as_ref().ok_or_else(|| FactError::because("the run has no repository"))?;
    if !repository.is_in_azure_repos() {
        return Err(FactError::because(format!(
            "the run's repository is of type {}; pull requests can be read from Azure Repos only",
            repository.kind
        )));
    }
    repository.id.parse().map_err(|_| FactError::because("Azure DevOps does not give the id of the run's repository"))
}

/// The number of the pull request that a run validates. Its commit is a temporary merge that no history keeps.
pub(crate) fn validated(run: &Run) -> Option<u64> {
    let reference = run.source_branch.strip_prefix("refs/pull/");
    let from_branch = reference.and_then(|rest| rest.split('/').next()?.parse().ok());
    // A person who queues a run can set what triggered it: that counts only where a pull request is validated.
    let is_validation = reference.is_some() || run.reason.eq_ignore_ascii_case("pullRequest");
    let from_trigger = || run.trigger_info.get("pr.number").filter(|_| is_validation)?.parse().ok();
    from_branch.or_else(from_trigger)
}

/// Those that brought the commit to the run's branch. If there are none: those that brought it to another branch, and open
/// ones from the run's branch. Any other open one only contains the commit.
pub(super) fn that_brought(run: &Run, found: Vec<PullRequest>) -> Result<Vec<PullRequest>, FactError> {
    // Of one that does not say where it stands, nobody knows whether it brought the commit, or keeps others from counting.
    if let Some(vague) = found.iter().find(|pull_request| !says_where_it_stands(pull_request)) {
        let why = format!("Azure DevOps does not give the state and the branches of pull request {}", vague.id);
        return Err(FactError::because(why));
    }
    let is_merged_here = |pull_request: &PullRequest| {
        pull_request.status.eq_ignore_ascii_case("completed") && pull_request.target_ref_name == run.source_branch
    };
    let any_merged_here = found.iter().any(is_merged_here);
    let counts = |it: &PullRequest| match it.status.to_ascii_lowercase().as_str() {
        _ if any_merged_here => is_merged_here(it),
        "completed" => true,
        "abandoned" => false,
        _ => it.source_ref_name == run.source_branch,
    };
    let counted: Vec<PullRequest> = found.into_iter().filter(counts).collect();
    if counted.len() > MAX_PULL_REQUESTS {
        let why = format!(
            "{} pull requests brought the run's commit, more than the {MAX_PULL_REQUESTS} that are read",
            counted.len()
        );
        return Err(FactError::because(why));
    }
    Ok(counted)
}

fn says_where_it_stands(pull_request: &PullRequest) -> bool {
    let is_known = ["active", "completed", "abandoned"].iter().any(|it| pull_request.status.eq_ignore_ascii_case(it));
    is_known && !pull_request.target_ref_name.is_empty() && !pull_request.source_ref_name.is_empty()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(run: serde_json::Value) -> Run {
        serde_json::from_value(run).expect("a run")
    }

    fn chosen(found: &[(u64, &str, &str)]) -> Vec<u64> {
        chosen_on("refs/heads/main", found)
    }

    /// All come from `refs/heads/topic`.
    fn chosen_on(branch: &str, found: &[(u64, &str, &str)]) -> Vec<u64> {
        let run = run(json!({ "id": 7, "sourceBranch": branch }));
        let found = found.iter().map(|(id, status, target)| {
            let pull_request = json!({
                "pullRequestId": id, "status": status, "targetRefName": target, "sourceRefName": "refs/heads/topic",
            });
            serde_json::from_value(pull_request).expect("a pull request")
        });
        that_brought(&run, found.collect()).expect("known states").iter().map(|pull_request| pull_request.id).collect()
    }

    #[test]
    fn the_one_merged_into_the_runs_branch_counts_first() {
        let (main, develop) = ("refs/heads/main", "refs/heads/develop");
        assert_eq!(chosen(&[(3, "active", main), (2, "completed", main), (1, "completed", develop)]), [2]);
        assert_eq!(chosen(&[(3, "active", develop), (1, "completed", develop)]), [1]);
        assert_eq!(chosen(&[(3, "abandoned", main), (1, "active", main)]), [0_u64; 0], "it did not bring the commit");
        assert_eq!(chosen_on("refs/heads/topic", &[(3, "abandoned", main), (1, "active", main)]), [1]);
        assert_eq!(chosen(&[(3, "abandoned", main)]), [0_u64; 0]);
    }

    #[test]
    fn a_pull_request_validation_run_names_its_pull_request() {
        let pull = |run_json| validated(&run(run_json));
        let trigger = json!({ "pr.number": "12" });
        assert_eq!(pull(json!({ "id": 7, "reason": "pullRequest", "triggerInfo": trigger })), Some(12));
        assert_eq!(pull(json!({ "id": 7, "sourceBranch": "refs/pull/13/merge", "triggerInfo": trigger })), Some(13));
        assert_eq!(pull(json!({ "id": 7, "reason": "manual", "triggerInfo": trigger })), None, "anybody may say so");
        assert_eq!(pull(json!({ "id": 7, "sourceBranch": "refs/pull/13/merge" })), Some(13));
        assert_eq!(pull(json!({ "id": 7, "sourceBranch": "refs/heads/main" })), None);
        let odd = json!({ "id": 7, "reason": "pullRequest", "triggerInfo": { "pr.number": "12/../3" } });
        assert_eq!(pull(odd), None);
    }
}
