//! What other systems say about the run, and how a control changes that.

use chrono::{DateTime, TimeDelta, Utc};
use simulator::azure_devops::{BuildResult, BuildStatus, Change, Run};

use super::Worlds;

/// Who requests the runs that are not the one in play. They are known by that.
const SOMEBODY_ELSE: &str = "Robin Other";

/// How long an event of a calendar lasts.
const FREEZE_HOURS: i64 = 4;

/// Something that another system says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Evidence {
    /// What SonarQube says of the run's commit: the status of its quality gate, or `missing`.
    QualityGate { project: String },
    /// The status of an issue of Jira that belongs to the run.
    Issue { key: String, found: FoundIn },
    /// Whether the run's branch has an alert: `open` or `none`.
    Alert { kind: String, severity: String },
    /// Whether an event of a calendar is on: `on` or `over`.
    Freeze { path: String, title: String },
    /// How the newest run of another pipeline stands: `running`, `succeeded`, `failed` or `none`.
    OtherRun { pipeline: u64, branch: Option<String> },
    /// Whether a newer run of the run's pipeline and branch is there: `yes` or `no`.
    NewerRun { stage: Option<String> },
}

/// Where an issue's key stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FoundIn {
    Commits,
    Branch,
    Search(String),
}

impl Evidence {
    /// Brings the value into the simulated systems. Nothing is said about a run that is not there.
    pub(super) fn apply(&self, value: &str, worlds: &mut Worlds<'_>) {
        let Some(run) = worlds.run.and_then(|run| worlds.azure_devops.runs.get(&run)).cloned() else { return };
        match self {
            Self::QualityGate { project } => analyse(worlds, &run, (project, value)),
            Self::Issue { key, found } => {
                worlds.sources.jira.issue(key, value);
                worlds.name_issue(key, found);
            }
            Self::Alert { kind, severity } => {
                let (security, branch) = (&mut worlds.sources.advanced_security, &run.source_branch);
                security.alerts.retain(|alert| alert.git_ref != *branch);
                security.results.retain(|(_, scanned)| scanned != branch);
                security.scan(branch);
                if value == "open" {
                    security.alert(branch, kind, severity);
                }
            }
            Self::Freeze { path, title } => {
                let begin = worlds.sources.clock.now() - if value == "on" { hours(1) } else { TimeDelta::weeks(1) };
                worlds.sources.calendars.files.insert(path.clone(), calendar(title, begin));
            }
            Self::OtherRun { pipeline, branch } => {
                let branch = branch.as_ref().unwrap_or(&run.source_branch);
                other_run(worlds, (*pipeline, branch, &run.source_version), value);
            }
            Self::NewerRun { stage } => newer_run(worlds, &run, stage.as_deref(), value == "yes"),
        }
    }
}

fn hours(number: i64) -> TimeDelta {
    TimeDelta::hours(number)
}

/// An analysis that is there stays as it is.
fn analyse(worlds: &mut Worlds<'_>, run: &Run, (project, gate): (&str, &str)) {
    let branch = run.source_branch.trim_start_matches("refs/heads/").to_owned();
    let (now, commit) = (worlds.sources.clock.now(), &run.source_version);
    let sonar = &mut worlds.sources.sonar;
    let of_branch = sonar.analyses.entry((project.to_owned(), branch.clone())).or_default();
    let is_known = of_branch.iter().any(|it| it.revision.as_ref() == Some(commit) && it.gate == gate);
    if !is_known {
        of_branch.retain(|it| it.revision.as_ref() != Some(commit));
    }
    if !is_known && gate != "missing" {
        sonar.analyse((project, &branch), now, commit, gate);
    }
}

impl Worlds<'_> {
    /// The run's commit or branch names the issue, or the search finds it.
    fn name_issue(&mut self, key: &str, found: &FoundIn) {
        let now = self.sources.clock.now();
        match found {
            FoundIn::Search(jql) => {
                self.sources.jira.searches.insert(jql.clone(), vec![key.to_owned()]);
            }
            FoundIn::Commits => self.change_run(|run| {
                if !run.changes.iter().any(|change| change.message.contains(key)) {
                    let (id, message) = (run.source_version.clone(), format!("{key}: Add a button"));
                    run.changes.push(Change { id, message, author: run.requested_for.clone(), timestamp: now });
                }
            }),
            FoundIn::Branch => self.change_run(|run| {
                if !run.source_branch.contains(key) {
                    run.source_branch += &format!("-{key}");
                }
            }),
        }
    }
}

/// A calendar with one event.
fn calendar(title: &str, begin: DateTime<Utc>) -> String {
    let time = |at: DateTime<Utc>| at.format("%Y%m%dT%H%M%SZ");
    let (from, to) = (time(begin), time(begin + hours(FREEZE_HOURS + 1)));
    let event = format!("BEGIN:VEVENT\r\nUID:1\r\nDTSTART:{from}\r\nDTEND:{to}\r\nSUMMARY:{title}\r\nEND:VEVENT\r\n");
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//checkgate//demo//EN\r\n{event}END:VCALENDAR\r\n")
}

/// A run that has ended stays as it is, unless it is of another commit or ends otherwise.
fn other_run(worlds: &mut Worlds<'_>, (pipeline, branch, commit): (u64, &str, &str), stands: &str) {
    let state = &mut *worlds.azure_devops;
    let is_it = |run: &Run| run.definition_id == pipeline && run.requested_for == SOMEBODY_ELSE;
    if stands == "none" {
        state.runs.retain(|_, run| !is_it(run));
        return;
    }
    let (status, result) = match stands {
        "succeeded" => (BuildStatus::Completed, Some(BuildResult::Succeeded)),
        "failed" => (BuildStatus::Completed, Some(BuildResult::Failed)),
        _ => (BuildStatus::InProgress, None),
    };
    let stands_so = |run: &Run| run.result == result && run.source_version == commit && run.source_branch == branch;
    if state.runs.values().any(|run| is_it(run) && stands_so(run)) {
        return;
    }
    let known = state.runs.values().find(|run| is_it(run)).map(|run| run.id);
    let now = state.clock.now();
    let id = known.unwrap_or_else(|| state.run().id);
    let Some(run) = state.runs.get_mut(&id) else { return };
    (run.definition_id, run.definition_name) = (pipeline, format!("Pipeline {pipeline}"));
    SOMEBODY_ELSE.clone_into(&mut run.requested_for);
    branch.clone_into(&mut run.source_branch);
    commit.clone_into(&mut run.source_version);
    (run.status, run.result, run.finish_time) = (status, result, result.map(|_| now));
}

/// A newer run has a larger id.
fn newer_run(worlds: &mut Worlds<'_>, run: &Run, stage: Option<&str>, is_there: bool) {
    let state = &mut *worlds.azure_devops;
    let is_it = |other: &Run| {
        other.id > run.id && other.definition_id == run.definition_id && other.requested_for == SOMEBODY_ELSE
    };
    if !is_there {
        state.runs.retain(|_, other| !is_it(other));
    } else if !state.runs.values().any(is_it) {
        let number = format!("{}.{}", state.clock.now().format("%Y%m%d"), state.runs.len() + 1);
        let newer = state.run();
        newer.number = number;
        newer.source_branch.clone_from(&run.source_branch);
        SOMEBODY_ELSE.clone_into(&mut newer.requested_for);
        if let Some(stage) = stage {
            newer.awaits_stage(stage, true);
        }
    }
}
