//! What the handler prints, with the severity that the host gives each line.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// The oldest lines are forgotten beyond this many.
const REMEMBERED_LINES: usize = 10_000;

/// The category under which the host logs what the handler prints.
const CONSOLE: &str = "Host.Function.Console";

/// How the host ranks a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// A line on stdout, whatever it says.
    Information,
    /// A line on stderr with `warn` anywhere in it.
    Warning,
    /// Any other line on stderr, and what the host itself finds wrong with the handler.
    Error,
}

/// A line of the handler, as the host logs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputLine {
    /// How the host ranks it.
    pub severity: Severity,
    /// The line.
    pub text: String,
}

/// Where the handler wrote a line.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    fn rank(self, line: &str) -> Severity {
        match self {
            Self::Stdout => Severity::Information,
            Self::Stderr if line.to_ascii_lowercase().contains("warn") => Severity::Warning,
            Self::Stderr => Severity::Error,
        }
    }
}

/// What the handler printed, and what the supervisor noticed.
#[derive(Clone, Default)]
pub(super) struct Output(Arc<Mutex<VecDeque<OutputLine>>>);

impl Output {
    /// Adds a line of the handler.
    pub(super) fn add(&self, stream: Stream, text: String) {
        self.push(OutputLine { severity: stream.rank(&text), text });
    }

    /// Adds what the host found wrong with the handler.
    pub(super) fn notice(&self, text: String) {
        self.push(OutputLine { severity: Severity::Error, text: format!("[host] {text}") });
    }

    fn push(&self, line: OutputLine) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == REMEMBERED_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    pub(super) fn lines(&self) -> Vec<OutputLine> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// The lowest severity of the handler's lines that this `logLevel` of `host.json` lets through; `None` lets none through.
/// The longest category that the lines' own begins with decides, then `default`, then Information.
pub(super) fn console_level(levels: &BTreeMap<String, String>) -> Result<Option<Severity>, String> {
    let covers = |name: &str| CONSOLE == name || CONSOLE.starts_with(&format!("{name}."));
    let nearest = levels.keys().filter(|name| covers(name)).max_by_key(|name| name.len());
    let Some(level) = nearest.and_then(|name| levels.get(name)).or_else(|| levels.get("default")) else {
        return Ok(Some(Severity::Information));
    };
    match level.to_ascii_lowercase().as_str() {
        "trace" | "debug" | "information" => Ok(Some(Severity::Information)),
        "warning" => Ok(Some(Severity::Warning)),
        "error" => Ok(Some(Severity::Error)),
        "critical" | "none" => Ok(None),
        _ => Err(format!("logging.logLevel: `{level}` is not a level")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_ranks_a_line_by_its_stream_and_by_the_letters_warn() {
        for (stream, line, severity) in [
            (Stream::Stdout, r#"{"level":"ERROR"}"#, Severity::Information),
            (Stream::Stdout, "a warning", Severity::Information),
            (Stream::Stderr, "it broke", Severity::Error),
            (Stream::Stderr, r#"{"level":"WARN"}"#, Severity::Warning),
            (Stream::Stderr, r#"{"level":"ERROR","check":"Forewarned"}"#, Severity::Warning),
        ] {
            assert_eq!(stream.rank(line), severity, "{stream:?} {line}");
        }
    }

    #[test]
    fn the_nearest_category_decides_which_lines_are_kept() {
        let level = |levels: &[(&str, &str)]| {
            console_level(&levels.iter().map(|(name, level)| ((*name).to_owned(), (*level).to_owned())).collect())
        };
        assert_eq!(level(&[]), Ok(Some(Severity::Information)));
        assert_eq!(level(&[("default", "Warning")]), Ok(Some(Severity::Warning)));
        assert_eq!(level(&[("default", "Warning"), ("Function", "Information")]), Ok(Some(Severity::Warning)));
        assert_eq!(
            level(&[("default", "None"), ("Host", "Error"), ("Host.Function.Console", "Information")]),
            Ok(Some(Severity::Information))
        );
        assert_eq!(level(&[("Host", "None")]), Ok(None));
        assert!(level(&[("default", "Loud")]).is_err());
    }
}
