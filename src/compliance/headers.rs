//! The headers of a check: those that the guide asks for, and those that somebody wrote.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// The headers that checkgate needs, with the variable of each, in the order of the guide.
pub const GUIDE: [(&str, &str); 9] = [
    ("PlanUrl", "$(system.CollectionUri)"),
    ("ProjectId", "$(system.TeamProjectId)"),
    ("HubName", "$(system.HostType)"),
    ("PlanId", "$(system.PlanId)"),
    ("JobId", "$(system.JobId)"),
    ("TimelineId", "$(system.TimelineId)"),
    ("TaskInstanceId", "$(system.TaskInstanceId)"),
    ("AuthToken", "$(system.AccessToken)"),
    ("BuildId", "$(build.BuildId)"),
];

/// The headers of the guide that checkgate can do without. It reads the run only where a condition asks for it.
pub const OPTIONAL: [&str; 2] = ["TimelineId", "BuildId"];

/// The headers in which people send a function key.
pub const KEY_HEADERS: [&str; 2] = ["x-functions-key", "x-functions-clientid"];

/// Headers as they are written, in their order. Names ignore case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

/// Reads the text of the panel: a JSON object of texts. An empty text has none.
///
/// # Errors
///
/// What is wrong with the text.
pub fn parse(text: &str) -> Result<Headers, String> {
    if text.trim().is_empty() {
        return Ok(Headers::default());
    }
    let members: Map<String, Value> = serde_json::from_str(text)
        .map_err(|error| format!("it is not a JSON object (line {}, column {})", error.line(), error.column()))?;
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    Ok(Headers(members.into_iter().map(|(name, value)| (name, text(value))).collect()))
}

impl Headers {
    /// The value of a header.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Sets a header, or adds it at the end.
    pub fn set(&mut self, name: &str, value: &str) {
        match self.0.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, old)) => value.clone_into(old),
            None => self.0.push((name.to_owned(), value.to_owned())),
        }
    }

    /// Takes a header out.
    pub fn remove(&mut self, name: &str) -> Option<String> {
        let place = self.0.iter().position(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(self.0.remove(place).1)
    }

    /// The headers in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The text for the panel: one line for each header.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = "{".to_owned();
        for (index, (name, value)) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let _ = write!(text, "{comma}\n  {}: {}", Value::from(name), Value::from(value));
        }
        text.push_str("\n}");
        text
    }
}
