//! OpenTelemetry: traces of what happens and the metrics of [`crate::telemetry`], sent by OTLP over HTTP.
//!
//! # What must hold
//!
//! * Nothing waits for a collector: spans go into a queue that drops what does not fit, metrics are added up in memory, and
//!   threads of their own send both.
//! * A collector that does not answer is one line in the log.
//! * The requests of the exporter are measured by nobody.
//!
//! # Layout
//!
//! `layer` (makes spans and metrics of what happens), `fields` (the attributes), `instruments` (the metrics), `client` (the
//! requests), and here the exporter that holds all of it.

mod client;
mod fields;
mod instruments;
mod layer;

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{
    ExporterBuildError, MetricExporter, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::SdkTracerProvider;

use self::client::Client;
use self::instruments::Instruments;
pub use self::layer::Measuring;
use crate::telemetry::Destination;

/// How often metrics are sent. The specification says each minute; the host stops this process without notice, and then all is
/// lost since the last time.
const SEND_METRICS_EVERY: Duration = Duration::from_secs(10);

/// The name and the version of what measures.
const SCOPE: &str = "checkgate";

/// What makes and sends traces and metrics. Ends with [`Exporter::flush`].
#[derive(Debug, Clone)]
pub struct Exporter {
    traces: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
}

impl Exporter {
    /// Starts the exporter. The requests are made by `http` on the runtime of the caller.
    ///
    /// # Errors
    ///
    /// Which of the standard settings cannot be used.
    pub fn start(to: &Destination, http: &reqwest::Client) -> Result<Self, String> {
        let why = |error: ExporterBuildError| error.to_string();
        let resource = resource(to);
        let client = |signal| Client::new(http.clone(), signal);
        let traces = to.traces.as_ref().map(|address| {
            let exporter = SpanExporter::builder().with_http().with_http_client(client("traces"));
            let exporter = exporter.with_endpoint(address).build().map_err(why)?;
            Ok::<_, String>(
                SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.clone()).build(),
            )
        });
        let metrics = to.metrics.as_ref().map(|address| {
            let exporter = MetricExporter::builder().with_http().with_http_client(client("metrics"));
            let reader = PeriodicReader::builder(exporter.with_endpoint(address).build().map_err(why)?);
            let reader = if to.has_interval { reader } else { reader.with_interval(SEND_METRICS_EVERY) };
            Ok::<_, String>(
                SdkMeterProvider::builder().with_reader(reader.build()).with_resource(resource.clone()).build(),
            )
        });
        Ok(Self { traces: traces.transpose()?, metrics: metrics.transpose()? })
    }

    /// What listens to all that happens.
    #[must_use]
    pub fn measuring(&self) -> Measuring {
        let tracer = self.traces.as_ref().map(|traces| traces.tracer(SCOPE));
        let instruments = self.metrics.as_ref().map(|metrics| Instruments::new(&metrics.meter(SCOPE)));
        Measuring { tracer, instruments: instruments.map(Arc::new) }
    }

    /// Sends what was not sent, for at most so long, and ends.
    pub async fn flush(self, within: Duration) {
        // Their threads send. Only to wait for them takes a thread of its own.
        let ended = tokio::task::spawn_blocking(move || {
            drop(self.traces.map(|traces| traces.shutdown_with_timeout(within)));
            drop(self.metrics.map(|metrics| metrics.shutdown_with_timeout(within)));
        });
        // An exporter that hangs is left behind: the process ends.
        let _ = tokio::time::timeout(within, ended).await;
    }
}

/// What is said about the process.
fn resource(to: &Destination) -> Resource {
    let about = to.about.iter().map(|(name, value)| KeyValue::new(*name, value.clone()));
    let resource = Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes(about)
        .with_detector(Box::new(EnvResourceDetector::new()));
    match &to.service_name {
        Some(name) => resource.with_service_name(name.clone()).build(),
        None => resource.build(),
    }
}
