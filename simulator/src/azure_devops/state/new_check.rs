//! A check that a stage reaches: its forms, and the plan that waits for it.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::plan::{Plan, PlanState};
use super::record::TimelineRecord;
use super::record_members::{RecordState, TaskReference};

/// What identifies a check to the function that decides it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckIds {
    /// Address of the collection, with a trailing slash.
    pub plan_url: String,
    /// The run's project.
    pub project_id: Uuid,
    /// `checks`.
    pub hub_name: String,
    /// The check's own plan.
    pub plan_id: Uuid,
    /// The plan's job.
    pub job_id: Uuid,
    /// The plan's timeline.
    pub timeline_id: Uuid,
    /// The job's task: the record that people see.
    pub task_instance_id: Uuid,
    /// The job token.
    pub auth_token: String,
    /// The run whose stage waits.
    pub build_id: u64,
}

/// The server task behind a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckTask {
    /// "Invoke Azure Function".
    AzureFunction,
    /// "Invoke REST API".
    InvokeRestApi,
}

/// The form of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewCheck {
    /// Its task.
    pub task: CheckTask,
    /// Whether a `TaskCompleted` event decides it. If not, the answer of its delivery does, and no session waits.
    pub awaits_callback: bool,
    /// *Timeout*: how long it waits. Without one, it waits for ever.
    pub timeout: Option<TimeDelta>,
    /// Whether its timeline has its record. If not, a client may create it.
    pub has_record: bool,
    /// Whether its stage has `condition: always()`, and runs while the run is being cancelled.
    pub always_runs: bool,
}

/// An "Invoke Azure Function" check that waits for its callback.
impl Default for NewCheck {
    fn default() -> Self {
        Self {
            task: CheckTask::AzureFunction,
            awaits_callback: true,
            timeout: None,
            has_record: true,
            always_runs: false,
        }
    }
}

impl CheckTask {
    fn name(self) -> &'static str {
        match self {
            Self::AzureFunction => "Invoke Azure Function",
            Self::InvokeRestApi => "Invoke REST API",
        }
    }

    fn reference(self) -> TaskReference {
        let (id, name) = match self {
            Self::AzureFunction => (uuid::uuid!("537fdb7a-a601-4537-aa70-92645a2b5ce4"), "AzureFunction"),
            Self::InvokeRestApi => (uuid::uuid!("9c3e8943-130d-4c78-ac63-8af81df62dfb"), "InvokeRESTAPI"),
        };
        TaskReference { id, name: Some(name.to_owned()), version: Some("1.274.0".to_owned()), inputs: None }
    }
}

impl NewCheck {
    /// The plan that waits for a check of this form.
    pub(super) fn plan(self, ids: &CheckIds, now: DateTime<Utc>) -> Plan {
        let mut plan = Plan {
            id: ids.plan_id,
            project_id: ids.project_id,
            hub_name: ids.hub_name.clone(),
            build_id: ids.build_id,
            stage: None,
            timeline_id: ids.timeline_id,
            job_id: ids.job_id,
            task_instance_id: ids.task_instance_id,
            awaits_callback: self.awaits_callback,
            always_runs: self.always_runs,
            state: PlanState::InProgress,
            result: None,
            started: now,
            deadline: self.timeout.map(|timeout| now + timeout),
            timed_out: false,
            finished: None,
            records: Vec::new(),
            client_records: BTreeSet::new(),
            odd_records: Vec::new(),
            logs: Vec::new(),
            feed: Vec::new(),
            events: Vec::new(),
            operations: Vec::new(),
            change_id: 0,
        };
        plan.upsert(job_record(ids, now), now);
        if self.has_record {
            plan.upsert(self.task_record(ids), now);
        }
        plan
    }

    fn task_record(self, ids: &CheckIds) -> TimelineRecord {
        TimelineRecord {
            id: ids.task_instance_id,
            parent_id: Some(ids.job_id),
            kind: Some("Task".to_owned()),
            name: Some(self.task.name().to_owned()),
            state: Some(RecordState::Pending),
            task: Some(self.task.reference()),
            ..TimelineRecord::default()
        }
    }
}

fn job_record(ids: &CheckIds, now: DateTime<Utc>) -> TimelineRecord {
    TimelineRecord {
        id: ids.job_id,
        kind: Some("Job".to_owned()),
        name: Some("Checkpoint".to_owned()),
        state: Some(RecordState::InProgress),
        start_time: Some(now),
        ..TimelineRecord::default()
    }
}
