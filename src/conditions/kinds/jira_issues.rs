//! `jiraIssues`: the issues of the run are in the status that they should be in.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conditions::{Declared, Finding, Outcome, Rule, Scope, WhenNotMet};
use crate::facts::jira::{FoundBy, FoundIssues, KeySource, RunIssues};
use crate::facts::{Facts, Wanted};
use crate::sources::jira::{Deployment, Issue};
use crate::text::is_same;
use crate::yaml::Problems;

/// How many issues the log lists.
const MAX_LISTED: usize = 20;

/// The parameters of `jiraIssues`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JiraIssues {
    /// The name of a connection of kind `http`, whose URL is that of Jira.
    connection: String,
    /// Which Jira it is: `cloud` unless given, or `dataCenter`, which an organization hosts itself.
    #[serde(default, skip_serializing_if = "Deployment::is_cloud")]
    deployment: Deployment,
    /// Where the keys of the issues are; `commits` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<KeySource>,
    /// The keys of the projects whose issues count, such as `WEB`. Other names of that form, such as UTF-8, are not issues.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    projects: Vec<String>,
    /// Instead of `source` and `projects`: a search that finds the issues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jql: Option<String>,
    /// The category that the status of each issue must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status_category: Option<StatusCategory>,
    /// Instead of a category: the names of statuses that are all right.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    statuses: Vec<String>,
    /// Whether it passes when no issue is found.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    allow_none: bool,
}

/// A category of statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(super) enum StatusCategory {
    /// Not begun.
    #[serde(rename = "To Do")]
    ToDo,
    /// Begun.
    #[serde(rename = "In Progress")]
    InProgress,
    /// Over.
    Done,
}

impl StatusCategory {
    /// Its key in Jira.
    const fn key(self) -> &'static str {
        match self {
            Self::ToDo => "new",
            Self::InProgress => "indeterminate",
            Self::Done => "done",
        }
    }
}

impl fmt::Display for StatusCategory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ToDo => "To Do",
            Self::InProgress => "In Progress",
            Self::Done => "Done",
        })
    }
}

impl JiraIssues {
    fn fact(&self) -> RunIssues {
        let by_keys = || FoundBy::Keys(self.source.unwrap_or_default(), self.projects.clone());
        let found_by = self.jql.clone().map_or_else(by_keys, FoundBy::Jql);
        RunIssues { connection: self.connection.clone(), deployment: self.deployment, found_by }
    }

    fn is_in_place(&self, issue: &Issue) -> bool {
        let is_in_category = self.status_category.is_some_and(|category| issue.category == category.key());
        is_in_category || self.statuses.iter().any(|status| is_same(status, &issue.status))
    }

    fn wanted(&self) -> String {
        match self.status_category {
            Some(category) => format!("in a status of category {category}"),
            None => self.statuses.join(" or "),
        }
    }

    fn of_what(&self) -> String {
        match (&self.jql, self.source.unwrap_or_default()) {
            (Some(jql), _) => format!("issue of the search `{jql}`"),
            (None, KeySource::Commits) => format!("issue of {} that the run's commits name", self.projects.join(", ")),
            (None, KeySource::Branch) => format!("issue of {} that the run's branch names", self.projects.join(", ")),
        }
    }

    fn judge(&self, found: &FoundIssues, expected: String) -> Finding {
        let count = found.issues.len();
        if count == 0 {
            let nothing = match (&self.jql, self.source.unwrap_or_default()) {
                (Some(_), _) => "the search finds no issue".to_owned(),
                (None, KeySource::Commits) => {
                    format!("{} names an issue of {}", found.looked_at, self.projects.join(", "))
                }
                (None, KeySource::Branch) => {
                    format!("{} names no issue of {}", found.looked_at, self.projects.join(", "))
                }
            };
            if self.allow_none {
                return Finding::new(Outcome::Passed, format!("{nothing}, which `allowNone` allows"), expected);
            }
            let remedy = match self.jql {
                Some(_) => "change the search, or let it find nothing with `allowNone: true`",
                None => "name the issue, or allow runs without one with `allowNone: true`",
            };
            return Finding::new(Outcome::NotMet, nothing, expected).without_evidence().remedy(remedy);
        }
        let open: Vec<&Issue> = found.issues.iter().filter(|issue| !self.is_in_place(issue)).collect();
        if open.is_empty() {
            let keys: Vec<&str> = found.issues.iter().take(MAX_LISTED).map(|issue| issue.key.as_str()).collect();
            let rest = if count > MAX_LISTED { " …" } else { "" };
            return Finding::new(Outcome::Passed, format!("all {count} are: {}{rest}", keys.join(", ")), expected);
        }
        let first: Vec<String> = open.iter().take(MAX_LISTED).map(|issue| words(issue)).collect();
        let found = format!("{} of {count} are not: {}", open.len(), first.join("; "));
        let keys: Vec<&str> = open.iter().take(MAX_LISTED).map(|issue| issue.key.as_str()).collect();
        let remedy = format!("bring {} to {}", keys.join(", "), self.wanted());
        Finding::new(Outcome::NotMet, found, expected).remedy(remedy)
    }
}

/// `WEB-12 "Fix it" is In Progress`.
fn words(issue: &Issue) -> String {
    format!("{} \"{}\" is {}", issue.key, issue.summary, issue.status)
}

/// A project's key may stand in a pattern and in a search as it is.
fn is_project(key: &str) -> bool {
    let mut letters = key.chars();
    letters.next().is_some_and(|first| first.is_ascii_uppercase())
        && letters.clone().next().is_some()
        && letters.all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

impl Rule for JiraIssues {
    fn describe(&self) -> String {
        format!("each {} is {}", self.of_what(), self.wanted())
    }

    fn when_not_met(&self) -> WhenNotMet {
        WhenNotMet::Wait
    }

    fn validate(&self, declared: &Declared<'_>, problems: &mut Problems<'_>) {
        declared.expect_connection(&self.connection, &["http"], problems.inside("connection"));
        match &self.jql {
            Some(jql) if jql.trim().is_empty() => problems.push("jql", "is empty; write a search of Jira"),
            Some(_) if self.source.is_some() || !self.projects.is_empty() => {
                problems.push("jql", "finds the issues by itself; leave out `source` and `projects`");
            }
            None if self.projects.is_empty() => {
                problems
                    .push("projects", "is missing; write the keys of the projects whose issues count, such as `[WEB]`");
            }
            _ => {}
        }
        for project in self.projects.iter().filter(|project| !is_project(project)) {
            problems.push("projects", format!("`{project}` is not the key of a project; write for instance `WEB`"));
        }
        if self.status_category.is_some() != self.statuses.is_empty() {
            problems.push("", "needs either `statusCategory` or `statuses`; write for instance `statusCategory: Done`");
        }
    }

    fn facts(&self, _: &Scope<'_>, wanted: &mut Wanted) {
        wanted.add(self.fact());
    }

    fn evaluate(&self, facts: &Facts, scope: &Scope<'_>) -> Finding {
        let expected = format!("each {} {}", self.of_what(), self.wanted());
        match facts.get(&self.fact()) {
            Ok(found) => self.judge(&found, expected),
            Err(error) => Finding::unread(&error, expected, scope.now),
        }
    }

    fn connection(&self) -> Option<&str> {
        Some(&self.connection)
    }

    fn reads_run(&self) -> bool {
        self.jql.is_none()
    }
}

#[cfg(test)]
mod tests {
    use crate::conditions::given::problems;

    #[test]
    fn mistakes_are_found_when_the_file_is_read() {
        for (parameters, shows) in [
            ("connection: jra, projects: [WEB], statusCategory: Done", "did you mean `jira`?"),
            ("connection: jira, statusCategory: Done", "jiraIssues.projects: is missing"),
            ("connection: jira, projects: [web], statusCategory: Done", "`web` is not the key of a project"),
            ("connection: jira, projects: ['WEB|OPS'], statusCategory: Done", "is not the key of a project"),
            ("connection: jira, projects: [WEB]", "needs either `statusCategory` or `statuses`"),
            ("connection: jira, projects: [WEB], statuses: [Done], statusCategory: Done", "needs either"),
            (
                "connection: jira, projects: [WEB], statusCategory: done",
                "did you mean `Done`? Expected one of `To Do`, `In Progress`, `Done`",
            ),
            (
                "connection: jira, projects: [WEB], jql: 'project = WEB', statuses: [Done]",
                "leave out `source` and `projects`",
            ),
            ("connection: jira, jql: ' ', statuses: [Done]", "jiraIssues.jql: is empty"),
        ] {
            let file = format!(
                "connections: {{ jira: {{ http: {{ url: 'https://j' }} }} }}\nchecks: {{ c: {{ conditions: [ jiraIssues: {{ {parameters} }} ] }} }}"
            );
            let found = problems(&file);
            assert!(found.iter().any(|problem| problem.contains(shows)), "{parameters}: {found:?}");
        }
    }
}
