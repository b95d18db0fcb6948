//! A notice as Slack's incoming webhooks take it:
//! <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/>.

use serde_json::json;

use super::{Body, Length, Notice};

/// The longest text that Slack shows whole, in characters.
const MAX_TEXT: usize = 4_000;

pub(super) fn write(notice: &Notice<'_>, length: Length) -> Body {
    let mut text = vec![format!("*{}*", escaped(&notice.title()))];
    text.extend(notice.lines(length).iter().map(|line| format!("• {}", escaped(line))));
    text.extend(notice.end().as_deref().map(escaped));
    text.extend(notice.link().map(|link| format!("<{}|Open the run>", escaped(&link))));
    let text = text.join("\n");
    Body { fits: text.chars().count() <= MAX_TEXT, text: json!({ "text": text }).to_string() }
}

/// Slack reads these three as the beginning of links, mentions and entities:
/// <https://docs.slack.dev/messaging/formatting-message-text/#escaping>.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
