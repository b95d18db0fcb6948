//! Analyses of SonarQube Server and SonarQube Cloud, each with the quality gate that was computed for it.
//!
//! See <https://next.sonarqube.com/sonarqube/web_api/api/project_analyses>. Two calls: which analysis is of the commit, and
//! what its gate said. A gate that is asked for by branch is that of the newest analysis, whatever commit that is of.

use std::fmt;

use chrono::{DateTime, Utc};
use reqwest::{Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use url::form_urlencoded::byte_serialize;

use super::call::{Answered, Ask, expect_success};
use super::endpoint::Endpoint;
use super::refusal::said;
use super::{Error, Sources};
use crate::http::json::or_default;

/// How many analyses one page holds.
const PAGE: usize = 100;

/// How many pages are read. The analysis of a commit that is deployed now is among the newest.
pub(crate) const MAX_PAGES: usize = 10;

/// How Sonar writes a time: `2026-01-05T09:00:00+0100`.
const TIME: &str = "%Y-%m-%dT%H:%M:%S%z";

/// What is asked: the newest analysis of the run's commit on the run's branch.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct CommitAnalysis {
    /// The connection's name.
    pub connection: String,
    /// The key of the project.
    pub project: String,
}

/// An analysis with its gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Analysis {
    /// Its key.
    pub key: String,
    /// When it was made.
    #[schemars(with = "String")]
    pub date: DateTime<Utc>,
    /// What the gate said.
    pub status: GateStatus,
    /// The conditions of the gate.
    #[serde(default)]
    pub conditions: Vec<GateCondition>,
    /// The page of the branch, for people.
    #[serde(default)]
    pub link: String,
}

/// What a gate may say, by SonarQube's documentation of `api/qualitygates/project_status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum GateStatus {
    /// It has passed.
    Ok,
    /// It warns: servers before 7.6 only.
    Warn,
    /// It has failed.
    Error,
    /// The project has no gate.
    None,
}

impl fmt::Display for GateStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "OK",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::None => "NONE",
        })
    }
}

/// One condition of a gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GateCondition {
    /// `OK` or `ERROR`.
    #[serde(default, deserialize_with = "or_default")]
    pub status: String,
    /// What was measured, such as `new_coverage`.
    #[serde(default, deserialize_with = "or_default")]
    pub metric_key: String,
    /// The value.
    #[serde(default, deserialize_with = "or_default")]
    pub actual_value: String,
    /// What it must not be: `LT` less than the threshold, `GT` more.
    #[serde(default, deserialize_with = "or_default")]
    pub comparator: String,
    /// The threshold.
    #[serde(default, deserialize_with = "or_default")]
    pub error_threshold: String,
}

#[derive(Deserialize)]
struct AnalysesAnswer {
    paging: Paging,
    analyses: Vec<ListedAnalysis>,
}

#[derive(Deserialize)]
struct Paging {
    total: usize,
}

#[derive(Deserialize)]
struct ListedAnalysis {
    key: String,
    #[serde(deserialize_with = "time")]
    date: DateTime<Utc>,
    /// The commit. A project without a source control system has none.
    #[serde(default, deserialize_with = "or_default")]
    revision: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GateAnswer {
    project_status: ProjectStatus,
}

#[derive(Deserialize)]
struct ProjectStatus {
    status: String,
    #[serde(default, deserialize_with = "or_default")]
    conditions: Vec<GateCondition>,
}

fn time<'de, D: Deserializer<'de>>(text: D) -> Result<DateTime<Utc>, D::Error> {
    let text = String::deserialize(text)?;
    let parsed = DateTime::parse_from_str(&text, TIME).or_else(|_| DateTime::parse_from_rfc3339(&text));
    parsed.map(|time| time.to_utc()).map_err(serde::de::Error::custom)
}

impl Sources {
    /// The newest analysis of a commit on a branch, with its gate. `None` while there is none.
    ///
    /// # Errors
    ///
    /// Why it could not be read; and where a newer analysis does not say of which commit it is.
    pub async fn analysis_of(
        &self,
        asked: &CommitAnalysis,
        (commit, branch): (&str, &str),
        now: DateTime<Utc>,
    ) -> Result<Option<Analysis>, Error> {
        let endpoint = self.reach(&asked.connection)?;
        let Some(found) = self.find_analysis(asked, (commit, branch), now).await? else { return Ok(None) };
        let ask = Ask {
            method: Method::GET,
            path: "api/qualitygates/project_status",
            query: &[("analysisId", &found.key)],
            body: None,
        };
        let answered = self.ask(endpoint, &ask, now).await?;
        judged(endpoint, found, &answered, link(endpoint, &asked.project, branch)).map(Some)
    }

    async fn find_analysis(
        &self,
        asked: &CommitAnalysis,
        (commit, branch): (&str, &str),
        now: DateTime<Utc>,
    ) -> Result<Option<ListedAnalysis>, Error> {
        let endpoint = self.reach(&asked.connection)?;
        let mut newer = Vec::new();
        for page in 1..=MAX_PAGES {
            let (size, number) = (PAGE.to_string(), page.to_string());
            let project: &str = &asked.project;
            let query = [("project", project), ("branch", branch), ("ps", &size), ("p", &number)];
            let ask = Ask { method: Method::GET, path: "api/project_analyses/search", query: &query, body: None };
            let answered = self.ask(endpoint, &ask, now).await?;
            // The project or the branch does not exist before its first analysis. SonarQube names it then; another 404 is that
            // of another address.
            let names_it = || said(&answered).is_some_and(|said| said.contains(project));
            if answered.status == StatusCode::NOT_FOUND && names_it() {
                return Ok(None);
            }
            let answer: AnalysesAnswer = expect_success(endpoint, &answered, "the analyses of the project")?;
            newer.extend(answer.analyses);
            let of_commit = newer.iter().filter(|it| it.revision.eq_ignore_ascii_case(commit));
            let found = of_commit.max_by_key(|it| it.date).map(|it| it.date);
            if let Some(date) = found {
                return newest(endpoint, newer, commit, date).map(Some);
            }
            if page * PAGE >= answer.paging.total {
                break;
            }
        }
        Ok(None)
    }
}

/// The analysis with what its gate said.
fn judged(endpoint: &Endpoint, found: ListedAnalysis, answered: &Answered, link: String) -> Result<Analysis, Error> {
    let answer: GateAnswer = expect_success(endpoint, answered, "the quality gate of the analysis")?;
    let ProjectStatus { status, conditions } = answer.project_status;
    let known = serde_json::from_value(status.clone().into());
    let status = known.map_err(|_| {
        endpoint.error(format!(
            "answered the status `{status}` for the quality gate; SonarQube documents OK, WARN, ERROR and NONE"
        ))
    })?;
    Ok(Analysis { key: found.key, date: found.date, status, conditions, link })
}

/// Reads one answer as the list of analyses and as the gate of the one of this commit, for the fuzzer only.
#[cfg(fuzzing)]
pub(super) fn read(endpoint: &Endpoint, commit: &str, answered: &Answered) -> Result<Option<Analysis>, Error> {
    let listed: AnalysesAnswer = expect_success(endpoint, answered, "the analyses of the project")?;
    let of_commit = listed.analyses.iter().filter(|it| it.revision.eq_ignore_ascii_case(commit));
    let Some(date) = of_commit.map(|it| it.date).max() else { return Ok(None) };
    let found = newest(endpoint, listed.analyses, commit, date)?;
    judged(endpoint, found, answered, String::new()).map(Some)
}

/// The analysis of the commit, unless one that is not older may be of the commit too.
fn newest(
    endpoint: &Endpoint,
    listed: Vec<ListedAnalysis>,
    commit: &str,
    date: DateTime<Utc>,
) -> Result<ListedAnalysis, Error> {
    if let Some(vague) = listed.iter().find(|it| it.revision.is_empty() && it.date >= date) {
        return Err(endpoint.error(format!("does not say of which commit the analysis {} is", vague.key)));
    }
    let found = listed.into_iter().find(|it| it.date == date && it.revision.eq_ignore_ascii_case(commit));
    found.ok_or_else(|| endpoint.error("answered no analysis of the commit"))
}

fn link(endpoint: &Endpoint, project: &str, branch: &str) -> String {
    let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    format!("{}/dashboard?id={}&branch={}", endpoint.address(), encoded(project), encoded(branch))
}
