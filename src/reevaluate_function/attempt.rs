//! One evaluation: look, find out, and then either decide or come back later.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::precheck::Look;
use super::retry;
use super::{Ended, Failure};
use crate::App;
use crate::azure_devops::Session;
use crate::azure_devops::task::RecordUpdate;
use crate::evaluation::evaluator::{Examination, Examiner, LookAtRun};
use crate::evaluation::{Evaluation, Memory, Status};
use crate::queue::claim::Claims;
use crate::queue::message::MessageV1;
use crate::queue::{self, QueueError};
use crate::task::token::AuthToken;
use crate::task::{Decision, TaskProperties};
use crate::task_log;

/// How long reading the facts of one evaluation may take: well inside the host's `functionTimeout` of 5 min, after which
/// it would kill the process with all other evaluations in it.
const FACTS_LIMIT: Duration = Duration::from_secs(90);

/// The same for the evaluation at the deadline: Azure Pipelines stops waiting soon after.
const LAST_FACTS_LIMIT: Duration = Duration::from_secs(15);

/// The most evaluations of one check: five times those that Azure Pipelines itself makes of one.
pub(super) const MAX_EVALUATIONS_PER_CHECK: u32 = 10_000;

/// One evaluation of one check.
pub(super) struct Step<'a> {
    pub(super) app: &'a App,
    pub(super) message: MessageV1,
    pub(super) session: Session<'a>,
    /// Sealed into the successor.
    token: AuthToken,
    /// What this message knows of claims.
    pub(super) claims: Claims,
    /// Whether the timeline has the check's record, so that a status can be shown.
    pub(super) has_record: bool,
    pub(super) plan_was_read: bool,
    /// The timeline that the plan names.
    pub(super) plan_timeline: Option<Uuid>,
    /// Whether the check was found waiting.
    has_looked: bool,
    pub(super) now: DateTime<Utc>,
}

impl<'a> Step<'a> {
    pub(super) fn new(app: &'a App, message: MessageV1, token: AuthToken, claims: Claims) -> Self {
        let mut session = app.azure_devops.session(&message.check.properties, &token);
        if let Some(timeline) = message.progress.timeline_id {
            session.use_timeline(timeline);
        }
        let now = app.clock.now();
        Self {
            app,
            message,
            session,
            token,
            claims,
            has_record: false,
            plan_was_read: false,
            plan_timeline: None,
            has_looked: false,
            now,
        }
    }

    pub(super) const fn ids(&self) -> &TaskProperties {
        &self.message.check.properties
    }

    pub(super) const fn is_first(&self) -> bool {
        !self.message.progress.begun
    }

    /// Takes the step. `is_last` tells that the message was handed out nearly as often as the host will.
    pub(super) async fn take(mut self, is_last: bool) -> Result<Ended, Failure> {
        if let Look::End(ended) = self.look(is_last).await {
            return ended;
        }
        self.has_looked = true;
        if let Some(pending) = self.message.pending_decision.clone() {
            return self.deliver_again(pending).await;
        }
        self.begin().await;
        if is_last {
            let reason =
                "checkgate could not evaluate the check, although it tried several times; its own log tells why.";
            return self.decide(Decision::Rejected { reason: reason.to_owned() }, Vec::new()).await;
        }
        let examination = match self.examine().await {
            Ok(examination) => examination,
            Err(refused) => return self.token_refused(refused.why).await,
        };
        self.message.progress.refused_since = None;
        if examination.run_was_cancelled {
            return Ok(Ended::Stopped("the run was cancelled".to_owned()));
        }
        self.conclude(&examination.evaluation).await
    }

    async fn examine(&mut self) -> Result<Examination, crate::facts::Unmeasured> {
        let progress = &self.message.progress;
        // The check's own record tells a cancellation first; where there is none to read, the run has to.
        let only_the_run_tells = progress.run.is_none() || !self.has_record || self.is_over();
        let examiner = Examiner {
            check: &self.message.check,
            azure_devops: &self.session,
            sources: &self.app.sources,
            memory: &progress.memory,
            run: progress.run.as_ref(),
            look_at_run: if only_the_run_tells { LookAtRun::Always } else { LookAtRun::BeforeDeciding },
            now: self.now,
            limit: if self.is_over() { LAST_FACTS_LIMIT } else { FACTS_LIMIT },
        };
        let examination = examiner.examine().await?;
        self.message.progress.run = examination.run.clone();
        Ok(examination)
    }

    /// Turns an evaluation into a decision or the next evaluation.
    async fn conclude(&mut self, evaluation: &Evaluation) -> Result<Ended, Failure> {
        let lines = task_log::conditions(evaluation);
        let blockers = task_log::blockers_in_one_line(&evaluation.explanation);
        let definition = &self.message.check.definition;
        let is_over = self.is_over();
        match evaluation.status() {
            Status::Passed => self.decide(Decision::Approved, lines).await,
            Status::Failed => self.decide(Decision::Rejected { reason: format!("Not met: {blockers}.") }, lines).await,
            Status::Waiting | Status::Errored if is_over => self.time_is_over(&blockers, lines).await,
            Status::Errored
                if let Some(condition) = evaluation.over_budget(definition.error_budget.delta(), self.now) =>
            {
                let (budget, name, why) = (definition.error_budget, &condition.condition, &condition.found);
                let reason = format!("{name} could not be measured for {budget}: {why}.");
                self.decide(Decision::Rejected { reason }, lines).await
            }
            Status::Waiting | Status::Errored => self.wait(evaluation, lines).await,
        }
    }

    /// Not yet: shows what is awaited, then queues the next evaluation.
    async fn wait(&mut self, evaluation: &Evaluation, lines: Vec<String>) -> Result<Ended, Failure> {
        let delay = if evaluation.status() == Status::Errored {
            let wait = evaluation.stay_away_until.map(|until| until - self.now);
            self.after_error(wait.and_then(|wait| wait.to_std().ok()))
        } else {
            self.message.progress.consecutive_errors = 0;
            (evaluation.look_again_at - self.now).max(self.asked_to_wait())
        };
        let next = (self.now + delay).min(self.message.check.deadline.max(self.now + TimeDelta::seconds(1)));
        self.message.progress.memory = evaluation.memory.clone();
        let digest = task_log::digest(&lines);
        let mut shown = self.warnings();
        if digest != self.message.progress.last_status {
            shown.extend(lines);
            shown.push(task_log::looks_again(next, self.message.check.deadline));
        }
        if self.write_log(&shown).await {
            self.message.progress.last_status = digest;
        }
        let status = RecordUpdate {
            current_operation: Some(task_log::current_operation(evaluation, next)),
            ..RecordUpdate::default()
        };
        self.write_record(status).await;
        match self.queue_successor(next - self.now).await {
            Ok(()) => Ok(Ended::Requeued(format!("next evaluation at {}", task_log::time(next)))),
            // Trying again would not make it smaller.
            Err(Failure::NotQueued(error @ QueueError::TooLarge(..))) => {
                self.message.progress.memory = Memory::default();
                let reason = format!("The check has outgrown the queue: {error}.");
                self.decide(Decision::Rejected { reason }, Vec::new()).await
            }
            Err(failure) => Err(failure),
        }
    }

    /// Counts an error, and tells how long to stay away.
    pub(super) fn after_error(&mut self, retry_after: Option<Duration>) -> TimeDelta {
        let progress = &mut self.message.progress;
        progress.consecutive_errors = progress.consecutive_errors.saturating_add(1);
        retry::delay(progress.consecutive_errors, retry_after.max(self.session.slow_down()))
    }

    fn asked_to_wait(&self) -> TimeDelta {
        self.session.slow_down().and_then(|wait| TimeDelta::from_std(wait).ok()).unwrap_or_default()
    }

    /// The token reads the check's record, but not the facts: they say nothing, and so does an evaluation.
    async fn token_refused(&mut self, why: String) -> Result<Ended, Failure> {
        if self.is_over() {
            return self.time_is_over(&why, Vec::new()).await;
        }
        if self.is_token_dead() {
            let reason = format!("The conditions could not be measured: {why}.");
            return self.decide(Decision::Rejected { reason }, Vec::new()).await;
        }
        let delay = self.after_error(None).min(self.message.check.deadline - self.now);
        self.queue_successor(delay).await?;
        Ok(Ended::Requeued(why))
    }

    pub(super) fn is_over(&self) -> bool {
        self.now >= self.message.check.deadline || self.message.progress.evaluations >= MAX_EVALUATIONS_PER_CHECK
    }

    /// Queues the next evaluation. When this returns, it is durable, and this message may go.
    pub(super) async fn queue_successor(&mut self, delay: TimeDelta) -> Result<(), Failure> {
        let progress = &mut self.message.progress;
        progress.claims = self.claims.clone().hand_on(self.app.claim_times.next(self.app.clock.now()));
        progress.begun |= self.has_looked;
        progress.evaluations += 1;
        // Whole seconds, rounded up: never earlier than was said.
        let seconds = (delay.num_milliseconds() + 999).div_euclid(1_000).max(1);
        let text = self.message.seal(&self.token, &self.app.sealer);
        let delay = TimeDelta::seconds(seconds);
        Ok(self
            .app
            .queue
            .put(&text, delay, self.now, self.message.check.deadline, queue::EVALUATION_PUT_TIMEOUT)
            .await?)
    }
}
