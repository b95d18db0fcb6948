//! A person's machine: the real executable under the simulated host, with a `checks.yaml` that somebody edits.

use std::path::{Path, PathBuf};
use std::time::Duration;

use simulator::azure_devops::{AzureDevOps, CheckIds};
use simulator::azure_pipelines::{Delivered, HEADERS, deliver_with, expand};
use simulator::functions_host::{FunctionsHost, Handler, OutputLine, QueueSource};
use simulator::storage_queue::StorageQueue;
use tokio::time::{interval, timeout};

use super::executable::environment;
use super::world::app_root;

/// How long a line may take to come through the pipe before it counts as never written.
const PATIENCE: Duration = Duration::from_secs(20);

/// The setting that Core Tools makes.
pub(crate) const DEVELOPMENT: (&str, &str) = ("AZURE_FUNCTIONS_ENVIRONMENT", "Development");

pub(crate) struct Evening {
    azure_devops: AzureDevOps,
    pub(crate) host: FunctionsHost,
    pub(crate) file: PathBuf,
}

impl Evening {
    /// Starts the handler with this `checks.yaml` and these settings besides the necessary ones.
    pub(crate) async fn begins(checks: &str, settings: &[(&str, &str)]) -> Self {
        Self::begins_in(&app_root(), checks, settings).await
    }

    /// The same with the function app in this folder.
    pub(crate) async fn begins_in(app: &Path, checks: &str, settings: &[(&str, &str)]) -> Self {
        let folder = std::env::temp_dir().join(format!("checkgate-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).expect("a temporary folder");
        let file = folder.join("checks.yaml");
        std::fs::write(&file, checks).expect("a temporary file");
        let clock = simulator::Clock::system();
        let azure_devops = AzureDevOps::start(clock.clone()).await.expect("a port");
        let queue = StorageQueue::start(clock.clone()).await.expect("a port");
        let mut environment = environment(&azure_devops, &queue.connection_string());
        environment.push(("ChecksFile".to_owned(), file.display().to_string()));
        environment.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let path = env!("CARGO_BIN_EXE_checkgate").into();
        let handler = Handler::Executable { path, environment, stop_after_errors: Some(1) };
        let host = FunctionsHost::start(app, handler, QueueSource::Simulated(queue), clock).await;
        let host = host.expect("the host takes the app");
        assert!(host.handler_ready().await, "{:?}", host.output());
        Self { azure_devops, host, file }
    }

    /// Saves another `checks.yaml`.
    pub(crate) fn edit(&self, checks: &str) {
        std::fs::write(&self.file, checks).expect("the file is writable");
    }

    /// Delivers this check.
    pub(crate) async fn deliver(&self, check: &str) -> Delivered {
        self.deliver_to("CheckFunction", check).await.1
    }

    /// Delivers this check to the function of this name.
    pub(crate) async fn deliver_to(&self, function: &str, check: &str) -> (CheckIds, Delivered) {
        let ids = self.azure_devops.with(|state| {
            let run = state.run().id;
            state.await_check(run)
        });
        let mut headers = expand(HEADERS, &ids, &[]);
        headers.push(("Check".to_owned(), check.to_owned()));
        let delivered = deliver_with(&self.host.function_address(function), "", &headers, "").await;
        (ids, delivered)
    }

    /// The decision on a check.
    pub(crate) fn decision(&self, ids: &CheckIds) -> Option<String> {
        self.azure_devops.with(|state| state.decision(ids))
    }

    /// What the host has logged, once this line is there.
    pub(crate) async fn log_with(&self, line: &str) -> Vec<OutputLine> {
        let waiting = async {
            let mut look = interval(Duration::from_millis(10));
            while !self.host.log().iter().any(|logged| logged.text.contains(line)) {
                look.tick().await;
            }
        };
        assert!(timeout(PATIENCE, waiting).await.is_ok(), "`{line}` never came: {:#?}", self.host.log());
        self.host.log()
    }
}

impl Drop for Evening {
    fn drop(&mut self) {
        // A folder that stays harms nobody.
        let _ = self.file.parent().map(std::fs::remove_dir_all);
    }
}
