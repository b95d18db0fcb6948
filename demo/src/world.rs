//! The simulated systems of the demo, and the host with the real handler.

use std::io;
use std::path::{Path, PathBuf};

use simulator::azure_devops::AzureDevOps;
use simulator::azure_pipelines::FunctionAddress;
use simulator::sources::Sources;
use simulator::storage_queue::StorageQueue;
use xtask::local::{Found, Stop};

use crate::checks::{Checks, webhook_settings};
use crate::host::{Host, SimulatedHost};
use crate::shared_clock::{self, SharedClock};

/// The simulated systems.
pub(crate) struct World {
    pub(crate) azure_devops: AzureDevOps,
    pub(crate) sources: Sources,
    pub(crate) clock: SharedClock,
    pub(crate) host: Host,
    folder: PathBuf,
}

/// What there is before the host starts.
struct Outside {
    azure_devops: AzureDevOps,
    sources: Sources,
    clock: SharedClock,
    folder: PathBuf,
}

impl World {
    /// Starts them on free ports, with the handler as a process of the simulated host.
    pub(crate) async fn start(checks: &Checks, speed: f64) -> io::Result<Self> {
        let outside = Outside::start(checks, speed).await?;
        let clock = outside.clock.clock();
        let queue = StorageQueue::start(clock.clone()).await?;
        let mut settings = outside.settings(queue.connection_string())?;
        settings.push((shared_clock::SETTING.to_owned(), outside.clock.file().display().to_string()));
        let host = SimulatedHost::start(queue, settings, clock).await?;
        Ok(outside.with(Host::Simulated(host)))
    }

    /// Starts them on free ports, in real time, with the handler as a process of the host of Core Tools.
    pub(crate) async fn start_with_core_tools(checks: &Checks, found: Found, stop: &mut Stop) -> io::Result<Self> {
        let outside = Outside::start(checks, 1.0).await?;
        let settings = outside.settings(found.ports().connection_string())?;
        let host = found.start(&settings, stop).await.map_err(io::Error::other)?;
        Ok(outside.with(Host::CoreTools(Box::new(host))))
    }

    /// Where checks are delivered.
    pub(crate) fn function(&self) -> FunctionAddress {
        self.host.function()
    }

    /// Stops the handler's process.
    pub(crate) async fn stop(&self) -> io::Result<()> {
        let stopped = self.host.stop().await;
        // Files that stay behind do no harm.
        let _ = std::fs::remove_dir_all(&self.folder);
        stopped
    }
}

impl Outside {
    async fn start(checks: &Checks, speed: f64) -> io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("checkgate-demo-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let shared = SharedClock::start(speed, folder.join("clock.json"))?;
        let clock = shared.clock();
        let azure_devops = AzureDevOps::start(clock.clone()).await?;
        let sources = Sources::start(clock).await?;
        std::fs::write(checks_file(&folder), checks.with_stand_ins(&sources).to_string())?;
        Ok(Self { azure_devops, sources, clock: shared, folder })
    }

    fn with(self, host: Host) -> World {
        let Self { azure_devops, sources, clock, folder } = self;
        World { azure_devops, sources, clock, host, folder }
    }

    /// The app settings of the demo. They point at the simulated systems.
    fn settings(&self, storage: String) -> io::Result<Vec<(String, String)>> {
        let key = checkgate::task::sealer::Sealer::generate_key().map_err(io::Error::other)?;
        let own = [
            ("AzureWebJobsStorage", storage),
            ("AllowedPlanUrls", format!("http://127.0.0.1:{}/", self.azure_devops.port())),
            ("TokenSealingKey", key),
            ("ChecksFile", checks_file(&self.folder).display().to_string()),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value));
        let of_sources = self.sources.identity_settings().into_iter().chain(webhook_settings(&self.sources));
        Ok(own.into_iter().chain(of_sources).collect())
    }
}

fn checks_file(folder: &Path) -> PathBuf {
    folder.join("checks.yaml")
}
