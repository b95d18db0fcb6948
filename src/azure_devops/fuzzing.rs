//! The answers of Azure DevOps without the network in front of them, for the fuzzer only.

use chrono::DateTime;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;

use super::artifacts::Artifact;
use super::build::Build;
use super::commits::Commit;
use super::coverage::{CodeCoverage, CoverageSummary};
use super::error;
use super::pipeline_runs::PipelineRun;
use super::pull_requests::{PullRequest, PullRequestQueryAnswer, Reviewer};
use super::queries::QueryAnswer;
use super::session::Wrapped;
use super::task::{CheckRecord, Plan};
use super::test_results::{TestResultSummary, TestResults};
use super::timeline::Timeline;
use super::type_states::StateAnswer;
use super::work_items::{ResourceRef, WorkItem, WorkItemAnswer};
use crate::http::retry_after::asked_to_wait;

/// The headers that an answer may ask to be left alone with: `line` is the value of each.
const WAITS: [&str; 4] = ["Retry-After", "X-RateLimit-Delay", "X-RateLimit-Remaining", "X-RateLimit-Reset"];

/// One body, read as the answer to every call that conditions make. `None` where it cannot be that answer.
#[derive(Debug)]
pub struct Answers {
    /// The run.
    pub build: Option<Build>,
    /// Pull requests, by a query or by their number.
    pub pull_requests: Vec<PullRequest>,
    /// Reviewers of a pull request.
    pub reviewers: Option<Vec<Reviewer>>,
    /// The run's timeline.
    pub timeline: Option<Timeline>,
    /// The run's test results.
    pub test_results: Option<TestResults>,
    /// The run's code coverage.
    pub coverage: Option<CodeCoverage>,
    /// The names of the run's artifacts.
    pub artifacts: Option<Vec<String>>,
    /// The ids of linked work items, as written.
    pub links: Option<Vec<String>>,
    /// Work items, all in the state category that the body names, if it names one.
    pub work_items: Option<Vec<WorkItem>>,
    /// The ids that a query finds.
    pub ids: Option<Vec<u64>>,
    /// Other runs.
    pub runs: Option<Vec<PipelineRun>>,
    /// The messages of the run's commits.
    pub messages: Option<Vec<String>>,
}

/// Reads an answer to every call.
#[must_use]
pub fn read(status: u16, line: &[u8], body: &[u8]) -> Answers {
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
    let found = decode::<PullRequestQueryAnswer>(body).map(PullRequestQueryAnswer::found).unwrap_or_default();
    let category = decode::<Wrapped<StateAnswer>>(body).and_then(|mut states| Some(states.value.pop()?.category));
    let work_item = |answer| WorkItem { category: category.clone(), ..WorkItem::from(answer) };
    Answers {
        build: decode::<Build>(body).or_else(|| decode::<Wrapped<Build>>(body)?.value.pop()),
        pull_requests: found.into_iter().chain(decode(body)).collect(),
        reviewers: decode::<Wrapped<Reviewer>>(body).map(|reviewers| reviewers.value),
        timeline: decode(body),
        test_results: decode::<TestResultSummary>(body).map(TestResults::from),
        coverage: decode::<CoverageSummary>(body).map(CodeCoverage::from),
        artifacts: list(body, |artifact: Artifact| artifact.name),
        links: list(body, |link: ResourceRef| link.id),
        work_items: decode::<Wrapped<Option<WorkItemAnswer>>>(body)
            .map(|items| items.value.into_iter().flatten().map(work_item).collect()),
        ids: decode::<QueryAnswer>(body).and_then(QueryAnswer::ids),
        runs: list(body, |run: PipelineRun| run),
        messages: list(body, |commit: Commit| commit.message),
    }
}

/// As a call decodes its answer.
fn decode<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}

fn list<T: DeserializeOwned, U>(body: &[u8], each: impl FnMut(T) -> U) -> Option<Vec<U>> {
    Some(decode::<Wrapped<T>>(body)?.value.into_iter().map(each).collect())
}
