//! What calls the handler: the simulated Functions host, or the real one of Core Tools.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use simulator::Clock;
use simulator::azure_pipelines::FunctionAddress;
use simulator::functions_host::{FunctionsHost, Handler, QueueSource};
use simulator::storage_queue::StorageQueue;
use tokio::time::interval;

/// The folder of the function app.
pub(crate) const APP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The handler error that ends a host, as Azure has it. Another host then takes its place.
const STOP_AFTER_ERRORS: usize = 3;

/// The longest pause between two looks at the queue. The host's own two seconds are two minutes on a fast clock.
const LONGEST_POLL: Duration = Duration::from_millis(100);

/// What calls the handler.
pub(crate) enum Host {
    Simulated(SimulatedHost),
    /// `func start`, which shows what it does on the terminal.
    CoreTools(Box<xtask::local::FunctionsHost>),
}

/// How the handler is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HandlerState {
    status: &'static str,
    /// Whether the demo can kill it.
    can_be_killed: bool,
    kills: usize,
    hosts: usize,
    /// How many evaluations the host has asked for, if the demo can see it.
    invocations: Option<usize>,
}

impl Host {
    /// Where checks are delivered.
    pub(crate) fn function(&self) -> FunctionAddress {
        match self {
            Self::Simulated(host) => host.now().function_address("CheckFunction"),
            // Core Tools ask for no key.
            Self::CoreTools(host) => FunctionAddress::new(host.address(), ""),
        }
    }

    /// Whether the clock has to be the real one.
    pub(crate) fn is_real(&self) -> bool {
        matches!(self, Self::CoreTools(_))
    }

    /// How the handler is.
    pub(crate) fn handler_state(&self) -> HandlerState {
        match self {
            Self::Simulated(host) => host.handler_state(),
            // When `func` ends, so does the demo.
            Self::CoreTools(_) => {
                HandlerState { status: "ready", can_be_killed: false, kills: 0, hosts: 1, invocations: None }
            }
        }
    }

    /// Kills the handler's process. The host starts it again.
    ///
    /// # Errors
    ///
    /// If only the host knows the process.
    pub(crate) async fn kill_handler(&self) -> Result<(), String> {
        match self {
            Self::Simulated(host) => {
                host.kills.fetch_add(1, Ordering::Relaxed);
                host.now().kill_handler().await;
                Ok(())
            }
            Self::CoreTools(_) => Err("The handler belongs to `func`. Kill its process yourself.".to_owned()),
        }
    }

    /// Keeps a host there as long as that is possible: puts a new one in the place of one that has given up, as App Service
    /// does, and says which it is. Returns when the host of Core Tools has ended.
    pub(crate) async fn keep(&self, took_over: impl Fn(usize)) {
        match self {
            Self::Simulated(host) => host.replace_lost_hosts(took_over).await,
            Self::CoreTools(host) => host.ended().await,
        }
    }

    /// What the handler has printed, if the demo can see it.
    pub(crate) fn output(&self) -> Vec<String> {
        match self {
            Self::Simulated(host) => host.now().output(),
            Self::CoreTools(_) => Vec::new(),
        }
    }

    /// Stops the host, and the handler with it.
    pub(crate) async fn stop(&self) -> io::Result<()> {
        match self {
            Self::Simulated(host) => {
                host.now().stop().await;
                Ok(())
            }
            Self::CoreTools(host) => host.stop().await.map_err(io::Error::other),
        }
    }
}

/// The simulated Functions host.
pub(crate) struct SimulatedHost {
    queue: StorageQueue,
    handler: Handler,
    host: Mutex<FunctionsHost>,
    kills: AtomicUsize,
    hosts: AtomicUsize,
    /// The invocations of the hosts before this one.
    former_invocations: AtomicUsize,
}

impl SimulatedHost {
    /// Starts it with this program as the handler.
    pub(crate) async fn start(
        queue: StorageQueue,
        environment: Vec<(String, String)>,
        clock: Clock,
    ) -> io::Result<Self> {
        let path = std::env::current_exe()?;
        let handler = Handler::Executable { path, environment, stop_after_errors: Some(STOP_AFTER_ERRORS) };
        let source = QueueSource::Simulated(queue.clone());
        let host = FunctionsHost::start(APP, handler.clone(), source, clock).await.map_err(io::Error::other)?;
        if !host.handler_ready().await {
            return Err(io::Error::other(host.output().join("\n")));
        }
        listen(&host);
        let (kills, hosts) = (AtomicUsize::new(0), AtomicUsize::new(1));
        let (host, former_invocations) = (Mutex::new(host), AtomicUsize::new(0));
        Ok(Self { queue, handler, host, kills, hosts, former_invocations })
    }

    /// The host that runs now.
    fn now(&self) -> FunctionsHost {
        self.host.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn handler_state(&self) -> HandlerState {
        let host = self.now();
        let status = match (host.why_down(), host.is_handler_ready()) {
            (Some(_), _) => "stopped",
            (None, true) => "ready",
            (None, false) => "starting",
        };
        HandlerState {
            status,
            can_be_killed: true,
            kills: self.kills.load(Ordering::Relaxed),
            hosts: self.hosts.load(Ordering::Relaxed),
            invocations: Some(self.invocations()),
        }
    }

    /// How many invocations there were, of all hosts.
    fn invocations(&self) -> usize {
        let host = self.host.lock().unwrap_or_else(PoisonError::into_inner);
        self.former_invocations.load(Ordering::Relaxed) + host.invocations().len()
    }

    /// Never ends.
    async fn replace_lost_hosts(&self, took_over: impl Fn(usize)) {
        let mut look = interval(Duration::from_millis(100));
        loop {
            look.tick().await;
            let host = self.now();
            if host.why_down().is_none() {
                continue;
            }
            let source = QueueSource::Simulated(self.queue.clone());
            // If the port is taken for a moment, the next look tries again.
            if let Ok(new) = host.replace(self.handler.clone(), source).await {
                listen(&new);
                let number = self.hosts.fetch_add(1, Ordering::Relaxed) + 1;
                let mut current = self.host.lock().unwrap_or_else(PoisonError::into_inner);
                self.former_invocations.fetch_add(host.invocations().len(), Ordering::Relaxed);
                *current = new;
                drop(current);
                took_over(number);
            }
        }
    }
}

fn listen(host: &FunctionsHost) {
    host.switch(|switches| switches.longest_poll = Some(LONGEST_POLL));
    host.listen();
}
