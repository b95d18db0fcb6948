//! The handlers that are measured: how each is started, and what its process takes.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bench::http::{Connection, request};
use flate2::Compression;
use flate2::write::DeflateEncoder;

use crate::stubs::Services;

/// How long a handler may take to answer for the first time.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// How long to wait between two tries to reach a handler that starts.
const NEXT_TRY: Duration = Duration::from_micros(100);

/// The ticks of a second in which Linux counts the time of a process.
const TICKS: f64 = 100.0;

/// A key for sealing tokens. Nothing that is sealed with it is worth anything.
const SEALING_KEY: &str = "Y2hlY2tnYXRlLWxvY2FsLWRldmVsb3BtZW50LWtleS4=";

/// The key of the account that the stub queue has; documented for emulators, not secret.
const ACCOUNT_KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// A handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Handler {
    /// What only signs and puts the message.
    Floor(PathBuf),
    /// checkgate's executable.
    Checkgate(PathBuf),
    /// The same in Node, without libraries: the script.
    Node(PathBuf),
}

impl Handler {
    /// What the table calls it.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Floor(_) => "floor",
            Self::Checkgate(_) => "checkgate",
            Self::Node(_) => "Node raw",
        }
    }

    /// Its executable, where it has one of its own.
    pub(crate) fn executable(&self) -> Option<&Path> {
        match self {
            Self::Floor(path) | Self::Checkgate(path) => Some(path),
            Self::Node(_) => None,
        }
    }

    fn command(&self) -> Vec<String> {
        let path = |path: &Path| path.display().to_string();
        match self {
            Self::Floor(file) | Self::Checkgate(file) => vec![path(file)],
            Self::Node(script) => vec!["node".to_owned(), path(script)],
        }
    }

    /// The sizes of its executable in bytes: as it is, and packed.
    pub(crate) fn sizes(&self) -> Option<(u64, u64)> {
        let bytes = fs::read(self.executable()?).ok()?;
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
        packed.write_all(&bytes).ok()?;
        Some((bytes.len() as u64, packed.finish().ok()?.len() as u64))
    }

    /// Starts it behind `before`, such as `taskset -c 1`, and waits for its first answer.
    pub(crate) fn start(&self, before: &[&str], services: &Services, root: &Path) -> Result<Process, String> {
        let port = free_port()?;
        let words: Vec<String> = before.iter().map(|word| (*word).to_owned()).chain(self.command()).collect();
        let queue = format!("http://127.0.0.1:{}/devstoreaccount1", services.queue);
        let storage = format!("AccountName=devstoreaccount1;AccountKey={ACCOUNT_KEY};QueueEndpoint={queue};");
        let begun = Instant::now();
        let child = Command::new(&words[0])
            .args(&words[1..])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string())
            .env("FUNCTIONS_APP_ROOT_PATH", root)
            .env("AzureWebJobsStorage", storage)
            .env("TokenSealingKey", SEALING_KEY)
            .env("AllowedPlanUrls", plan_url(services))
            // For the check that waits.
            .env("AllowInlineChecks", "true")
            // As in Azure.
            .env("LogFormat", "json")
            .current_dir(root)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{} cannot be started: {error}", words.join(" ")))?;
        let mut process = Process { child, port, started_in: Duration::ZERO };
        process.wait_for_first_answer(begun).map_err(|why| format!("{}: {why}", self.name()))?;
        Ok(process)
    }
}

/// The collection's URL, as deliveries name it.
pub(crate) fn plan_url(services: &Services) -> String {
    format!("http://127.0.0.1:{}/", services.azure_devops)
}

fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    listener.map(|address| address.port()).map_err(|error| format!("there is no free port: {error}"))
}

/// A handler that runs. It is killed when this is dropped.
pub(crate) struct Process {
    child: Child,
    /// Where it listens.
    pub(crate) port: u16,
    /// How long it took from its start to its first answer.
    pub(crate) started_in: Duration,
}

impl Process {
    fn wait_for_first_answer(&mut self, begun: Instant) -> Result<(), String> {
        let ready = request("GET /", "", "");
        loop {
            let answered = Connection::open(self.port).is_ok_and(|mut it| it.ask(&ready).is_ok());
            if answered {
                self.started_in = begun.elapsed();
                return Ok(());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("it ended: {status}"));
            }
            if begun.elapsed() > START_TIMEOUT {
                return Err("it does not answer".to_owned());
            }
            std::thread::sleep(NEXT_TRY);
        }
    }

    /// The time of the processor that it has used.
    pub(crate) fn used(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        // Behind the name, which may hold spaces: the 12th and 13th member are the times in user and system mode.
        let members = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let ticks: f64 = members.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
        Duration::from_secs_f64(ticks / TICKS)
    }

    /// The resident memory in KiB.
    pub(crate) fn resident(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The part of it in KiB that is the process's own. The rest are pages of the executable, which the system drops when it needs
    /// the memory.
    pub(crate) fn own(&self) -> u64 {
        self.status("RssAnon:")
    }

    fn status(&self, of: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(of));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
    }

    /// Ends it as Ctrl+C does, and waits until it has ended.
    pub(crate) fn interrupt(&mut self) -> Result<(), String> {
        let sent = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        sent.and_then(|_| self.child.wait()).map(drop).map_err(|error| format!("it cannot be ended: {error}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
