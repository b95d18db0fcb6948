//! Facts written down: what an evaluation saw, so that another evaluation can be given the same.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::known::NAMES;
use super::mismatch::{Mismatch, MismatchKind, Mistake};
use super::run::RunDetails;
use super::wanted::Read;
use super::{Fact, FactError, Facts, Wanted, of_run};
use crate::suggest::suggest_among;

/// The longest answer that a record of a decision holds, in bytes of JSON: a longer one does not fit into a line of a log.
pub(crate) const LONGEST: usize = 30 * 1024;

/// A fact with its answer, as it stands in records of decisions and in tests of policies.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordedFact {
    /// Its name.
    pub fact: String,
    /// What was asked, where the name does not say it all; its member `run` says for which commit or branch.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub of: Value,
    /// What the outside system answered.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "even_null")]
    pub value: Option<Value>,
    /// Why it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Nobody was asked, so the error says nothing about the other side.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unasked: bool,
    /// In records of decisions: the digest of the value or the error. It stands alone where the answer was too long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// An answer in JSON that is too long to be recorded: it has no value, and a digest in its place.
    #[serde(skip)]
    pub(crate) text: Option<String>,
    /// The run of the recording in which it stands, where that may be another than the one that is judged.
    #[serde(skip)]
    pub(crate) beside: Value,
}

impl RecordedFact {
    /// Whether this one is given in the place of the other: it has the same name, and says nothing else in `of`, whatever the
    /// run.
    pub(crate) fn replaces(&self, other: &Self) -> bool {
        self.fact == other.fact && is_part(&of_run::unnamed(&self.of), &of_run::unnamed(&other.of))
    }

    /// The same with its value, however long it is.
    #[must_use]
    pub fn whole(self) -> Self {
        let value = self.text.as_ref().and_then(|text| serde_json::from_str(text).ok());
        Self { value: self.value.or(value), text: None, ..self }
    }

    /// The same with its value, unless it is too long to be recorded.
    pub(super) fn with_short_value(self) -> Self {
        if self.text.as_ref().is_some_and(|text| text.len() > LONGEST) { self } else { self.whole() }
    }

    /// The same in a recording, which has these facts.
    pub(crate) fn in_recording(self, facts: &[Self]) -> Self {
        let run = facts.iter().find(|fact| fact.fact == RunDetails::NAME).and_then(|fact| fact.value.clone());
        Self { beside: run.unwrap_or_default(), ..self }
    }

    /// Whether it answers what is asked, of whichever run.
    fn is_exactly(&self, fact: &dyn Read) -> bool {
        self.fact == fact.name() && of_run::unnamed(&self.of) == fact.of()
    }

    /// Whether it may answer what is asked, of whichever run.
    fn fits(&self, fact: &dyn Read) -> bool {
        self.fact == fact.name() && is_part(&of_run::unnamed(&self.of), &fact.of())
    }
}

/// A member that is there, even if it is null.
fn even_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// What an evaluation asked for, and what was answered.
#[derive(Default)]
pub struct Evidence {
    /// What was asked for.
    pub wanted: Wanted,
    /// The answers.
    pub facts: Facts,
}

impl fmt::Debug for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Evidence").finish_non_exhaustive()
    }
}

impl Evidence {
    /// Each fact with its answer. A long one may be a text ([`RecordedFact::whole`]).
    #[must_use]
    pub fn record(&self) -> Vec<RecordedFact> {
        // The others say for which run they were read. It may be known from an earlier evaluation.
        let mut run = Wanted::default();
        run.add(RunDetails);
        let mut recorded: Vec<RecordedFact> = Vec::new();
        for fact in self.wanted.iter().chain(run.iter()) {
            if !recorded.iter().any(|known| known.is_exactly(fact)) {
                recorded.extend(fact.record(&self.facts));
            }
        }
        recorded
    }
}

impl Wanted {
    /// Which of the recorded facts these are.
    #[must_use]
    pub fn positions(&self, recorded: &[RecordedFact]) -> Vec<usize> {
        let is_wanted = |known: &RecordedFact| self.iter().any(|fact| known.is_exactly(fact));
        (0..recorded.len()).filter(|index| is_wanted(&recorded[*index])).collect()
    }

    /// Answers what is wanted from `recorded`, and reports facts that nothing asks for or that cannot be read. A fact
    /// answers what is asked exactly so; else whatever has its name and all that its `of` says. What is for another commit
    /// or branch than the run's is no answer.
    #[must_use]
    pub fn answered_by(&self, recorded: &[RecordedFact]) -> (Facts, Vec<Mismatch>) {
        let (mut facts, mut mistakes, mut used) = (Facts::default(), Vec::new(), vec![false; recorded.len()]);
        let (runs, others): (Vec<_>, Vec<_>) = self.iter().partition(|fact| fact.name() == RunDetails::NAME);
        for fact in runs.into_iter().chain(others) {
            let run = of_run::known(&facts);
            let found = that_answer(fact, recorded, &run);
            found.iter().for_each(|index| used[*index] = true);
            match found.as_slice() {
                [] => fact.give_up(&mut facts, &not_given(fact, recorded, &run)),
                [index] => mistakes.extend(fact.give(&recorded[*index], &mut facts).err().map(|it| it.of(*index))),
                [first, second, ..] => {
                    let message = format!("answers the same question as fact {first}: say in `of` which it answers");
                    mistakes.push(Mistake::new("of", message).of(*second));
                }
            }
        }
        let unused = (0..recorded.len()).filter(|index| !used[*index]);
        let run = of_run::known(&facts);
        mistakes.extend(unused.map(|index| self.why_unused(index, &recorded[index], &run)));
        mistakes.sort_by_key(|mistake| mistake.index);
        mistakes.dedup();
        (facts, mistakes)
    }

    fn why_unused(&self, index: usize, recorded: &RecordedFact, run: &Value) -> Mismatch {
        let name = recorded.fact.as_str();
        let mut fitting = self.iter().filter(|fact| recorded.fits(*fact));
        let other_run = fitting.find_map(|fact| of_run::why_not(recorded, run, fact.of_run()));
        let of = |fact: &dyn Read| of_run::named(fact.of(), run, fact.of_run()).to_string();
        let same: Vec<String> = self.iter().filter(|fact| fact.name() == name).map(of).collect();
        let mut asked: Vec<&str> = self.iter().map(Read::name).collect();
        asked.sort_unstable();
        asked.dedup();
        let (path, kind, message) = if !NAMES.contains(&name) {
            let hint = suggest_among(name, NAMES.iter().copied());
            ("fact", MismatchKind::Unreadable, format!("`{name}` is not a fact{hint}"))
        } else if same.is_empty() {
            let asked = asked.join("`, `");
            let message = format!("no condition of the check asks for `{name}`; it asks for `{asked}`");
            ("fact", MismatchKind::NameNotAsked, message)
        } else if let Some(why) = other_run {
            ("of.run", MismatchKind::OfNotAsked, format!("the fact {why}"))
        } else if self.iter().any(|fact| recorded.fits(fact)) {
            let message = "another fact says exactly what this one answers: say in `of` which it answers".to_owned();
            ("of", MismatchKind::OfNotAsked, message)
        } else {
            let same = same.join(" and of ");
            let message = format!("no condition of the check asks for that; it asks for `{name}` of {same}");
            ("of", MismatchKind::OfNotAsked, message)
        };
        Mismatch { kind, ..Mistake::new(path, message).of(index) }
    }
}

/// Which of the recorded facts answer this one for this run.
fn that_answer(fact: &dyn Read, recorded: &[RecordedFact], run: &Value) -> Vec<usize> {
    let is_of_run = |index: &usize| of_run::why_not(&recorded[*index], run, fact.of_run()).is_none();
    let of_run = || (0..recorded.len()).filter(is_of_run);
    match of_run().find(|index| recorded[*index].is_exactly(fact)) {
        Some(exact) => vec![exact],
        None => of_run().filter(|index| recorded[*index].fits(fact)).collect(),
    }
}

fn not_given(fact: &dyn Read, recorded: &[RecordedFact], run: &Value) -> FactError {
    let mut fitting = recorded.iter().filter(|known| known.fits(fact));
    let why = fitting.find_map(|known| of_run::why_not(known, run, fact.of_run()));
    let why = why.map_or_else(String::new, |why| format!(" for this run: it {why}; give it again"));
    FactError { unasked: true, ..FactError::because(format!("the fact `{}` is not given{why}", fact.name())) }
}

/// Whether everything that `part` says is in `whole`.
pub(super) fn is_part(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Null, _) => true,
        (Value::Object(part), Value::Object(whole)) => {
            part.iter().all(|(name, value)| whole.get(name).is_some_and(|inner| is_part(value, inner)))
        }
        _ => part == whole,
    }
}
