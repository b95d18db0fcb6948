//! Starts the handler, probes it, watches it and starts it again, as the host does.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot, watch};

use super::client::{Client, NoAnswer};
use super::output::{Output, Stream};
use crate::clock::Clock;

/// The pause between two probes of a handler that does not listen yet.
const PROBE_PAUSE: Duration = Duration::from_millis(25);
/// How many probes a handler gets: 30 seconds' worth of pauses.
const PROBES: usize = 1200;
/// Errors further apart than this do not add up.
const ERROR_WINDOW: TimeDelta = TimeDelta::minutes(30);

/// How the handler is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// Started, or started again, and not listening yet.
    Starting,
    /// Listening, or ended with exit code 0, which the host takes for listening.
    Ready,
    /// The program could not be started at all. It is not tried again, and the host does not mind.
    Unstartable,
    /// Not started again: there were too many errors, or the host was stopped.
    Stopped,
}

/// An order to the supervisor, answered once the process is dead.
pub(super) enum Order {
    Kill(oneshot::Sender<()>),
    Restart(oneshot::Sender<()>),
    Stop(oneshot::Sender<()>),
}

/// Watches one process after the other, all with the same command.
pub(super) struct Supervisor {
    pub(super) command: Command,
    pub(super) stop_after_errors: Option<usize>,
    pub(super) probe: Client,
    pub(super) clock: Clock,
    pub(super) url: String,
    pub(super) status: watch::Sender<Status>,
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) output: Output,
    pub(super) errors: Vec<DateTime<Utc>>,
}

/// Why a process is not running any more.
enum End {
    /// Ended by itself, or killed by somebody else.
    Exited(Option<i32>),
    /// Killed because it did not listen in time.
    NotReady,
    /// Killed on request.
    Killed(oneshot::Sender<()>),
    /// Killed by the host, because a function took too long.
    Restarted(oneshot::Sender<()>),
    /// Killed for good.
    Stopped(Option<oneshot::Sender<()>>),
}

impl Supervisor {
    pub(super) async fn run(mut self) {
        loop {
            let mut child = match self.command.spawn() {
                Ok(child) => child,
                Err(error) => {
                    self.output.notice(format!("Failed to start Worker Channel: {error}"));
                    self.status.send_replace(Status::Unstartable);
                    self.wait_for_stop().await;
                    break;
                }
            };
            self.read(Stream::Stdout, child.stdout.take());
            self.read(Stream::Stderr, child.stderr.take());
            let end = self.watch(&mut child).await;
            let _ = child.kill().await;
            let goes_on = match &end {
                End::Stopped(_) => false,
                // Taken for success: nothing is started again, and nobody listens.
                End::Exited(Some(0)) => {
                    self.wait_for_stop().await;
                    false
                }
                End::Exited(Some(200)) | End::Restarted(_) => true,
                End::Exited(_) | End::NotReady | End::Killed(_) => self.may_restart(),
            };
            let status = if goes_on { Status::Starting } else { Status::Stopped };
            self.status.send_replace(status);
            if let End::Killed(done) | End::Restarted(done) | End::Stopped(Some(done)) = end {
                let _ = done.send(());
            }
            if !goes_on {
                break;
            }
        }
        self.status.send_replace(Status::Stopped);
    }

    /// Until the process ends for whatever reason.
    async fn watch(&mut self, child: &mut Child) -> End {
        let mut ready = std::pin::pin!(is_ready(self.probe.clone(), format!("{}/", self.url)));
        let mut probing = true;
        loop {
            tokio::select! {
                exit = child.wait() => {
                    let code = exit.ok().and_then(|exit| exit.code());
                    self.output.notice(format!("The handler exited with code {code:?}"));
                    if code == Some(0) {
                        self.status.send_replace(Status::Ready);
                    }
                    return End::Exited(code);
                }
                in_time = &mut ready, if probing => {
                    probing = false;
                    if !in_time {
                        return End::NotReady;
                    }
                    self.status.send_replace(Status::Ready);
                }
                order = self.orders.recv() => return match order {
                    Some(Order::Kill(done)) => End::Killed(done),
                    Some(Order::Restart(done)) => End::Restarted(done),
                    Some(Order::Stop(done)) => End::Stopped(Some(done)),
                    None => End::Stopped(None),
                },
            }
        }
    }

    async fn wait_for_stop(&mut self) {
        while let Some(order) = self.orders.recv().await {
            match order {
                Order::Kill(done) | Order::Restart(done) => drop(done.send(())),
                Order::Stop(done) => {
                    let _ = done.send(());
                    return;
                }
            }
        }
    }

    fn may_restart(&mut self) -> bool {
        let now = self.clock.now();
        if self.errors.last().is_some_and(|last| now - *last > ERROR_WINDOW) {
            self.errors.clear();
        }
        self.errors.push(now);
        let restarts = self.stop_after_errors.is_none_or(|limit| self.errors.len() < limit);
        if !restarts {
            self.output.notice("Exceeded http worker restart retry count. Shutting down Functions Host".to_owned());
        }
        restarts
    }

    fn read(&self, from: Stream, pipe: Option<impl AsyncRead + Unpin + Send + 'static>) {
        let output = self.output.clone();
        tokio::spawn(async move {
            let Some(pipe) = pipe else { return };
            let mut lines = BufReader::new(pipe).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                output.add(from, line);
            }
        });
    }
}

/// Any answer at all means ready; only a refused connection means not yet.
async fn is_ready(probe: Client, url: String) -> bool {
    for _ in 0..PROBES {
        match probe.probe(&url).await {
            Err(NoAnswer::NotListening(_)) => tokio::time::sleep(PROBE_PAUSE).await,
            _ => return true,
        }
    }
    false
}
