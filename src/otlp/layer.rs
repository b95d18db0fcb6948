//! Listens to what happens: a span becomes a span of a trace, and spans and events become metrics.
//!
//! The ids of a check stand in the log's own span `check`. They become attributes of the span around it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId,
    TraceState, Tracer as _,
};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::{SdkTracer, Span};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context as Spans, Layer};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::fields::Fields;
use super::instruments::Instruments;
use crate::task::trace::TraceContext;
use crate::telemetry::TARGET;

/// What names the check in each line of the log.
const CHECK: &str = "checkgate::span";

/// What writes the lines with the names of events.
const EVENTS: &str = "checkgate::events";

/// What listens.
#[derive(Debug, Clone)]
pub struct Measuring {
    pub(super) tracer: Option<SdkTracer>,
    pub(super) instruments: Option<Arc<Instruments>>,
}

impl Measuring {
    /// What it listens to.
    #[must_use]
    pub fn filter() -> Targets {
        let all = LevelFilter::INFO;
        Targets::new().with_target(TARGET, all).with_target(CHECK, all).with_target(EVENTS, all)
    }

    fn begin(&self, fields: &Fields, around: Option<TraceContext>) -> Option<(Span, TraceContext)> {
        let tracer = self.tracer.as_ref()?;
        let parent = fields.caller.or(around).map(remote);
        let parent = parent.map_or_else(Context::new, |parent| Context::new().with_remote_span_context(parent));
        let builder = SpanBuilder::from_name(fields.name.clone().unwrap_or_default());
        let kind = fields.kind.clone().unwrap_or(SpanKind::Internal);
        let span = tracer.build_with_context(builder.with_kind(kind), &parent);
        let context = span.span_context();
        let ids =
            (u128::from_be_bytes(context.trace_id().to_bytes()), u64::from_be_bytes(context.span_id().to_bytes()));
        let context = TraceContext::new(ids.0, ids.1, context.trace_flags().to_u8());
        Some((span, context))
    }

    fn note(&self, happened: &str, took: Duration, find: impl Fn(&str) -> Option<Value>) {
        if let Some(instruments) = &self.instruments {
            instruments.note(happened, took, find);
        }
    }
}

/// A span that has not ended.
struct Open {
    span: Option<Span>,
    began: Instant,
    fields: Fields,
}

fn is_measured(metadata: &Metadata<'_>) -> bool {
    metadata.target() == TARGET
}

fn remote(context: TraceContext) -> SpanContext {
    let (trace_id, span_id, flags) = context.parts();
    let ids = (TraceId::from(trace_id), SpanId::from(span_id));
    SpanContext::new(ids.0, ids.1, TraceFlags::new(flags), true, TraceState::default())
}

/// The value of a field in the spans around.
fn find_around<'a, S: LookupSpan<'a> + 'a>(
    mut spans: impl Iterator<Item = SpanRef<'a, S>>,
    name: &str,
) -> Option<Value> {
    spans.find_map(|span| {
        let extensions = span.extensions();
        let fields = extensions.get::<Fields>().or_else(|| Some(&extensions.get::<Open>()?.fields));
        fields?.find(name).cloned()
    })
}

/// Changes the nearest of these spans that is measured.
fn with_nearest<'a, S: LookupSpan<'a> + 'a>(
    mut spans: impl Iterator<Item = SpanRef<'a, S>>,
    change: impl FnOnce(&mut Open),
) {
    if let Some(span) = spans.find(|span| is_measured(span.metadata()))
        && let Some(open) = span.extensions_mut().get_mut::<Open>()
    {
        change(open);
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Measuring {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, spans: Spans<'_, S>) {
        let Some(span) = spans.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if !is_measured(span.metadata()) {
            let fields = fields.of_a_check();
            with_nearest(span.scope().skip(1), |open| open.fields.add(&fields));
            span.extensions_mut().insert(fields);
            return;
        }
        let around = span.scope().skip(1).find_map(|span| span.extensions().get::<TraceContext>().copied());
        let begun = self.begin(&fields, around);
        let mut extensions = span.extensions_mut();
        let span = begun.map(|(span, context)| {
            extensions.insert(context);
            span
        });
        extensions.insert(Open { span, began: Instant::now(), fields });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, spans: Spans<'_, S>) {
        with_nearest(spans.span(id).into_iter(), |open| values.record(&mut open.fields));
    }

    fn on_event(&self, event: &Event<'_>, spans: Spans<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let scope = || spans.event_scope(event).into_iter().flatten();
        if !is_measured(event.metadata()) {
            let Some(name) = fields.find("event").map(|name| name.as_str().into_owned()) else { return };
            let find = |wanted: &str| (wanted == "checkgate.event").then(|| name.clone().into());
            self.note("event", Duration::ZERO, find);
            with_nearest(scope(), |open| open.add_event(&name, *event.metadata().level()));
            return;
        }
        let find = |name: &str| fields.find(name).cloned().or_else(|| find_around(scope(), name));
        self.note(event.metadata().name(), Duration::ZERO, find);
        with_nearest(scope(), |open| {
            open.fields.add(&fields);
            if let (Some(span), Some(link)) = (&mut open.span, fields.link) {
                span.add_link(remote(link), Vec::new());
            }
        });
    }

    fn on_close(&self, id: Id, spans: Spans<'_, S>) {
        let Some(closed) = spans.span(&id) else { return };
        let Some(Open { span, began, fields }) = closed.extensions_mut().remove::<Open>() else { return };
        self.note(closed.name(), began.elapsed(), |name| fields.find(name).cloned());
        let Some(mut span) = span else { return };
        if fields.find("error.type").is_some() {
            span.set_status(Status::error(""));
        }
        span.set_attributes(fields.into_attributes());
        span.end();
    }
}

impl Open {
    /// An event of the handler's log.
    fn add_event(&mut self, name: &str, level: Level) {
        if let Some(span) = &mut self.span {
            span.add_event(name.to_owned(), vec![KeyValue::new("level", level.as_str())]);
        }
    }
}
