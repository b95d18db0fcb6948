//! Facts out of any answer, for the fuzzer only.

use chrono::{DateTime, Utc};

use super::Facts;
use super::advanced_security::{BranchAlerts, FoundAlerts};
use super::artifacts::RunArtifacts;
use super::coverage::{EarlierCoverage, EarlierRun, RunCoverage};
use super::jira::{self, FoundBy, FoundIssues, RunIssues};
use super::pipeline_runs::{LatestRun, NewerRun, OtherRun, RunBranch, SupersedingRun};
use super::pull_requests::{RunPullRequests, that_brought, validated};
use super::run::{CurrentRunState, RunDetails};
use super::test_results::RunTestResults;
use super::timeline::RunTimeline;
use super::work_items::{LinkSource, LinkedWorkItems, WorkItemQuery, distinct};
use crate::azure_devops::fuzzing::{self, Answers};
use crate::sources::advanced_security::AlertType;
use crate::sources::fuzzing::Asked;

/// The facts of an answer of Azure DevOps; `wiql` is the query that it answers.
#[must_use]
pub fn of_azure_devops(status: u16, line: &[u8], body: &[u8], wiql: &str) -> Facts {
    let answers = fuzzing::read(status, line, body);
    let mut facts = Facts::default();
    read_run(&answers, &mut facts);
    read_other_runs(&answers, &mut facts);
    if let Some(messages) = &answers.messages {
        let _ = jira::keys(&["WEB".to_owned()], messages);
    }
    if let Some(results) = answers.test_results {
        facts.insert(RunTestResults, Ok(results));
    }
    if let Some(coverage) = answers.coverage {
        facts.insert(RunCoverage, Ok(coverage.clone()));
        facts.insert(EarlierCoverage, Ok(Some(EarlierRun { build_number: "1".to_owned(), coverage })));
    }
    if let Some(artifacts) = answers.artifacts {
        facts.insert(RunArtifacts, Ok(artifacts));
    }
    let _ = answers.links.map(|links| distinct(&links));
    for with_categories in [false, true] {
        if let Some(items) = &answers.work_items {
            facts.insert(LinkedWorkItems { source: LinkSource::Commit, with_categories }, Ok(items.clone()));
        }
    }
    if let Some(ids) = answers.ids {
        facts.insert(WorkItemQuery { wiql: wiql.to_owned() }, Ok(ids.into()));
    }
    facts
}

fn read_run(answers: &Answers, facts: &mut Facts) {
    let mut found = answers.pull_requests.clone();
    if let Some(build) = &answers.build {
        if validated(&build.run).is_none() {
            found = that_brought(&build.run, found).unwrap_or_default();
        }
        facts.insert(RunDetails, Ok(build.run.clone()));
        facts.insert(CurrentRunState, Ok(build.state.clone()));
    }
    if let Some(reviewers) = &answers.reviewers {
        found.iter_mut().for_each(|pull_request| pull_request.reviewers.clone_from(reviewers));
    }
    if !found.is_empty() {
        facts.insert(RunPullRequests, Ok(found));
    }
    if let Some(timeline) = &answers.timeline {
        for record in &timeline.records {
            let _ =
                (timeline.ancestor(record, "Stage"), record.title(), record.outcome(), timeline.is_in_job(record, "A"));
        }
        facts.insert(RunTimeline, Ok(timeline.clone()));
    }
}

/// The first run of a list as the newest run of pipeline 7, and as the one that is newer.
fn read_other_runs(answers: &Answers, facts: &mut Facts) {
    let Some(run) = answers.runs.as_ref().and_then(|runs| runs.first()) else { return };
    let link = "https://dev.azure.com/fabrikam/".to_owned();
    let latest = LatestRun { pipeline: 7, branch: RunBranch::Any, same_commit: false };
    facts.insert(latest, Ok(Some(OtherRun { run: run.clone(), link: link.clone() })));
    let newer = |progress| NewerRun { run: run.clone(), progress, link: link.clone() };
    facts.insert(SupersedingRun { stage: None }, Ok(Some(newer(None))));
    let progress = answers.timeline.as_ref().and_then(|timeline| timeline.progress_at("Deploy"));
    if progress.is_some() {
        facts.insert(SupersedingRun { stage: Some("Deploy".to_owned()) }, Ok(Some(newer(progress))));
    }
}

/// What fuzzed searches of Jira look for.
const JQL: &str = "project = WEB";

/// The facts of an answer of other systems.
#[must_use]
pub fn of_sources(asked: &Asked, status: u16, content_type: &str, body: &[u8], now: DateTime<Utc>) -> Facts {
    let mut facts = Facts::default();
    let Some(read) = asked.read(status, content_type, body, now) else { return facts };
    for (samples, numbers) in read.samples {
        facts.insert(samples, numbers.map_err(Into::into));
    }
    for (change, records) in read.changes {
        facts.insert(change, records.map_err(Into::into));
    }
    for (request, answer) in read.requests {
        facts.insert(request, Ok(answer));
    }
    for (asked, analysis) in read.analyses {
        facts.insert(asked, analysis.map_err(Into::into));
    }
    for ((connection, deployment), issues) in read.issues {
        let issues = issues.map(|issues| FoundIssues { issues, looked_at: "the search".to_owned() });
        let asked = RunIssues { connection, deployment, found_by: FoundBy::Jql(JQL.to_owned()) };
        facts.insert(asked, issues.map_err(Into::into));
    }
    for (connection, alerts) in read.alerts {
        let alerts = alerts.map(|alerts| FoundAlerts { without_results: Vec::new(), alerts });
        facts.insert(BranchAlerts { connection, types: vec![AlertType::Secret] }, alerts.map_err(Into::into));
    }
    for (asked, calendar) in read.calendars {
        facts.insert(asked, calendar.map_err(Into::into));
    }
    facts
}
