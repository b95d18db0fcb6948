//! A stage that waits for its checks, played as Azure Pipelines does.
//!
//! The caller owns the clock: it moves the time to [`Stage::next_at`], then calls [`Stage::act`].

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::task::JoinSet;

use super::delivery::{Call, Target};
use super::headers::{HEADERS, expand};
use super::history::{CheckHistory, Evaluation};
use super::oracle::{Conclusion, Outcome, conclude};
use super::settings::{CheckSettings, CompletionEvent};
use crate::azure_devops::{AzureDevOps, CheckIds, CheckTask, NewCheck, State, TaskResult};

/// The headers of a delivery, made from the ids of the check.
pub type Headers = Arc<dyn Fn(&CheckIds) -> Vec<(String, String)> + Send + Sync>;

/// A check as an administrator configures it.
#[derive(Clone)]
pub struct CheckConfiguration {
    /// Where it is delivered.
    pub target: Target,
    /// Its timeout, completion event and the like.
    pub settings: CheckSettings,
    /// The headers of its deliveries.
    pub headers: Headers,
    /// The body of its deliveries.
    pub body: String,
}

impl CheckConfiguration {
    /// A check with the guide's headers and an empty body.
    pub fn new(target: Target, settings: CheckSettings) -> Self {
        Self { target, settings, headers: Arc::new(|ids| expand(HEADERS, ids, &[])), body: String::new() }
    }
}

/// A stage with its checks. A clone shows how the stage stood when it was made.
#[derive(Clone)]
pub struct Stage {
    azure_devops: AzureDevOps,
    build_id: u64,
    always_runs: bool,
    has_records: bool,
    checks: Vec<(CheckConfiguration, CheckHistory)>,
    /// The ids of every evaluation, by check.
    ids: Vec<Vec<CheckIds>>,
}

impl Stage {
    /// A stage of this run, which begins to wait now.
    pub fn of(azure_devops: &AzureDevOps, build_id: u64, checks: impl IntoIterator<Item = CheckConfiguration>) -> Self {
        let begun = azure_devops.with(|state| state.clock.now());
        let with_history = |check: CheckConfiguration| {
            let history = CheckHistory::new(check.settings.clone(), begun);
            (check, history)
        };
        let checks: Vec<_> = checks.into_iter().map(with_history).collect();
        let ids = vec![Vec::new(); checks.len()];
        Self { azure_devops: azure_devops.clone(), build_id, always_runs: false, has_records: true, checks, ids }
    }

    /// Gives the stage `condition: always()`: it runs while the run is being cancelled.
    #[must_use]
    pub fn always_runs(mut self) -> Self {
        self.always_runs = true;
        self
    }

    /// Leaves the timelines of its checks without a record of the check.
    #[must_use]
    pub fn without_records(mut self) -> Self {
        self.has_records = false;
        self
    }

    /// The ids of each check's last evaluation.
    pub fn ids(&self) -> Vec<CheckIds> {
        self.ids.iter().filter_map(|ids| ids.last().cloned()).collect()
    }

    /// The ids of the last evaluation of every check. `None` for one that was not delivered yet.
    pub fn ids_by_check(&self) -> Vec<Option<CheckIds>> {
        self.ids.iter().map(|ids| ids.last().cloned()).collect()
    }

    /// The checks with everything that happened to them.
    pub fn histories(&self) -> Vec<CheckHistory> {
        self.azure_devops.with(|state| self.histories_in(state))
    }

    /// The same, for somebody who reads the organization already.
    pub fn histories_in(&self, state: &State) -> Vec<CheckHistory> {
        let read = |((_, history), ids): (&(CheckConfiguration, CheckHistory), &Vec<CheckIds>)| {
            let mut history = history.clone();
            for (evaluation, ids) in history.evaluations.iter_mut().zip(ids) {
                state.plan(ids).into_iter().for_each(|plan| evaluation.read(plan));
            }
            history
        };
        self.checks.iter().zip(&self.ids).map(read).collect()
    }

    /// What Azure Pipelines has concluded by now.
    pub fn conclusion(&self) -> Conclusion {
        conclude(&self.histories(), self.now())
    }

    /// When Azure Pipelines acts next: it calls a function again, or a timeout ends. `None` once the stage is concluded.
    pub fn next_at(&self) -> Option<DateTime<Utc>> {
        if self.conclusion().outcome != Outcome::Waiting {
            return None;
        }
        let next = |check: &CheckHistory| check.next_evaluation_at().into_iter().chain([check.deadline()]).min();
        self.histories().iter().filter_map(next).min()
    }

    /// Calls every function that is due, all at the same time, and ends the checks of a concluded stage.
    pub async fn act(&mut self) -> Conclusion {
        if self.conclusion().outcome == Outcome::Waiting {
            self.call_due_functions().await;
        }
        let conclusion = self.conclusion();
        if conclusion.outcome != Outcome::Waiting {
            self.azure_devops.with(|state| self.ids.iter().flatten().for_each(|ids| state.cancel_check(ids)));
        }
        conclusion
    }

    async fn call_due_functions(&mut self) {
        let now = self.now();
        let histories = self.histories();
        let mut calls = JoinSet::new();
        for (index, history) in histories.iter().enumerate() {
            if history.next_evaluation_at().is_none_or(|next| next > now) {
                continue;
            }
            let check = self.checks[index].0.clone();
            let new = self.new_check(&check, history.deadline() - now);
            let ids = self.azure_devops.with(|state| state.await_check_as(self.build_id, new));
            self.ids[index].push(ids.clone());
            let headers = (check.headers)(&ids);
            let call = Call { target: check.target, headers, body: check.body };
            calls.spawn(async move { (index, call.send().await) });
        }
        while let Some(joined) = calls.join_next().await {
            // A call that panics has already said so on the test's output. Its check waits for its timeout.
            let Ok((index, delivered)) = joined else { continue };
            let answered = self.now();
            let (status, body) = (delivered.status, delivered.body);
            let evaluation = Evaluation { begun: now, answered, status, body, decision: None, ended: None };
            self.checks[index].1.evaluations.push(evaluation);
            self.end_answered(index);
        }
    }

    /// Ends the plan of an evaluation that its answer has decided.
    fn end_answered(&self, index: usize) {
        let histories = self.histories();
        let (Some(ids), history) = (self.ids[index].last(), &histories[index]) else { return };
        let last = history.evaluations.last();
        let polled = history.settings.completion_event == CompletionEvent::ApiResponse;
        if let Some(last) = last.filter(|last| polled || last.status != 200) {
            let result = if history.passes(last) { TaskResult::Succeeded } else { TaskResult::Failed };
            self.azure_devops.with(|state| state.end_check(ids, result));
        }
    }

    fn new_check(&self, check: &CheckConfiguration, time_left: TimeDelta) -> NewCheck {
        NewCheck {
            task: match check.target {
                Target::AzureFunction { .. } => CheckTask::AzureFunction,
                Target::RestApi { .. } => CheckTask::InvokeRestApi,
            },
            awaits_callback: check.settings.completion_event == CompletionEvent::Callback,
            timeout: Some(time_left),
            has_record: self.has_records,
            always_runs: self.always_runs,
        }
    }

    fn now(&self) -> DateTime<Utc> {
        self.azure_devops.with(|state| state.clock.now())
    }
}
