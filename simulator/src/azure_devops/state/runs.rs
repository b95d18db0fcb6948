//! What a test or a demo does to runs.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::organization::State;
use super::quality::{Coverage, TestResults};
use super::record::TimelineRecord;
use super::record_members::{RecordState, TaskReference, TaskResult};
use super::run::{BuildReason, BuildResult, BuildStatus, Run};

/// The task id of `CmdLine`, the task behind `script:` in YAML.
pub const CMD_LINE: Uuid = uuid::uuid!("d9bafed4-0b18-4f58-968d-86655b4d2ce9");

impl State {
    /// Creates a run in the first project. It is in progress and has completed a `CmdLine` task.
    pub fn run(&mut self) -> &mut Run {
        let project = self.projects[0].id;
        self.run_in(project)
    }

    /// Creates such a run in another project.
    pub fn run_in(&mut self, project_id: Uuid) -> &mut Run {
        let id = self.runs.last_key_value().map_or(101, |(last, _)| last + 1);
        let mut run = Run::new(id, project_id, self.clock.now());
        run.in_stage_and_job("Build", "Build").task(CMD_LINE, "CmdLine", TaskResult::Succeeded);
        self.runs.entry(id).or_insert(run)
    }
}

impl Run {
    fn new(id: u64, project_id: Uuid, now: DateTime<Utc>) -> Self {
        let started = now - TimeDelta::minutes(5);
        Self {
            id,
            project_id,
            number: format!("{}.{id}", started.format("%Y%m%d")),
            definition_id: 12,
            definition_name: "FabrikamFiber CD".to_owned(),
            status: BuildStatus::InProgress,
            result: None,
            reason: BuildReason::IndividualCi,
            source_branch: "refs/heads/main".to_owned(),
            source_version: format!("{id:040x}"),
            queue_time: started,
            start_time: Some(started),
            finish_time: None,
            requested_for: "Johnnie McLeod".to_owned(),
            repository: "FabrikamFiber".to_owned(),
            repository_type: "TfsGit".to_owned(),
            nulls: Vec::new(),
            repository_id: uuid::uuid!("5febef5a-833d-4e14-b9c0-14cb638f91e6"),
            tags: Vec::new(),
            trigger_info: BTreeMap::new(),
            template_parameters: BTreeMap::new(),
            artifacts: Vec::new(),
            changes: Vec::new(),
            work_items: Vec::new(),
            timeline: Some(Vec::new()),
            timeline_id: Uuid::new_v4(),
            odd_records: Vec::new(),
            coverage: None,
            tests: None,
            current_job: None,
        }
    }

    /// Chooses the stage and job that tasks are added to. Creates them if they do not exist.
    pub fn in_stage_and_job(&mut self, stage: &str, job: &str) -> &mut Self {
        let (in_stage, in_job) = (stage, format!("{stage}.{job}"));
        let stage = self.find_or_add(None, "Stage", stage, in_stage);
        let phase = self.find_or_add(Some(stage), "Phase", job, &in_job);
        self.current_job = Some(self.find_or_add(Some(phase), "Job", job, &format!("{in_job}.__default")));
        self
    }

    /// Its stage of this name has not begun. With `checks`, it waits for its checks, which have a record below the stage.
    pub fn awaits_stage(&mut self, stage: &str, checks: bool) -> &mut Self {
        let id = self.find_or_add(None, "Stage", stage, stage);
        let is_it = |record: &&mut TimelineRecord| record.id == id;
        for record in self.timeline.iter_mut().flatten().filter(is_it) {
            (record.state, record.result) = (Some(RecordState::Pending), None);
        }
        if checks {
            let record = self.add(Some(id), "Checkpoint", "Checkpoint");
            record.state = Some(RecordState::InProgress);
        }
        self
    }

    /// Gives a record another name on the run page, as `displayName` in YAML does. Its identifier stays.
    pub fn displays(&mut self, kind: &str, identifier: &str, name: &str) -> &mut Self {
        let records = self.timeline.iter_mut().flatten();
        let is_it = |record: &&mut TimelineRecord| {
            record.kind.as_deref() == Some(kind) && record.identifier.as_deref() == Some(identifier)
        };
        records.filter(is_it).for_each(|record| record.name = Some(name.to_owned()));
        self
    }

    /// Adds a completed task to the current job.
    pub fn task(&mut self, task: Uuid, name: &str, result: TaskResult) -> &mut Self {
        let (job, start, version) = (self.current_job, self.start_time, Some("2.250.1".to_owned()));
        let record = self.add(job, "Task", name);
        record.task = Some(TaskReference { id: task, name: Some(name.to_owned()), version, inputs: None });
        record.state = Some(RecordState::Completed);
        record.result = Some(result);
        record.start_time = start;
        record.finish_time = start.map(|start| start + TimeDelta::seconds(20));
        self
    }

    /// Removes all tasks. Stages and jobs stay.
    pub fn without_tasks(&mut self) -> &mut Self {
        self.timeline.get_or_insert_default().retain(|record| record.kind.as_deref() != Some("Task"));
        self
    }

    /// The record that was added last, for changes that have no method.
    pub fn last_record(&mut self) -> Option<&mut TimelineRecord> {
        self.timeline.as_mut()?.last_mut()
    }

    /// Links a work item to the run and to the commit that it built.
    pub fn links_work_item(&mut self, id: u64) -> &mut Self {
        self.work_items.push(id);
        self
    }

    /// Sets why the run was started.
    pub fn because_of(&mut self, reason: BuildReason) -> &mut Self {
        self.reason = reason;
        self
    }

    /// Ends the run.
    pub fn completed(&mut self, result: BuildResult) -> &mut Self {
        self.status = BuildStatus::Completed;
        self.result = Some(result);
        self.finish_time = self.start_time.map(|start| start + TimeDelta::minutes(5));
        self
    }

    /// Publishes code coverage.
    pub fn covers(&mut self, coverage: Coverage) -> &mut Self {
        self.coverage = Some(coverage);
        self
    }

    /// Publishes test results.
    pub fn tested(&mut self, tests: TestResults) -> &mut Self {
        self.tests = Some(tests);
        self
    }

    fn find_or_add(&mut self, parent: Option<Uuid>, kind: &str, name: &str, identifier: &str) -> Uuid {
        let known = self.timeline.iter().flatten().find(|record| {
            record.parent_id == parent && record.kind.as_deref() == Some(kind) && record.name.as_deref() == Some(name)
        });
        if let Some(known) = known {
            return known.id;
        }
        let record = self.add(parent, kind, name);
        record.identifier = Some(identifier.to_owned());
        record.ref_name = identifier.rsplit('.').next().map(str::to_owned);
        record.state = Some(RecordState::Completed);
        record.result = Some(TaskResult::Succeeded);
        record.id
    }

    fn add(&mut self, parent_id: Option<Uuid>, kind: &str, name: &str) -> &mut TimelineRecord {
        let records = self.timeline.get_or_insert_default();
        let order = records.iter().filter(|record| record.parent_id == parent_id).count() as i64 + 1;
        records.push(TimelineRecord {
            id: Uuid::new_v4(),
            parent_id,
            kind: Some(kind.to_owned()),
            name: Some(name.to_owned()),
            order: Some(order),
            attempt: Some(1),
            change_id: Some(1),
            previous_attempts: Some(Vec::new()),
            ..TimelineRecord::default()
        });
        let last = records.len() - 1;
        &mut records[last]
    }
}
