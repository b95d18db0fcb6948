//! What a control changes in the simulated systems.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde_json::Value;
use simulator::azure_devops::{self, Artifact, BuildReason, BuildStatus, Coverage, CoverageStatistic, Run, TaskResult};
use simulator::sources::{self, Page, Samples, Table};
use uuid::Uuid;

use super::{Evidence, FoundIn};

/// How long a planned window of a change takes.
const PLANNED_HOURS: i64 = 4;

/// How many minutes of a metric of Azure Monitor are known: those of the last hours, and of a day to come.
const MINUTES: std::ops::Range<i64> = -120..1_440;

/// What a control may change.
pub(crate) struct Worlds<'a> {
    pub(crate) azure_devops: &'a mut azure_devops::State,
    pub(crate) sources: &'a mut sources::State,
    /// The run whose stage waits.
    pub(crate) run: Option<u64>,
}

/// What a control changes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Subject {
    /// Whether the run executed a task, and how: `succeeded`, `failed` or `none`.
    Task { id: Uuid, name: String, stage: String, job: String },
    /// The state of a work item that the run's commit mentions.
    WorkItem { id: u64, kind: String },
    /// How many work items a query finds.
    Query { wiql: String },
    /// How much of 100 the tests of the run cover.
    Coverage { label: String },
    /// The same of the last successful run.
    FormerCoverage { label: String },
    /// How many tests passed.
    TestsPassed,
    /// How many tests failed.
    TestsFailed,
    /// Why the run was started.
    Reason,
    /// What the run builds.
    Branch,
    /// How many people approved the pull request of the run's commit.
    Approvals,
    /// Whether the run published an artifact.
    Artifact { name: String },
    /// Whether the run has a tag.
    Tag { name: String },
    /// A field of a change request.
    ChangeField { number: String, field: String },
    /// When the change request is planned: `later`, `now` or `over`.
    ChangeWindow { number: String },
    /// What a query of Prometheus gives.
    Prometheus { query: String },
    /// What a query of Application Insights or Log Analytics gives.
    Kusto { query: String },
    /// A metric of Azure Monitor.
    AzureMetric { resource: String, name: String },
    /// The status with which another system answers.
    PageStatus { path: String },
    /// The body with which another system answers.
    PageBody { path: String },
    /// What another system says about the run.
    Evidence(Evidence),
    /// A header of the delivery.
    Input { name: String },
}

impl Subject {
    /// Whether a run cannot change it any more once it has begun.
    pub(crate) fn is_fixed_by_run(&self) -> bool {
        matches!(self, Self::Reason | Self::Branch)
    }

    /// Whether it may change the run's branch, which other systems speak of.
    pub(crate) fn names_branch(&self) -> bool {
        matches!(self, Self::Branch | Self::Evidence(Evidence::Issue { found: FoundIn::Branch, .. }))
    }

    /// Brings the value into the simulated systems.
    pub(crate) fn apply(&self, value: &Value, worlds: &mut Worlds<'_>) {
        let text = value.as_str().unwrap_or_default();
        match self {
            Self::WorkItem { id, kind } => {
                worlds.azure_devops.work_item(*id, text).of_type(kind);
                worlds.change_run(|run| {
                    if !run.work_items.contains(id) {
                        run.links_work_item(*id);
                    }
                });
            }
            Self::Query { wiql } => {
                let count = value.as_u64().unwrap_or_default();
                worlds.azure_devops.queries.insert(wiql.clone(), (1_000..1_000 + count).collect());
            }
            Self::FormerCoverage { label } => {
                let is_over = |run: &&mut Run| run.status == BuildStatus::Completed;
                worlds.azure_devops.runs.values_mut().filter(is_over).for_each(|run| cover(run, label, value));
            }
            Self::Approvals => approve(worlds, value.as_u64().unwrap_or_default()),
            Self::ChangeField { number, field } => {
                worlds.change_request(number);
                worlds.sources.service_now.set(number, field, text);
            }
            Self::ChangeWindow { number } => plan_change(worlds, number, text),
            Self::Prometheus { .. } | Self::Kusto { .. } | Self::AzureMetric { .. } => self.measure(value, worlds),
            Self::PageStatus { path } => {
                let status = value.as_u64().and_then(|status| status.try_into().ok());
                worlds.page(path).status = status.unwrap_or(200);
            }
            Self::PageBody { path } => worlds.page(path).body = serde_json::from_str(text).unwrap_or_default(),
            Self::Evidence(evidence) => evidence.apply(text, worlds),
            Self::Input { .. } => {}
            of_run => worlds.change_run(|run| of_run.apply_to_run(value, run)),
        }
    }

    fn apply_to_run(&self, value: &Value, run: &mut Run) {
        let (text, yes) = (value.as_str().unwrap_or_default(), value == "yes");
        let count = value.as_u64().unwrap_or_default();
        match self {
            Self::Task { id, name, stage, job } => {
                let is_other =
                    |task: &Option<azure_devops::TaskReference>| task.as_ref().is_none_or(|task| task.id != *id);
                run.timeline.get_or_insert_default().retain(|record| is_other(&record.task));
                let result = if text == "failed" { TaskResult::Failed } else { TaskResult::Succeeded };
                if text != "none" {
                    run.in_stage_and_job(stage, job).task(*id, name, result);
                }
            }
            Self::Coverage { label } => cover(run, label, value),
            Self::TestsPassed => run.tests.get_or_insert_default().passed = count,
            Self::TestsFailed => run.tests.get_or_insert_default().failed = count,
            Self::Reason => {
                let (first, rest) = text.split_at_checked(1).unwrap_or_default();
                let word = Value::from(first.to_lowercase() + rest);
                run.because_of(serde_json::from_value(word).unwrap_or(BuildReason::None));
            }
            Self::Branch => text.clone_into(&mut run.source_branch),
            Self::Artifact { name } => {
                run.artifacts.retain(|artifact| artifact.name != *name);
                if yes {
                    let id = run.artifacts.len() as u64 + 1;
                    run.artifacts.push(Artifact { id, name: name.clone(), kind: "PipelineArtifact".to_owned() });
                }
            }
            Self::Tag { name } => {
                run.tags.retain(|tag| tag != name);
                run.tags.extend(yes.then(|| name.clone()));
            }
            _ => {}
        }
    }

    fn measure(&self, value: &Value, worlds: &mut Worlds<'_>) {
        let values: Vec<f64> = value.as_f64().into_iter().collect();
        match self {
            Self::Prometheus { query } => {
                worlds.sources.prometheus.queries.insert(query.clone(), Samples::Vector(values));
            }
            Self::Kusto { query } => {
                worlds.sources.azure.queries.insert(query.clone(), Table::numbers(&values));
            }
            Self::AzureMetric { resource, name } => {
                let now = worlds.sources.clock.now();
                let at = |minute| now + TimeDelta::minutes(minute);
                let points = MINUTES.flat_map(|minute| values.iter().map(move |value| (at(minute), *value)));
                worlds.sources.azure.points.insert((resource.clone(), name.clone()), points.collect());
            }
            _ => {}
        }
    }
}

impl Worlds<'_> {
    pub(super) fn change_run(&mut self, change: impl FnOnce(&mut Run)) {
        if let Some(run) = self.run.and_then(|run| self.azure_devops.runs.get_mut(&run)) {
            change(run);
        }
    }

    fn change_request(&mut self, number: &str) {
        let changes = &self.sources.service_now.changes;
        if !changes.iter().any(|change| change.get("number").is_some_and(|known| known == number)) {
            self.sources.service_now.add_change(number, &[]);
        }
    }

    fn page(&mut self, path: &str) -> &mut Page {
        let run = self.run.and_then(|run| self.azure_devops.runs.get(&run));
        let path = path.replace("{run.sourceVersion}", run.map_or("", |run| &run.source_version));
        let pages: &mut BTreeMap<String, Page> = &mut self.sources.web;
        pages.entry(path).or_insert_with(|| Page::ok(Value::Null))
    }
}

fn cover(run: &mut Run, label: &str, value: &Value) {
    let known = run.coverage.take().map_or_else(Vec::new, |coverage| coverage.statistics);
    let mut statistics: Vec<CoverageStatistic> = known.into_iter().filter(|it| it.label != label).collect();
    if let Some(covered) = value.as_u64() {
        statistics.extend(Coverage::of_lines(0, 0).and(label, covered, 100, "").statistics.pop());
    }
    if !statistics.is_empty() {
        run.covers(Coverage { statistics, ..Coverage::of_lines(0, 0) });
    }
}

fn approve(worlds: &mut Worlds<'_>, approvals: u64) {
    const REVIEWERS: [&str; 6] = ["Ana Bowman", "Priya Shah", "Tomas Novak", "Lena Fischer", "Omar Haddad", "Mei Lin"];
    let Some(run) = worlds.run.and_then(|run| worlds.azure_devops.runs.get(&run)) else { return };
    let (commit, branch) = (run.source_version.clone(), run.source_branch.clone());
    let request = worlds.azure_devops.pull_request(7, &commit);
    // It brought the run's commit to the run's branch.
    "completed".clone_into(&mut request.status);
    request.target_branch = branch;
    request.created_by = "Sam Author".to_owned();
    for (index, name) in REVIEWERS.iter().enumerate() {
        request.vote(name, if (index as u64) < approvals { 10 } else { 0 });
    }
}

fn plan_change(worlds: &mut Worlds<'_>, number: &str, when: &str) {
    worlds.change_request(number);
    let hours = match when {
        "now" => -1,
        "over" => -PLANNED_HOURS - 1,
        _ => 2,
    };
    let begin = worlds.sources.clock.now() + TimeDelta::hours(hours);
    for (field, at) in [("start_date", begin), ("end_date", begin + TimeDelta::hours(PLANNED_HOURS))] {
        let stored = at.format("%Y-%m-%d %H:%M:%S").to_string();
        worlds.sources.service_now.set(number, field, &stored);
    }
}
