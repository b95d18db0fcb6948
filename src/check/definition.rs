//! One check of the file: its keys, their defaults, and what contradicts what.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DecidedWith, Notify, Pattern, ReevaluateEvery, deadline_margin, notify};
use crate::conditions::{Condition, Declared};
use crate::sources::Connection;
use crate::task::CompletionEvent;
use crate::yaml::{Document, Duration, Problem, Problems};

/// The most inputs of a check. Real ones have a few; each may cost the compilation of a pattern.
const MAX_INPUTS: usize = 32;

/// Headers that hold secrets: no check may read them.
const SECRET_HEADERS: [&str; 5] = ["AuthToken", "Authorization", "Cookie", "Proxy-Authorization", "X-Functions-Key"];

/// The prefix of headers in which App Service hands over identities and their tokens.
const PLATFORM_HEADERS: &str = "x-ms-";

/// What one check demands, and how it is evaluated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckDefinition {
    /// Shown in the log and by `checkgate validate`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The mode that the check is configured for in Azure Pipelines. The header `CompletionEvent` overrides it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub completion_event: CompletionEvent,
    /// Extra request headers that the check reads.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, Input>,
    /// Time from one evaluation to the next while the check waits; 1m, or a shorter `timeout`, unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reevaluate_every: Option<ReevaluateEvery>,
    /// The check's *Timeout* in Azure Pipelines; at most 47h, or 720h with the app setting DecideWithManagedIdentity.
    #[serde(default = "defaults::timeout")]
    pub timeout: Duration,
    /// What happens at the timeout.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_timeout: OnTimeout,
    /// How long a condition may stay unmeasurable without a break before the check fails with that reason.
    #[serde(default = "defaults::error_budget")]
    pub error_budget: Duration,
    /// Evaluate and log as usual, always decide `succeeded`, and say in the log what would have been decided.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dry_run: bool,
    /// Who is told what becomes of the check, instead of those that the file names for all checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Vec<Notify>>,
    /// All of them must pass.
    #[schemars(length(min = 1))]
    pub conditions: Vec<Condition>,
}

mod defaults {
    use super::Duration;

    pub(super) const fn timeout() -> Duration {
        Duration::hours(24)
    }

    pub(super) const fn error_budget() -> Duration {
        Duration::minutes(30)
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What a check does at its deadline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OnTimeout {
    /// Post a failed decision that says what was still missing.
    #[default]
    Fail,
    /// Post nothing: Azure Pipelines skips the stage.
    Skip,
}

/// One extra request header.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// A regular expression that the whole value must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub pattern: Option<Pattern>,
    /// Whether a delivery without it is refused; true unless a default is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
    /// The value when the header is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

impl Input {
    /// Whether a delivery without this header is refused.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.required.unwrap_or_else(|| self.default.is_none())
    }

    /// Whether a value may be sent.
    #[must_use]
    pub fn takes(&self, value: &str) -> bool {
        self.pattern.as_ref().is_none_or(|pattern| pattern.matches(value))
    }
}

/// What a definition is validated against.
#[derive(Debug, Clone, Copy)]
pub struct Allowed<'a> {
    /// The connections of the file.
    pub connections: &'a BTreeMap<String, Connection>,
    /// Whether a delivery brought the definition: it is not from the operator's file.
    pub is_inline: bool,
    /// How its decision can be delivered.
    pub decided_with: DecidedWith,
}

impl CheckDefinition {
    /// Reads and validates an inline definition, the body of a delivery, whose decision is delivered with its token.
    ///
    /// # Errors
    ///
    /// All mistakes, in the order of their lines.
    pub fn parse(text: &str, connections: &BTreeMap<String, Connection>) -> Result<Self, Vec<Problem>> {
        Self::parse_for(text, Allowed { connections, is_inline: true, decided_with: DecidedWith::Token })
    }

    /// Reads and validates a definition.
    ///
    /// # Errors
    ///
    /// All mistakes, in the order of their lines.
    pub fn parse_for(text: &str, allowed: Allowed<'_>) -> Result<Self, Vec<Problem>> {
        let document = Document::parse(text).map_err(|problem| vec![problem])?;
        document.read(|definition: &Self, problems| definition.validate(allowed, problems))
    }

    /// Reports what is wrong.
    pub(crate) fn validate(&self, allowed: Allowed<'_>, problems: &mut Problems<'_>) {
        let Allowed { connections, is_inline, decided_with } = allowed;
        self.validate_schedule(decided_with, problems);
        if self.inputs.len() > MAX_INPUTS {
            return problems.push("inputs", format!("has {} inputs; at most {MAX_INPUTS} are read", self.inputs.len()));
        }
        if self.completion_event == CompletionEvent::ApiResponse && self.notify.iter().flatten().next().is_some() {
            problems.push("notify", "is not for ApiResponse mode, in which each evaluation is a delivery of its own: leave it out, or write `completionEvent: Callback`");
        }
        notify::validate(self.notify.as_deref().unwrap_or_default(), connections, problems);
        for (name, input) in &self.inputs {
            self.validate_input(name, input, problems);
        }
        if self.conditions.is_empty() {
            problems.push("conditions", "is empty; a check without conditions would let everything pass");
        }
        let declared = Declared {
            connections,
            inputs: self.inputs.keys().map(String::as_str).collect(),
            completion_event: self.completion_event,
            timeout: self.timeout,
            until_deadline: self.until_deadline(),
            max_evaluations: self.max_evaluations(),
            is_inline,
        };
        for (index, condition) in self.conditions.iter().enumerate() {
            condition.validate(&declared, &mut problems.inside(&format!("conditions[{index}]")));
        }
    }

    /// The value of each declared input; empty for one that is not given.
    #[must_use]
    pub fn input_values<'a>(&'a self, given: &'a BTreeMap<String, String>) -> BTreeMap<&'a str, &'a str> {
        let value = |name: &String| given.get(name).map_or("", String::as_str);
        self.inputs.keys().map(|name| (name.as_str(), value(name))).collect()
    }

    /// The connections that its conditions need.
    pub fn connections(&self) -> impl Iterator<Item = &str> {
        self.conditions.iter().flat_map(Condition::connections)
    }

    fn validate_input(&self, name: &str, input: &Input, problems: &mut Problems<'_>) {
        let mut problems = problems.inside(&format!("inputs.{name}"));
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
            problems.push("", "is not a header name; use letters, digits, `-` and `_`");
        }
        let is_secret = SECRET_HEADERS.iter().any(|secret| secret.eq_ignore_ascii_case(name));
        if is_secret || name.to_ascii_lowercase().starts_with(PLATFORM_HEADERS) {
            problems.push("", "is a header with a secret, which no check may read; choose another name");
        }
        match (input.pattern.as_ref().map(Pattern::check), &input.default) {
            (Some(Err(why)), _) => problems.push("pattern", why),
            (_, Some(default)) if !input.takes(default) => {
                problems.push("default", format!("`{default}` does not match the input's own pattern"));
            }
            _ => {}
        }
        if input.required == Some(true) && input.default.is_some() {
            problems.push("required", "true contradicts the default");
        }
    }

    /// The deadline of a check that was delivered at `delivered_at`: shortly before Azure Pipelines stops waiting, so
    /// that the reason still arrives.
    #[must_use]
    pub fn deadline(&self, delivered_at: DateTime<Utc>) -> DateTime<Utc> {
        delivered_at + self.until_deadline()
    }

    pub(super) fn until_deadline(&self) -> TimeDelta {
        let timeout = self.timeout.delta();
        timeout - deadline_margin(timeout)
    }
}
