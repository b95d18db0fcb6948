//! `sonarQualityGate`: SonarQube has analysed the run's commit, and its quality gate has passed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conditions::shared::published::not_published;
use crate::conditions::{Declared, Finding, Outcome, Rule, Scope};
use crate::facts::run::RunDetails;
use crate::facts::{Facts, Wanted};
use crate::sources::sonar::{Analysis, CommitAnalysis, GateCondition, GateStatus};
use crate::yaml::{Duration, Problems};

/// The parameters of `sonarQualityGate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SonarQualityGate {
    /// The name of a connection of kind `http`, whose URL is that of SonarQube Server or of SonarQube Cloud.
    connection: String,
    /// The key of the project.
    project: String,
    /// How long to wait for the analysis of the commit, counted from the delivery of the check; 10m unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    published_within: Option<Duration>,
}

impl SonarQualityGate {
    fn fact(&self) -> CommitAnalysis {
        CommitAnalysis { connection: self.connection.clone(), project: self.project.clone() }
    }

    fn judge(&self, analysis: &Analysis, expected: String) -> Finding {
        let of = format!("the analysis of {}", analysis.date.format("%Y-%m-%d %H:%M UTC"));
        let finding = match analysis.status {
            GateStatus::Ok => Finding::new(Outcome::Passed, format!("the quality gate has passed {of}"), expected),
            GateStatus::None => {
                Finding::new(Outcome::NotMet, format!("no quality gate was computed for {of}"), expected)
                    .without_evidence()
                    .remedy(format!("give project {} a quality gate, and run the pipeline again", self.project))
            }
            status @ (GateStatus::Warn | GateStatus::Error) => {
                let failed = analysis.conditions.iter().filter(|it| it.status != "OK").map(words);
                let failed: String = failed.map(|condition| format!("; {condition}")).collect();
                Finding::new(Outcome::NotMet, format!("the quality gate says {status} of {of}{failed}"), expected)
                    .remedy("mend what the quality gate names, and run the pipeline again")
            }
        };
        finding.see(&analysis.link)
    }
}

/// `new_coverage is 72.5, less than 80`.
fn words(condition: &GateCondition) -> String {
    let GateCondition { metric_key, actual_value, comparator, error_threshold, .. } = condition;
    let than = match comparator.as_str() {
        "LT" => "less than",
        "GT" => "more than",
        other => other,
    };
    format!("{metric_key} is {actual_value}, {than} {error_threshold}")
}

impl Rule for SonarQualityGate {
    fn describe(&self) -> String {
        format!("the quality gate of {} has passed the run's commit", self.project)
    }

    fn validate(&self, declared: &Declared<'_>, problems: &mut Problems<'_>) {
        declared.expect_connection(&self.connection, &["http"], problems.inside("connection"));
        declared.expect_one_delivery("publishedWithin", self.published_within, problems);
        if self.project.trim().is_empty() {
            problems.push("project", "is empty; write the project's key, which its page *Project Information* shows");
        }
    }

    fn facts(&self, _: &Scope<'_>, wanted: &mut Wanted) {
        wanted.add(RunDetails);
        wanted.add(self.fact());
    }

    fn evaluate(&self, facts: &Facts, scope: &Scope<'_>) -> Finding {
        let expected = format!("an analysis of the run's commit that passes the quality gate of {}", self.project);
        let (run, analysis) = match (facts.get(&RunDetails), facts.get(&self.fact())) {
            (Ok(run), Ok(analysis)) => (run, analysis),
            (Err(error), _) | (_, Err(error)) => return Finding::unread(&error, expected, scope.now),
        };
        match analysis.as_ref() {
            Some(analysis) => self.judge(analysis, expected),
            None => {
                let commit: String = run.source_version.chars().take(8).collect();
                let (connection, branch) = (&self.connection, &run.source_branch);
                let why = format!("{connection} has no analysis of commit {commit} of {branch}");
                not_published(why, expected, self.published_within, scope).remedy(format!(
                    "if SonarQube shows this analysis, compare its project and branch with `{}` and the run's branch: of a project or branch that it does not know, or does not show to the connection's user, it has none either",
                    self.project
                ))
            }
        }
    }

    fn connection(&self) -> Option<&str> {
        Some(&self.connection)
    }

    fn reads_run(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use crate::conditions::given::problems;

    #[test]
    fn mistakes_are_found_when_the_file_is_read() {
        for (parameters, shows) in [
            ("connection: sonr, project: web", "did you mean `sonar`?"),
            ("connection: prom, project: web", "is of kind `prometheus`; this needs `http`"),
            ("connection: sonar, project: ''", "sonarQualityGate.project: is empty"),
            ("connection: sonar", "project"),
        ] {
            let file = format!(
                "connections: {{ sonar: {{ http: {{ url: 'https://s' }} }}, prom: {{ prometheus: {{ url: 'https://p' }} }} }}\nchecks: {{ c: {{ conditions: [ sonarQualityGate: {{ {parameters} }} ] }} }}"
            );
            let found = problems(&file);
            assert!(found.iter().any(|problem| problem.contains(shows)), "{parameters}: {found:?}");
        }
    }
}
