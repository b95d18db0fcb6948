//! The simulated systems of the demo, and the host with the real handler.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use simulator::azure_devops::AzureDevOps;
use simulator::azure_pipelines::FunctionAddress;
use simulator::functions_host::{FunctionsHost, Handler, QueueSource};
use simulator::sources::Sources;
use simulator::storage_queue::StorageQueue;
use tokio::time::interval;

use crate::checks::Checks;
use crate::shared_clock::{self, SharedClock};

/// The handler error that ends a host, as Azure has it. Another host then takes its place.
const STOP_AFTER_ERRORS: usize = 3;

/// The longest pause between two looks at the queue. The host's own two seconds are two minutes on a fast clock.
const LONGEST_POLL: Duration = Duration::from_millis(100);

/// The simulated systems.
pub(crate) struct World {
    pub(crate) azure_devops: AzureDevOps,
    pub(crate) sources: Sources,
    pub(crate) clock: SharedClock,
    queue: StorageQueue,
    handler: Handler,
    host: Mutex<FunctionsHost>,
    folder: PathBuf,
    kills: AtomicUsize,
    hosts: AtomicUsize,
}

impl World {
    /// Starts them on free ports, with the handler as a process of the host.
    pub(crate) async fn start(checks: &Checks, speed: f64) -> io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("checkgate-demo-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let shared = SharedClock::start(speed, folder.join("clock.json"))?;
        let clock = shared.clock();
        let azure_devops = AzureDevOps::start(clock.clone()).await?;
        let queue = StorageQueue::start(clock.clone()).await?;
        let sources = Sources::start(clock.clone()).await?;
        let file = folder.join("checks.yaml");
        std::fs::write(&file, checks.with_stand_ins(&sources).to_string())?;
        let handler = Handler::Executable {
            path: std::env::current_exe()?,
            environment: settings(&azure_devops, &queue, &file)
                .into_iter()
                .chain([(shared_clock::SETTING.to_owned(), shared.file().display().to_string())])
                .chain(sources.identity_settings())
                .collect(),
            stop_after_errors: Some(STOP_AFTER_ERRORS),
        };
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let source = QueueSource::Simulated(queue.clone());
        let host = FunctionsHost::start(root, handler.clone(), source, clock).await.map_err(io::Error::other)?;
        if !host.handler_ready().await {
            return Err(io::Error::other(host.output().join("\n")));
        }
        listen(&host);
        let (kills, hosts) = (AtomicUsize::new(0), AtomicUsize::new(1));
        Ok(Self { azure_devops, sources, clock: shared, queue, handler, host: Mutex::new(host), folder, kills, hosts })
    }

    /// The host that runs now.
    pub(crate) fn host(&self) -> FunctionsHost {
        self.host.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where checks are delivered.
    pub(crate) fn function(&self) -> FunctionAddress {
        self.host().function_address("CheckFunction")
    }

    /// How often the handler was killed.
    pub(crate) fn kills(&self) -> usize {
        self.kills.load(Ordering::Relaxed)
    }

    /// How many hosts there were, one after the other.
    pub(crate) fn hosts(&self) -> usize {
        self.hosts.load(Ordering::Relaxed)
    }

    /// Kills the handler's process. The host starts it again.
    pub(crate) async fn kill_handler(&self) {
        self.kills.fetch_add(1, Ordering::Relaxed);
        self.host().kill_handler().await;
    }

    /// Puts a new host in the place of one that has given up, as App Service does. Never ends.
    pub(crate) async fn replace_lost_hosts(&self) {
        let mut look = interval(Duration::from_millis(100));
        loop {
            look.tick().await;
            let host = self.host();
            if host.why_down().is_none() {
                continue;
            }
            let source = QueueSource::Simulated(self.queue.clone());
            // If the port is taken for a moment, the next look tries again.
            if let Ok(new) = host.replace(self.handler.clone(), source).await {
                listen(&new);
                self.hosts.fetch_add(1, Ordering::Relaxed);
                *self.host.lock().unwrap_or_else(PoisonError::into_inner) = new;
            }
        }
    }

    /// Stops the handler's process.
    pub(crate) async fn stop(&self) {
        self.host().stop().await;
        // Files that stay behind do no harm.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn listen(host: &FunctionsHost) {
    host.switch(|switches| switches.longest_poll = Some(LONGEST_POLL));
    host.listen();
}

/// The app settings of the demo. They point at the simulated systems.
fn settings(azure_devops: &AzureDevOps, queue: &StorageQueue, checks: &Path) -> Vec<(String, String)> {
    [
        ("AzureWebJobsStorage", queue.connection_string()),
        ("AllowedPlanUrls", format!("http://127.0.0.1:{}/", azure_devops.port())),
        ("TokenSealingKey", checkgate::task::sealer::Sealer::generate_key()),
        ("ChecksFile", checks.display().to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}
