//! `advancedSecurityAlerts`: the run has scanned its commit, and its branch has no open alert that is too severe.

use std::fmt;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::azure_devops::timeline::{Timeline, TimelineRecord};
use crate::conditions::shared::published::not_published;
use crate::conditions::{Declared, Finding, Outcome, Rule, Scope, WhenNotMet};
use crate::facts::advanced_security::{BranchAlerts, FoundAlerts};
use crate::facts::timeline::RunTimeline;
use crate::facts::{Facts, Wanted};
use crate::sources::advanced_security::{Alert, AlertType};
use crate::yaml::{Duration, Problems};

/// How long after a scan its results are processed, unless the condition says otherwise. The task that publishes them does
/// not wait for that by itself.
const PROCESSED_WITHIN: Duration = Duration::minutes(5);

/// How many alerts the log lists.
const MAX_LISTED: usize = 20;

/// The parameters of `advancedSecurityAlerts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AdvancedSecurityAlerts {
    /// The name of a connection of kind `http`, whose URL is `https://advsec.dev.azure.com/` with the organization.
    connection: String,
    /// The least severity that matters; `high` unless given.
    #[serde(default)]
    severity: Severity,
    /// Which alerts count; `[code, dependency, secret]` unless given. For `code` and `dependency` the run must have scanned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    types: Vec<AlertType>,
    /// How long after a scan its results are awaited; 5m unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    processed_within: Option<Duration>,
    /// How long to wait for the first results of a branch, counted from the delivery of the check; 10m unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    published_within: Option<Duration>,
}

/// How severe an alert is, least first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) enum Severity {
    /// `low`, and `note` of code scanning.
    Low,
    /// `medium`, and `warning` of code scanning.
    Medium,
    /// `high`, and `error` of code scanning.
    #[default]
    High,
    /// `critical`.
    Critical,
}

impl Severity {
    /// That of an alert. One that is not known may be the worst.
    fn of(alert: &Alert) -> Self {
        match alert.severity.to_ascii_lowercase().as_str() {
            "note" | "low" => Self::Low,
            "warning" | "medium" => Self::Medium,
            "error" | "high" => Self::High,
            _ => Self::Critical,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        })
    }
}

/// The tasks that scan; none where no task of a run does.
const fn tasks(alert_type: AlertType) -> &'static [&'static str] {
    match alert_type {
        AlertType::Code => &["AdvancedSecurity-Codeql-Analyze", "AdvancedSecurity-Publish"],
        AlertType::Dependency => &["AdvancedSecurity-Dependency-Scanning"],
        AlertType::Secret => &[],
    }
}

/// Why the results of a scan do not count yet, or never will.
enum NotScanned {
    /// No task has run.
    Never(AlertType),
    /// A task did not succeed, so the results may be those of another commit.
    Badly(String),
    /// A task has not ended.
    Running(AlertType),
    /// The results are processed until then.
    Processing(DateTime<Utc>),
    /// It is not known when a task ended.
    Unknown,
}

impl AdvancedSecurityAlerts {
    fn types(&self) -> Vec<AlertType> {
        let mut types = self.types.clone();
        if types.is_empty() {
            types = vec![AlertType::Code, AlertType::Dependency, AlertType::Secret];
        }
        types.sort();
        types.dedup();
        types
    }

    fn fact(&self) -> BranchAlerts {
        BranchAlerts { connection: self.connection.clone(), types: self.types() }
    }

    fn words(&self) -> String {
        let types: Vec<String> = self.types().iter().map(ToString::to_string).collect();
        format!("no open alert ({}) of severity {} or more", types.join(", "), self.severity)
    }

    /// Whether the run has scanned its commit for everything that counts.
    fn scanned(&self, timeline: &Timeline, now: DateTime<Utc>) -> Result<(), NotScanned> {
        for alert_type in self.types().into_iter().filter(|alert_type| !tasks(*alert_type).is_empty()) {
            let is_scan = |record: &&TimelineRecord| record.is_task_named(tasks(alert_type));
            let scans: Vec<&TimelineRecord> = timeline.records.iter().filter(is_scan).collect();
            if scans.iter().any(|scan| !scan.is_completed()) {
                return Err(NotScanned::Running(alert_type));
            }
            let ended: Vec<_> = scans.into_iter().filter(|scan| !scan.has_ended_as("skipped")).collect();
            if ended.is_empty() {
                return Err(NotScanned::Never(alert_type));
            }
            // Succeeded with issues is what `continueOnError` makes of a failure.
            if let Some(bad) = ended.iter().find(|scan| !scan.has_ended_as("succeeded")) {
                return Err(NotScanned::Badly(format!("{} ended as {}", bad.title(), bad.outcome())));
            }
            for scan in ended {
                let ended = scan.finish_time.ok_or(NotScanned::Unknown)?;
                let processed = ended + self.processed_within.unwrap_or(PROCESSED_WITHIN).delta();
                if now < processed {
                    return Err(NotScanned::Processing(processed));
                }
            }
        }
        Ok(())
    }

    fn judge(&self, found: &FoundAlerts, expected: String, scope: &Scope<'_>) -> Finding {
        if !found.without_results.is_empty() {
            let types: Vec<String> = found.without_results.iter().map(ToString::to_string).collect();
            let why = format!("{} has no results ({}) of the run's branch", self.connection, types.join(", "));
            return not_published(why, expected, self.published_within, scope);
        }
        let types: Vec<String> = self.types().iter().map(ToString::to_string).collect();
        // A type that is not known may be one of those that count.
        let is_other = |alert: &Alert| ["code", "dependency", "secret", "license"].contains(&alert.alert_type.as_str());
        let counts = |alert: &&Alert| {
            Severity::of(alert) >= self.severity && (types.contains(&alert.alert_type) || !is_other(alert))
        };
        let open: Vec<&Alert> = found.alerts.iter().filter(counts).collect();
        if open.is_empty() {
            let lesser = found.alerts.len();
            return Finding::new(Outcome::Passed, format!("none of {lesser} open alerts matters"), expected);
        }
        let first: Vec<String> = open.iter().take(MAX_LISTED).map(|alert| words(alert)).collect();
        let found = format!("{} open: {}", open.len(), first.join("; "));
        Finding::new(Outcome::NotMet, found, expected).remedy("fix these alerts, or dismiss them with a reason")
    }
}

/// `alert 12 "SQL injection" (code, critical)`.
fn words(alert: &Alert) -> String {
    format!("alert {} \"{}\" ({}, {})", alert.id, alert.title, alert.alert_type, alert.severity)
}

fn not_scanned(why: &NotScanned, expected: String, within: Option<Duration>, scope: &Scope<'_>) -> Finding {
    let not_scanned = "the run has not scanned its commit";
    let remedy = "let the run scan, and run it again";
    match why {
        NotScanned::Never(alert_type) => {
            let names = tasks(*alert_type).join(" or ");
            not_published(format!("{not_scanned}: no task {names} has run"), expected, within, scope).remedy(remedy)
        }
        NotScanned::Badly(how) => {
            Finding::new(Outcome::NotMet, format!("{not_scanned}: {how}"), expected).without_evidence().remedy(remedy)
        }
        NotScanned::Running(alert_type) => {
            let found = format!("a task that scans ({alert_type}) has not ended");
            Finding::new(Outcome::Waiting, found, expected)
        }
        NotScanned::Processing(until) => {
            let found = format!("the results of the run's scan are processed until {}", until.format("%H:%M:%S UTC"));
            Finding { look_again_at: Some(*until), ..Finding::new(Outcome::Waiting, found, expected) }
        }
        NotScanned::Unknown => Finding::errored("Azure DevOps does not say when a task that scans ended", expected),
    }
}

impl Rule for AdvancedSecurityAlerts {
    fn describe(&self) -> String {
        format!("the run's branch has {}", self.words())
    }

    fn when_not_met(&self) -> WhenNotMet {
        WhenNotMet::Wait
    }

    fn validate(&self, declared: &Declared<'_>, problems: &mut Problems<'_>) {
        declared.expect_connection(&self.connection, &["http"], problems.inside("connection"));
        declared.expect_one_delivery("publishedWithin", self.published_within, problems);
    }

    fn facts(&self, _: &Scope<'_>, wanted: &mut Wanted) {
        wanted.add(RunTimeline);
        wanted.add(self.fact());
    }

    fn evaluate(&self, facts: &Facts, scope: &Scope<'_>) -> Finding {
        let expected = self.words();
        let (timeline, found) = match (facts.get(&RunTimeline), facts.get(&self.fact())) {
            (Ok(timeline), Ok(found)) => (timeline, found),
            (Err(error), _) | (_, Err(error)) => return Finding::unread(&error, expected, scope.now),
        };
        match self.scanned(&timeline, scope.now) {
            Ok(()) => self.judge(&found, expected, scope),
            Err(why) => not_scanned(&why, expected, self.published_within, scope),
        }
    }

    fn connection(&self) -> Option<&str> {
        Some(&self.connection)
    }

    fn reads_run(&self) -> bool {
        true
    }
}
