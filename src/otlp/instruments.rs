//! The metrics of the list, ready to take values.

use std::time::Duration;

use opentelemetry::metrics::{Counter, Histogram, Meter};
use opentelemetry::{KeyValue, Value};

use crate::telemetry::{Kind, METRICS, Metric};

/// The limits of the buckets for what takes less than a minute, in seconds: those of the semantic conventions, and the time
/// limits of calls.
const SHORT: [f64; 16] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0, 60.0];

/// The same for what takes until the longest timeout of a check: 30 days.
const LONG: [f64; 14] = [
    1.0,
    5.0,
    15.0,
    60.0,
    300.0,
    900.0,
    3_600.0,
    14_400.0,
    43_200.0,
    86_400.0,
    172_800.0,
    604_800.0,
    1_209_600.0,
    2_592_000.0,
];

/// One metric.
#[derive(Debug)]
enum Instrument {
    Counter(Counter<u64>),
    Histogram(Histogram<f64>),
}

/// All metrics.
#[derive(Debug)]
pub(super) struct Instruments(Vec<(Metric, Instrument)>);

impl Instruments {
    /// Makes them.
    pub(super) fn new(meter: &Meter) -> Self {
        let make = |metric: Metric| {
            let instrument = match metric.kind {
                Kind::Count => Instrument::Counter(meter.u64_counter(metric.name).with_unit(metric.unit).build()),
                Kind::Duration | Kind::Seconds(_) => {
                    let is_long = metric.kind != Kind::Duration;
                    let limits = if is_long { LONG.to_vec() } else { SHORT.to_vec() };
                    let histogram = meter.f64_histogram(metric.name).with_unit(metric.unit);
                    Instrument::Histogram(histogram.with_boundaries(limits).build())
                }
            };
            (metric, instrument)
        };
        Self(METRICS.into_iter().map(make).collect())
    }

    /// Notes that something happened: a span ended after so long, or an event. `find` reads a field, of it or of what is
    /// around it.
    pub(super) fn note(&self, happened: &str, took: Duration, find: impl Fn(&str) -> Option<Value>) {
        for (metric, instrument) in self.0.iter().filter(|(metric, _)| metric.of == happened) {
            let seconds = match metric.kind {
                Kind::Seconds(field) => match find(field) {
                    Some(Value::F64(seconds)) => seconds,
                    _ => continue,
                },
                Kind::Count | Kind::Duration => took.as_secs_f64(),
            };
            let attributes = metric.attributes.iter().filter_map(|name| Some(KeyValue::new(*name, find(name)?)));
            let attributes: Vec<KeyValue> = attributes.collect();
            match instrument {
                Instrument::Counter(counter) => counter.add(1, &attributes),
                Instrument::Histogram(histogram) => histogram.record(seconds, &attributes),
            }
        }
    }
}
