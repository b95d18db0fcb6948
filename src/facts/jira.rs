//! The issues of Jira that belong to the run.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pull_requests::azure_repository;
use super::run::{BRANCH, RunDetails, branch};
use super::work_items::MAX_COMMITS;
use super::{Fact, FactError, Gatherer};
use crate::azure_devops::build::Repository;
use crate::azure_devops::commits::Commit;
use crate::sources::http::is_commit;
use crate::sources::jira::{BATCH, Deployment, Issue, MAX_LOOKUPS, MAX_PAGES, Site};

/// Where the keys of the run's issues are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum KeySource {
    /// In the messages of the run's commits: those since the last successful run of its pipeline and branch.
    #[default]
    Commits,
    /// In the name of the run's branch.
    Branch,
}

/// The issues of the run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunIssues {
    /// The connection's name.
    pub connection: String,
    /// Which Jira it leads to.
    #[serde(skip_serializing_if = "Deployment::is_cloud")]
    pub deployment: Deployment,
    /// How they are found.
    pub found_by: FoundBy,
}

/// How issues are found.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum FoundBy {
    /// By keys of these projects.
    Keys(KeySource, Vec<String>),
    /// By a search. It comes from the check, never from the pipeline.
    Jql(String),
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FoundIssues {
    /// The issues.
    pub issues: Vec<Issue>,
    /// Where they were looked for, as the subject of a sentence in the singular.
    pub looked_at: String,
}

impl Fact for RunIssues {
    const NAME: &'static str = "jiraIssues";

    type Value = FoundIssues;

    fn connection(&self) -> Option<&str> {
        Some(&self.connection)
    }

    /// One for the issues, and some for those that it lacks; or the pages of a search, and who searches. The commits of the run are another system's.
    fn calls(&self) -> RangeInclusive<usize> {
        match &self.found_by {
            FoundBy::Keys(..) if self.deployment.is_cloud() => 0..=1 + MAX_LOOKUPS,
            FoundBy::Keys(..) => 0..=MAX_PAGES + MAX_LOOKUPS,
            FoundBy::Jql(_) => 1..=MAX_PAGES + 1,
        }
    }

    fn of_run(&self) -> &'static [&'static str] {
        match &self.found_by {
            FoundBy::Keys(KeySource::Branch, _) => &[BRANCH],
            FoundBy::Keys(KeySource::Commits, _) | FoundBy::Jql(_) => &[],
        }
    }

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<FoundIssues, FactError> {
        let site = Site { connection: &self.connection, deployment: self.deployment };
        let (texts, looked_at) = match &self.found_by {
            FoundBy::Jql(jql) => {
                let issues = gatherer.sources.search_jira(site, jql, gatherer.now).await?;
                return Ok(FoundIssues { issues, looked_at: "the search".to_owned() });
            }
            FoundBy::Keys(KeySource::Branch, _) => {
                let run = gatherer.get(&RunDetails).await?;
                let branch = branch(&run)?.to_owned();
                let looked_at = format!("the branch {branch}");
                (vec![branch], looked_at)
            }
            FoundBy::Keys(KeySource::Commits, _) => {
                let messages = messages(gatherer).await?;
                let looked_at = match messages.len() {
                    0 => "none of the run's commits (none is new since its pipeline last succeeded)".to_owned(),
                    count => format!("none of the run's {count} commits"),
                };
                (messages, looked_at)
            }
        };
        let FoundBy::Keys(_, projects) = &self.found_by else { return Err(FactError::because("no projects")) };
        let keys = keys(projects, &texts)?;
        let issues = match keys.as_slice() {
            [] => Vec::new(),
            keys => gatherer.sources.jira_issues(site, keys, gatherer.now).await?,
        };
        Ok(FoundIssues { issues, looked_at })
    }
}

/// The whole messages of the run's commits. What is cut off could name another issue.
async fn messages(gatherer: &mut Gatherer<'_>) -> Result<Vec<String>, FactError> {
    let run = gatherer.get(&RunDetails).await?;
    let session = gatherer.azure_devops;
    let mut messages = Vec::new();
    for Commit { id, message, message_truncated } in session.commits(MAX_COMMITS).await? {
        if !message_truncated {
            messages.push(message);
            continue;
        }
        let in_azure_repos = run.repository.as_ref().is_some_and(Repository::is_in_azure_repos);
        if !in_azure_repos || !is_commit(&id) {
            let why =
                format!("Azure DevOps gives only the beginning of the message of commit {id}; use `source: branch`");
            return Err(FactError::because(why));
        }
        messages.push(session.commit_message(azure_repository(&run)?, &id).await?);
    }
    Ok(messages)
}

/// The keys of these projects in texts, each once, in capitals. Case does not matter: an issue must not be overlooked.
pub(super) fn keys(projects: &[String], texts: &[String]) -> Result<Vec<String>, FactError> {
    let pattern = format!(r"(?i)(?:^|[^a-z0-9])((?:{})-[1-9][0-9]*)(?:[^a-z0-9]|$)", projects.join("|"));
    let pattern = Regex::new(&pattern).map_err(|_| FactError::because("a project's key is not one"))?;
    let keys: BTreeSet<String> = texts.iter().flat_map(|text| keys_in(text, &pattern)).collect();
    if keys.len() > BATCH {
        let why = format!("the run names {} issues, more than the {BATCH} that are read", keys.len());
        return Err(FactError::because(why));
    }
    Ok(keys.into_iter().collect())
}

/// What the first group of a pattern finds, in capitals. What stands between two of them belongs to both.
fn keys_in(text: &str, pattern: &Regex) -> Vec<String> {
    let (mut keys, mut from) = (Vec::new(), 0);
    while let Some(key) = pattern.captures_at(text, from).and_then(|found| found.get(1)) {
        keys.push(key.as_str().to_ascii_uppercase());
        from = key.end();
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let projects = ["WEB", "OPS_2"].map(str::to_owned);
        keys(&projects, &[text.to_owned()]).expect("few keys")
    }

    #[test]
    fn keys_are_found_wherever_they_stand_and_other_names_are_not_keys() {
        assert_eq!(found("WEB-1,WEB-2 (ops_2-30): Fix it\n\nweb-4"), ["OPS_2-30", "WEB-1", "WEB-2", "WEB-4"]);
        assert_eq!(found("feature/WEB-12-fix-it"), ["WEB-12"]);
        assert_eq!(found("WEB-12_fix_WEB-13"), ["WEB-12", "WEB-13"]);
        for other in ["UTF-8", "XWEB-1", "WEB-0", "WEB-1x", "WEB 1", "WEB-", ""] {
            assert_eq!(found(other), [""; 0], "{other}");
        }
    }

    #[test]
    fn more_keys_than_one_call_takes_are_an_error() {
        let text: String = (1..=BATCH + 1).map(|number| format!("WEB-{number} ")).collect();
        let error = keys(&["WEB".to_owned()], &[text]).expect_err("too many");
        assert_eq!(error.why, "the run names 101 issues, more than the 100 that are read");
    }
}
