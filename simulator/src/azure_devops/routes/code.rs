//! Pull requests and their reviewers.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::answers::{Answer, Refusal};
use super::ask::{Ask, project};
use crate::azure_devops::state::{PullRequest, Reviewer, State, WordOrNumber, date};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Queries {
    queries: Vec<Query>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    items: Vec<String>,
    #[serde(rename = "type")]
    kind: QueryKind,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", try_from = "WordOrNumber")]
enum QueryKind {
    LastMergeCommit,
    Commit,
}

impl TryFrom<WordOrNumber> for QueryKind {
    type Error = String;

    fn try_from(sent: WordOrNumber) -> Result<Self, String> {
        sent.among(&[Self::LastMergeCommit, Self::Commit], 1)
    }
}

/// The pull requests of each query, by commit. A commit without pull requests is left out.
pub(super) fn pull_request_query(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    project(state, ask)?;
    let Queries { queries } = ask.json()?;
    let results: Vec<Value> = queries.iter().map(|query| by_commit(state, ask, query)).collect();
    let echoed: Value = serde_json::from_slice(ask.body).map_err(Refusal::model)?;
    Ok(Answer::Json(json!({"queries": echoed["queries"], "results": results})))
}

fn by_commit(state: &State, ask: &Ask<'_>, query: &Query) -> Value {
    let contains = |request: &PullRequest, commit: &String| match query.kind {
        QueryKind::Commit => request.commits.contains(commit) || request.last_merge_commit == *commit,
        QueryKind::LastMergeCommit => request.last_merge_commit == *commit,
    };
    let mut found = Map::new();
    for commit in &query.items {
        let here = state.pull_requests.iter().filter(|request| request.is_in(ask.path("repository")));
        let with_commit: Vec<_> = here.filter(|it| contains(it, commit)).map(|it| it.to_json(state.url())).collect();
        if !with_commit.is_empty() {
            found.insert(commit.clone(), Value::Array(with_commit));
        }
    }
    Value::Object(found)
}

fn find<'a>(state: &'a State, ask: &Ask<'_>) -> Result<&'a PullRequest, Refusal> {
    project(state, ask)?;
    let id: u64 = ask.number(ask.path("pullrequest"))?;
    let here = state.pull_requests.iter().filter(|request| request.is_in(ask.path("repository")));
    here.into_iter().find(|request| request.id == id).ok_or_else(|| {
        let message = format!("TF401180: The requested pull request was not found: {id}.");
        Refusal::not_found("GitPullRequestNotFoundException", message)
    })
}

pub(super) fn pull_request(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    Ok(Answer::Json(find(state, ask)?.to_json(state.url())))
}

pub(super) fn reviewers(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    Ok(Answer::List(find(state, ask)?.reviewers.iter().map(Reviewer::to_json).collect()))
}

pub(super) fn work_items(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let reference = |id: &u64| json!({"id": id.to_string(), "url": format!("{}_apis/wit/workItems/{id}", state.url())});
    Ok(Answer::List(find(state, ask)?.work_items.iter().map(reference).collect()))
}

pub(super) fn commit(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    project(state, ask)?;
    let (repository, id) = (ask.path("repository"), ask.path("commit"));
    let in_it = state.runs.values().filter(|run| run.repository_id.to_string() == repository);
    let change = in_it.flat_map(|run| &run.changes).find(|change| change.id == id).ok_or_else(|| {
        let message = format!("TF401175: The version descriptor <Commit: {id} > could not be resolved.");
        Refusal::not_found("GitUnresolvableToCommitException", message)
    })?;
    Ok(Answer::Json(json!({ "commitId": change.id, "comment": change.message, "author": { "name": change.author } })))
}

impl PullRequest {
    fn to_json(&self, collection: &str) -> Value {
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
    fn to_json(&self) -> Value {
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
