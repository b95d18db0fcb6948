//! The handler's log: a sentence or a line of JSON for each event, on the stream by which the host ranks it.
//!
//! The host takes every line on stdout for information. It takes a line on stderr for a warning if the letters `warn` are
//! anywhere in it, in any casing, and for an error otherwise. So warnings and errors go to stderr, and an error in JSON
//! never has these letters: a check may be named `warn-me`. Lines for people keep their letters, because nobody counts
//! them.

use std::fmt::{self, Write as _};
use std::io;

use tracing::field::{Field, Visit};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::fmt::writer::MakeWriterExt as _;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields, MakeWriter};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{self, LogFormat};
use crate::events;
use crate::telemetry;

use super::telemetry::Telemetry;

/// Starts the log of the process and its telemetry, as its settings say.
pub(super) fn start() -> Telemetry {
    let format = config::log_format(&config::environment);
    let level = config::environment("LogLevel").map_or(Ok(LevelFilter::INFO), |text| text.parse().map_err(|_| text));
    let to_streams = io::stderr.with_max_level(Level::WARN).or_else(io::stdout);
    let (exporter, problems) = super::telemetry::start();
    log(*format.as_ref().unwrap_or(&LogFormat::Json), *level.as_ref().unwrap_or(&LevelFilter::INFO), to_streams)
        .with(exporter.measuring())
        .init();
    hide_panics();
    problems.iter().for_each(|problem| events::Event::SettingDoubtful.say(problem));
    if let Err(problem) = format {
        events::Event::SettingDoubtful.say(&problem.to_string());
    }
    if let Err(text) = level {
        let problem = format!("app setting LogLevel is not a level: `{text}`; set it for instance to info");
        events::Event::SettingDoubtful.say(&problem);
    }
    exporter
}

/// Logs panics of the whole process, but not their text: it may hold data of a check.
pub fn hide_panics() {
    std::panic::set_hook(Box::new(|panic| {
        // A literal message cannot hold data of a check; any other may.
        let message = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("(not shown)");
        let at = panic.location().map(|at| format!(" at {at}")).unwrap_or_default();
        events::Event::Panicked.report(&format!("{message}{at}"));
    }));
}

/// The log as the executable writes it: one line for each event.
pub fn log<W>(
    format: LogFormat,
    level: LevelFilter,
    writer: W,
) -> impl Subscriber + for<'a> LookupSpan<'a> + Send + Sync + Into<Dispatch>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // Only our own events: the libraries' debug output holds requests, with their headers.
    let ours = Targets::new()
        .with_target("checkgate", level)
        .with_target(RECORDS, LevelFilter::INFO)
        .with_target(telemetry::TARGET, LevelFilter::OFF);
    let lines = tracing_subscriber::fmt::layer().with_writer(Lines { writer, format });
    let lines = match format {
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).map_event_format(OrRecord).boxed(),
        LogFormat::Text => {
            lines.event_format(OrRecord(Sentence)).fmt_fields(debug_fn(name_and_value).delimited(", ")).boxed()
        }
    };
    tracing_subscriber::registry().with(lines.with_filter(ours))
}

/// What writes records of decisions. They are in the log whatever its level.
const RECORDS: &str = "checkgate::decision_record";

/// A record of a decision as it is, and any other event in its format.
struct OrRecord<F>(F);

impl<S, N, F> FormatEvent<S, N> for OrRecord<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        if !event.metadata().target().starts_with(RECORDS) {
            return self.0.format_event(context, writer, event);
        }
        let mut parts = Parts::default();
        event.record(&mut parts);
        writeln!(writer, "{}", parts.sentence)
    }
}

/// An event as one sentence with its fields behind it. Without the time, which the host writes in front of each line.
struct Sentence;

impl<S, N> FormatEvent<S, N> for Sentence
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut parts = Parts::default();
        event.record(&mut parts);
        for span in context.event_scope().into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<FormattedFields<N>>() {
                parts.add_field(fields);
            }
        }
        let level = match *event.metadata().level() {
            Level::ERROR => "error: ",
            Level::WARN => "warning: ",
            _ => "",
        };
        let Parts { sentence, fields } = parts;
        match fields.as_str() {
            "" => writeln!(writer, "{level}{sentence}"),
            fields => writeln!(writer, "{level}{sentence} ({fields})"),
        }
    }
}

/// A field of a span in the same form as those of an event: a text without its quotation marks.
fn name_and_value(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    write!(writer, "{field}: {}", format!("{value:?}").trim_matches('"'))
}

/// The parts of an event.
#[derive(Default)]
struct Parts {
    sentence: String,
    fields: String,
}

impl Parts {
    fn add(&mut self, field: &Field, value: impl fmt::Display) {
        match field.name() {
            "message" => self.sentence = value.to_string(),
            name => self.add_field(format_args!("{name}: {value}")),
        }
    }

    fn add_field(&mut self, field: impl fmt::Display) {
        let separator = if self.fields.is_empty() { "" } else { ", " };
        // Writing into a text cannot fail.
        let _ = write!(self.fields, "{separator}{field}");
    }
}

impl Visit for Parts {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format_args!("{value:?}"));
    }
}

/// Gives each event a [`Line`] to write.
#[derive(Debug, Clone)]
struct Lines<W> {
    writer: W,
    format: LogFormat,
}

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Lines<W> {
    type Writer = Line<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Line { writer: self.writer.make_writer(), stays_error: false }
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Self::Writer {
        let stays_error = self.format == LogFormat::Json && *event.level() == Level::ERROR;
        Line { writer: self.writer.make_writer_for(event), stays_error }
    }
}

/// Writes a line as [`crate::text::one_line`]: a program that prints the log again may take its text for commands.
struct Line<W> {
    writer: W,
    /// Whether the host must rank it as an error, whatever is in it.
    stays_error: bool,
}

impl<W: io::Write> io::Write for Line<W> {
    /// Takes whole lines, as the subscriber writes them.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = crate::text::one_line(String::from_utf8_lossy(line).trim_end());
        let mut text = if self.stays_error { without_warn(&text) } else { text };
        text.push('\n');
        self.writer.write_all(text.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// The same JSON without the letters `warn` in a row: their `w` becomes its escape.
fn without_warn(json: &str) -> String {
    let lowercase = json.to_ascii_lowercase();
    let mut written = String::with_capacity(json.len());
    let mut from = 0;
    for (at, _) in lowercase.match_indices("warn") {
        written.push_str(&json[from..at]);
        written.push_str(if json[at..].starts_with('w') { r"\u0077" } else { r"\u0057" });
        from = at + 1;
    }
    written.push_str(&json[from..]);
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_without_the_letters_warn_says_the_same() {
        for text in ["warn", "Forewarned WARNs", r"a\warn", "wawarn", "wa\rn", "wär", "", "ẃarn"] {
            let json = serde_json::to_string(&serde_json::json!({ "check": text })).expect("JSON");
            let written = without_warn(&json);
            assert!(!written.to_lowercase().contains("warn"), "{written}");
            let read: serde_json::Value = serde_json::from_str(&written).expect("JSON");
            assert_eq!(read["check"], text);
        }
    }
}
