//! Starts telemetry where the settings say so, and ends it with the process.

use std::process::ExitCode;

use tracing::Subscriber;
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::LookupSpan;

use crate::config;

#[cfg(feature = "telemetry")]
use crate::otlp::{Exporter, Measuring};

/// How long the process stays to send what was not sent. The host is gone then, or has stopped it already.
#[cfg(feature = "telemetry")]
const LAST_WORDS: std::time::Duration = std::time::Duration::from_secs(2);

/// The telemetry of the process: nothing unless it is on.
#[derive(Default)]
pub(super) struct Telemetry {
    #[cfg(feature = "telemetry")]
    exporter: Option<Exporter>,
}

#[cfg(feature = "telemetry")]
impl Telemetry {
    /// What listens to what happens, for the subscriber of the process.
    pub(super) fn measuring<S: Subscriber + for<'a> LookupSpan<'a>>(&self) -> Option<impl Layer<S> + use<S>> {
        self.exporter.as_ref().map(|exporter| exporter.measuring().with_filter(Measuring::filter()))
    }

    /// Sends what was not sent.
    pub(super) async fn flush(self) {
        if let Some(exporter) = self.exporter {
            exporter.flush(LAST_WORDS).await;
        }
    }
}

#[cfg(not(feature = "telemetry"))]
impl Telemetry {
    pub(super) fn measuring<S: Subscriber + for<'a> LookupSpan<'a>>(&self) -> Option<impl Layer<S> + use<S>> {
        None::<tracing_subscriber::layer::Identity>
    }

    pub(super) async fn flush(self) {}
}

/// Runs `work` with the log and the telemetry of the process.
pub(super) async fn around(work: impl Future<Output = ExitCode>) -> ExitCode {
    let telemetry = super::log::start();
    let code = work.await;
    telemetry.flush().await;
    code
}

/// Starts it, in the runtime that sends. What is wrong with the settings is returned, to be logged.
pub(super) fn start() -> (Telemetry, Vec<String>) {
    let (to, problems) = config::telemetry(&config::environment);
    let mut problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    #[cfg(feature = "telemetry")]
    if let Some(to) = to {
        // What is wrong with the certificates is said where the app needs them.
        let roots = config::environment("ExtraRootCertificates").map(std::path::PathBuf::from);
        let http = super::serve::client(roots.as_deref()).unwrap_or_default();
        let http = http.timeout(REQUEST_TIMEOUT).redirect(reqwest::redirect::Policy::none()).build();
        match http.map_err(|error| error.to_string()).and_then(|http| Exporter::start(&to, &http)) {
            Ok(exporter) => return (Telemetry { exporter: Some(exporter) }, problems),
            Err(why) => problems.push(format!("telemetry is off: {why}")),
        }
    }
    #[cfg(not(feature = "telemetry"))]
    if to.is_some() {
        problems.push("telemetry is off: this executable was built without it".to_owned());
    }
    (Telemetry::default(), problems)
}

/// How long one request to the collector may take.
#[cfg(feature = "telemetry")]
const REQUEST_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);
