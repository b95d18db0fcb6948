//! The runs of a pipeline on a branch, as a list answers them.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::form_urlencoded::byte_serialize;

use super::{Error, ErrorKind, Session};
use crate::http::json::or_default;

/// What all lists here are read for.
const WHAT: &str = "read the runs of the pipeline";

/// How many runs one page holds.
const PAGE: usize = 50;

/// How many pages are read: more newer runs than a check can wait through.
pub const MAX_PAGES: usize = 10;

/// A run in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PipelineRun {
    /// Its id. One that was queued later has a larger one.
    pub id: u64,
    /// Its number, such as `20260101.3`.
    #[serde(default, deserialize_with = "or_default")]
    pub build_number: String,
    /// Its status, in Azure DevOps' spelling: `inProgress`, `completed` …
    pub status: String,
    /// How it ended; empty while it has not.
    #[serde(default, deserialize_with = "or_default")]
    pub result: String,
    /// Such as `refs/heads/main`.
    pub source_branch: String,
    /// The commit.
    #[serde(default, deserialize_with = "or_default")]
    pub source_version: String,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub finish_time: Option<DateTime<Utc>>,
    /// The pipeline.
    pub definition: Pipeline,
}

/// The pipeline of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pipeline {
    /// Its id.
    pub id: u64,
    /// Its name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
}

impl PipelineRun {
    /// Whether it has ended.
    #[must_use]
    pub fn is_completed(&self) -> bool {
        self.status.eq_ignore_ascii_case("completed")
    }

    /// Whether it ended in one of these ways.
    #[must_use]
    pub fn has_ended(&self, results: &[&str]) -> bool {
        self.is_completed() && results.iter().any(|result| self.result.eq_ignore_ascii_case(result))
    }

    /// Whether it is about to be cancelled.
    #[must_use]
    pub fn is_cancelling(&self) -> bool {
        self.status.eq_ignore_ascii_case("cancelling")
    }

    /// Whether it is of this commit; any run is, where none is given.
    fn is_of(&self, commit: Option<&str>) -> Result<bool, Error> {
        let Some(commit) = commit else { return Ok(true) };
        if self.source_version.is_empty() {
            let detail = format!("Azure DevOps does not give the commit of run {}", self.title());
            return Err(Error::new(WHAT, ErrorKind::Other, detail));
        }
        Ok(self.source_version.eq_ignore_ascii_case(commit))
    }

    /// Its number, or its id where it has none.
    #[must_use]
    pub fn title(&self) -> String {
        if self.build_number.is_empty() { self.id.to_string() } else { self.build_number.clone() }
    }
}

impl Session<'_> {
    /// The runs of a pipeline on a branch that were queued after this one, newest first.
    ///
    /// # Errors
    ///
    /// As any call; and where the list does not reach back to this run, or holds runs of something else: then nobody knows
    /// whether a newer one is missing.
    pub async fn newer_runs(&self, run: u64, pipeline: u64, branch: &str) -> Result<Vec<PipelineRun>, Error> {
        let path = self.runs_path(pipeline, Some(branch), PAGE);
        let mut newer = Vec::new();
        let mut next: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let (page, following) = self.page::<PipelineRun>(WHAT, &path, (None, next.as_deref())).await?;
            expect_only(&page, pipeline, Some(branch))?;
            let reaches_back = page.iter().any(|listed| listed.id == run);
            newer.extend(page.into_iter().filter(|listed| listed.id > run));
            if reaches_back {
                return Ok(newer);
            }
            next = following;
            if next.is_none() {
                break;
            }
        }
        Err(Error::new(WHAT, ErrorKind::Other, format!("Azure DevOps does not list run {run} itself among them")))
    }

    /// The newest run of a pipeline, of this branch and this commit where they are given. The run `except` does not count.
    ///
    /// # Errors
    ///
    /// As any call; and where the list holds runs of something else.
    pub async fn latest_run(
        &self,
        (pipeline, branch): (u64, Option<&str>),
        commit: Option<&str>,
        except: u64,
    ) -> Result<Option<PipelineRun>, Error> {
        // Without a commit the first one counts, or the one after it.
        let top = if commit.is_some() { PAGE } else { 2 };
        let path = self.runs_path(pipeline, branch, top);
        let mut next: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let (page, following) = self.page::<PipelineRun>(WHAT, &path, (None, next.as_deref())).await?;
            expect_only(&page, pipeline, branch)?;
            for listed in page.into_iter().filter(|listed| listed.id != except) {
                if listed.is_of(commit)? {
                    return Ok(Some(listed));
                }
            }
            next = following;
            if next.is_none() {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// The path of the list of a pipeline's runs, newest first.
    pub(super) fn runs_path(&self, pipeline: u64, branch: Option<&str>, top: usize) -> String {
        let branch = branch.map(|branch| byte_serialize(branch.as_bytes()).collect::<String>());
        let branch = branch.map(|branch| format!("&branchName={branch}")).unwrap_or_default();
        let order = "queryOrder=queueTimeDescending";
        self.in_project(&format!("build/builds?definitions={pipeline}{branch}&{order}&$top={top}"))
    }

    /// The page of a run, for people.
    #[must_use]
    pub fn run_link(&self, run: u64) -> String {
        format!("{}{}/_build/results?buildId={run}", self.properties.plan_url, self.properties.project_id)
    }
}

/// # Errors
///
/// When a run is of another pipeline or another branch.
pub(super) fn expect_only(runs: &[PipelineRun], pipeline: u64, branch: Option<&str>) -> Result<(), Error> {
    let is_asked_for =
        |run: &PipelineRun| run.definition.id == pipeline && branch.is_none_or(|branch| run.source_branch == branch);
    if runs.iter().all(is_asked_for) {
        return Ok(());
    }
    Err(Error::new(WHAT, ErrorKind::Other, "Azure DevOps lists runs of another pipeline or branch among them"))
}
