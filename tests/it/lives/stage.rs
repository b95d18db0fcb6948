//! Where lives are played: simulated services, and for each life a handler that knows nothing of the one before.

use std::fmt;
use std::panic;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use checkgate::clock::Clock;
use checkgate::queue::QUEUE_NAME;
use chrono::{DateTime, TimeDelta, Utc};
use simulator::azure_devops::{AzureDevOps, CheckIds, NewCheck, Plan, TaskResult};
use simulator::azure_pipelines::{HEADERS, deliver_with, expand};
use simulator::faults::{Fault, RetryAfter};
use simulator::functions_host::{FunctionsHost, Handler, Invocation, QueueSource};
use simulator::storage_queue::{Message, StorageQueue};

use super::life::{CHECKS, CLEARS_UP, Event, Life};
use crate::support::{LogLines, MONDAY_MORNING, Setup, app_root, serve};

/// How long a message stays hidden when the host dies with it.
const LEASE: TimeDelta = TimeDelta::minutes(10);

/// The longest life. What still waits then is lost.
const LONGEST: TimeDelta = TimeDelta::hours(4);

/// How long a call may take: really waited for, where it hangs.
const CALL_TIMEOUT: Duration = Duration::from_secs(1);

/// How many lives a host sees.
const LIVES_OF_A_HOST: usize = 32;

/// The services of one thread, and the handler in it.
pub(super) struct Stage {
    clock: simulator::Clock,
    azure_devops: AzureDevOps,
    queue: StorageQueue,
    handler_url: String,
    /// Replaced now and then, since it remembers its invocations.
    host: FunctionsHost,
    lives: usize,
    doom: Arc<Mutex<Doom>>,
    log_lines: LogLines,
}

/// What the outside saw of a life.
pub(super) struct Account {
    pub(super) begin: DateTime<Utc>,
    /// Whether any delivery was acknowledged.
    pub(super) is_accepted: bool,
    /// The decisions that were posted.
    pub(super) decisions: Vec<simulator::azure_devops::Event>,
    /// How many of them before somebody else ended the check.
    pub(super) before_end: Option<usize>,
    /// Whether Azure Pipelines still waits for the check.
    pub(super) is_waiting: bool,
    /// The check's log.
    pub(super) log: String,
    /// The handler's own log.
    pub(super) handler_log: Vec<String>,
    pub(super) plan_id: String,
    /// The evaluations, in order.
    pub(super) evaluations: Vec<Invocation>,
    pub(super) poison: Vec<Message>,
    pub(super) left: Vec<Message>,
    /// What went wrong with the simulation itself.
    pub(super) trouble: Vec<String>,
}

/// What kills evaluations.
struct Doom {
    random: fastrand::Rng,
    death: f64,
}

/// The payload of the panic that stands for the end of the process.
struct Death;

/// A clock at whose sight an evaluation dies now and then: it is read before and after each call of Azure DevOps.
fn deadly(hand: simulator::Clock, doom: Arc<Mutex<Doom>>) -> Clock {
    Clock::from_fn(move || {
        let dies = {
            let doom = &mut *doom.lock().expect("never poisoned");
            doom.death > 0.0 && doom.random.f64() < doom.death
        };
        if dies {
            panic::resume_unwind(Box::new(Death));
        }
        hand.now()
    })
}

/// One life on the stage.
struct Scene<'a> {
    stage: &'a Stage,
    life: &'a Life,
    begin: DateTime<Utc>,
    ids: CheckIds,
    random: fastrand::Rng,
    is_accepted: bool,
    before_end: Option<usize>,
}

impl Stage {
    pub(super) async fn set() -> Self {
        let log_lines = LogLines::capture();
        let clock = simulator::Clock::starting_at(MONDAY_MORNING.parse().expect("a time"));
        let azure_devops = AzureDevOps::start(clock.clone()).await.expect("a port");
        let queue = StorageQueue::start(clock.clone()).await.expect("a port");
        azure_devops.record_calls(false);
        queue.record_calls(false);
        let doom = Arc::new(Mutex::new(Doom { random: fastrand::Rng::with_seed(0), death: 0.0 }));
        let setup = Setup {
            checks: CHECKS.to_owned(),
            call_timeout: CALL_TIMEOUT,
            retry_pause: Duration::from_millis(1),
            clock: Some(deadly(clock.clone(), Arc::clone(&doom))),
            ..Setup::default()
        };
        let (handler_url, _) = serve(setup.app(&clock, &queue, &azure_devops)).await;
        let host = start_host(&handler_url, &queue, &clock).await;
        Self { clock, azure_devops, queue, handler_url, host, lives: 0, doom, log_lines }
    }

    /// Plays one life on a day of its own, since the handler remembers some things for an hour.
    pub(super) async fn play(&mut self, life: &Life) -> Account {
        let begin = self.clock.now() + TimeDelta::days(1);
        self.clock.set(begin);
        self.log_lines.take();
        // The jitter of the handler is of this thread.
        fastrand::seed(life.seed);
        let mut random = fastrand::Rng::with_seed(life.seed.wrapping_add(1 << 32));
        self.lives += 1;
        if self.lives.is_multiple_of(LIVES_OF_A_HOST) {
            self.host = start_host(&self.handler_url, &self.queue, &self.clock).await;
        }
        self.host.switch(|switches| {
            switches.one_at_a_time = life.one_at_a_time;
            switches.shuffle = Some(life.seed);
        });
        let ids = self.await_check(life);
        self.doom(random.u64(..), life.death);
        let mut scene = Scene { stage: self, life, begin, ids, random, is_accepted: false, before_end: None };
        scene.play().await;
        let account = scene.account();

        if !account.has_seen_azure_devops_last() {
            scene.clear_the_air().await;
        }
        account
    }

    fn doom(&self, seed: u64, death: f64) {
        *self.doom.lock().expect("never poisoned") = Doom { random: fastrand::Rng::with_seed(seed), death };
    }

    /// A world with nothing but the run, its work item, and the check that waits.
    fn await_check(&self, life: &Life) -> CheckIds {
        self.queue.with(|state| state.queues.clear());
        self.azure_devops.with(|state| {
            state.runs.clear();
            state.work_items.clear();
            state.plans.clear();
            state.tokens.clear();
            let run = state.run();
            run.links_work_item(42);
            if !life.has_task {
                run.without_tasks();
            }
            let run = run.id;
            state.work_item(42, if life.is_closed { "Closed" } else { "Active" });
            let previews = ["/events", "/records"].map(str::to_owned);
            state.preview_only = previews.into_iter().filter(|_| life.callbacks_are_previews).collect();
            state.await_check_as(run, NewCheck { has_record: life.has_record, ..NewCheck::default() })
        })
    }
}

impl Scene<'_> {
    async fn play(&mut self) {
        self.shower();
        let mut events: std::collections::VecDeque<_> = self.life.events.iter().copied().collect();
        loop {
            let event = events.front().map(|(at, _)| self.begin + *at);
            let message = self.stage.queue.next_due_at(QUEUE_NAME);
            let Some(next) = event.into_iter().chain(message).min().filter(|next| *next <= self.begin + LONGEST) else {
                break;
            };
            if next > self.stage.clock.now() {
                self.stage.clock.set(next);
            }
            let now = self.stage.clock.now() - self.begin;
            if now >= CLEARS_UP {
                self.clear_up();
            }
            while let Some((_, event)) = events.pop_front_if(|(at, _)| *at <= now) {
                self.happen(event).await;
            }
            self.hand_out(now).await;
        }
        self.clear_up();
    }

    fn clear_up(&self) {
        self.stage.azure_devops.heal();
        self.stage.queue.heal();
        self.stage.doom(0, 0.0);
    }

    /// Lets one more check pass, so that the handler sees that Azure DevOps answers, and does not stay away from it in the
    /// next life.
    async fn clear_the_air(&mut self) {
        self.stage.queue.with(|state| state.queues.clear());
        self.stage.clock.advance(Duration::from_secs(60));
        self.ids = self.stage.await_check(&Life { has_task: true, has_record: true, ..self.life.clone() });
        self.deliver().await;
        self.stage.host.run_due_messages().await;
    }

    async fn happen(&mut self, event: Event) {
        let (ids, stage) = (&self.ids, self.stage);
        match event {
            Event::Delivery => self.deliver().await,
            Event::Closes => stage.azure_devops.with(|state| {
                state.work_item(42, "Closed");
            }),
            Event::Reopens => stage.azure_devops.with(|state| {
                state.work_item(42, "Active");
            }),
            Event::RunIsCancelled => {
                stage.azure_devops.with(|state| state.cancel_run(ids.build_id));
                self.ended();
            }
            Event::RunIsBeingCancelled => stage.azure_devops.with(|state| state.begin_to_cancel_run(ids.build_id)),
            Event::ChainDies => {
                stage.queue.with(|state| {
                    state.queues.get_mut(QUEUE_NAME).into_iter().for_each(|queue| queue.messages.clear());
                });
                self.is_accepted = false;
            }
            Event::CheckEnds(result) => {
                stage.azure_devops.with(|state| state.end_check(ids, result));
                self.ended();
            }
            Event::TokenExpires => stage.azure_devops.with(|state| state.expire_token(ids)),
            Event::OutageOfAzureDevOps(outage) => {
                stage.azure_devops.heal();
                stage.azure_devops.fail(outage.fault()).forever();
            }
            Event::OutageOfQueue => {
                stage.queue.heal();
                stage.queue.fail(Fault::status(503)).forever();
            }
            Event::OutagesEnd => self.shower(),
        }
    }

    fn ended(&mut self) {
        self.before_end = Some(self.stage.azure_devops.with(|state| state.decisions(&self.ids).len()));
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

    /// A delivery that is refused fails the check: Azure Pipelines does not deliver it again.
    async fn deliver(&mut self) {
        if !self.stage.azure_devops.with(|state| state.plan(&self.ids).is_some_and(Plan::is_waiting)) {
            return;
        }
        let mut headers = expand(HEADERS, &self.ids, &[]);
        headers.push(("Check".to_owned(), self.life.check.name().to_owned()));
        let function = self.stage.host.function_address("CheckFunction");
        if deliver_with(&function, "", &headers, "").await.accepted() {
            self.is_accepted = true;
        } else if !self.is_accepted {
            self.stage.azure_devops.with(|state| state.end_check(&self.ids, TaskResult::Failed));
            self.ended();
        }
    }

    /// The host hands out what is visible; it may die before it deletes the messages.
    async fn hand_out(&mut self, now: TimeDelta) {
        let handed_out = self.stage.queue.visible(QUEUE_NAME);
        let twice = self.random.f64() < self.life.twice;
        self.stage.host.switch(|switches| switches.duplicate_deliveries = twice);
        self.stage.host.run_due_messages().await;
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

    fn account(&self) -> Account {
        let Stage { azure_devops, queue, host, log_lines, .. } = self.stage;
        let unknown = azure_devops.with(|state| std::mem::take(&mut state.unknown_requests));
        let (decisions, is_waiting, log) = azure_devops.with(|state| {
            let is_waiting = state.plan(&self.ids).is_some_and(Plan::is_waiting);
            (state.decisions(&self.ids), is_waiting, state.log_text(&self.ids))
        });
        let of_this_life = |it: &Invocation| it.at >= self.begin && it.function == "ReevaluateFunction";
        Account {
            begin: self.begin,
            is_accepted: self.is_accepted,
            decisions,
            before_end: self.before_end,
            is_waiting,
            log,
            handler_log: log_lines.take(),
            plan_id: self.ids.plan_id.to_string(),
            evaluations: host.invocations().into_iter().filter(of_this_life).collect(),
            poison: queue.poison(QUEUE_NAME),
            left: queue.messages(QUEUE_NAME),
            trouble: unknown.into_iter().chain(host.why_down()).collect(),
        }
    }
}

async fn start_host(handler_url: &str, queue: &StorageQueue, clock: &simulator::Clock) -> FunctionsHost {
    let (handler, source) = (Handler::Url(handler_url.to_owned()), QueueSource::Simulated(queue.clone()));
    FunctionsHost::start(app_root(), handler, source, clock.clone()).await.expect("the host takes the app")
}

impl Account {
    /// Whether the last thing that the handler did was to read the check's record.
    fn has_seen_azure_devops_last(&self) -> bool {
        let ends = ["decided: ", "stopped: the check is completed"];
        self.evaluations.last().is_some_and(|last| ends.iter().any(|end| last.body.contains(end)))
    }
}

/// The whole story, to be read when a life has failed.
impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "The check's log:\n{}", self.log)?;
        writeln!(f, "The decisions: {:#?}", self.decisions)?;
        writeln!(f, "The evaluations:")?;
        for it in &self.evaluations {
            writeln!(f, "  {} of {:?} ({}): {} {}", it.at, it.message_id, it.dequeue_count, it.status, it.body)?;
        }
        writeln!(f, "The handler's log:")?;
        self.handler_log.iter().try_for_each(|line| writeln!(f, "  {line}"))
    }
}
