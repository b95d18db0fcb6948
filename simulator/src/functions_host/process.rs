//! The handler's process, as the rest of the host sees it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::{mpsc, oneshot, watch};

use super::client::Client;
use super::output::{Output, OutputLine};
use super::supervisor::{Order, Status, Supervisor};
use crate::clock::Clock;
use crate::http::Listener;

/// How long an invocation waits for the handler to be ready.
const PATIENCE: Duration = Duration::from_secs(120);
/// The connection of a dying process breaks a little before the process is gone.
const NOTICE: Duration = Duration::from_millis(200);

/// What is started.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) app_root: PathBuf,
    pub(super) environment: Vec<(String, String)>,
    /// The error that stops the host, counted within half an hour; `None` never does.
    pub(super) stop_after_errors: Option<usize>,
}

/// A supervised handler process.
pub(super) struct Process {
    pub(super) url: String,
    status: watch::Receiver<Status>,
    orders: mpsc::Sender<Order>,
    output: Output,
}

impl Process {
    /// Starts the program on a free port, which stays the same when it is started again.
    pub(super) async fn start(program: Program, probe: Client, clock: Clock) -> io::Result<Self> {
        let (port, socket) = Listener::bind().await?;
        drop(socket);
        let (status_sender, status) = watch::channel(Status::Starting);
        let (orders, order_receiver) = mpsc::channel(8);
        let (output, url) = (Output::default(), format!("http://127.0.0.1:{port}"));
        let supervisor = Supervisor {
            command: command(&program.path, &program.app_root, &program.environment, port),
            stop_after_errors: program.stop_after_errors,
            probe,
            clock,
            url: url.clone(),
            status: status_sender,
            orders: order_receiver,
            output: output.clone(),
            errors: Vec::new(),
        };
        tokio::spawn(supervisor.run());
        Ok(Self { url, status, orders, output })
    }

    /// Waits until it is known how the start went, but not for ever.
    pub(super) async fn settled(&self) -> Status {
        let mut status = self.status.clone();
        let _ = tokio::time::timeout(PATIENCE, status.wait_for(|status| *status != Status::Starting)).await;
        self.status()
    }

    /// After a broken connection: gives the supervisor a moment to notice that the process is gone.
    pub(super) async fn notice_death(&self) {
        let mut status = self.status.clone();
        let noticed = status.wait_for(|status| *status != Status::Ready);
        // A handler that only broke the connection goes on, and so does the host.
        let _ = tokio::time::timeout(NOTICE, noticed).await;
    }

    pub(super) fn status(&self) -> Status {
        *self.status.borrow()
    }

    /// Everything the handler printed, and what the supervisor noticed.
    pub(super) fn output(&self) -> Vec<OutputLine> {
        self.output.lines()
    }

    /// Kills the process, without a warning. The supervisor takes it for a crash, and starts it again.
    pub(super) async fn kill(&self) {
        self.order(Order::Kill).await;
    }

    /// Kills the process, without a warning, and starts it again. That is not an error.
    pub(super) async fn restart(&self) {
        self.order(Order::Restart).await;
    }

    /// Kills the process, without a warning, for good.
    pub(super) async fn stop(&self) {
        self.order(Order::Stop).await;
    }

    async fn order(&self, order: impl FnOnce(oneshot::Sender<()>) -> Order) {
        let (done, is_done) = oneshot::channel();
        // A supervisor that has ended has no process left to kill.
        if self.orders.send(order(done)).await.is_ok() {
            let _ = is_done.await;
        }
    }
}

/// Exactly what the host sets: no arguments, the app's folder, five variables beside the inherited ones.
fn command(path: &Path, app_root: &Path, environment: &[(String, String)], port: u16) -> Command {
    let id = uuid::Uuid::new_v4().to_string();
    let port = port.to_string();
    let mut command = Command::new(path);
    command
        .current_dir(app_root)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .env("FUNCTIONS_CUSTOMHANDLER_PORT", &port)
        .env("FUNCTIONS_CUSTOMHANDLER_WORKER_ID", &id)
        .env("FUNCTIONS_HTTPWORKER_PORT", &port)
        .env("FUNCTIONS_HTTPWORKER_ID", &id)
        .env("FUNCTIONS_APP_ROOT_PATH", app_root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}
