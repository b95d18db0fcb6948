//! The host's binding data: the member `Metadata` of an invocation.

use chrono::{DateTime, NaiveDateTime};
use serde_json::{Map, Value, json};

/// JSON inside a JSON string.
pub(super) fn twice(value: &Value) -> Value {
    json!(value.to_string())
}

/// The host's binding data: names are case-insensitive and keep the casing they were first set with.
#[derive(Default)]
pub(super) struct Metadata {
    pub(super) members: Map<String, Value>,
}

impl Metadata {
    pub(super) fn set(&mut self, name: &str, value: Value) {
        let known = self.members.keys().find(|known| known.eq_ignore_ascii_case(name)).cloned();
        self.members.insert(known.unwrap_or_else(|| name.to_owned()), value);
    }

    /// Properties of a text that is a JSON object overwrite what the host itself says.
    pub(super) fn take_over(&mut self, text: &str) {
        let Ok(Value::Object(properties)) = serde_json::from_str(text) else {
            return;
        };
        for (name, value) in properties.into_iter().filter(|(name, _)| !name.to_lowercase().ends_with("trigger")) {
            match value {
                Value::Null | Value::Array(_) => {}
                Value::Object(_) => self.set(&name, value),
                Value::String(text) => self.set(&name, twice(&json!(rendered(text)))),
                Value::Bool(true) => self.set(&name, twice(&json!("True"))),
                Value::Bool(false) => self.set(&name, twice(&json!("False"))),
                Value::Number(number) => self.set(&name, twice(&json!(number.to_string()))),
            }
        }
    }
}

/// A text as the host passes it on: one that looks like a date is written anew, in UTC and without its fraction.
fn rendered(text: String) -> String {
    if text.len() < 19 || text.as_bytes()[10] != b'T' {
        return text;
    }
    let with_offset = DateTime::parse_from_rfc3339(&text).map(|date| date.naive_utc());
    let date = with_offset.or_else(|_| NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f"));
    date.map(|date| date.format("%m/%d/%Y %H:%M:%S").to_string()).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_anew_and_other_texts_are_not() {
        for (text, expected) in [
            ("2026-01-15T10:00:00Z", "01/15/2026 10:00:00"),
            ("2026-01-15T10:00:00.123+02:00", "01/15/2026 08:00:00"),
            ("2026-01-15T10:00:00", "01/15/2026 10:00:00"),
            ("2026-01-15 10:00:00Z", "2026-01-15 10:00:00Z"),
            ("2026-13-15T10:00:00Z", "2026-13-15T10:00:00Z"),
            ("a date would be here", "a date would be here"),
        ] {
            assert_eq!(rendered(text.to_owned()), expected);
        }
    }

    #[test]
    fn members_of_a_message_replace_those_of_the_host_in_any_casing() {
        let mut metadata = Metadata::default();
        metadata.set("DequeueCount", json!("1"));
        metadata.set("sys", json!({ "MethodName": "process" }));
        metadata.take_over(r#"{"dequeuecount":99,"SYS":"mine","nothing":null,"list":[1],"QueueTrigger":"mine"}"#);
        assert_eq!(Value::Object(metadata.members), json!({ "DequeueCount": "\"99\"", "sys": "\"mine\"" }));
    }
}
