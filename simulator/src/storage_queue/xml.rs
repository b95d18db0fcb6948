//! The XML of the queue service.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::error::StorageError;
use super::queue::Message;
use crate::headers::http_date;

/// The operation that shows a message. Each shows other members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Put,
    Received,
    Peeked,
}

#[derive(Serialize)]
#[serde(rename = "QueueMessagesList")]
struct MessageList {
    #[serde(rename = "QueueMessage")]
    messages: Vec<MessageXml>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct MessageXml {
    message_id: String,
    insertion_time: String,
    expiration_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pop_receipt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_next_visible: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dequeue_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_text: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename = "QueueMessage", rename_all = "PascalCase", deny_unknown_fields)]
struct PutMessage {
    #[serde(default)]
    message_text: String,
}

#[derive(Serialize)]
#[serde(rename = "Error", rename_all = "PascalCase")]
struct ErrorXml<'a> {
    code: &'a str,
    message: &'a str,
}

const DECLARATION: &str = r#"<?xml version="1.0" encoding="utf-8"?>"#;

pub(super) fn messages(messages: &[Message], shown: Shown) -> String {
    let messages = messages.iter().map(|message| MessageXml::new(message, shown)).collect();
    document(&MessageList { messages })
}

pub(super) fn error(code: &str, message: &str) -> String {
    document(&ErrorXml { code, message })
}

/// The text in a request's body.
pub(super) fn text(body: &[u8]) -> Result<String, StorageError> {
    let PutMessage { message_text } = quick_xml::de::from_reader(body).map_err(|_| StorageError::InvalidXml)?;
    if message_text.chars().all(is_xml) { Ok(message_text) } else { Err(StorageError::InvalidXml) }
}

/// Whether a document of XML 1.0 may contain the character.
fn is_xml(c: char) -> bool {
    !matches!(c, '\u{0}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

fn document(root: &impl Serialize) -> String {
    // Only a map with structured keys cannot be written, and these types have no map.
    DECLARATION.to_owned() + &quick_xml::se::to_string(root).unwrap_or_default()
}

impl MessageXml {
    fn new(message: &Message, shown: Shown) -> Self {
        let date = |at: DateTime<Utc>| http_date(at);
        Self {
            message_id: message.id.clone(),
            insertion_time: date(message.inserted_at),
            expiration_time: date(message.expires_at),
            pop_receipt: (shown != Shown::Peeked).then(|| message.pop_receipt.clone()),
            time_next_visible: (shown != Shown::Peeked).then(|| date(message.visible_at)),
            dequeue_count: (shown != Shown::Put).then_some(message.dequeue_count),
            message_text: (shown != Shown::Put).then(|| message.text.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_text_is_read_and_other_documents_are_refused() {
        assert_eq!(
            text(br#"<QueueMessage><MessageText>{"a":"&lt;&amp;"}</MessageText></QueueMessage>"#).unwrap(),
            r#"{"a":"<&"}"#
        );
        assert_eq!(text(b"<QueueMessage><Text/></QueueMessage>"), Err(StorageError::InvalidXml));
        assert_eq!(text(b"plain"), Err(StorageError::InvalidXml));
        for forbidden in ['\u{1}', '\u{fffe}', '\u{ffff}'] {
            let document = format!("<QueueMessage><MessageText>a{forbidden}</MessageText></QueueMessage>");
            assert_eq!(text(document.as_bytes()), Err(StorageError::InvalidXml), "{forbidden:?}");
        }
    }

    #[test]
    fn an_empty_queue_gives_an_empty_list() {
        assert!(messages(&[], Shown::Received).ends_with("<QueueMessagesList/>"));
    }
}
