//! A machine with the function app and a stand-in for Core Tools, and the demo on it.
//!
//! The stand-in for `func` records its environment. The simulated Functions host then takes its part, in this process.

use std::collections::BTreeMap;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use simulator::Clock;
use simulator::functions_host::{FunctionsHost, Handler, QueueSource};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{interval, timeout};

/// How long something may take before it counts as never happening. npm may have to install Azurite first.
const PATIENCE: Duration = Duration::from_secs(300);

/// Runs until it is asked to end, or `break` is there.
const FUNC: &str = r#"#!/bin/sh
if [ "$1" = --version ]; then echo 4.0.0; exit; fi
trap 'echo asked > "$RECORD/ended"; exit 0' INT TERM
env > "$RECORD/func.new" && mv "$RECORD/func.new" "$RECORD/func"
while [ ! -e "$RECORD/break" ]; do sleep 0.1; done
exit 3
"#;

/// A machine with the function app and Core Tools.
pub(crate) struct Machine {
    pub(crate) folder: PathBuf,
    /// What plays the host. It holds nothing but its port until `func start` runs.
    host: FunctionsHost,
    ports: [u16; 4],
}

impl Machine {
    pub(crate) async fn complete() -> Self {
        let folder = std::env::temp_dir().join(format!("checkgate-demo-{}", uuid::Uuid::new_v4()));
        let (app, bin) = (folder.join("app"), folder.join("bin"));
        fs::create_dir_all(app.join("tests")).unwrap();
        fs::create_dir_all(&bin).unwrap();
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for name in ["host.json", "CheckFunction", "ReevaluateFunction", "tests/azurite"] {
            symlink(repository.join(name), app.join(name)).unwrap();
        }
        let message = json!({ "target": { "name": "checkgate" }, "executable": env!("CARGO_BIN_EXE_demo") });
        for (name, text) in [("func", FUNC), ("cargo", &format!("#!/bin/sh\necho '{message}'\n"))] {
            fs::write(bin.join(name), text).unwrap();
            fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let handler = Handler::Url("http://127.0.0.1:9".to_owned());
        let nothing = QueueSource::rest("nobody", "bm90aGluZw==", "http://127.0.0.1:9").unwrap();
        let host = FunctionsHost::start(&app, handler, nothing, Clock::at_speed(1.0)).await.unwrap();
        let url = host.function_url("CheckFunction");
        host.crash().await;
        let port = url.split([':', '/']).find_map(|part| part.parse().ok()).unwrap();
        let free: [TcpListener; 3] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
        let [blob, queue, table] = free.map(|listener| listener.local_addr().unwrap().port());
        Self { folder, host, ports: [port, blob, queue, table] }
    }

    /// `cargo demo -- --functions-host`, until its page can be used.
    pub(crate) async fn demo(&self) -> Demo {
        let path = checkgate::config::environment("PATH").unwrap_or_default();
        let bin = self.folder.join("bin");
        let path = std::env::join_paths([bin.clone()].into_iter().chain(std::env::split_paths(&path))).unwrap();
        let mut process = demo()
            .args(["--ports", &self.ports.map(|port| port.to_string()).join(",")])
            .arg("--root")
            .arg(self.folder.join("app"))
            .envs([("PATH", path), ("CARGO", bin.join("cargo").into()), ("RECORD", self.folder.clone().into())])
            .process_group(0)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
        until("func start", || self.record("func").is_some()).await;
        let host = self.play().await;
        let mut said = Vec::new();
        let url = loop {
            let line = output.next_line().await.unwrap();
            let line = line.unwrap_or_else(|| panic!("the demo gave no address: {said:?}"));
            let url = line.split_whitespace().find(|word| word.starts_with("http://")).map(str::to_owned);
            said.push(line);
            if let Some(url) = url {
                break url;
            }
        };
        Demo { process, output, host, url, client: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    /// Does what `func start` does, with the environment that it was given.
    async fn play(&self) -> FunctionsHost {
        let record = self.record("func").unwrap();
        let settings: BTreeMap<_, _> = record.lines().filter_map(|line| line.split_once('=')).collect();
        let storage: BTreeMap<_, _> =
            settings["AzureWebJobsStorage"].split(';').filter_map(|part| part.split_once('=')).collect();
        let queues =
            QueueSource::rest(storage["AccountName"], storage["AccountKey"], storage["QueueEndpoint"]).unwrap();
        let handler = Handler::Executable {
            path: self.folder.join("app/checkgate"),
            environment: settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            stop_after_errors: Some(3),
        };
        let host = self.host.replace(handler, queues).await.unwrap();
        // Core Tools let every caller in.
        host.switch(|switches| switches.function_key = String::new());
        assert!(host.handler_ready().await, "{:?}", host.output());
        host.listen();
        host
    }

    pub(crate) fn record(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.folder.join(name)).ok()
    }

    pub(crate) fn listens(&self) -> bool {
        self.ports.iter().any(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // A folder that stays harms nobody.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A running demo, and what plays its host.
pub(crate) struct Demo {
    pub(crate) process: Child,
    pub(crate) output: Lines<BufReader<ChildStdout>>,
    pub(crate) host: FunctionsHost,
    url: String,
    client: reqwest::Client,
}

impl Demo {
    /// Does what a button of the page does.
    pub(crate) async fn act(&self, action: Value) -> (u16, String) {
        let request = self.client.post(format!("{}actions", self.url)).header("content-type", "application/json");
        let answer = request.body(action.to_string()).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// What the page shows, once this holds.
    pub(crate) async fn shows(&self, holds: impl Fn(&Value) -> bool) -> Value {
        let mut events = self.client.get(format!("{}events", self.url)).send().await.unwrap();
        let mut text = Vec::new();
        let read = async {
            while let Some(chunk) = events.chunk().await.unwrap() {
                text.extend_from_slice(&chunk);
                while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = text.drain(..=end).collect();
                    let Some(data) = line.strip_prefix(b"data:") else { continue };
                    let shown = serde_json::from_slice(data).unwrap_or_default();
                    if holds(&shown) {
                        return shown;
                    }
                }
            }
            panic!("the page's stream has ended")
        };
        timeout(PATIENCE, read).await.unwrap()
    }

    /// Reads what it says until it has ended.
    pub(crate) async fn ends(mut self) -> (ExitStatus, String) {
        let mut said = String::new();
        while let Some(line) = self.output.next_line().await.unwrap() {
            said += &line;
            said.push('\n');
        }
        (self.process.wait().await.unwrap(), said)
    }
}

/// The demo with the real host, on any free port.
pub(crate) fn demo() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command.args(["--functions-host", "--port", "0"]).stdin(Stdio::null()).kill_on_drop(true);
    command
}

pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let (begin, mut look) = (Instant::now(), interval(Duration::from_millis(20)));
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "{what} never happened");
        look.tick().await;
    }
}
