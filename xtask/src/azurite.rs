//! Azurite, the storage emulator: installed by npm as `tests/azurite/package-lock.json` pins it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;
use tokio::time::{interval, timeout};

use crate::local::ports::{Answer, Ports, look};
use crate::npm::{self, INSTALL_NODE};
use crate::say;

/// How long Azurite may take to listen. It takes seconds, and more than a minute on a machine that builds meanwhile. Who
/// does not want to wait presses Ctrl+C.
const START_LIMIT: Duration = Duration::from_secs(240);

/// How long Azurite may take to write its data and end.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// What Azurite complains about, beside its data.
const LOG: &str = "stderr.log";

/// The first version of Node that Azurite's pinned version is used with.
const OLDEST_NODE: u32 = 20;

/// Whether there are a `node` that can run Azurite and an `npm` that can install it.
pub(crate) fn look_for_node() -> Result<(), String> {
    for program in ["node", "npm"] {
        let asked = Command::new(program).arg("--version").output();
        let output = asked
            .map_err(|error| format!("{program} cannot be run ({error}), and Azurite needs it: {INSTALL_NODE}"))?;
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
        if program == "node" && major.is_none_or(|major| major < OLDEST_NODE) {
            return Err(format!("node is version `{version}`, and Azurite needs a newer one: {INSTALL_NODE}"));
        }
    }
    Ok(())
}

/// Installs Azurite exactly as the lock file says, unless it is installed; returns its folder.
///
/// # Errors
///
/// A sentence for the person at the terminal.
pub fn install(root: &Path) -> Result<PathBuf, String> {
    let folder = root.join("tests/azurite");
    npm::install(&folder, "Azurite, the storage emulator,")?;
    Ok(folder.join("node_modules/azurite"))
}

/// A running Azurite of ours, with blobs, queues and tables. It is killed when it is dropped.
#[derive(Debug)]
pub struct Azurite(Child);

impl Azurite {
    /// Starts it with its data in `target/azurite`.
    ///
    /// # Errors
    ///
    /// A sentence for the person at the terminal.
    pub fn start(root: &Path, ports: &Ports) -> Result<Self, String> {
        let package = install(root)?;
        let data = root.join("target/azurite");
        fs::create_dir_all(&data).map_err(|error| format!("{}: {error}", data.display()))?;
        let log = data.join(LOG);
        let stderr = fs::File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
        let mut command = tokio::process::Command::new("node");
        command.arg(package.join("dist/src/azurite.js")).arg("--location").arg(&data);
        for (service, port) in ports.storage() {
            command.args([format!("--{service}Host"), "127.0.0.1".to_owned()]);
            command.args([format!("--{service}Port"), port.to_string()]);
        }
        // A group of its own: Ctrl+C must not end it before the host, which still needs it.
        command.args(["--disableTelemetry", "--skipApiVersionCheck", "--silent"]).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).kill_on_drop(true);
        let child = command
            .spawn()
            .map_err(|error| format!("node cannot be run ({error}), and Azurite needs it: {INSTALL_NODE}"))?;
        Ok(Self(child))
    }

    /// Waits until all services answer.
    ///
    /// # Errors
    ///
    /// A sentence for the person at the terminal.
    pub async fn ready(&mut self, ports: &Ports) -> Result<(), String> {
        match timeout(START_LIMIT, self.listens(ports)).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(format!("Azurite ended instead of listening; target/azurite/{LOG} says why")),
            Err(_) => Err(format!("Azurite did not listen within {} s", START_LIMIT.as_secs())),
        }
    }

    /// Waits until all services answer; false if the process ends instead.
    async fn listens(&mut self, ports: &Ports) -> bool {
        let mut tick = interval(Duration::from_millis(50));
        for (_, port) in ports.storage() {
            while look(port).await != Answer::Storage {
                if self.0.try_wait().map_or(true, |ended| ended.is_some()) {
                    return false;
                }
                tick.tick().await;
            }
        }
        true
    }

    /// Stops it, once it has written its data.
    ///
    /// # Errors
    ///
    /// If the system does not tell how it ended.
    pub async fn stop(mut self) -> io::Result<()> {
        terminate(&self.0);
        if timeout(STOP_LIMIT, self.0.wait()).await.is_err() {
            self.0.kill().await?;
        }
        Ok(())
    }
}

/// Stops our Azurite, if there is one.
///
/// # Errors
///
/// A sentence for the person at the terminal.
pub(crate) async fn stop(azurite: Option<Azurite>) -> Result<(), String> {
    let Some(azurite) = azurite else { return Ok(()) };
    azurite.stop().await.map_err(|error| format!("Azurite did not end: {error}"))?;
    say("Azurite has ended.");
    Ok(())
}

/// Asks a process to end. One that has ended need not be asked.
pub(crate) fn terminate(child: &Child) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    // It may end at this very moment.
    let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
}
