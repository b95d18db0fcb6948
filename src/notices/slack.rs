//! A notice as Slack's incoming webhooks take it:
//! <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/>. Mattermost and Rocket.Chat take the same, and
//! read Markdown and mentions in it: <https://developers.mattermost.com/integrate/webhooks/incoming/>.

use serde_json::json;

use super::{Body, Length, Notice};

/// The longest text that Slack shows whole, in characters.
const MAX_TEXT: usize = 4_000;

pub(super) fn write(notice: &Notice<'_>, length: Length) -> Body {
    let mut text = vec![format!("*{}*", plain(&notice.title()))];
    text.extend(notice.lines(length).iter().map(|line| format!("• {}", plain(line))));
    text.extend(notice.end().as_deref().map(plain));
    text.extend(notice.link().map(|link| format!("<{}|Open the run>", escaped(&link))));
    let text = text.join("\n");
    Body { fits: text.chars().count() <= MAX_TEXT, text: json!({ "text": text }).to_string() }
}

/// Text of others, in which nobody reads a link or a mention: `@all` and `[text](address)` are broken by a space without
/// width.
fn plain(text: &str) -> String {
    escaped(text).replace('@', "@\u{200b}").replace("](", "]\u{200b}(")
}

/// Slack reads these three as the beginning of links, mentions and entities:
/// <https://docs.slack.dev/messaging/formatting-message-text/#escaping>.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
