//! One life on the stage, from its first event to its last message.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use checkgate::queue::QUEUE_NAME;
use chrono::{DateTime, TimeDelta, Utc};
use simulator::azure_devops::{AzureDevOps, CheckIds, Plan};
use simulator::azure_pipelines::{self, CheckConfiguration, HEADERS, Target, deliver_with, expand};
use simulator::faults::{Fault, RetryAfter};
use simulator::functions_host::Invocation;
use simulator::storage_queue::Message;

use super::life::{CLEARS_UP, Event, Hiccup, Life, Loss, Mode};
use super::stage::{Account, Death, End, Stage};

/// How long a message stays hidden when the host dies with it.
const LEASE: TimeDelta = TimeDelta::minutes(10);

/// The longest life. What still waits then is lost.
const LONGEST: TimeDelta = TimeDelta::hours(4);

/// One life on the stage.
pub(super) struct Scene<'a> {
    stage: &'a Stage,
    life: &'a Life,
    begin: DateTime<Utc>,
    /// The stage of the pipeline that waits for the check.
    waiting: azure_pipelines::Stage,
    random: fastrand::Rng,
    /// Whether a delivery was acknowledged whose message was not lost since.
    is_accepted: bool,
    end: Arc<OnceLock<End>>,
    deaths: Vec<Death>,
}

impl<'a> Scene<'a> {
    /// A stage of this run waits for the check.
    pub(super) fn new(stage: &'a Stage, life: &'a Life, run: u64, random: fastrand::Rng) -> Self {
        let mut waiting = azure_pipelines::Stage::of(&stage.azure_devops, run, [configuration(stage, life)]);
        if life.always_runs {
            waiting = waiting.always_runs();
        }
        if !life.has_record {
            waiting = waiting.without_records();
        }
        let begin = stage.clock.now();
        Self { stage, life, begin, waiting, random, is_accepted: false, end: Arc::default(), deaths: Vec::new() }
    }

    pub(super) async fn play(&mut self) {
        self.shower();
        let mut events: VecDeque<_> = self.life.events.iter().copied().collect();
        loop {
            let event = events.front().map(|(at, _)| self.begin + *at);
            let platform = self.waiting.next_at().filter(|_| self.is_delivered());
            let message = self.stage.queue.next_due_at(QUEUE_NAME);
            let due = event.into_iter().chain(platform).chain(message);
            let Some(next) = due.min().filter(|next| *next <= self.begin + LONGEST) else {
                break;
            };
            if next > self.stage.clock.now() {
                self.stage.clock.set(next);
            }
            let now = self.stage.clock.now();
            if now >= self.begin + CLEARS_UP {
                self.stage.clear_up();
            }
            if platform.is_some_and(|at| at <= now) {
                self.waiting.act().await;
            }
            while let Some((_, event)) = events.pop_front_if(|(at, _)| self.begin + *at <= now) {
                self.happen(event).await;
            }
            self.hand_out(now - self.begin).await;
        }
        self.stage.clear_up();
    }

    fn is_delivered(&self) -> bool {
        !self.waiting.ids().is_empty()
    }

    /// The ids of the check, as it was delivered last.
    fn ids(&self) -> CheckIds {
        self.waiting.ids().remove(0)
    }

    async fn happen(&mut self, event: Event) {
        let stage = self.stage;
        match event {
            Event::Delivery if !self.is_delivered() => self.deliver_first().await,
            Event::Delivery => self.deliver_again().await,
            Event::Lost(loss) => {
                stage.queue.with(|state| match loss {
                    Loss::Messages => drop(state.lose_messages(QUEUE_NAME)),
                    Loss::Queue => state.wipe(),
                    Loss::NextPut => state.lost_puts = 1,
                });
                self.is_accepted = false;
            }
            Event::OutageOfAzureDevOps(outage) => {
                stage.azure_devops.heal();
                // Also while a host that takes one message at a time works through a long queue.
                stage.azure_devops.fail(outage.fault()).until(self.end_of_outages());
            }
            Event::OutageOfQueue(method, time) => {
                stage.queue.heal();
                stage.queue.fail(Fault::status(503)).on(method, "").until(stage.clock.now() + time);
            }
            Event::StorageIsDown(time) => stage.queue.with(|state| state.go_down_for(time)),
            Event::OutagesEnd => self.shower(),
            Event::Hiccup(Hiccup::Session(status, times)) => {
                stage.azure_devops.fail(Fault::session_not_found(status)).on("POST", "/events").times(times);
            }
            Event::Hiccup(Hiccup::Plan(times)) => {
                stage.azure_devops.fail(Fault::plan_not_found()).on("GET", "/plans/").times(times);
            }
            // Those were planned with the first delivery.
            _ => {}
        }
    }

    /// When the outages end that have begun.
    fn end_of_outages(&self) -> DateTime<Utc> {
        let now = self.stage.clock.now() - self.begin;
        let ends = self.life.events.iter().filter(|(at, event)| *event == Event::OutagesEnd && *at > now);
        self.begin + ends.map(|(at, _)| *at).min().unwrap_or(LONGEST)
    }

    /// Azure Pipelines delivers the check. From then on, what happens to it in Azure DevOps happens at its time, whether or
    /// not somebody works on the check just then.
    async fn deliver_first(&mut self) {
        self.waiting.act().await;
        let ids = self.ids();
        self.is_accepted = self.waiting.histories()[0].evaluations[0].status == 200;
        self.stage.azure_devops.with(|state| {
            if self.life.has_odd_records {
                state.add_odd_records(&ids);
            }
            for (at, event) in &self.life.events {
                let (at, event, ids, end) = (self.begin + *at, *event, ids.clone(), Arc::clone(&self.end));
                state.at(at, move |state| {
                    let was_waiting = state.plan(&ids).is_some_and(Plan::is_waiting);
                    change(state, event, &ids);
                    if was_waiting && !state.plan(&ids).is_some_and(Plan::is_waiting) {
                        // Nobody else has set it: a plan ends once.
                        let _ = end.set(End { at, decisions: state.decisions(&ids).len() });
                    }
                });
            }
        });
    }

    /// Somebody delivers the check once more. It counts only if Azure Pipelines still waits for it.
    async fn deliver_again(&mut self) {
        let ids = self.ids();
        if !self.stage.azure_devops.with(|state| state.plan(&ids).is_some_and(Plan::is_waiting)) {
            return;
        }
        self.stage.queue.with(|state| state.lost_puts = 0);
        let function = self.stage.host.function_address("CheckFunction");
        self.is_accepted |= deliver_with(&function, "", &headers(self.life, &ids), "").await.accepted();
    }

    /// Everything fails a little, each call by chance.
    fn shower(&mut self) {
        let (azure_devops, queue) = (&self.stage.azure_devops, &self.stage.queue);
        azure_devops.heal();
        queue.heal();
        let showers = self.life.showers;
        if showers == 0.0 {
            return;
        }
        let mut seed = || self.random.u64(..);
        let later = RetryAfter::At(self.stage.clock.now() + TimeDelta::seconds(90));
        for (fault, weight) in [
            (Fault::status(503), 1.0),
            (Fault::status(500), 0.5),
            (Fault::exception(500, "VssServiceException", "TF246017: The database does not answer."), 0.3),
            (Fault::exception(503, "ServiceUnavailableException", "The service is being moved."), 0.3),
            (Fault::drop_connection(), 0.5),
            (Fault::drop_after(), 1.0),
            (Fault::reset(), 0.5),
            (Fault::html(203), 0.3),
            (Fault::html(200), 0.3),
            (Fault::wrong_json(), 0.3),
            (Fault::throttle(RetryAfter::Seconds(7)), 0.4),
            (Fault::throttle(later), 0.2),
            (Fault::slow_down(RetryAfter::Seconds(20)), 0.5),
            (Fault::hang(), 0.01),
        ] {
            azure_devops.fail(fault).sometimes(showers * weight, seed());
        }
        for (fault, weight) in [
            (Fault::status(503), 1.0),
            (Fault::drop_after(), 2.0),
            (Fault::drop_connection(), 0.5),
            (Fault::reset(), 0.5),
        ] {
            queue.fail(fault).sometimes(showers * weight, seed());
        }
    }

    /// The host hands out a batch of what is visible; it may die before it deletes the messages. What happens meanwhile, happens
    /// between two batches at the latest.
    async fn hand_out(&mut self, now: TimeDelta) {
        let handed_out = self.stage.queue.visible(QUEUE_NAME);
        let twice = self.random.f64() < self.life.twice;
        self.stage.host.switch(|switches| switches.duplicate_deliveries = twice);
        let (deaths, calls) = (self.stage.deaths(), self.stage.calls());
        self.stage.host.run_a_batch().await;
        if self.life.machines_die && self.stage.deaths() > deaths {
            let is_early = handed_out.len() > 1 || self.stage.calls() == calls;
            self.deaths.push(if is_early { Death::Early } else { Death::Late });
            self.keep_leases(&handed_out);
        }
        if now >= CLEARS_UP || self.random.f64() >= self.life.host_death {
            return;
        }
        self.stage.queue.with(|state| {
            let now = state.clock.now();
            let Some(queue) = state.queues.get_mut(QUEUE_NAME) else { return };
            for message in handed_out {
                if message.dequeue_count < 9 && !queue.messages.iter().any(|left| left.id == message.id) {
                    let (visible_at, dequeue_count) = (now + LEASE, message.dequeue_count + 1);
                    queue.messages.push(Message { visible_at, dequeue_count, ..message });
                }
            }
        });
    }

    /// The host has died with the evaluations that did not end: their messages stay locked.
    fn keep_leases(&self, handed_out: &[Message]) {
        self.stage.queue.with(|state| {
            let lease = state.clock.now() + LEASE;
            let messages = state.queues.values_mut().flat_map(|queue| &mut queue.messages);
            let died = messages.filter(|message| {
                handed_out.iter().any(|it| it.id == message.id && it.dequeue_count < message.dequeue_count)
            });
            died.for_each(|message| message.visible_at = lease);
        });
    }

    pub(super) fn account(&self) -> Account {
        let Stage { azure_devops, queue, host, log_lines, .. } = self.stage;
        let ids = self.ids();
        let history = self.waiting.histories().remove(0);
        let timed_out = azure_devops.with(|state| state.plan(&ids).is_some_and(|plan| plan.timed_out));
        let decisions = azure_devops.with(|state| state.decisions(&ids));
        let deadline = history.deadline();
        let before_deadline = decisions.iter().filter(|decision| decision.at < deadline).count();
        let timed_out = timed_out.then_some(End { at: deadline, decisions: before_deadline });
        let of_this_life = |it: &Invocation| it.at >= self.begin && it.function == "ReevaluateFunction";
        Account {
            begin: self.begin,
            is_accepted: self.is_accepted,
            timed_out: timed_out.is_some(),
            end: self.end.get().copied().or(timed_out),
            deaths: self.deaths.clone(),
            conclusion: self.waiting.conclusion(),
            answers: history.evaluations,
            decisions,
            log: azure_devops.with(|state| state.log_text(&ids)),
            handler_log: log_lines.take(),
            plan_id: ids.plan_id.to_string(),
            evaluations: host.invocations().into_iter().filter(of_this_life).collect(),
            poison: queue.poison(QUEUE_NAME),
            left: queue.messages(QUEUE_NAME),
            trouble: trouble(azure_devops).into_iter().chain(host.why_down()).collect(),
        }
    }
}

/// What went wrong with the simulation itself.
fn trouble(azure_devops: &AzureDevOps) -> Vec<String> {
    azure_devops.with(|state| std::mem::take(&mut state.unknown_requests))
}

fn configuration(stage: &Stage, life: &Life) -> CheckConfiguration {
    let function = stage.host.function_address("CheckFunction");
    let target = Target::AzureFunction { function, parameters: String::new() };
    let named = life.clone();
    CheckConfiguration {
        headers: Arc::new(move |ids| headers(&named, ids)),
        ..CheckConfiguration::new(target, life.settings.clone())
    }
}

fn headers(life: &Life, ids: &CheckIds) -> Vec<(String, String)> {
    let mut headers = expand(HEADERS, ids, &[]);
    headers.push(("Check".to_owned(), life.check.name().to_owned()));
    if life.mode == Mode::Answered {
        headers.push(("CompletionEvent".to_owned(), "ApiResponse".to_owned()));
    }
    headers
}

/// What happens in Azure DevOps to a check, whatever the handler does.
fn change(state: &mut simulator::azure_devops::State, event: Event, ids: &CheckIds) {
    match event {
        Event::Closes => {
            state.work_item(42, "Closed");
        }
        Event::Reopens => {
            state.work_item(42, "Active");
        }
        Event::RunIsCancelled => state.cancel_run(ids.build_id),
        Event::RunIsBeingCancelled => state.begin_to_cancel_run(ids.build_id),
        Event::CheckEnds(result) => state.end_check(ids, result),
        Event::TokenExpires => state.expire_token(ids),
        _ => {}
    }
}
