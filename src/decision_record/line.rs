//! A record as one line of a log.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::DecisionRecord;
use crate::evaluation::Memory;
use crate::facts::RecordedFact;
use crate::text::{cut, escaped, is_visible};

/// The longest line, in bytes: Application Insights cuts a message at 32,768 characters.
const MAX_LINE: usize = 30 * 1024;

/// The longest answer that is never left out, in bytes: its digest is nearly as long.
const SHORT: usize = 100;

/// What is left of a text in a record that is too long, in characters.
const CUT: usize = 200;

/// A record as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The record's id.
    pub id: Uuid,
    /// The record's time.
    pub time: DateTime<Utc>,
    /// The record, without the end of its line.
    pub text: String,
}

impl DecisionRecord {
    /// The record on one line. What would make it too long is left out: the longest facts first, of which the digests stay.
    fn line(mut self) -> String {
        // These fit into no line. Writing all of them to see that would take as long as all the rest.
        for fact in self.data.facts.iter_mut().filter(|fact| is_longer_than_a_line(fact)) {
            (fact.value, fact.error) = (None, None);
            self.data.replayable = false;
        }
        loop {
            let json = serde_json::to_string(&self).unwrap_or_default();
            // What a log changes in a line is escaped: the record reads the same whatever has printed it.
            let line = escaped(&json, |c| is_visible(c) && c != '#').into_owned();
            if line.len() <= MAX_LINE || !self.shorten() {
                return line;
            }
        }
    }

    /// Writes the record into the handler's log: a line of its own, whatever the format of the log. Returns that line.
    pub fn log(self) -> Line {
        let (id, time, text) = (self.id, self.time, self.line());
        tracing::info!("{text}");
        Line { id, time, text }
    }

    /// Leaves one thing out. `false` when nothing is left to leave out.
    fn shorten(&mut self) -> bool {
        self.data.replayable = false;
        let longest = self.data.facts.iter_mut().max_by_key(|fact| length(fact));
        if let Some(fact) = longest.filter(|fact| length(fact) > SHORT) {
            (fact.value, fact.error) = (None, None);
            return true;
        }
        if self.data.policy.definition.take().is_some() {
            return true;
        }
        if !self.data.memory.is_empty() {
            self.data.memory = Memory::default();
            return true;
        }
        let result = &mut self.data.result;
        let texts = result.conditions.iter_mut().flat_map(|it| [&mut it.condition, &mut it.found, &mut it.expected]);
        let mut is_shorter = false;
        for text in texts.chain([&mut result.reason]).chain(self.data.input.inputs.values_mut()) {
            is_shorter |= text.chars().count() > CUT;
            *text = cut(text, CUT);
        }
        if is_shorter {
            return true;
        }
        let (conditions, facts) = (result.conditions.len() / 2, self.data.facts.len() / 2);
        let is_shorter = conditions < result.conditions.len() || facts < self.data.facts.len();
        result.conditions.truncate(conditions);
        self.data.facts.truncate(facts);
        is_shorter
    }
}

/// Whether the answer of a fact fits into no line.
fn is_longer_than_a_line(fact: &RecordedFact) -> bool {
    // Writing into it ends with an error where it is full.
    let mut line = [0; MAX_LINE];
    let is_long = |error: &String| error.len() > MAX_LINE;
    fact.error.as_ref().is_some_and(is_long) || serde_json::to_writer(line.as_mut_slice(), &fact.value).is_err()
}

/// How many bytes the answer of a fact takes.
fn length(fact: &RecordedFact) -> usize {
    let value = fact.value.as_ref().and_then(|value| serde_json::to_vec(value).ok());
    value.map_or(0, |text| text.len()) + fact.error.as_ref().map_or(0, String::len)
}
