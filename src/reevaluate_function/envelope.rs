//! The Functions host's envelope around a queue message, and the answer that it expects.
//!
//! The host hands over `{"Data": {"check": …}, "Metadata": {…}}`. The message is a JSON string *inside* a JSON string, or
//! base64 where `function.json` says `"dataType": "binary"`; both are read. See
//! <https://learn.microsoft.com/azure/azure-functions/functions-custom-handlers>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// One call of the host for one queue message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The text of the message.
    pub message: String,
    /// The id that the queue gave to the message; absent when the function is invoked by hand.
    pub message_id: Option<String>,
    /// How many times the message was handed out, this time included.
    pub dequeue_count: u32,
    /// When the message was put into the queue; absent when the function is invoked by hand.
    pub inserted_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope {
    data: Map<String, Value>,
    #[serde(default)]
    metadata: Map<String, Value>,
}

impl Invocation {
    /// Reads the envelope.
    ///
    /// # Errors
    ///
    /// What is missing. Nothing of the envelope's content is repeated.
    pub fn parse(body: &[u8]) -> Result<Self, &'static str> {
        let envelope: Envelope =
            serde_json::from_slice(body).map_err(|_| "the body is not an envelope of the Functions host")?;
        // One member: the trigger, by whatever name `function.json` gives it.
        let data = envelope.data.values().next().ok_or("the envelope has no member in Data")?;
        let message = match data {
            Value::String(text) => unwrap(text),
            object @ Value::Object(_) => object.to_string(),
            _ => return Err("the message in the envelope's Data is not a text"),
        };
        let text_of = |name: &str| envelope.metadata.get(name).map(plain).filter(|text| !text.is_empty());
        let message_id = text_of("Id");
        Ok(Self {
            message,
            dequeue_count: text_of("DequeueCount").and_then(|count| count.parse().ok()).unwrap_or(1),
            inserted_at: text_of("InsertionTime").filter(|_| message_id.is_some()).and_then(|time| time.parse().ok()),
            message_id,
        })
    }
}

/// Whether the host wrapped an HTTP request in JSON, as it does unless it forwards HTTP.
#[must_use]
pub fn wraps_a_request(body: &[u8]) -> bool {
    let Ok(Envelope { data, metadata }) = serde_json::from_slice(body) else {
        return false;
    };
    let is_request = |value: &Value| value.get("Method").is_some() && value.get("Headers").is_some();
    metadata.contains_key("sys") && data.values().any(is_request)
}

/// The message's text, without the wrapping of the host.
fn unwrap(text: &str) -> String {
    if let Ok(inner) = serde_json::from_str::<String>(text) {
        return inner;
    }
    if text.trim_start().starts_with('{') {
        return text.to_owned();
    }
    let decoded = STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.unwrap_or_else(|| text.to_owned())
}

/// Metadata comes as numbers, as text, or as text that was quoted twice.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => serde_json::from_str::<String>(text).unwrap_or_else(|_| text.clone()),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// The answer in the host's JSON protocol. It lets the host delete the message, or holds the answer for the caller of an
/// HTTP function. Must be JSON: the host hangs on an empty body.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct InvocationResult {
    outputs: Map<String, Value>,
    logs: Vec<String>,
    return_value: Option<Value>,
}

impl InvocationResult {
    /// An answer with one line for the invocation's log.
    #[must_use]
    pub fn logging(line: &str) -> Self {
        Self { outputs: Map::new(), logs: vec![crate::text::one_line(line)], return_value: None }
    }

    /// An answer for the caller of an HTTP function, under the name of its output: a status and a JSON body.
    #[must_use]
    pub fn answering(output: &str, status: u16, body: &Value) -> Self {
        let headers = json!({ "content-type": "application/json" });
        // The body as a text: the host would write an object anew.
        let answer = json!({ "statusCode": status, "body": body.to_string(), "headers": headers });
        Self { outputs: Map::from_iter([(output.to_owned(), answer)]), logs: Vec::new(), return_value: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(data: &Value, metadata: Value) -> Result<Invocation, &'static str> {
        let envelope = serde_json::json!({ "Data": { "check": data }, "Metadata": metadata });
        Invocation::parse(envelope.to_string().as_bytes())
    }

    #[test]
    fn both_forms_of_the_hosts_envelope_give_the_same_message() {
        let text = r#"{"version":1,"note":"ünïcode \"quoted\""}"#;
        let doubly_encoded = Value::String(Value::String(text.to_owned()).to_string());
        let binary = Value::String(STANDARD.encode(text));
        let as_documented = Value::String(text.to_owned());
        let inserted = "2026-01-08T10:00:00+00:00";
        let metadata = serde_json::json!({ "DequeueCount": "3", "Id": "\"800ae4b3\"", "InsertionTime": inserted });
        for data in [doubly_encoded, binary, as_documented] {
            let invocation = parse(&data, metadata.clone()).expect("an envelope");
            let expected = Invocation {
                message: text.to_owned(),
                message_id: Some("800ae4b3".to_owned()),
                dequeue_count: 3,
                inserted_at: Some("2026-01-08T10:00:00Z".parse().expect("a time")),
            };
            assert_eq!(invocation, expected);
        }
    }

    #[test]
    fn an_invocation_by_hand_has_no_message_id() {
        let metadata = serde_json::json!({ "DequeueCount": "0", "InsertionTime": "2026-01-08T10:00:00+00:00" });
        let invocation = parse(&Value::String("\"x\"".to_owned()), metadata).expect("an envelope");
        let expected = Invocation { message: "x".to_owned(), message_id: None, dequeue_count: 0, inserted_at: None };
        assert_eq!(invocation, expected);
    }

    #[test]
    fn a_body_that_is_not_an_envelope_is_refused_without_repeating_it() {
        for body in ["", "{}", "[]", r#"{"Data":{}}"#, r#"{"Data":{"check":5},"Metadata":{}}"#, "secret"] {
            assert!(Invocation::parse(body.as_bytes()).is_err_and(|why| !why.contains("secret")), "{body}");
        }
    }
}
