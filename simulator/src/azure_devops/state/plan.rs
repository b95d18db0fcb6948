//! The orchestration plan of one check, which waits for the decision.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::behaviour::CreateLog;
use super::date::date;
use super::record::TimelineRecord;
use super::record_members::{Issue, IssueKind, RecordState, TaskResult};

/// A plan with its job, its task, and what the check wrote.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Identifies the plan.
    pub id: Uuid,
    /// The project that the plan belongs to.
    pub project_id: Uuid,
    /// `checks` for a check.
    pub hub_name: String,
    /// The run whose stage waits.
    pub build_id: u64,
    /// The stage that waits, by its name in YAML, where the run's timeline has it.
    pub stage: Option<String>,
    /// The plan's timeline.
    pub timeline_id: Uuid,
    /// The job.
    pub job_id: Uuid,
    /// The task, which is the check.
    pub task_instance_id: Uuid,
    /// Whether a session waits for an event.
    pub awaits_callback: bool,
    /// Whether the stage runs while the run is being cancelled.
    pub always_runs: bool,
    /// Whether the plan still waits.
    pub state: PlanState,
    /// How the plan ended.
    pub result: Option<TaskResult>,
    /// When the plan began.
    pub started: DateTime<Utc>,
    /// No event counts from this moment on.
    pub deadline: Option<DateTime<Utc>>,
    /// Whether the deadline ended the plan.
    pub timed_out: bool,
    /// When the plan ended.
    pub finished: Option<DateTime<Utc>>,
    /// The timeline.
    pub records: Vec<TimelineRecord>,
    /// The records that clients created. The service never completes them.
    pub client_records: BTreeSet<Uuid>,
    /// More records, as they go over the wire.
    pub odd_records: Vec<Value>,
    /// Logs by number, from 1.
    pub logs: Vec<Log>,
    /// Live console lines.
    pub feed: Vec<String>,
    /// Decisions that reached the plan, accepted or not.
    pub events: Vec<Event>,
    /// Every `currentOperation` that the check's record was given, and when.
    pub operations: Vec<(DateTime<Utc>, String)>,
    pub(crate) change_id: i64,
}

/// Whether a plan is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanState {
    /// Waits for its task. Its session accepts events.
    InProgress,
    /// Ended. Its session is gone.
    Completed,
}

/// A `TaskCompleted` event that reached the organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When it arrived.
    pub at: DateTime<Utc>,
    /// The decision in it.
    pub result: String,
    /// Whether the session still waited. Only the first decision is accepted.
    pub accepted: bool,
}

/// A log of a plan.
#[derive(Clone, Debug)]
pub struct Log {
    /// Number within the plan.
    pub id: u64,
    /// The log's path, which is its name.
    pub path: String,
    /// Everything appended so far.
    pub text: String,
    /// When it was created.
    pub created_on: DateTime<Utc>,
    /// When text was last appended.
    pub last_changed_on: DateTime<Utc>,
}

impl Plan {
    /// Whether the session still accepts a decision.
    pub fn is_waiting(&self) -> bool {
        self.state == PlanState::InProgress
    }

    /// The check's own record.
    pub(super) fn task_record(&self) -> Option<&TimelineRecord> {
        self.record(self.task_instance_id)
    }

    pub(crate) fn record(&self, id: Uuid) -> Option<&TimelineRecord> {
        self.records.iter().find(|record| record.id == id)
    }

    /// Updates the record with this id, or adds it. Returns the stored record.
    pub(crate) fn upsert(&mut self, update: TimelineRecord, now: DateTime<Utc>) -> &TimelineRecord {
        self.change_id += 1;
        if update.id == self.task_instance_id {
            self.operations.extend(update.current_operation.iter().map(|operation| (now, operation.clone())));
        }
        let position = self.records.iter().position(|record| record.id == update.id).unwrap_or_else(|| {
            self.records.push(TimelineRecord { id: update.id, attempt: Some(1), ..TimelineRecord::default() });
            self.records.len() - 1
        });
        let record = &mut self.records[position];
        record.merge(update);
        record.change_id = Some(self.change_id);
        record.last_modified = Some(date(now));
        record
    }

    /// Ends the plan, its job and its task. Its session accepts no more events.
    pub(crate) fn complete(&mut self, result: TaskResult, now: DateTime<Utc>) {
        let of_the_service = |id: &Uuid| self.record(*id).is_some() && !self.client_records.contains(id);
        let completed: Vec<_> = [self.task_instance_id, self.job_id].into_iter().filter(of_the_service).collect();
        for id in completed {
            let update = TimelineRecord {
                id,
                state: Some(RecordState::Completed),
                result: Some(result),
                finish_time: Some(now),
                ..TimelineRecord::default()
            };
            self.upsert(update, now);
        }
        self.state = PlanState::Completed;
        self.result = Some(result);
        self.finished = Some(now);
    }

    /// Ends a plan that got no decision in time. Its records become `canceled`, as those of a job that times out do.
    pub(super) fn time_out(&mut self) {
        let Some(deadline) = self.deadline else { return };
        self.complete(TaskResult::Canceled, deadline);
        self.timed_out = true;
        let minutes = (deadline - self.started).num_minutes();
        let message = format!("The check did not complete within its timeout of {minutes} minutes.");
        let position = self.records.iter().position(|record| record.id == self.task_instance_id);
        if let Some(position) = position {
            let issue = Issue { kind: IssueKind::Error, category: None, message, data: None };
            self.records[position].issues.get_or_insert_default().push(issue);
        }
    }

    pub(crate) fn create_log(&mut self, path: &str, rule: CreateLog, now: DateTime<Utc>) -> &Log {
        let known = self.logs.iter().position(|log| log.path == path).filter(|_| rule == CreateLog::GetOrCreate);
        let position = known.unwrap_or_else(|| {
            let id = self.logs.len() as u64 + 1;
            let text = String::new();
            self.logs.push(Log { id, path: path.to_owned(), text, created_on: now, last_changed_on: now });
            self.logs.len() - 1
        });
        &self.logs[position]
    }

    pub(crate) fn log(&mut self, id: u64) -> Option<&mut Log> {
        self.logs.iter_mut().find(|log| log.id == id)
    }
}
