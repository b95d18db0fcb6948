//! The file of tests: what people write, and what `checkgate evaluate --record` writes.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;

use crate::decision_record::Decided;
use crate::evaluation::Memory;
use crate::facts::RecordedFact;

/// Tests of policies.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Tests of policies for checkgate")]
pub struct TestFile {
    /// The check of checks.yaml that is tested, unless a test names another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// The time of the evaluation, unless a test names another.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "time")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub at: Option<DateTime<Utc>>,
    /// The tests.
    #[schemars(length(min = 1))]
    pub tests: Vec<Test>,
}

/// One test: what an evaluation sees, and what must follow.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Test {
    /// What it shows, as a sentence.
    pub name: String,
    /// The check of checks.yaml.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// A file with one test, such as one of `checkgate evaluate --record`: this test begins with its check, time, inputs
    /// and facts. The path is relative to this file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<String>,
    /// The time of the evaluation, such as `2026-01-05T09:00:00Z`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "time")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub at: Option<DateTime<Utc>>,
    /// When the check was delivered; at the time of the evaluation unless given.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "time")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub delivered: Option<DateTime<Utc>>,
    /// The inputs of the check.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
    /// What the outside systems answer. What is not given could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<RecordedFact>,
    /// What the conditions remember of earlier evaluations, as in the record of a decision.
    #[serde(default, skip_serializing_if = "Memory::is_empty")]
    #[schemars(with = "BTreeMap<String, Value>")]
    pub memory: Memory,
    /// What must follow.
    pub expect: Expectation,
}

/// What must follow. Each part that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Expectation {
    /// What is decided. A dry run counts as if it was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Decided>,
    /// The names of exactly those conditions that block, in any order; the log's words for conditions without a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocking: Option<Vec<String>>,
    /// Texts that the log holds, each within one line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub text: Vec<String>,
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        de::Error::custom(format!("`{text}` is not a time with its zone; write for instance `2026-01-05T09:00:00Z`"))
    })
}
