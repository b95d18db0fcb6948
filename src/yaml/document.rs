//! A YAML document with the line of every value, decoded so that all its mistakes are reported at once.
//!
//! serde stops at the first mistake. [`Document::read`] reports it with its path and line, takes the offending part
//! out, and goes on, until what is left decodes.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::suggest::suggest;
use crate::yaml::Problems;
use crate::yaml::node::Node;
use crate::yaml::pruned::Pruned;

/// The most mistakes that are reported.
const MAX_PROBLEMS: usize = 100;

/// The longest message, in characters: it may repeat what was found, which a hostile author chooses.
const MAX_MESSAGE: usize = 500;

/// The deepest nesting of a document: far deeper than conditions that people can read.
const MAX_DEPTH: usize = 40;

/// The most parser events of a document: bounds what a hostile body or an alias bomb can cost.
const MAX_EVENTS: usize = 50_000;

/// The same for a file of the person who runs a command: far more than the answers of other systems hold.
const MAX_OWN_DEPTH: usize = 200;
const MAX_OWN_EVENTS: usize = 5_000_000;

/// One mistake, in the words of the person who writes the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where, as in `checks.canary.conditions[0].metric`. Empty for the document itself.
    pub path: String,
    /// The line, counted from 1; 0 when there is none to name.
    pub line: u64,
    /// What was found, what was expected, what to write.
    pub message: String,
}

impl Problem {
    /// A mistake at `path`; its line is filled in by [`Document::locate`].
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: cut(path.into()), line: 0, message: cut(message.into()) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// A parsed document.
#[derive(Debug)]
pub struct Document {
    value: Value,
    /// The line of each value, by its path.
    lines: BTreeMap<String, u64>,
}

impl Document {
    /// Parses YAML, of which JSON is a part.
    ///
    /// # Errors
    ///
    /// The one syntax error (or excess of size) that stopped the parser.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        Self::parse_within(text, MAX_DEPTH, MAX_EVENTS)
    }

    /// The same for a file of the person who runs the command, which may hold what other systems answered.
    ///
    /// # Errors
    ///
    /// As [`Self::parse`].
    pub fn parse_own(text: &str) -> Result<Self, Problem> {
        Self::parse_within(text, MAX_OWN_DEPTH, MAX_OWN_EVENTS)
    }

    fn parse_within(text: &str, max_depth: usize, max_events: usize) -> Result<Self, Problem> {
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! { max_depth: max_depth, max_events: max_events, max_nodes: max_events },
            strict_booleans: true,
        };
        let node: Node = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            let line = error.location().map_or(0, |location| location.line());
            let message = error.without_snippet().to_string();
            Problem { line, ..Problem::new("", first_line(&message)) }
        })?;
        let mut lines = BTreeMap::new();
        let value = node.into_value(String::new(), &mut lines);
        // serde would take a list for the values of the keys in their order.
        if !value.is_object() {
            return Err(Problem {
                path: String::new(),
                line: 1,
                message: "found no keys; write for instance `conditions: […]`".to_owned(),
            });
        }
        Ok(Self { value, lines })
    }

    /// Decodes the document, and validates what could be decoded.
    ///
    /// # Errors
    ///
    /// All mistakes, in the order of their lines.
    pub fn read<T: DeserializeOwned>(&self, validate: impl FnOnce(&T, &mut Problems<'_>)) -> Result<T, Vec<Problem>> {
        let mut rest = Pruned::whole(self.value.clone());
        let mut problems = Vec::new();
        let decoded = self.decode::<T>(&mut rest, &mut problems);
        if let Some(decoded) = &decoded {
            let mut found = Vec::new();
            validate(decoded, &mut Problems::at(String::new(), &mut found));
            for problem in found {
                let path = rest.original_text(&problem.path);
                // What was taken out may be all that is missing.
                if !problems.iter().any(|known| known.path.starts_with(&path)) {
                    problems.push(self.locate(Problem { path, ..problem }));
                }
            }
        }
        problems.sort_by_key(|problem| problem.line);
        decoded.filter(|_| problems.is_empty()).ok_or(problems)
    }

    fn decode<T: DeserializeOwned>(&self, rest: &mut Pruned, problems: &mut Vec<Problem>) -> Option<T> {
        loop {
            let (path, message) = match serde_path_to_error::deserialize::<_, T>(rest.value()) {
                Ok(decoded) => return Some(decoded),
                Err(error) => (error.path().clone(), error.into_inner().to_string()),
            };
            let original = rest.original(&path);
            // A value with a mistake was taken out, so its parent is incomplete now: that is not another mistake.
            if !problems.iter().any(|problem| problem.path.starts_with(&original)) {
                problems.push(self.locate(Problem::new(original, explain(&message))));
            }
            if problems.len() >= MAX_PROBLEMS || !rest.remove(&path) {
                return None;
            }
        }
    }

    /// Whether the document says exactly this.
    #[must_use]
    pub fn is(&self, value: &Value) -> bool {
        self.value == *value
    }

    /// Whether the document has something at this path, whatever it is.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.lines.contains_key(path)
    }

    /// Fills in the line of a mistake by its path, or by that of the nearest enclosing value.
    #[must_use]
    pub fn locate(&self, problem: Problem) -> Problem {
        let mut path = problem.path.as_str();
        loop {
            if let Some(&line) = self.lines.get(path) {
                return Problem { line, ..problem };
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = &path[..end],
                None if path.is_empty() => return problem,
                None => path = "",
            }
        }
    }
}

/// Adds a key to a path.
pub(super) fn push_key(path: &mut String, key: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(key);
}

/// Turns serde's words into advice: names the nearest known key, before the list of all.
pub(crate) fn explain(message: &str) -> String {
    let message = message.replace("invalid type: ", "found ").replace("invalid value: ", "found ");
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let is_unknown = message.starts_with("unknown field") || message.starts_with("unknown variant");
    match quoted.split_first() {
        Some((found, known)) if is_unknown => {
            let hint = suggest(found, known.iter().copied());
            match message.split_once(", expected ") {
                Some((unknown, expected)) if !hint.is_empty() => format!("{unknown}{hint} Expected {expected}"),
                _ => message,
            }
        }
        _ => message,
    }
}

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MAX_MESSAGE) {
        text.truncate(end);
        text.push('…');
    }
    text
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}
