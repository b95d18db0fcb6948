//! Starts a host for an app whose folder has been read.

use std::sync::Arc;

use super::client::Client;
use super::config::App;
use super::handler::{Handler, HostError};
use super::host::{Host, Running};
use super::process::{Process, Program};
use super::queue_source::QueueSource;
use crate::clock::Clock;

impl Host {
    /// A host of this app, with its handler.
    pub(super) async fn begin(
        app: App,
        handler: Handler,
        queues: QueueSource,
        clock: Clock,
    ) -> Result<Arc<Self>, HostError> {
        let client = Client::new();
        let running = match handler {
            Handler::Url(url) => Running::Elsewhere(url.trim_end_matches('/').to_owned()),
            Handler::Executable { path, environment, stop_after_errors } => {
                let program = Program { path, app_root: app.root.clone(), environment, stop_after_errors };
                let process = Process::start(program, client.clone(), clock.clone()).await;
                Running::Supervised(process.map_err(HostError::Io)?)
            }
        };
        Ok(Self::new(app, queues, clock, running, client))
    }
}
