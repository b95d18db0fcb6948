//! The facts of a record, and what must not stand in it.

use chrono::{DateTime, Utc};
use memchr::memmem;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{DecisionRecord, Delivery, digest_of, digest_of_text};
use crate::check::Check;
use crate::evaluation::Memory;
use crate::evaluation::replay::Replay;
use crate::facts::{Evidence, RecordedFact};
use crate::http::secrets::HIDDEN;

impl DecisionRecord {
    /// The same with what the check was judged by: the answers, and what the conditions remembered before.
    #[must_use]
    pub fn with_evidence(mut self, check: &Check, evidence: &Evidence, memory: &Memory) -> Self {
        let at = self.data.evaluated_now;
        let read_at = evidence.facts.read_at(at);
        let facts = evidence.record();
        let replay = Replay {
            definition: &check.definition,
            inputs: &check.inputs,
            delivered_at: check.delivered_at,
            deadline: check.deadline,
            at,
            read_at,
            memory,
        };
        for (condition, positions) in self.data.result.conditions.iter_mut().zip(replay.positions(&facts)) {
            condition.facts = positions;
        }
        self.data.read_at = Some(read_at);
        self.data.memory = memory.clone();
        self.data.replayable = facts.iter().all(|fact| fact.text.is_none());
        self.data.facts = facts;
        self
    }

    /// The same with all facts, however long they are. It may not fit into a line of a log.
    #[must_use]
    pub fn whole(mut self) -> Self {
        self.data.facts = self.data.facts.into_iter().map(RecordedFact::whole).collect();
        self.data.replayable = true;
        self
    }

    /// The same with how the decision was made, and who was told.
    #[must_use]
    pub fn delivered(mut self, delivery: Delivery) -> Self {
        self.data.delivery = Some(delivery);
        self
    }

    /// When the check was delivered.
    #[must_use]
    pub const fn delivered_at(&self) -> DateTime<Utc> {
        self.data.delivered_at
    }

    /// How many facts came from systems other than Azure DevOps.
    #[must_use]
    pub fn asked_elsewhere(&self) -> u32 {
        let elsewhere = |fact: &&RecordedFact| !fact.unasked && fact.of.get("connection").is_some();
        u32::try_from(self.data.facts.iter().filter(elsewhere).count()).unwrap_or(u32::MAX)
    }

    /// The same without secrets, and with the digests of what is left. `None` if nothing can be said without them.
    #[must_use]
    pub fn without_secrets(mut self, hide: &dyn Fn(Value) -> Value) -> Option<Self> {
        // The facts apart, and their answers as they are: one may have megabytes.
        let facts = std::mem::take(&mut self.data.facts);
        let mut record = hidden(self, hide)?;
        let mut erased = erased_in(&serde_json::to_value(&record.data).ok()?);
        let mut erased_of_facts = Vec::new();
        for (index, mut fact) in facts.into_iter().enumerate() {
            let value = fact.value.take().map(hide);
            let text = fact.text.take().map(|text| hide(text.into()));
            let fact = hidden(fact, hide)?;
            let of_value = value.iter().chain(&text).flat_map(erased_in).map(|rest| format!("/value{rest}"));
            let of_fact = erased_in(&serde_json::to_value(&fact).ok()?).into_iter().chain(of_value);
            erased_of_facts.extend(of_fact.map(|rest| format!("/facts/{index}{rest}")));
            let fact = RecordedFact { value, ..fact };
            let digest = text.as_ref().and_then(Value::as_str).map_or_else(|| digest(&fact), digest_of_text);
            record.data.facts.push(RecordedFact { digest: Some(digest), ..fact });
        }
        let at = erased.partition_point(|pointer| pointer.as_str() < "/facts");
        erased.splice(at..at, erased_of_facts);
        record.data.erased = erased;
        Some(record)
    }
}

/// A part of a record without secrets.
fn hidden<T: Serialize + DeserializeOwned>(part: T, hide: &dyn Fn(Value) -> Value) -> Option<T> {
    serde_json::from_value(hide(serde_json::to_value(part).ok()?)).ok()
}

/// The digest of a fact's answer.
pub(super) fn digest(fact: &RecordedFact) -> String {
    match &fact.error {
        Some(error) => digest_of(error),
        None => digest_of(&fact.value),
    }
}

/// Where a value has lost secrets, as JSON pointers. Few have: a pointer is made only for what is found.
fn erased_in(value: &Value) -> Vec<String> {
    let below = |inner: &Value, step: &dyn Fn() -> String| -> Vec<String> {
        erased_in(inner).into_iter().map(|rest| format!("/{}{rest}", step())).collect()
    };
    match value {
        Value::String(text) if memmem::find(text.as_bytes(), HIDDEN.as_bytes()).is_some() => vec![String::new()],
        Value::Array(items) => {
            items.iter().enumerate().flat_map(|(index, item)| below(item, &|| index.to_string())).collect()
        }
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, member)| below(member, &|| name.replace('~', "~0").replace('/', "~1")))
            .collect(),
        _ => Vec::new(),
    }
}
