//! What all parts of the simulated host share.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use uuid::Uuid;

use super::client::Client;
use super::config::App;
use super::function::Function;
use super::invoker::{self, Invocation, Outcome, Reply};
use super::lifetime::Lifetime;
use super::process::Process;
use super::queue_source::{QueueSource, Trouble};
use super::supervisor::Status;
use super::trace::{TRACEPARENT, traceparent};
use crate::clock::Clock;
use crate::headers::header_value;
use crate::storage_queue::Message;

/// The oldest invocations are forgotten beyond this many.
const REMEMBERED_INVOCATIONS: usize = 10_000;

/// How often the storage account is asked before the host takes it for lost: about 25 seconds.
const STORAGE_TRIES: u32 = 6;
/// The pause after the first of these tries; the next ones are twice as long each.
const FIRST_PAUSE: Duration = Duration::from_millis(800);

/// How long a call waits for a handler that could not be started, before the host gives up.
const INITIALIZATION: Duration = Duration::from_secs(135);

/// How the simulated host behaves where there is a choice.
#[derive(Clone, Debug)]
pub struct Switches {
    /// The key of every function.
    pub function_key: String,
    /// Whether envelopes are sent chunked, as on Azure, or with their length, as by Core Tools.
    pub chunked: bool,
    /// Whether each message is delivered twice, at the same time.
    pub duplicate_deliveries: bool,
    /// Whether the messages of a batch come out of order, by this seed.
    pub shuffle: Option<u64>,
    /// Whether the messages of a batch are invoked one after the other, so that a run repeats exactly.
    pub one_at_a_time: bool,
    /// The longest pause between two looks at a queue, instead of the `maxPollingInterval` of `host.json`.
    pub longest_poll: Option<Duration>,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            function_key: "simulated-function-key".to_owned(),
            chunked: true,
            duplicate_deliveries: false,
            shuffle: None,
            one_at_a_time: false,
            longest_poll: None,
        }
    }
}

/// Where the handler is.
pub(super) enum Running {
    Elsewhere(String),
    Supervised(Process),
}

pub(super) struct Host {
    pub(super) app: App,
    pub(super) queues: QueueSource,
    pub(super) clock: Clock,
    pub(super) handler: Running,
    pub(super) client: Client,
    pub(super) lifetime: Lifetime,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    switches: Switches,
    random: Option<fastrand::Rng>,
    invocations: VecDeque<Invocation>,
}

impl Host {
    pub(super) fn new(app: App, queues: QueueSource, clock: Clock, handler: Running, client: Client) -> Arc<Self> {
        Arc::new(Self { app, queues, clock, handler, client, lifetime: Lifetime::new(), inside: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn switches(&self) -> Switches {
        self.lock().switches.clone()
    }

    pub(super) fn switch(&self, change: impl FnOnce(&mut Switches)) {
        let mut inside = self.lock();
        let seed = inside.switches.shuffle;
        change(&mut inside.switches);
        if inside.switches.shuffle != seed {
            inside.random = inside.switches.shuffle.map(fastrand::Rng::with_seed);
        }
    }

    pub(super) fn shuffle(&self, messages: &mut [Message]) {
        if let Some(random) = &mut self.lock().random {
            random.shuffle(messages);
        }
    }

    /// Asks the storage account; asks again, after growing pauses, while it cannot be reached.
    pub(super) async fn storage<'a, T, F>(&'a self, ask: impl Fn(&'a QueueSource) -> F) -> Result<T, Trouble>
    where
        F: Future<Output = Result<T, Trouble>>,
    {
        let mut pause = FIRST_PAUSE;
        for _ in 1..STORAGE_TRIES {
            match ask(&self.queues).await {
                Err(Trouble::Unreachable(_)) => self.clock.sleep(pause).await,
                answered => return answered,
            }
            pause *= 2;
        }
        ask(&self.queues).await.map_err(|trouble| match trouble {
            Trouble::Unreachable(why) => Trouble::Fatal(format!("Retry failed after {STORAGE_TRIES} tries. {why}")),
            other => other,
        })
    }

    /// Acts on the end of a storage operation: what is not expected ends the host, and with it the handler.
    pub(super) async fn settle(&self, done: Result<(), Trouble>) {
        if let Err(Trouble::Fatal(why) | Trouble::Unreachable(why)) = done {
            self.lifetime.leave(&format!("An unhandled exception has occurred. Host is shutting down. {why}"));
            self.stop_handler().await;
        }
    }

    /// Kills the handler for good, without a notice.
    pub(super) async fn stop_handler(&self) {
        if let Running::Supervised(process) = &self.handler {
            process.stop().await;
        }
    }

    pub(super) fn why_down(&self) -> Option<String> {
        let given_up = matches!(&self.handler, Running::Supervised(process) if process.status() == Status::Stopped);
        let end = self.lifetime.ended().map(|end| end.why);
        end.or_else(|| given_up.then(|| "the handler is not started again".to_owned()))
    }

    pub(super) fn is_down(&self) -> bool {
        self.why_down().is_some()
    }

    pub(super) fn invocations(&self) -> Vec<Invocation> {
        self.lock().invocations.iter().cloned().collect()
    }

    /// The handler's address, once it is ready. One that cannot be started ends the host, after a long wait.
    pub(super) async fn handler_url(&self) -> Option<&str> {
        match &self.handler {
            Running::Elsewhere(url) => Some(url),
            Running::Supervised(process) => match process.settled().await {
                Status::Ready => Some(&process.url),
                Status::Unstartable => {
                    self.clock.sleep(INITIALIZATION).await;
                    self.lifetime.leave("Initialization timed out and host is shutting down");
                    None
                }
                Status::Starting | Status::Stopped => None,
            },
        }
    }

    /// Posts an envelope to a function and remembers how it went.
    pub(super) async fn invoke(
        &self,
        function: &Function,
        envelope: Bytes,
        message: Option<&Message>,
    ) -> (Invocation, Outcome) {
        let (id, at) = (Uuid::new_v4(), self.clock.now());
        let reply = self.call(function, id, envelope).await;
        let failure = match &reply.outcome {
            Outcome::Success(_) => None,
            Outcome::Failure(why) | Outcome::Broken(why) => Some(why.clone()),
        };
        let invocation = Invocation {
            at,
            ended: self.clock.now(),
            function: function.name.clone(),
            invocation_id: id,
            message_id: message.map(|message| message.id.clone()),
            dequeue_count: message.map_or(0, |message| message.dequeue_count),
            status: reply.status,
            body: reply.body,
            failure,
        };
        self.remember(invocation.clone());
        (invocation, reply.outcome)
    }

    async fn call(&self, function: &Function, id: Uuid, envelope: Bytes) -> Reply {
        let broken = |why: &str| Reply { status: 0, body: String::new(), outcome: Outcome::Broken(why.to_owned()) };
        let Some(handler) = self.handler_url().await else {
            return broken("no handler is ready");
        };
        let url = format!("{handler}/{}", function.name);
        let mut headers = invoker::stamps(id);
        if self.app.traces {
            headers.insert(TRACEPARENT, header_value(&traceparent(None)));
        }
        let call = invoker::invoke(&self.client, url, headers, envelope, self.switches().chunked);
        let reply = self.in_time(call).await.unwrap_or_else(broken);
        if let (Outcome::Broken(_), Running::Supervised(process)) = (&reply.outcome, &self.handler) {
            process.notice_death().await;
        }
        reply
    }

    /// Waits for the handler's answer. When the function's time is up, the handler is killed and started again,
    /// whatever else it has under way.
    pub(super) async fn in_time<T>(&self, call: impl Future<Output = T>) -> Result<T, &'static str> {
        tokio::select! {
            biased;
            answer = call => Ok(answer),
            () = self.lifetime.gone() => Err("the host is gone"),
            () = self.clock.sleep(self.app.function_timeout) => {
                if let Running::Supervised(process) = &self.handler {
                    process.restart().await;
                }
                Err("A function timeout has occurred.")
            }
        }
    }

    pub(super) fn remember(&self, invocation: Invocation) {
        let mut inside = self.lock();
        if inside.invocations.len() == REMEMBERED_INVOCATIONS {
            inside.invocations.pop_front();
        }
        inside.invocations.push_back(invocation);
    }
}
