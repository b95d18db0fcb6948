//! What Azure Pipelines does with a check: waits for its decision, cancels it, shows it.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::new_check::{CheckIds, NewCheck};
use super::odd_records::odd_records;
use super::organization::State;
use super::plan::{Event, Plan};
use super::record::TimelineRecord;
use super::record_members::TaskResult;
use super::run::{BuildResult, BuildStatus};
use super::token::Token;

/// How long a job token is valid.
const TOKEN_LIFETIME: chrono::TimeDelta = chrono::TimeDelta::hours(48);

impl State {
    /// A stage of the run reaches a protected resource. Creates the plan of the check, with its job and its pending
    /// task, and a new job token.
    pub fn await_check(&mut self, build_id: u64) -> CheckIds {
        self.await_check_as(build_id, NewCheck::default())
    }

    /// This stage of the run, which the timeline has, reaches a protected resource.
    pub fn await_check_in(&mut self, build_id: u64, stage: &str) -> CheckIds {
        let ids = self.await_check(build_id);
        if let Some(plan) = self.plans.get_mut(&ids.plan_id) {
            plan.stage = Some(stage.to_owned());
        }
        ids
    }

    /// A stage of the run reaches a resource with a check of this form.
    pub fn await_check_as(&mut self, build_id: u64, new: NewCheck) -> CheckIds {
        let project_id = self.runs.get(&build_id).map_or(self.projects[0].id, |run| run.project_id);
        let ids = self.new_ids(project_id, build_id);
        self.await_check_with(&ids, new);
        ids
    }

    /// A stage reached a resource before, and its check has these ids.
    pub fn await_check_with(&mut self, ids: &CheckIds, new: NewCheck) {
        let now = self.clock.now();
        let token = Token::until(now + TOKEN_LIFETIME);
        self.tokens.insert(ids.auth_token.clone(), token);
        self.plans.insert(ids.plan_id, new.plan(ids, now));
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

    /// Cancels the run, and its waiting checks. The checks of stages that always run keep waiting, and the run's status
    /// stays `cancelling` until none is left.
    pub fn cancel_run(&mut self, build_id: u64) {
        let now = self.clock.now();
        let waiting = self.plans.values_mut().filter(|plan| plan.build_id == build_id && plan.is_waiting());
        waiting.filter(|plan| !plan.always_runs).for_each(|plan| plan.complete(TaskResult::Canceled, now));
        let still_waits = self.plans.values().any(|plan| plan.build_id == build_id && plan.is_waiting());
        let Some(run) = self.runs.get_mut(&build_id) else { return };
        if still_waits {
            run.status = BuildStatus::Cancelling;
        } else {
            run.status = BuildStatus::Completed;
            run.result = Some(BuildResult::Canceled);
            run.finish_time = Some(now);
        }
    }

    /// Plans a change of the organization: the first call from this moment on finds it made.
    pub fn at(&mut self, at: DateTime<Utc>, change: impl FnOnce(&mut Self) + Send + 'static) {
        self.planned.add(at, change);
    }

    /// Forgets the changes that have not happened yet.
    pub fn forget_planned(&mut self) {
        self.planned.clear();
    }

    /// Makes the changes that were planned, and ends every check whose timeout has passed. The organization does it by itself
    /// before each call.
    pub fn pass_time(&mut self) {
        let now = self.clock.now();
        while let Some(change) = self.planned.next_due(now) {
            change(self);
        }
        let is_late = |plan: &&mut Plan| plan.is_waiting() && plan.deadline.is_some_and(|deadline| deadline <= now);
        self.plans.values_mut().filter(is_late).for_each(Plan::time_out);
    }

    /// Adds records of other kinds to the check's timeline and to that of its run. Their members are odd in every way
    /// that the service allows.
    pub fn add_odd_records(&mut self, ids: &CheckIds) {
        if let Some(plan) = self.plans.get_mut(&ids.plan_id) {
            plan.odd_records.extend(odd_records());
        }
        if let Some(run) = self.runs.get_mut(&ids.build_id) {
            run.odd_records.extend(odd_records());
        }
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
