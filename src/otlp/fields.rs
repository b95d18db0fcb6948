//! The fields of a span or an event, as attributes.

use std::fmt::Debug;

use opentelemetry::trace::SpanKind;
use opentelemetry::{KeyValue, Value};
use tracing::field::{Field, Visit};

use crate::task::trace::TraceContext;

/// What the fields of the log's span `check` are called as attributes.
const OF_A_CHECK: [(&str, &str); 6] = [
    ("check.name", "checkgate.check.name"),
    ("check.plan_id", "checkgate.plan.id"),
    ("check.job_id", "checkgate.job.id"),
    ("check.task_instance_id", "cicd.pipeline.task.run.id"),
    ("check.build_id", "cicd.pipeline.run.id"),
    ("check.evaluations", "checkgate.check.evaluations"),
];

/// The fields, and what they say to the exporter alone.
#[derive(Debug, Default)]
pub(super) struct Fields {
    attributes: Vec<(&'static str, Value)>,
    pub(super) name: Option<String>,
    pub(super) kind: Option<SpanKind>,
    /// The span around, in another process.
    pub(super) caller: Option<TraceContext>,
    /// A span that led to this one, in another trace.
    pub(super) link: Option<TraceContext>,
}

impl Fields {
    /// The value of an attribute.
    pub(super) fn find(&self, name: &str) -> Option<&Value> {
        self.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The fields of a span of the log: those that name a check.
    pub(super) fn of_a_check(self) -> Self {
        let renamed = |(field, value)| {
            let (_, name) = OF_A_CHECK.iter().find(|(known, _)| *known == field)?;
            Some((*name, value))
        };
        Self { attributes: self.attributes.into_iter().filter_map(renamed).collect(), ..Self::default() }
    }

    /// Takes over the attributes of a span or an event inside.
    pub(super) fn add(&mut self, others: &Self) {
        others.attributes.iter().for_each(|(name, value)| self.set(name, value.clone()));
    }

    /// All attributes.
    pub(super) fn into_attributes(self) -> impl Iterator<Item = KeyValue> {
        self.attributes.into_iter().map(|(name, value)| KeyValue::new(name, value))
    }

    fn set(&mut self, name: &'static str, value: Value) {
        match self.attributes.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.attributes.push((name, value)),
        }
    }

    fn note(&mut self, field: &Field, text: String) {
        match field.name() {
            "otel.name" => self.name = Some(text),
            "otel.kind" => {
                self.kind = match text.as_str() {
                    "server" => Some(SpanKind::Server),
                    "client" => Some(SpanKind::Client),
                    "producer" => Some(SpanKind::Producer),
                    "consumer" => Some(SpanKind::Consumer),
                    _ => None,
                }
            }
            "caller" => self.caller = text.parse().ok(),
            "link" => self.link = text.parse().ok(),
            // An attribute is read by programs, and a line of the log by people.
            "message" | "error" => {}
            name => self.set(name, text.into()),
        }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field.name(), i64::try_from(value).unwrap_or(i64::MAX).into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field.name(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.note(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.note(field, format!("{value:?}"));
    }
}
