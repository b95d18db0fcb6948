//! What the host sends to the handler: the JSON of an invocation.
//!
//! Odd as it looks, texts are JSON inside JSON: a message `hello` becomes `"\"hello\""`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::function::Function;
use super::metadata::{Metadata, twice};
use crate::storage_queue::Message;

/// A message as the trigger receives it, decoded.
pub(super) enum Payload<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
}

/// The invocation of a queue function.
pub(super) fn of_message(function: &Function, message: &Message, payload: &Payload<'_>, now: DateTime<Utc>) -> Value {
    let mut metadata = Metadata::default();
    metadata.set("DequeueCount", json!(message.dequeue_count.to_string()));
    metadata.set("ExpirationTime", json!(iso(message.expires_at)));
    metadata.set("Id", twice(&json!(message.id)));
    metadata.set("InsertionTime", json!(iso(message.inserted_at)));
    metadata.set("NextVisibleTime", json!(iso(message.visible_at)));
    metadata.set("PopReceipt", twice(&json!(message.pop_receipt)));
    with_payload(function, payload, metadata, now)
}

/// The invocation of a queue function by an administrator: there is no message behind it.
pub(super) fn of_administrator(function: &Function, text: &str, now: DateTime<Utc>) -> Value {
    let mut metadata = Metadata::default();
    let never = DateTime::from_timestamp(253_402_300_799, 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
    metadata.set("DequeueCount", json!("0"));
    metadata.set("ExpirationTime", json!(iso(never)));
    metadata.set("InsertionTime", json!(iso(now)));
    metadata.set("NextVisibleTime", json!(iso(never)));
    metadata.set(&function.binding, twice(&json!(text)));
    with_payload(function, &Payload::Text(text), metadata, now)
}

fn with_payload(function: &Function, payload: &Payload<'_>, mut metadata: Metadata, now: DateTime<Utc>) -> Value {
    metadata.set("sys", sys(function, now));
    let data = match payload {
        Payload::Text(text) => {
            metadata.take_over(text);
            twice(&json!(text))
        }
        Payload::Binary(bytes) => json!(STANDARD.encode(bytes)),
    };
    json!({"Data": {&function.binding: data}, "Metadata": metadata.members})
}

pub(super) fn sys(function: &Function, now: DateTime<Utc>) -> Value {
    json!({"MethodName": function.name, "UtcNow": utc_now(now), "RandGuid": Uuid::new_v4()})
}

/// Up to seven digits of a second, without zeros at the end.
fn utc_now(now: DateTime<Utc>) -> String {
    let text = now.format("%Y-%m-%dT%H:%M:%S%.9f").to_string();
    let digits = &text[..text.len() - 2];
    format!("{}Z", digits.trim_end_matches('0').trim_end_matches('.'))
}

fn iso(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, false)
}

#[cfg(test)]
mod tests {
    use super::super::function::Trigger;
    use super::*;

    fn function() -> Function {
        let trigger = Trigger::Queue { queue: "q".to_owned(), binary: false };
        let (name, binding) = ("process".to_owned(), "item".to_owned());
        Function { name, binding, trigger, is_plain_http: false, http_output: None }
    }

    fn message(text: &str) -> Message {
        let at = DateTime::from_timestamp(1_767_866_400, 0).unwrap();
        Message {
            id: "800ae4b3".to_owned(),
            text: text.to_owned(),
            inserted_at: at,
            visible_at: at + chrono::TimeDelta::seconds(605),
            expires_at: at + chrono::TimeDelta::days(7),
            dequeue_count: 1,
            pop_receipt: "Ag=".to_owned(),
        }
    }

    #[test]
    fn texts_are_encoded_twice_and_spill_into_the_metadata() {
        let text = r#"{"kind":"x","n":3,"list":[1]}"#;
        let mut envelope = of_message(&function(), &message(text), &Payload::Text(text), DateTime::UNIX_EPOCH);
        assert_eq!(envelope["Metadata"]["sys"]["UtcNow"], "1970-01-01T00:00:00Z");
        envelope["Metadata"].as_object_mut().unwrap().remove("sys");
        assert_eq!(
            envelope,
            json!({
                "Data": {"item": r#""{\"kind\":\"x\",\"n\":3,\"list\":[1]}""#},
                "Metadata": {
                    "DequeueCount": "1", "ExpirationTime": "2026-01-15T10:00:00+00:00", "Id": "\"800ae4b3\"",
                    "InsertionTime": "2026-01-08T10:00:00+00:00", "NextVisibleTime": "2026-01-08T10:10:05+00:00",
                    "PopReceipt": "\"Ag=\"", "kind": "\"x\"", "n": "\"3\"",
                },
            })
        );
    }

    #[test]
    fn a_message_can_overwrite_the_hosts_own_words() {
        let text = r#"{"id":"job-1","dequeueCount":99}"#;
        let envelope = of_message(&function(), &message(text), &Payload::Text(text), DateTime::UNIX_EPOCH);
        assert_eq!(envelope["Metadata"]["Id"], "\"job-1\"");
        assert_eq!(envelope["Metadata"]["DequeueCount"], "\"99\"");
    }

    #[test]
    fn binary_is_encoded_once_and_spills_nothing() {
        let envelope = of_message(&function(), &message("{}"), &Payload::Binary(b"{\"a\":1}"), DateTime::UNIX_EPOCH);
        assert_eq!(envelope["Data"]["item"], "eyJhIjoxfQ==");
        assert_eq!(envelope["Metadata"].get("a"), None);
    }
}
