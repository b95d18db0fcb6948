//! What a test gives: its own parts, and those of the recording that it begins with.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{Test, TestFile};
use crate::evaluation::Memory;
use crate::facts::RecordedFact;
use crate::yaml::Document;

/// Reads another file by its path relative to the file of the test.
pub(super) type Load<'a> = &'a dyn Fn(&str) -> Result<String, String>;

/// What an evaluation is given.
pub(super) struct Given {
    pub(super) check: Option<String>,
    pub(super) at: Option<DateTime<Utc>>,
    pub(super) delivered: Option<DateTime<Utc>>,
    pub(super) inputs: BTreeMap<String, String>,
    /// Those of the test first.
    pub(super) facts: Vec<RecordedFact>,
    /// How many of the facts are the test's own.
    pub(super) own: usize,
    pub(super) memory: Memory,
}

impl Given {
    /// What a test gives. Its own parts come before those of the top of its file, and these before those of the recording.
    ///
    /// # Errors
    ///
    /// Why the recording cannot be used.
    pub(super) fn of(test: &Test, file: &TestFile, load: Load<'_>) -> Result<Self, String> {
        let recorded = test.recorded.as_deref().map(|path| recording(path, load)).transpose()?.unwrap_or_default();
        let (own, mut inputs) = (test.facts.len(), recorded.inputs);
        inputs.extend(test.inputs.clone());
        let kept = recorded.facts.iter().filter(|other| !test.facts.iter().any(|own| own.replaces(other)));
        let kept = kept.map(|fact| fact.clone().in_recording(&recorded.facts));
        let facts = test.facts.iter().cloned().chain(kept).collect();
        Ok(Self {
            check: test.check.clone().or_else(|| file.check.clone()).or(recorded.check),
            at: test.at.or(file.at).or(recorded.at),
            delivered: test.delivered.or(recorded.delivered),
            inputs,
            facts,
            own,
            memory: if test.memory.is_empty() { recorded.memory } else { test.memory.clone() },
        })
    }
}

/// The one test of a recording.
fn recording(path: &str, load: Load<'_>) -> Result<Test, String> {
    let document = Document::parse_own(&load(path)?).map_err(|problem| format!("{path}: {problem}"))?;
    let file: TestFile = document.read(|_, _| {}).map_err(|problems| format!("{path}: {}", problems[0]))?;
    let count = file.tests.len();
    match <[Test; 1]>::try_from(file.tests) {
        Ok([test]) if test.recorded.is_some() => Err(format!("{path} begins with another recording: name that one")),
        Ok([test]) => Ok(Test { check: test.check.or(file.check), at: test.at.or(file.at), ..test }),
        Err(_) => Err(format!("{path} has {count} tests; a recording has one")),
    }
}
