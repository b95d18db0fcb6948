//! Azure Functions Core Tools.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use tokio::process::Child;
use tokio::time::{interval, timeout};

use super::{Stop, ports};
use crate::azurite::terminate;
use crate::{complain, say};

/// The port on which `func start` listens when it is not told another one.
const DEFAULT_PORT: u16 = 7071;

/// How long a stopping host waits for what is running, and a little more.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// Whether there is a `func` that can run this app.
pub(super) fn is_installed() -> Result<(), String> {
    const INSTALL: &str =
        "install Azure Functions Core Tools 4, for instance with `npm install --global azure-functions-core-tools@4`";
    let asked = Command::new("func").arg("--version").output();
    let output = asked.map_err(|error| format!("func cannot be run ({error}): {INSTALL}"))?;
    if !output.status.success() {
        // The `func` of npm is a script that needs Node.
        return Err(format!("func does not run ({}): {INSTALL}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if version.starts_with("4.") { Ok(()) } else { Err(format!("func is version `{version}`: {INSTALL}")) }
}

/// Runs `func start` in the app's folder until it ends, and asks it to end when this process is asked to.
pub(super) async fn start(root: &Path, port: u16, stop: &mut Stop) -> Result<ExitCode, String> {
    let mut func = spawn(root, port, &[])?;
    let status = loop {
        tokio::select! {
            status = func.wait() => break status.map_err(|error| format!("func cannot be waited for: {error}"))?,
            // In a terminal Ctrl+C has reached func already; it takes a second request for the same.
            () = stop.asked() => terminate(&func),
        }
    };
    gone(port).await;
    Ok(u8::try_from(status.code().unwrap_or(1)).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Starts `func start` in the app's folder, with these app settings in its environment. They go before those of
/// `local.settings.json`.
pub(super) fn spawn(root: &Path, port: u16, settings: &[(String, String)]) -> Result<Child, String> {
    let mut command = tokio::process::Command::new("func");
    command.arg("start").current_dir(root).envs(settings.iter().cloned());
    if port != DEFAULT_PORT {
        command.args(["--port", &port.to_string()]);
    }
    command.spawn().map_err(|error| format!("func cannot be run: {error}"))
}

/// Waits until the host behind a `func` that has ended is gone, too: the `func` of npm is a wrapper, which may end before it.
pub(super) async fn gone(port: u16) {
    if timeout(STOP_LIMIT, closed(port)).await.is_err() {
        complain(&format!("`func` has ended, but something still listens on port {port}: see `lsof -i :{port}`"));
    }
    say("`func` has ended.");
}

async fn closed(port: u16) {
    let mut tick = interval(Duration::from_millis(100));
    while !ports::is_free(port) {
        tick.tick().await;
    }
}
