//! Webhooks that take messages: of Slack, of a Teams workflow, and of a receiver of CloudEvents.
//!
//! Each refuses what its vendor documents as wrong, so that a body of another shape is noticed.
//! See <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/>,
//! <https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using> and
//! <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md>.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{Response, header};
use serde_json::{Value, json};

use super::ask::{Ask, text};

/// The longest `text` that Slack shows whole, in characters.
const SLACK_TEXT: usize = 4_000;

/// The largest message that Teams takes, in bytes.
const TEAMS_MESSAGE: usize = 28 * 1024;

/// The largest event that every intermediary must forward, in bytes.
const CLOUD_EVENT: usize = 64 * 1024;

/// The webhooks, and what they took.
#[derive(Debug)]
pub struct Webhooks {
    /// The last part of each address: whoever knows it may post.
    pub secret: String,
    /// The header `Authorization` that the receiver of CloudEvents demands, if any.
    pub authorization: Option<String>,
    /// What was taken, oldest first.
    pub taken: Vec<Taken>,
    /// Why something was refused.
    pub refused: Vec<String>,
}

/// A message that was taken.
#[derive(Clone, Debug)]
pub struct Taken {
    /// When.
    pub at: DateTime<Utc>,
    /// The webhook's name.
    pub webhook: String,
    /// The message.
    pub body: Value,
}

impl Default for Webhooks {
    fn default() -> Self {
        Self { secret: "webhook-secret-5d1f".to_owned(), authorization: None, taken: Vec::new(), refused: Vec::new() }
    }
}

/// Answers `slack/SECRET`, `teams/SECRET` and `events/SECRET`.
pub(super) fn answer(
    webhooks: &mut Webhooks,
    now: DateTime<Utc>,
    below: &str,
    ask: &Ask<'_>,
) -> Option<Response<Bytes>> {
    let (name, secret) = below.split_once('/')?;
    if ask.method != "POST" {
        return Some(text(405, "text/plain", "POST only".to_owned()));
    }
    if secret != webhooks.secret {
        return Some(text(404, "text/plain", "no_service".to_owned()));
    }
    let body = serde_json::from_slice::<Value>(ask.body).unwrap_or_default();
    let problem = match name {
        "slack" => slack(ask, &body),
        "teams" => teams(ask, &body),
        "events" => cloud_event(webhooks, ask, &body),
        _ => return None,
    };
    if let Some(problem) = problem {
        webhooks.refused.push(format!("{name}: {problem}"));
        return Some(text(400, "text/plain", problem.to_owned()));
    }
    webhooks.taken.push(Taken { at: now, webhook: name.to_owned(), body });
    Some(match name {
        "slack" => text(200, "text/html", "ok".to_owned()),
        "teams" => text(202, "text/plain", String::new()),
        _ => text(204, "text/plain", String::new()),
    })
}

fn content_type<'a>(ask: &'a Ask<'_>) -> &'a str {
    let value = ask.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default()
}

fn slack(ask: &Ask<'_>, body: &Value) -> Option<&'static str> {
    let Some(said) = body["text"].as_str().filter(|_| content_type(ask) == "application/json") else {
        return Some("invalid_payload");
    };
    // What stands in angle brackets is a link; all others are escaped.
    let is_link = |part: &str| part.split_once('>').is_some_and(|(link, _)| link.starts_with("http"));
    if said.trim().is_empty() {
        Some("no_text")
    } else if said.chars().count() > SLACK_TEXT {
        Some("msg_too_long")
    } else if !said.split('<').skip(1).all(is_link) {
        Some("invalid_payload")
    } else {
        None
    }
}

fn teams(ask: &Ask<'_>, body: &Value) -> Option<&'static str> {
    if ask.body.len() > TEAMS_MESSAGE {
        return Some("the message is larger than 28 KB");
    }
    let attachment = &body["attachments"][0];
    let card = &attachment["content"];
    let is_message = content_type(ask) == "application/json" && body["type"] == "message";
    if !is_message || attachment["contentType"] != "application/vnd.microsoft.card.adaptive" {
        return Some("the body is not a message with an Adaptive Card");
    }
    let is_card =
        card["type"] == "AdaptiveCard" && ["1.2", "1.3", "1.4", "1.5"].iter().any(|it| card["version"] == *it);
    let elements = card["body"].as_array().filter(|elements| is_card && !elements.is_empty());
    let are_known = elements.is_some_and(|elements| elements.iter().all(is_element));
    let mut actions = card["actions"].as_array().into_iter().flatten();
    let are_links = actions.all(|action| {
        let title = action["title"].as_str().is_some_and(|title| !title.is_empty());
        action["type"] == "Action.OpenUrl" && title && action["url"].as_str().is_some_and(|url| url.starts_with("http"))
    });
    (!are_known || !are_links).then_some("the card is not one that Teams shows")
}

/// Whether this is an element of a card that holds text.
fn is_element(element: &Value) -> bool {
    let is_text = |it: &Value| it.as_str().is_some_and(|text| !text.is_empty());
    match element["type"].as_str() {
        Some("TextBlock") => is_text(&element["text"]),
        Some("RichTextBlock") => element["inlines"].as_array().is_some_and(|inlines| {
            !inlines.is_empty() && inlines.iter().all(|run| run["type"] == "TextRun" && is_text(&run["text"]))
        }),
        _ => false,
    }
}

fn cloud_event(webhooks: &Webhooks, ask: &Ask<'_>, body: &Value) -> Option<&'static str> {
    if webhooks.authorization.as_deref().is_some_and(|demanded| demanded != ask.authorization()) {
        return Some("not authorized");
    }
    if ask.body.len() > CLOUD_EVENT {
        return Some("the event is larger than 64 KiB");
    }
    let is_there = |name: &&str| body[*name].as_str().is_some_and(|text| !text.is_empty());
    let is_event = content_type(ask) == "application/cloudevents+json"
        && body["specversion"] == json!("1.0")
        && ["id", "source", "type"].iter().all(is_there);
    (!is_event).then_some("the body is not a CloudEvent 1.0 in JSON")
}
