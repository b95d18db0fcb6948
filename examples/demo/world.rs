//! The outside world of the demo, and how a story is told in it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use simulator::Clock;
use simulator::azure_devops::{AzureDevOps, CheckIds};
use simulator::azure_pipelines::{HEADERS, deliver_with, expand};
use simulator::functions_host::{FunctionsHost, Handler, QueueSource};
use simulator::pipeline_log;
use simulator::storage_queue::StorageQueue;
use tokio::time::{interval, timeout};

use crate::paint;
use crate::stories::Story;

/// How long a story may take before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(60);

/// The stand-ins.
pub(crate) struct World {
    pub(crate) azure_devops: AzureDevOps,
    pub(crate) host: FunctionsHost,
}

impl World {
    /// Starts them on free ports, with the handler as a process of the host.
    pub(crate) async fn start() -> io::Result<Self> {
        let clock = Clock::system();
        let azure_devops = AzureDevOps::start(clock.clone()).await?;
        let queue = StorageQueue::start(clock.clone()).await?;
        let app_root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let handler = Handler::Executable {
            path: std::env::current_exe()?,
            environment: settings(&azure_devops, &queue, &app_root.join("examples/demo/checks.yaml")),
            stop_after_errors: Some(3),
        };
        let host = FunctionsHost::start(app_root, handler, QueueSource::Simulated(queue), clock).await;
        let host = host.map_err(io::Error::other)?;
        if !host.handler_ready().await {
            return Err(io::Error::other(host.output().join("\n")));
        }
        host.listen();
        Ok(Self { azure_devops, host })
    }

    /// Tells a story. Returns the decision, if there was one in time.
    pub(crate) async fn tell(&self, story: &Story) -> Option<String> {
        let ids = self.azure_devops.with(|state| {
            let run = state.run().id;
            (story.given)(state, run);
            state.await_check(run)
        });
        let mut headers = expand(HEADERS, &ids, &[]);
        headers.push(("Check".to_owned(), story.check.to_owned()));
        let url = self.host.function_url("CheckFunction");
        let delivered = deliver_with(&url, &self.host.function_key(), "", &headers, "").await;
        if let Some(meanwhile) = &story.meanwhile {
            self.wait_until(&ids, |log| log.contains("Not decided yet")).await;
            self.azure_devops.with(meanwhile.change);
            paint::happens(meanwhile.happens);
        }
        self.wait_until(&ids, |log| log.contains("Decision: ")).await;
        let decision = timeout(PATIENCE, self.decision(&ids)).await.ok();
        self.azure_devops.with(|state| paint::log(&pipeline_log::render(state, &ids, Some(&delivered))));
        decision
    }

    async fn wait_until(&self, ids: &CheckIds, is_told: impl Fn(&str) -> bool) {
        let told = async {
            let mut look = interval(Duration::from_millis(20));
            while !self.azure_devops.with(|state| is_told(&state.log_text(ids))) {
                look.tick().await;
            }
        };
        // The verdict of the story tells whether it came to it.
        let _ = timeout(PATIENCE, told).await;
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

    /// Ends the handler's process.
    pub(crate) async fn stop(&self) {
        self.host.stop().await;
    }
}

/// The app settings of the demo: those of `local.settings.json`, pointed at the stand-ins.
fn settings(azure_devops: &AzureDevOps, queue: &StorageQueue, checks: &Path) -> Vec<(String, String)> {
    let checks: PathBuf = checks.to_owned();
    vec![
        ("AzureWebJobsStorage".to_owned(), queue.connection_string()),
        ("AllowedPlanUrls".to_owned(), format!("http://127.0.0.1:{}/", azure_devops.port())),
        ("TokenSealingKey".to_owned(), checkgate::token::Sealer::generate_key()),
        ("ChecksFile".to_owned(), checks.display().to_string()),
    ]
}
