//! The Azure Functions host for one app with a custom handler.
//!
//! It reads the app's folder, supervises the handler or uses one that already listens, and hands over HTTP requests and
//! queue messages: the latter step by step on the simulated clock, or by itself in real time.
//!
//! # Layout
//!
//! * `config`, `host_json`, `function`: the app's folder. `start`: a host for it.
//! * [`Handler`], `process`, `supervisor`, `output`: the handler's process, and what it prints.
//! * `invoker`, `envelope`, `metadata`, `trace`: one call of the handler; `client` sends it.
//! * `listener`, [`QueueSource`]: the queue trigger.
//! * `lifetime`: what is under way, and how the host ends.
//! * `front`, `forwarding`, `http_trigger`, `identity`, `http_answer`: the HTTP trigger.

mod client;
mod config;
mod envelope;
mod forwarding;
mod front;
mod function;
mod handler;
mod host;
mod host_json;
mod http_answer;
mod http_trigger;
mod identity;
mod invoker;
mod lifetime;
mod listener;
mod metadata;
mod output;
mod process;
mod queue_source;
mod start;
mod supervisor;
#[cfg(test)]
mod tests;
mod trace;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinSet;

pub use handler::{Handler, HostError};
pub use host::Switches;
pub use invoker::Invocation;
pub use output::{OutputLine, Severity};
pub use queue_source::QueueSource;

use crate::azure_pipelines::FunctionAddress;
use crate::clock::Clock;
use crate::http::Listener;
use config::App;
use function::Function;
use host::{Host, Running};
use process::Process;
use supervisor::Status;

/// How long a stopping host waits for what is under way. The real one was seen to leave after 10 to 16 seconds.
const DRAIN: Duration = Duration::from_secs(10);

/// A simulated host; all clones are one.
#[derive(Clone)]
pub struct FunctionsHost {
    host: Arc<Host>,
    front: Listener,
    listeners: Arc<Mutex<JoinSet<()>>>,
}

impl FunctionsHost {
    /// Starts the host for the app in this folder. Queues are not listened to yet: either step through them with
    /// [`Self::run_due_messages`], or call [`Self::listen`].
    ///
    /// # Errors
    ///
    /// If the real host would refuse the app, or the machine has no port to give.
    pub async fn start(
        app_root: impl AsRef<Path>,
        handler: Handler,
        queues: QueueSource,
        clock: Clock,
    ) -> Result<Self, HostError> {
        let app = App::read(app_root.as_ref(), &|name| handler.setting(name)).map_err(HostError::Configuration)?;
        let host = Host::begin(app, handler, queues, clock).await?;
        let front = front::serve(&host, Listener::bind().await.map_err(HostError::Io)?);
        Ok(Self { host, front, listeners: Arc::default() })
    }

    /// Ends this host, and starts another one for the same app at the same address. App Service does so when a host has
    /// given up its handler.
    ///
    /// # Errors
    ///
    /// If the machine has no port to give, or another program has taken the port of the old host.
    pub async fn replace(&self, handler: Handler, queues: QueueSource) -> Result<Self, HostError> {
        self.host.lifetime.die("another host takes its place");
        self.end().await;
        let host = Host::begin(self.host.app.clone(), handler, queues, self.host.clock.clone()).await?;
        let front = front::serve(&host, Listener::bind_again(self.front.port()).await.map_err(HostError::Io)?);
        Ok(Self { host, front, listeners: Arc::default() })
    }

    /// The address that callers use for an HTTP function; without the key.
    pub fn function_url(&self, function: &str) -> String {
        let route = self.function(function).and_then(Function::route).unwrap_or(function);
        let prefix = self.host.app.route_prefix.trim_matches('/');
        let path = if prefix.is_empty() { route.to_owned() } else { format!("{prefix}/{route}") };
        format!("http://127.0.0.1:{}/{path}", self.front.port())
    }

    /// The address of an HTTP function, with its key.
    pub fn function_address(&self, function: &str) -> FunctionAddress {
        FunctionAddress::new(self.function_url(function), self.function_key())
    }

    /// The key of every function.
    pub fn function_key(&self) -> String {
        self.host.switches().function_key
    }

    /// Changes how the host behaves where there is a choice.
    pub fn switch(&self, change: impl FnOnce(&mut Switches)) {
        self.host.switch(change);
    }

    /// Invokes the queue functions with all that is visible, or becomes so by that; returns how many invocations there were.
    pub async fn run_due_messages(&self) -> usize {
        listener::run_due_messages(&self.host).await
    }

    /// The same for one batch.
    pub async fn run_a_batch(&self) {
        listener::run_a_batch(&self.host).await;
    }

    /// Listens to all queues in real time, until the host is stopped.
    pub fn listen(&self) {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        for function in self.host.app.functions.iter().filter(|function| function.queue().is_some()) {
            listeners.spawn(listener::listen(Arc::clone(&self.host), function.clone()));
        }
    }

    /// Posts these bytes to a function, whatever they are.
    pub async fn invoke_raw(&self, function: &str, envelope: impl Into<Bytes>) -> Option<Invocation> {
        let function = self.function(function)?;
        let (invocation, _) = self.host.invoke(function, envelope.into(), None).await;
        Some(invocation)
    }

    /// Invokes a queue function as an administrator does: without a message behind the text.
    pub async fn invoke_manually(&self, function: &str, text: &str) -> Option<Invocation> {
        let envelope = envelope::of_administrator(self.function(function)?, text, self.host.clock.now());
        self.invoke_raw(function, envelope.to_string()).await
    }

    /// The last invocations, oldest first.
    pub fn invocations(&self) -> Vec<Invocation> {
        self.host.invocations()
    }

    /// What the handler printed so far, and what the host noticed about it; empty for a handler elsewhere.
    pub fn output(&self) -> Vec<String> {
        self.lines().into_iter().map(|line| line.text).collect()
    }

    /// The part of the output that the host logs, as it ranks each line: what the `logLevel` of `host.json` lets through.
    pub fn log(&self) -> Vec<OutputLine> {
        let lowest = self.host.app.console_level;
        self.lines().into_iter().filter(|line| lowest.is_some_and(|lowest| line.severity >= lowest)).collect()
    }

    fn lines(&self) -> Vec<OutputLine> {
        self.process().map_or_else(Vec::new, Process::output)
    }

    /// Why the host has shut down, if it has.
    pub fn why_down(&self) -> Option<String> {
        self.host.why_down()
    }

    /// The exit code of a host that has ended by itself or was stopped: 0, whatever the reason. A dead one has none.
    pub fn exit_code(&self) -> Option<i32> {
        self.host.lifetime.ended()?.code
    }

    /// Whether the handler listens now.
    pub fn is_handler_ready(&self) -> bool {
        self.process().is_none_or(|process| process.status() == Status::Ready)
    }

    /// Waits until the handler listens; false if it never will.
    pub async fn handler_ready(&self) -> bool {
        match &self.host.handler {
            Running::Supervised(process) => process.settled().await == Status::Ready,
            Running::Elsewhere(_) => true,
        }
    }

    /// Kills the handler's process without a warning; returns once it is dead. The host starts it again.
    pub async fn kill_handler(&self) {
        if let Some(process) = self.process() {
            process.kill().await;
        }
    }

    /// Stops as the real host does: takes nothing more, waits up to ten seconds for what is under way, then leaves. A
    /// message that is not done by then keeps its lease. The handler is killed, and gets no notice.
    pub async fn stop(&self) {
        let why = "the host was stopped";
        self.host.lifetime.stop(why);
        tokio::select! {
            () = self.host.lifetime.idle() => {}
            () = self.host.clock.sleep(DRAIN) => {}
        }
        self.host.lifetime.leave(why);
        self.end().await;
    }

    /// The machine dies: nothing that is under way is completed, and its messages keep their lease.
    pub async fn crash(&self) {
        self.host.lifetime.die("the machine died");
        self.end().await;
    }

    async fn end(&self) {
        self.take_listeners().shutdown().await;
        self.host.stop_handler().await;
        // Closing cannot fail; only listening again can.
        let _ = self.front.refuse_connections(true).await;
    }

    fn take_listeners(&self) -> JoinSet<()> {
        std::mem::take(&mut *self.listeners.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn process(&self) -> Option<&Process> {
        match &self.host.handler {
            Running::Supervised(process) => Some(process),
            Running::Elsewhere(_) => None,
        }
    }

    fn function(&self, name: &str) -> Option<&Function> {
        self.host.app.functions.iter().find(|function| function.name.eq_ignore_ascii_case(name))
    }
}
