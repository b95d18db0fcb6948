//! What a test gives: its own parts, and those of the recording that it begins with.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{Test, TestFile, validate};
use crate::evaluation::Memory;
use crate::facts::RecordedFact;
use crate::yaml::{Document, Problem};

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
    /// The recording, and where in it the other facts stand.
    pub(super) recording: Option<(Recording, Vec<usize>)>,
    pub(super) memory: Memory,
}

/// The file with which a test begins.
pub(super) struct Recording {
    document: Document,
    test: Test,
}

impl Given {
    /// What a test gives. Its own parts come before those of the top of its file, and these before those of the recording.
    ///
    /// # Errors
    ///
    /// What is wrong with the recording.
    pub(super) fn of(test: &Test, file: &TestFile, load: Load<'_>) -> Result<Self, Vec<Problem>> {
        let recording = test.recorded.as_deref().map(|path| Recording::read(path, load)).transpose()?;
        let recorded = recording.as_ref().map(|it| it.test.clone()).unwrap_or_default();
        let (own, mut inputs) = (test.facts.len(), recorded.inputs);
        inputs.extend(test.inputs.clone());
        let is_kept = |other: &RecordedFact| !test.facts.iter().any(|own| own.replaces(other));
        let kept = recorded.facts.iter().enumerate().filter(|(_, other)| is_kept(other));
        let (places, kept): (Vec<usize>, Vec<RecordedFact>) =
            kept.map(|(place, fact)| (place, fact.clone().in_recording(&recorded.facts))).unzip();
        let facts = test.facts.iter().cloned().chain(kept).collect();
        Ok(Self {
            check: test.check.clone().or_else(|| file.check.clone()).or(recorded.check),
            at: test.at.or(file.at).or(recorded.at),
            delivered: test.delivered.or(recorded.delivered),
            inputs,
            facts,
            own,
            recording: recording.map(|recording| (recording, places)),
            memory: if test.memory.is_empty() { recorded.memory } else { test.memory.clone() },
        })
    }
}

impl Recording {
    /// Reads a file with one test.
    fn read(path: &str, load: Load<'_>) -> Result<Self, Vec<Problem>> {
        let whole = |why: String| vec![Problem::new("", why)];
        let document = Document::parse_own(&load(path).map_err(whole)?).map_err(|problem| vec![problem])?;
        let file: TestFile = document.read(|_, _| {})?;
        let count = file.tests.len();
        match <[Test; 1]>::try_from(file.tests) {
            Ok([test]) if test.recorded.is_some() => {
                Err(whole("begins with another recording: name that one".to_owned()))
            }
            Ok([test]) => {
                let test = Test { check: test.check.or(file.check), at: test.at.or(file.at), ..test };
                Ok(Self { document, test })
            }
            Err(_) => Err(whole(format!("has {count} tests; a recording has one"))),
        }
    }

    /// A mistake in one of its facts, with its line.
    pub(super) fn problem(&self, fact: usize, path: &str, message: String) -> Problem {
        self.document.locate(Problem::new(validate::place_of_fact("tests[0]", fact, path), message))
    }
}
