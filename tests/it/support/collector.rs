//! An OpenTelemetry collector in this process: takes traces and metrics by OTLP over HTTP, and shows what it got.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use warp::Filter as _;
use warp::http::{HeaderMap, StatusCode};

/// What tells one thing from another: names with values as text.
pub(crate) type Attributes = BTreeMap<String, String>;

/// A metric as it was last sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measured {
    pub(crate) unit: String,
    /// How often each combination of attributes was counted.
    pub(crate) counts: Vec<(Attributes, u64)>,
}

/// What was sent.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    pub(crate) spans: Vec<Span>,
    pub(crate) metrics: BTreeMap<String, Measured>,
    /// What is said about the process.
    pub(crate) resource: Attributes,
    /// The requests, each with its headers.
    pub(crate) requests: Vec<(HeaderMap, Bytes)>,
}

impl Sent {
    /// The spans with this name.
    pub(crate) fn named(&self, name: &str) -> Vec<&Span> {
        self.spans.iter().filter(|span| span.name == name).collect()
    }

    /// How often this was counted with all of these attributes.
    pub(crate) fn count(&self, metric: &str, with: &[(&str, &str)]) -> u64 {
        let counts = self.metrics.get(metric).into_iter().flat_map(|metric| &metric.counts);
        let fits = |of: &Attributes| with.iter().all(|(name, value)| of.get(*name).is_some_and(|known| known == value));
        counts.filter(|(attributes, _)| fits(attributes)).map(|(_, count)| count).sum()
    }
}

/// The collector. It ends with the test.
pub(crate) struct Collector {
    pub(crate) url: String,
    sent: Arc<Mutex<Sent>>,
    changed: Arc<Notify>,
    server: tokio::task::JoinHandle<()>,
}

impl Collector {
    /// Starts one that answers with this status.
    pub(crate) async fn answering(status: StatusCode) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (sent, changed): (Arc<Mutex<Sent>>, Arc<Notify>) = Default::default();
        let shared = (Arc::clone(&sent), Arc::clone(&changed));
        let taken = warp::post().and(warp::path::full()).and(warp::header::headers_cloned()).and(warp::body::bytes());
        let routes = taken.map(move |path: warp::path::FullPath, headers, body: Bytes| {
            let (sent, changed) = &shared;
            take(&mut sent.lock().expect("no test panics with it"), path.as_str(), &body);
            sent.lock().expect("no test panics with it").requests.push((headers, body));
            changed.notify_waiters();
            warp::reply::with_status("", status)
        });
        let server = tokio::spawn(async move {
            let service = TowerToHyperService::new(warp::service(routes));
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone()));
            }
        });
        Self { url, sent, changed, server }
    }

    /// The app settings by which a handler sends to it, often.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        let settings = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", self.url.as_str()),
            ("OTEL_METRIC_EXPORT_INTERVAL", "50"),
            ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ];
        settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    /// Looks at what was sent so far.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&Sent) -> R) -> R {
        look(&self.sent.lock().expect("no test panics with it"))
    }

    /// The requests since they were last taken.
    pub(crate) fn take_requests(&self) -> Vec<(HeaderMap, Bytes)> {
        std::mem::take(&mut self.sent.lock().expect("no test panics with it").requests)
    }

    /// Waits until this was sent.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Sent) -> bool) {
        let wait = async {
            loop {
                let changed = self.changed.notified();
                if self.look(&holds) {
                    return;
                }
                changed.await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(60), wait).await.is_err() {
            self.look(|sent| panic!("{what} was never sent: {:#?}\n{:#?}", sent.metrics, sent.spans));
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn take(sent: &mut Sent, path: &str, body: &Bytes) {
    match path {
        "/v1/traces" => {
            let request = ExportTraceServiceRequest::decode(body.clone()).expect("traces");
            for of_resource in request.resource_spans {
                sent.resource = attributes(&of_resource.resource.expect("a resource").attributes);
                sent.spans.extend(of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
            }
        }
        "/v1/metrics" => {
            let request = ExportMetricsServiceRequest::decode(body.clone()).expect("metrics");
            let scopes = request.resource_metrics.into_iter().flat_map(|of_resource| of_resource.scope_metrics);
            for metric in scopes.flat_map(|scope| scope.metrics) {
                let counts = counts(metric.data.expect("data"));
                sent.metrics.insert(metric.name, Measured { unit: metric.unit, counts });
            }
        }
        other => panic!("nobody sends to {other}"),
    }
}

fn counts(data: Data) -> Vec<(Attributes, u64)> {
    use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
    match data {
        Data::Sum(sum) => {
            let count = |value| match value {
                Some(Value::AsInt(count)) => u64::try_from(count).expect("a count"),
                other => panic!("{other:?} is not a count"),
            };
            sum.data_points.into_iter().map(|point| (attributes(&point.attributes), count(point.value))).collect()
        }
        Data::Histogram(histogram) => {
            histogram.data_points.into_iter().map(|point| (attributes(&point.attributes), point.count)).collect()
        }
        other => panic!("{other:?} is not a metric of checkgate"),
    }
}

/// Attributes of a span, a metric or a resource.
pub(crate) fn attributes(list: &[KeyValue]) -> Attributes {
    let text = |value: &Option<AnyValue>| match value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        Some(Value::BoolValue(truth)) => truth.to_string(),
        other => panic!("{other:?} is not an attribute of checkgate"),
    };
    list.iter().map(|attribute| (attribute.key.clone(), text(&attribute.value))).collect()
}
