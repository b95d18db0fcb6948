//! What is measured, under which names, and the few calls by which the other rooms say that it happens.
//!
//! Everything is a span or an event of [`tracing`] under one target. Where nobody listens, `tracing` remembers that of each
//! place in the code, and a call costs one look at a number. Where telemetry is on, the room `otlp` makes traces of the spans,
//! and [`METRICS`] of both. The handler's log leaves them out.

mod happenings;
mod metrics;

pub use metrics::{Kind, METRICS, Metric, table};

pub(crate) use happenings::{
    answered, asked_to_wait, call, context, decided, delivery, ended, evaluation, failed, picked_up, put, waits,
};

/// The target of all spans and events that are measured.
pub const TARGET: &str = "checkgate::telemetry";

/// Where traces and metrics go, and what they say about the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The address that takes traces.
    pub traces: Option<String>,
    /// The address that takes metrics.
    pub metrics: Option<String>,
    /// What is said about the process unless `OTEL_RESOURCE_ATTRIBUTES` says otherwise.
    pub about: Vec<(&'static str, String)>,
    /// `OTEL_SERVICE_NAME`.
    pub service_name: Option<String>,
    /// Whether `OTEL_METRIC_EXPORT_INTERVAL` says how often metrics are sent.
    pub has_interval: bool,
}
