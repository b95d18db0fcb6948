//! What all parts of the simulated host share.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use uuid::Uuid;

use super::client::Client;
use super::config::App;
use super::function::Function;
use super::invoker::{self, Invocation, Outcome, Reply};
use super::process::Process;
use super::queue_source::{QueueSource, Trouble};
use super::supervisor::Status;
use super::trace::{TRACEPARENT, traceparent};
use crate::clock::Clock;
use crate::headers::header_value;
use crate::storage_queue::Message;

/// The oldest invocations are forgotten beyond this many.
const REMEMBERED_INVOCATIONS: usize = 10_000;

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
    /// Whether the machine is thought to die with the handler: a broken invocation is not completed, and its message
    /// stays hidden until its ten minutes pass.
    pub dies_with_handler: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            function_key: "simulated-function-key".to_owned(),
            chunked: true,
            duplicate_deliveries: false,
            shuffle: None,
            one_at_a_time: false,
            dies_with_handler: false,
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
    stopping: watch::Sender<bool>,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    switches: Switches,
    random: Option<fastrand::Rng>,
    invocations: VecDeque<Invocation>,
    down: Option<String>,
}

impl Host {
    pub(super) fn new(app: App, queues: QueueSource, clock: Clock, handler: Running, client: Client) -> Arc<Self> {
        Arc::new(Self {
            app,
            queues,
            clock,
            handler,
            client,
            stopping: watch::Sender::new(false),
            inside: Mutex::default(),
        })
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

    /// Acts on the end of a storage operation: what is not expected ends the host.
    pub(super) fn settle(&self, done: Result<(), Trouble>) {
        if let Err(Trouble::Fatal(reason)) = done {
            self.go_down(&reason);
        }
    }

    pub(super) fn go_down(&self, reason: &str) {
        self.lock().down.get_or_insert_with(|| reason.to_owned());
        self.stopping.send_replace(true);
    }

    /// Sleeps, but not beyond the end of the host.
    pub(super) async fn sleep(&self, pause: Duration) {
        let mut stopping = self.stopping.subscribe();
        let stopped = stopping.wait_for(|stopping| *stopping);
        let _ = tokio::time::timeout(pause, stopped).await;
    }

    pub(super) fn why_down(&self) -> Option<String> {
        let given_up = matches!(&self.handler, Running::Supervised(process) if process.status() == Status::Stopped);
        let reason = self.lock().down.clone();
        reason.or_else(|| given_up.then(|| "the handler is not started again".to_owned()))
    }

    pub(super) fn is_down(&self) -> bool {
        self.why_down().is_some()
    }

    pub(super) fn invocations(&self) -> Vec<Invocation> {
        self.lock().invocations.iter().cloned().collect()
    }

    /// The handler's address, once it is ready.
    pub(super) async fn handler_url(&self) -> Option<&str> {
        match &self.handler {
            Running::Elsewhere(url) => Some(url),
            Running::Supervised(process) if process.ready().await => Some(&process.url),
            Running::Supervised(_) => None,
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
            Outcome::NeverCompletes => Some("200 without content: the invocation never completes".to_owned()),
        };
        let invocation = Invocation {
            at,
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

    /// Calls the handler within the function's time; a handler that takes longer is killed.
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
        let answered = invoker::invoke(&self.client, url, headers, envelope, self.switches().chunked);
        let in_time = tokio::time::timeout(self.app.function_timeout, answered).await;
        match (&in_time, &self.handler) {
            (Err(_), Running::Supervised(process)) => process.kill().await,
            (Ok(Reply { outcome: Outcome::Broken(_), .. }), Running::Supervised(process)) => {
                process.notice_death().await
            }
            _ => {}
        }
        in_time.unwrap_or_else(|_| broken("a function timeout has occurred"))
    }

    pub(super) fn remember(&self, invocation: Invocation) {
        let mut inside = self.lock();
        if inside.invocations.len() == REMEMBERED_INVOCATIONS {
            inside.invocations.pop_front();
        }
        inside.invocations.push_back(invocation);
    }
}
