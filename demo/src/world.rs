//! The simulated systems of the demo, and how a story runs in them.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use simulator::Clock;
use simulator::azure_devops::{self, AzureDevOps, CheckIds, Run};
use simulator::azure_pipelines::{Delivered, HEADERS, deliver_with, expand};
use simulator::functions_host::{FunctionsHost, Handler, QueueSource};
use simulator::pipeline_log;
use simulator::sources::{self, Sources};
use simulator::storage_queue::StorageQueue;
use tokio::time::{interval, timeout};

use crate::paint;
use crate::stories::Story;

/// How long each wait of a story may take. The demo then goes on without what it waited for.
const WAIT_TIMEOUT: Duration = Duration::from_secs(60);

/// What a story may change.
pub(crate) struct Worlds<'a> {
    pub(crate) azure_devops: &'a mut azure_devops::State,
    pub(crate) sources: &'a mut sources::State,
    run: u64,
}

impl Worlds<'_> {
    /// The run that the story is about.
    pub(crate) fn run(&mut self) -> &mut Run {
        self.azure_devops.runs.entry(self.run).or_insert_with(|| unreachable!("a story begins with its run"))
    }
}

/// The simulated systems.
pub(crate) struct World {
    pub(crate) azure_devops: AzureDevOps,
    pub(crate) host: FunctionsHost,
    sources: Sources,
    checks: PathBuf,
}

impl World {
    /// Starts them on free ports, with the handler as a process of the host.
    pub(crate) async fn start() -> io::Result<Self> {
        let clock = Clock::system();
        let azure_devops = AzureDevOps::start(clock.clone()).await?;
        let queue = StorageQueue::start(clock.clone()).await?;
        let sources = Sources::start(clock.clone()).await?;
        let demo = Path::new(env!("CARGO_MANIFEST_DIR"));
        let checks = write_checks(&demo.join("checks.yaml"), &sources)?;
        let handler = Handler::Executable {
            path: std::env::current_exe()?,
            environment: settings(&azure_devops, &queue, &sources, &checks),
            stop_after_errors: Some(3),
        };
        let host = FunctionsHost::start(&demo.join(".."), handler, QueueSource::Simulated(queue), clock).await;
        let host = host.map_err(io::Error::other)?;
        if !host.handler_ready().await {
            return Err(io::Error::other(host.output().join("\n")));
        }
        host.listen();
        Ok(Self { azure_devops, host, sources, checks })
    }

    /// Runs a story. Returns the decision, if there was one in time.
    pub(crate) async fn run(&self, story: &Story) -> Option<String> {
        let run = self.azure_devops.with(|state| state.run().id);
        self.change(run, story.given);
        let ids = self.azure_devops.with(|state| state.await_check(run));
        let mut headers = expand(HEADERS, &ids, &[]);
        headers.push(("Check".to_owned(), story.check.to_owned()));
        headers.extend(story.input.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let function = self.host.function_address("CheckFunction");
        let delivered = deliver_with(&function, "", &headers, "").await;
        if let Some(decision) = decided_at_once(&delivered) {
            paint::log(&format!("Response Code: {}\nResponse: {}", delivered.status, delivered.body));
            return Some(decision);
        }
        if let Some(meanwhile) = &story.meanwhile {
            self.wait_until(&ids, |log| log.contains("Not decided yet")).await;
            self.change(run, meanwhile.change);
            paint::happens(meanwhile.happens);
        }
        self.wait_until(&ids, |log| log.contains("Decision: ")).await;
        let decision = timeout(WAIT_TIMEOUT, self.decision(&ids)).await.ok();
        self.azure_devops.with(|state| paint::log(&pipeline_log::render(state, &ids, Some(&delivered))));
        decision
    }

    fn change(&self, run: u64, change: fn(&mut Worlds<'_>)) {
        self.azure_devops
            .with(|azure_devops| self.sources.with(|sources| change(&mut Worlds { azure_devops, sources, run })));
    }

    async fn wait_until(&self, ids: &CheckIds, is_reached: impl Fn(&str) -> bool) {
        let reached = async {
            let mut look = interval(Duration::from_millis(20));
            while !self.azure_devops.with(|state| is_reached(&state.log_text(ids))) {
                look.tick().await;
            }
        };
        // After the timeout the story goes on: its decision shows what is wrong.
        let _ = timeout(WAIT_TIMEOUT, reached).await;
    }

    async fn decision(&self, ids: &CheckIds) -> String {
        let mut look = interval(Duration::from_millis(20));
        loop {
            if let Some(decision) = self.azure_devops.with(|state| state.decision(ids)) {
                return decision;
            }
            look.tick().await;
        }
    }

    /// Stops the handler's process.
    pub(crate) async fn stop(&self) {
        self.host.stop().await;
        // A file that stays behind does no harm.
        let _ = std::fs::remove_file(&self.checks);
    }
}

/// The decision in the response of a synchronous check.
fn decided_at_once(delivered: &Delivered) -> Option<String> {
    let body: serde_json::Value = serde_json::from_str(&delivered.body).ok()?;
    let status = body.get("status")?.as_str()?;
    matches!(status, "successful" | "failed" | "pending").then(|| status.to_owned())
}

/// Writes the demo's checks with the addresses of the simulated systems.
fn write_checks(template: &Path, sources: &Sources) -> io::Result<PathBuf> {
    let text = std::fs::read_to_string(template)?
        .replace("SERVICENOW_URL", &sources.url("service-now"))
        .replace("PROMETHEUS_URL", &sources.url("prometheus"));
    let file = std::env::temp_dir().join(format!("checkgate-demo-{}.yaml", std::process::id()));
    std::fs::write(&file, text)?;
    Ok(file)
}

/// The app settings of the demo. They point at the simulated systems.
fn settings(
    azure_devops: &AzureDevOps,
    queue: &StorageQueue,
    sources: &Sources,
    checks: &Path,
) -> Vec<(String, String)> {
    let (user, password) = sources.with(|state| (state.service_now.user.clone(), state.service_now.password.clone()));
    [
        ("AzureWebJobsStorage", queue.connection_string()),
        ("AllowedPlanUrls", format!("http://127.0.0.1:{}/", azure_devops.port())),
        ("TokenSealingKey", checkgate::task::sealer::Sealer::generate_key()),
        ("ChecksFile", checks.display().to_string()),
        ("SERVICENOW_USER", user),
        ("SERVICENOW_PASSWORD", password),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}
