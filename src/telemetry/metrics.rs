//! Every metric, as data: the exporter, the documentation, the dashboards and the tests read this list.

/// A metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name: of the semantic conventions, or one of checkgate's own.
    pub name: &'static str,
    /// How it is measured.
    pub kind: Kind,
    /// What is measured: the name of a span or an event of this room.
    pub of: &'static str,
    /// Its unit, as UCUM writes it.
    pub unit: &'static str,
    /// What its values are told apart by, where it is known. Never an id: there would be no end of them.
    pub attributes: &'static [&'static str],
    /// What it says, in Markdown.
    pub meaning: &'static str,
}

/// How a metric is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// How often it happens: a counter.
    Count,
    /// How long the span takes: a histogram of seconds.
    Duration,
    /// A field in seconds, where it is there: a histogram.
    Seconds(&'static str),
}

/// All of them.
pub const METRICS: [Metric; 12] = [
    Metric {
        name: "checkgate.check.deliveries",
        kind: Kind::Count,
        of: "delivery",
        unit: "{delivery}",
        attributes: &["checkgate.check.name", "http.response.status_code"],
        meaning: "deliveries of checks, with the status of the answer",
    },
    Metric {
        name: "http.server.request.duration",
        kind: Kind::Duration,
        of: "delivery",
        unit: "s",
        attributes: &["http.request.method", "http.route", "http.response.status_code", "url.scheme"],
        meaning: "how long a delivery takes until its answer",
    },
    Metric {
        name: "checkgate.check.evaluations",
        kind: Kind::Count,
        of: "evaluation",
        unit: "{evaluation}",
        attributes: &["checkgate.check.name", "checkgate.evaluation.outcome"],
        meaning: "evaluations. The outcome is `decided`, `requeued`, `stopped` or `failed`",
    },
    Metric {
        name: "messaging.process.duration",
        kind: Kind::Duration,
        of: "evaluation",
        unit: "s",
        attributes: &["messaging.system", "messaging.operation.name", "messaging.destination.name", "error.type"],
        meaning: "how long an evaluation takes",
    },
    Metric {
        name: "checkgate.check.decisions",
        kind: Kind::Count,
        of: "decided",
        unit: "{decision}",
        attributes: &["checkgate.check.name", "checkgate.decision", "checkgate.decision.reason", "checkgate.dry_run"],
        meaning: "decisions: `succeeded` or `failed`. The reason is `conditions`, `timeout` or `errors`",
    },
    Metric {
        name: "checkgate.check.duration",
        kind: Kind::Seconds("checkgate.check.duration"),
        of: "decided",
        unit: "s",
        attributes: &["checkgate.check.name", "checkgate.decision"],
        meaning: "how long a check took from its delivery to its decision",
    },
    Metric {
        name: "checkgate.check.age",
        kind: Kind::Seconds("checkgate.check.age"),
        of: "waits",
        unit: "s",
        attributes: &["checkgate.check.name"],
        meaning: "how long ago a check was delivered that goes on waiting, at each of its evaluations. The maximum is the age of the oldest",
    },
    Metric {
        name: "checkgate.queue.delay",
        kind: Kind::Seconds("checkgate.queue.delay"),
        of: "picked_up",
        unit: "s",
        attributes: &["messaging.destination.name"],
        meaning: "how much later than planned an evaluation begins",
    },
    Metric {
        name: "messaging.client.operation.duration",
        kind: Kind::Duration,
        of: "put",
        unit: "s",
        attributes: &["messaging.system", "messaging.operation.name", "messaging.destination.name", "error.type"],
        meaning: "how long the queue takes to take a message",
    },
    Metric {
        name: "http.client.request.duration",
        kind: Kind::Duration,
        of: "call",
        unit: "s",
        attributes: &[
            "http.request.method",
            "server.address",
            "server.port",
            "http.response.status_code",
            "error.type",
        ],
        meaning: "how long a call takes of Azure DevOps, of a source, of a webhook or of the identity's endpoint. Status 429 is throttling",
    },
    Metric {
        name: "checkgate.http.retry_after",
        kind: Kind::Seconds("checkgate.http.retry_after"),
        of: "asked_to_wait",
        unit: "s",
        attributes: &["server.address"],
        meaning: "for how long a host asks to be left alone, whatever the status of its answer",
    },
    Metric {
        name: "checkgate.events",
        kind: Kind::Count,
        of: "event",
        unit: "{event}",
        attributes: &["checkgate.event"],
        meaning: "the events that an operator acts on, by the names of [the table](#what-to-act-on)",
    },
];

/// The table of docs/operations.md.
#[must_use]
pub fn table() -> String {
    let row = |metric: Metric| {
        let kind = if metric.kind == Kind::Count { "counter" } else { "histogram" };
        let attributes: Vec<String> = metric.attributes.iter().map(|name| format!("`{name}`")).collect();
        format!("| `{}` | {kind}, `{}` | {} | {} |\n", metric.name, metric.unit, metric.meaning, attributes.join(", "))
    };
    let rows: String = METRICS.into_iter().map(row).collect();
    format!("| metric | kind, unit | meaning | attributes |\n|---|---|---|---|\n{rows}")
}
