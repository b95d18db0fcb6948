//! What Azure Pipelines does with a check: waits for its decision, cancels it, shows it.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::organization::State;
use super::plan::{Event, Plan, PlanState};
use super::record::TimelineRecord;
use super::record_members::{RecordState, TaskReference, TaskResult};
use super::run::{BuildResult, BuildStatus};
use super::token::Token;

/// The task behind an "Invoke Azure Function" check.
const AZURE_FUNCTION: Uuid = uuid::uuid!("537fdb7a-a601-4537-aa70-92645a2b5ce4");

/// How long a job token is valid.
const TOKEN_LIFETIME: chrono::TimeDelta = chrono::TimeDelta::hours(48);

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

impl State {
    /// A stage of the run reaches a protected resource. Creates the plan of the check, with its job and its pending
    /// task, and a new job token.
    pub fn await_check(&mut self, build_id: u64) -> CheckIds {
        let project_id = self.runs.get(&build_id).map_or(self.projects[0].id, |run| run.project_id);
        let ids = self.new_ids(project_id, build_id);
        let now = self.clock.now();
        let token = Token::until(now + TOKEN_LIFETIME);
        self.tokens.insert(ids.auth_token.clone(), token);
        self.plans.insert(ids.plan_id, waiting_plan(&ids, now));
        ids
    }

    fn new_ids(&self, project_id: Uuid, build_id: u64) -> CheckIds {
        let plan_id = Uuid::new_v4();
        CheckIds {
            plan_url: self.url().to_owned(),
            project_id,
            hub_name: "checks".to_owned(),
            plan_id,
            job_id: Uuid::new_v4(),
            timeline_id: if self.separate_timeline { Uuid::new_v4() } else { plan_id },
            task_instance_id: Uuid::new_v4(),
            auth_token: format!("job-token-{}", Uuid::new_v4().simple()),
            build_id,
        }
    }

    /// Cancels the run: its status becomes `completed`, its result `canceled`, and so do those of its waiting checks.
    pub fn cancel_run(&mut self, build_id: u64) {
        let now = self.clock.now();
        if let Some(run) = self.runs.get_mut(&build_id) {
            run.status = BuildStatus::Completed;
            run.result = Some(BuildResult::Canceled);
            run.finish_time = Some(now);
        }
        let waiting = self.plans.values_mut().filter(|plan| plan.build_id == build_id && plan.is_waiting());
        waiting.for_each(|plan| plan.complete(TaskResult::Canceled, now));
    }

    /// Begins to cancel the run: its status becomes `cancelling`, and its checks still wait.
    pub fn begin_to_cancel_run(&mut self, build_id: u64) {
        if let Some(run) = self.runs.get_mut(&build_id) {
            run.status = BuildStatus::Cancelling;
        }
    }

    /// Cancels the check, as happens when another check of the stage fails.
    pub fn cancel_check(&mut self, ids: &CheckIds) {
        self.end_check(ids, TaskResult::Canceled);
    }

    /// Ends the check as an administrator does who bypasses it.
    pub fn bypass_check(&mut self, ids: &CheckIds) {
        self.end_check(ids, TaskResult::Skipped);
    }

    /// Ends the check with this result, without a decision.
    pub fn end_check(&mut self, ids: &CheckIds, result: TaskResult) {
        let now = self.clock.now();
        if let Some(plan) = self.plans.get_mut(&ids.plan_id).filter(|plan| plan.is_waiting()) {
            plan.complete(result, now);
        }
    }

    /// The check's token is refused from now on.
    pub fn expire_token(&mut self, ids: &CheckIds) {
        if let Some(token) = self.tokens.get_mut(&ids.auth_token) {
            token.expires_at = self.clock.now();
        }
    }

    /// The check's record, as the run page shows it.
    pub fn timeline_record(&self, ids: &CheckIds) -> Option<TimelineRecord> {
        self.plan(ids)?.task_record().cloned()
    }

    /// The text of the log that is attached to the check's record: what a person reads.
    pub fn log_text(&self, ids: &CheckIds) -> String {
        let text = |plan: &Plan| {
            let attached = plan.task_record()?.log.as_ref()?.id;
            plan.logs.iter().find(|log| log.id == attached).map(|log| log.text.clone())
        };
        self.plan(ids).and_then(text).unwrap_or_default()
    }

    /// Every decision that arrived, in order, including those that arrived too late.
    pub fn decisions(&self, ids: &CheckIds) -> Vec<Event> {
        self.plan(ids).map_or_else(Vec::new, |plan| plan.events.clone())
    }

    /// The decision that was accepted.
    pub fn decision(&self, ids: &CheckIds) -> Option<String> {
        self.plan(ids)?.events.iter().find(|event| event.accepted).map(|event| event.result.clone())
    }

    /// The check's plan.
    pub fn plan(&self, ids: &CheckIds) -> Option<&Plan> {
        self.plans.get(&ids.plan_id)
    }
}

fn waiting_plan(ids: &CheckIds, now: DateTime<Utc>) -> Plan {
    let mut plan = Plan {
        id: ids.plan_id,
        project_id: ids.project_id,
        hub_name: ids.hub_name.clone(),
        build_id: ids.build_id,
        timeline_id: ids.timeline_id,
        job_id: ids.job_id,
        task_instance_id: ids.task_instance_id,
        state: PlanState::InProgress,
        result: None,
        started: now,
        finished: None,
        records: Vec::new(),
        logs: Vec::new(),
        feed: Vec::new(),
        events: Vec::new(),
        change_id: 0,
    };
    let job = TimelineRecord {
        id: ids.job_id,
        kind: Some("Job".to_owned()),
        name: Some("Checkpoint".to_owned()),
        state: Some(RecordState::InProgress),
        start_time: Some(now),
        ..TimelineRecord::default()
    };
    let task = TimelineRecord {
        id: ids.task_instance_id,
        parent_id: Some(ids.job_id),
        kind: Some("Task".to_owned()),
        name: Some("Invoke Azure Function".to_owned()),
        state: Some(RecordState::Pending),
        task: Some(TaskReference {
            id: AZURE_FUNCTION,
            name: Some("AzureFunction".to_owned()),
            version: Some("1.274.0".to_owned()),
            inputs: None,
        }),
        ..TimelineRecord::default()
    };
    plan.upsert(job, now);
    plan.upsert(task, now);
    plan
}
