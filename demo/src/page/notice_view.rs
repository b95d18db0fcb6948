//! A notice as its receiver shows it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use simulator::sources::Taken;

/// A message that a webhook took.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct NoticeView {
    at: DateTime<Utc>,
    /// Who took it.
    to: &'static str,
    title: String,
    lines: Vec<String>,
    /// The event, where it is one for programs.
    event: String,
}

impl NoticeView {
    /// Reads a message by what its receiver takes.
    pub(crate) fn of(taken: &Taken) -> Self {
        let (to, mut lines) = match taken.webhook.as_str() {
            "slack" => ("Slack", slack(&taken.body)),
            "teams" => ("Teams", teams(&taken.body)),
            _ => ("CloudEvents", vec![text(&taken.body["type"]).to_owned()]),
        };
        let title = if lines.is_empty() { String::new() } else { lines.remove(0) };
        let is_event = to == "CloudEvents";
        let event =
            if is_event { serde_json::to_string_pretty(&taken.body).unwrap_or_default() } else { String::new() };
        Self { at: taken.at, to, title, lines, event }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The lines of a text, without its marks: `*bold*`, and links such as `<address|words>`.
fn slack(body: &Value) -> Vec<String> {
    let plain = |line: &str| {
        let link = line.strip_prefix('<').and_then(|line| line.strip_suffix('>')?.split_once('|'));
        let bold = line.strip_prefix('*').and_then(|line| line.strip_suffix('*'));
        let shown = link.map(|(_, words)| words).or(bold).unwrap_or(line);
        shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    };
    text(&body["text"]).lines().map(plain).collect()
}

/// The texts of a card, and those of its buttons.
fn teams(body: &Value) -> Vec<String> {
    let card = &body["attachments"][0]["content"];
    let list = |key: &str| card[key].as_array().into_iter().flatten();
    let inlines = |element: &Value| -> String {
        element["inlines"].as_array().into_iter().flatten().map(|run| text(&run["text"])).collect()
    };
    let buttons = list("actions").map(|action| text(&action["title"]).to_owned());
    list("body").map(inlines).chain(buttons).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slack_and_teams_show_the_same_words() {
        let slack = serde_json::json!({ "text": "*Check a waits*\n• x &lt; 3 &amp;&amp; y\n<http://h/?a=1&amp;b=2|Open the run>" });
        let run = |text: &str| serde_json::json!({ "type": "RichTextBlock", "inlines": [{ "text": text }] });
        let content = serde_json::json!({
            "body": [run("Check a waits"), run("• x < 3 && y")], "actions": [{ "title": "Open the run" }],
        });
        let teams = serde_json::json!({ "attachments": [{ "content": content }] });
        for (webhook, body) in [("slack", slack), ("teams", teams)] {
            let shown = NoticeView::of(&Taken { at: DateTime::UNIX_EPOCH, webhook: webhook.to_owned(), body });
            assert_eq!(shown.title, "Check a waits");
            assert_eq!(shown.lines, ["• x < 3 && y", "Open the run"]);
        }
    }
}
