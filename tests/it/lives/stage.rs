//! Where lives are played: simulated services, and for each life a handler that knows nothing of the one before.

use std::fmt;
use std::panic;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use checkgate::App;
use checkgate::clock::Clock;
use chrono::{DateTime, TimeDelta, Utc};
use simulator::azure_devops::AzureDevOps;
use simulator::azure_pipelines::{Conclusion, Evaluation};
use simulator::functions_host::{FunctionsHost, Handler, Invocation, QueueSource};
use simulator::storage_queue::{Message, StorageQueue};

use super::life::{CHECKS, Life};
use super::scene::Scene;
use crate::support::{LogLines, MONDAY_MORNING, Setup, app_root, serve_shared};

/// How long a call may take: really waited for, where it hangs.
const CALL_TIMEOUT: Duration = Duration::from_secs(1);

/// How many lives a host sees.
const LIVES_OF_A_HOST: usize = 32;

/// The services of one thread, and the handler in it.
pub(super) struct Stage {
    pub(super) clock: simulator::Clock,
    pub(super) azure_devops: AzureDevOps,
    pub(super) queue: StorageQueue,
    app: Arc<App>,
    handler_url: String,
    /// Replaced now and then, since it remembers its invocations.
    pub(super) host: FunctionsHost,
    lives: usize,
    doom: Arc<Mutex<Doom>>,
    pub(super) log_lines: LogLines,
}

/// The end of a check without a decision: somebody else ended it, or its *Timeout* did.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) at: DateTime<Utc>,
    /// How many decisions had been posted.
    pub(super) decisions: usize,
}

/// The death of a machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Death {
    /// Before the evaluation called Azure DevOps, as far as is known: nothing may have been prepared for its death.
    Early,
    Late,
}

/// What the outside saw of a life.
pub(super) struct Account {
    pub(super) begin: DateTime<Utc>,
    /// Whether a delivery was acknowledged whose message was not lost since.
    pub(super) is_accepted: bool,
    /// The decisions that were posted.
    pub(super) decisions: Vec<simulator::azure_devops::Event>,
    /// How the check ended, if not by a decision.
    pub(super) end: Option<End>,
    /// The machines that died.
    pub(super) deaths: Vec<Death>,
    /// Whether that was its *Timeout*.
    pub(super) timed_out: bool,
    /// What Azure Pipelines concludes for the stage.
    pub(super) conclusion: Conclusion,
    /// The answers to the deliveries that it made by itself.
    pub(super) answers: Vec<Evaluation>,
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
    /// How many it has killed.
    deaths: u64,
}

/// The payload of the panic that stands for the end of the process.
struct Killed;

/// A clock at whose sight an evaluation dies now and then: it is read before and after each call of Azure DevOps.
fn deadly(hand: simulator::Clock, doom: Arc<Mutex<Doom>>) -> Clock {
    Clock::from_fn(move || {
        let dies = {
            let doom = &mut *doom.lock().expect("never poisoned");
            let dies = doom.death > 0.0 && doom.random.f64() < doom.death;
            doom.deaths += u64::from(dies);
            dies
        };
        if dies {
            panic::resume_unwind(Box::new(Killed));
        }
        hand.now()
    })
}

impl Stage {
    pub(super) async fn set() -> Self {
        let log_lines = LogLines::capture();
        let clock = simulator::Clock::starting_at(MONDAY_MORNING.parse().expect("a time"));
        let azure_devops = AzureDevOps::start(clock.clone()).await.expect("a port");
        let queue = StorageQueue::start(clock.clone()).await.expect("a port");
        azure_devops.record_calls(false);
        queue.record_calls(false);
        let doom = Arc::new(Mutex::new(Doom { random: fastrand::Rng::with_seed(0), death: 0.0, deaths: 0 }));
        let setup = Setup {
            checks: CHECKS.to_owned(),
            call_timeout: CALL_TIMEOUT,
            retry_pause: Duration::from_millis(1),
            clock: Some(deadly(clock.clone(), Arc::clone(&doom))),
            ..Setup::default()
        };
        let app = Arc::new(setup.app(&clock, &queue, &azure_devops));
        let (handler_url, _) = serve_shared(Arc::clone(&app)).await;
        let host = start_host(&handler_url, &queue, &clock).await;
        Self { clock, azure_devops, queue, app, handler_url, host, lives: 0, doom, log_lines }
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
        let run = self.set_the_scene(life);
        self.doom(random.u64(..), life.death);
        let mut scene = Scene::new(self, life, run, random);
        scene.play().await;
        let account = scene.account();
        if !account.has_seen_azure_devops_last() {
            self.clear_the_air().await;
        }
        account
    }

    /// Nothing fails any more.
    pub(super) fn clear_up(&self) {
        self.azure_devops.heal();
        self.queue.heal();
        self.queue.with(|state| state.lost_puts = 0);
        self.doom(0, 0.0);
    }

    /// Lets one more check pass, so that the handler sees that Azure DevOps answers, and does not stay away from it in the
    /// next life.
    async fn clear_the_air(&self) {
        self.clock.advance(Duration::from_secs(60));
        let passes = Life::that_passes();
        let run = self.set_the_scene(&passes);
        Scene::new(self, &passes, run, fastrand::Rng::with_seed(0)).play().await;
    }

    fn doom(&self, seed: u64, death: f64) {
        let mut doom = self.doom.lock().expect("never poisoned");
        (doom.random, doom.death) = (fastrand::Rng::with_seed(seed), death);
    }

    /// How many evaluations were killed so far.
    pub(super) fn deaths(&self) -> u64 {
        self.doom.lock().expect("never poisoned").deaths
    }

    /// How many calls Azure DevOps got so far.
    pub(super) fn calls(&self) -> u64 {
        self.azure_devops.counts().values().sum()
    }

    /// A world with nothing but a run, its work item, and what is odd about it.
    fn set_the_scene(&self, life: &Life) -> u64 {
        self.queue.with(|state| {
            state.queues.values_mut().for_each(|queue| queue.messages.clear());
            state.pick_up_lag = life.pick_up_lag;
        });
        self.app.azure_devops.note_whole_answers(&self.azure_devops.url(), life.answers_are_known);
        self.azure_devops.latency("", "", life.latency);
        self.azure_devops.with(|state| {
            state.forget_planned();
            state.runs.clear();
            state.work_items.clear();
            state.plans.clear();
            state.tokens.clear();
            let previews = ["/events", "/records"].map(str::to_owned);
            state.update_answer = life.update_answer;
            state.preview_only = previews.into_iter().filter(|_| life.callbacks_are_previews).collect();
            state.work_item(42, if life.is_closed { "Closed" } else { "Active" });
            let run = state.run();
            run.links_work_item(42);
            if !life.has_task {
                run.without_tasks();
            }
            run.id
        })
    }
}

async fn start_host(handler_url: &str, queue: &StorageQueue, clock: &simulator::Clock) -> FunctionsHost {
    let (handler, source) = (Handler::Url(handler_url.to_owned()), QueueSource::Simulated(queue.clone()));
    FunctionsHost::start(app_root(), handler, source, clock.clone()).await.expect("the host takes the app")
}

impl Account {
    /// Whether the handler's own log says this of the check.
    pub(super) fn says(&self, what: &str) -> bool {
        self.handler_log.iter().any(|line| line.contains(what) && line.contains(&self.plan_id))
    }

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
        writeln!(f, "The end without one: {:?}, timed out: {}", self.end, self.timed_out)?;
        writeln!(f, "The machines that died: {:?}", self.deaths)?;
        writeln!(f, "The conclusion: {}", self.conclusion)?;
        writeln!(f, "The answers: {:#?}", self.answers)?;
        writeln!(f, "The evaluations:")?;
        for it in &self.evaluations {
            let (at, ended, id) = (it.at, it.ended, it.message_id.as_deref().unwrap_or_default());
            writeln!(f, "  {at} to {ended} of {id} ({}): {} {}", it.dequeue_count, it.status, it.body)?;
        }
        writeln!(f, "The handler's log:")?;
        self.handler_log.iter().try_for_each(|line| writeln!(f, "  {line}"))
    }
}
