//! What happens, as spans and events. A field that begins with `otel.`, `caller` and `link` are for the exporter; every other
//! one is an attribute.

use std::fmt::Display;
use std::time::Duration;

use chrono::TimeDelta;
use tracing::field::Empty;
use tracing::{Level, Span};
use tracing_subscriber::registry::LookupSpan as _;

use super::TARGET;
use crate::task::trace::TraceContext;

/// How Azure Storage's queues are named as a messaging system. The semantic conventions have no name for them.
const QUEUES: &str = "azure_storage_queue";

/// A delivery, until its answer. `caller` is the trace that it goes on with.
pub(crate) fn delivery(route: &str, caller: Option<TraceContext>) -> Span {
    tracing::info_span!(
        target: TARGET,
        "delivery",
        otel.kind = "server",
        otel.name = format_args!("POST {route}"),
        caller = caller.map(tracing::field::display),
        http.request.method = "POST",
        http.route = route,
        url.scheme = "http",
        http.response.status_code = Empty,
        error.type = Empty,
    )
}

/// The evaluation of a message of this queue, until the host has its answer. `caller` is the host's own trace.
pub(crate) fn evaluation(queue: &str, caller: Option<TraceContext>) -> Span {
    tracing::info_span!(
        target: TARGET,
        "evaluation",
        otel.kind = "consumer",
        otel.name = format_args!("process {queue}"),
        caller = caller.map(tracing::field::display),
        messaging.system = QUEUES,
        messaging.operation.name = "process",
        messaging.operation.type = "process",
        messaging.destination.name = queue,
    )
}

/// A message is put into a queue, with all tries.
pub(crate) fn put(queue: &str) -> Span {
    tracing::info_span!(
        target: TARGET,
        "put",
        otel.kind = "producer",
        otel.name = format_args!("send {queue}"),
        messaging.system = QUEUES,
        messaging.operation.name = "send",
        messaging.operation.type = "send",
        messaging.destination.name = queue,
        error.type = Empty,
    )
}

/// A call of another system. Only its host is named: paths and queries may hold secrets.
pub(crate) fn call(method: &str, host: &str, port: Option<u16>) -> Span {
    tracing::info_span!(
        target: TARGET,
        "call",
        otel.kind = "client",
        otel.name = method,
        http.request.method = method,
        server.address = host,
        server.port = port,
        http.response.status_code = Empty,
        error.type = Empty,
    )
}

/// The status of the answer to a delivery or a call. An error of the caller is not one of the server.
pub(crate) fn answered(span: &Span, status: u16) {
    let is_call = span.metadata().is_some_and(|metadata| metadata.name() == "call");
    span.record("http.response.status_code", status);
    if status >= if is_call { 400 } else { 500 } {
        failed(span, status);
    }
}

/// What a span describes went wrong: a word or a status that says how.
pub(crate) fn failed(span: &Span, why: impl Display) {
    span.record("error.type", tracing::field::display(why));
}

/// How an evaluation ended: `decided`, `requeued`, `stopped` or `failed`.
pub(crate) fn ended(outcome: &str) {
    let error = (outcome == "failed").then_some(outcome);
    tracing::event!(
        name: "ended",
        target: TARGET,
        Level::INFO,
        checkgate.evaluation.outcome = outcome,
        error.type = error,
    );
}

/// A message of this queue was picked up, so much later than planned, of a check that was delivered in this trace.
pub(crate) fn picked_up(queue: &str, delay: Option<TimeDelta>, delivered_in: Option<TraceContext>) {
    tracing::event!(
        name: "picked_up",
        target: TARGET,
        Level::INFO,
        messaging.destination.name = queue,
        checkgate.queue.delay = delay.map(seconds),
        link = delivered_in.map(tracing::field::display),
    );
}

/// A check goes on waiting that was delivered so long ago.
pub(crate) fn waits(age: TimeDelta) {
    tracing::event!(name: "waits", target: TARGET, Level::INFO, checkgate.check.age = seconds(age));
}

/// A decision was made, so long after the delivery. `decision` is what it would be without the dry run.
pub(crate) fn decided(decision: &str, reason: &str, (after, dry_run): (TimeDelta, bool)) {
    tracing::event!(
        name: "decided",
        target: TARGET,
        Level::INFO,
        checkgate.decision = decision,
        checkgate.decision.reason = reason,
        checkgate.dry_run = dry_run,
        checkgate.check.duration = seconds(after),
    );
}

/// A host asks to be left alone for a while. It may be written with its port.
pub(crate) fn asked_to_wait(host: &str, wait: Duration) {
    let host = host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(host, _)| host);
    tracing::event!(
        name: "asked_to_wait",
        target: TARGET,
        Level::INFO,
        server.address = host,
        checkgate.http.retry_after = wait.as_secs_f64(),
    );
}

/// Where this code runs in a trace, if traces are made.
pub(crate) fn context() -> Option<TraceContext> {
    let find = |(id, dispatch): (&tracing::span::Id, &tracing::Dispatch)| {
        let spans = dispatch.downcast_ref::<tracing_subscriber::Registry>()?;
        spans.span(id)?.scope().find_map(|span| span.extensions().get::<TraceContext>().copied())
    };
    Span::current().with_subscriber(find)?
}

/// Never below zero: clocks of two machines differ.
fn seconds(time: TimeDelta) -> f64 {
    time.to_std().unwrap_or_default().as_secs_f64()
}
