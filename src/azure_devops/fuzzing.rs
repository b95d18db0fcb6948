//! The answers of Azure DevOps without the network in front of them, for the fuzzer only.

use chrono::DateTime;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;

use super::artifacts::{Artifact, RunArtifacts};
use super::build::{Build, TheRun, TheRunState};
use super::coverage::{CodeCoverage, CoverageSummary, EarlierCoverage, EarlierRun, RunCoverage};
use super::pull_requests::{PullRequest, PullRequestQueryAnswer, Reviewer, RunPullRequests, that_brought, validated};
use super::queries::{QueryAnswer, WorkItemQuery};
use super::task::{CheckRecord, Plan};
use super::test_results::{RunTestResults, TestResultSummary};
use super::timeline::{RunTimeline, Timeline};
use super::{Wrapped, asked_to_wait, error, work_items};
use crate::facts::Facts;

/// The headers that an answer may ask to be left alone with: `line` is the value of each.
const WAITS: [&str; 4] = ["Retry-After", "X-RateLimit-Delay", "X-RateLimit-Remaining", "X-RateLimit-Reset"];

/// Reads an answer to every call. What it says about a run becomes facts; `wiql` is the query that it answers.
pub fn read(status: u16, line: &[u8], body: &[u8], wiql: &str) -> Facts {
    let value = HeaderValue::from_bytes(line).ok();
    let headers: HeaderMap =
        value.iter().flat_map(|value| WAITS.map(|name| (name.parse().expect("a name"), value.clone()))).collect();
    let retry_after = asked_to_wait(&headers, DateTime::UNIX_EPOCH);
    if let Ok(status) = StatusCode::from_u16(status) {
        let _ = error::from_answer("read it", status, retry_after, body).to_string();
    }
    if let Some(records) = decode::<Wrapped<CheckRecord>>(body) {
        let _ = records.value.iter().filter(|record| record.is_completed() && record.variable("a").is_some()).count();
    }
    let _ = decode::<Plan>(body).map(|plan| (plan.is_completed(), plan.timeline_id()));
    let mut facts = Facts::default();
    read_run(body, &mut facts);
    read_published(body, &mut facts);
    work_items::fuzzing::read(body, &mut facts);
    if let Some(ids) = decode::<QueryAnswer>(body).and_then(QueryAnswer::ids) {
        facts.insert(WorkItemQuery { wiql: wiql.to_owned() }, Ok(ids));
    }
    facts
}

/// What runs are.
fn read_run(body: &[u8], facts: &mut Facts) {
    let found = decode::<PullRequestQueryAnswer>(body).map(PullRequestQueryAnswer::found).unwrap_or_default();
    let mut found: Vec<PullRequest> = found.into_iter().chain(decode(body)).collect();
    if let Some(build) = decode::<Build>(body).or_else(|| decode::<Wrapped<Build>>(body)?.value.pop()) {
        if validated(&build.run).is_none() {
            found = that_brought(&build.run, found);
        }
        facts.insert(TheRun, Ok(build.run));
        facts.insert(TheRunState, Ok(build.state));
    }
    if let Some(reviewers) = decode::<Wrapped<Reviewer>>(body) {
        found.iter_mut().for_each(|pull_request| pull_request.reviewers.clone_from(&reviewers.value));
    }
    if !found.is_empty() {
        facts.insert(RunPullRequests, Ok(found));
    }
    if let Some(timeline) = decode::<Timeline>(body) {
        for record in &timeline.records {
            let _ = (timeline.ancestor(record, "Stage"), record.title(), record.outcome(), record.is_named("A"));
        }
        facts.insert(RunTimeline, Ok(timeline));
    }
}

/// What runs have published.
fn read_published(body: &[u8], facts: &mut Facts) {
    if let Some(summary) = decode::<TestResultSummary>(body) {
        facts.insert(RunTestResults, Ok(summary.into()));
    }
    if let Some(coverage) = decode::<CoverageSummary>(body).map(CodeCoverage::from) {
        facts.insert(RunCoverage, Ok(coverage.clone()));
        facts.insert(EarlierCoverage, Ok(Some(EarlierRun { build_number: "1".to_owned(), coverage })));
    }
    if let Some(artifacts) = decode::<Wrapped<Artifact>>(body) {
        facts.insert(RunArtifacts, Ok(artifacts.value.into_iter().map(|artifact| artifact.name).collect()));
    }
}

/// As a call decodes its answer.
pub(super) fn decode<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}
