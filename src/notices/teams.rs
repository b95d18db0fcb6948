//! A notice as an Adaptive Card for a workflow of Teams:
//! <https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using>.
//!
//! All text stands in runs of a `RichTextBlock`: a `TextBlock` would read Markdown in it, and so links of others.

use serde_json::{Value, json};

use super::{Body, Length, Notice};

/// The largest message: Teams takes 28 KB, and the workflow adds to it.
const MAX_MESSAGE: usize = 24 * 1024;

pub(super) fn write(notice: &Notice<'_>, length: Length) -> Body {
    let mut body =
        vec![paragraph(json!({ "type": "TextRun", "text": notice.title(), "weight": "Bolder", "size": "Medium" }))];
    let lines = notice.lines(length).into_iter().map(|line| format!("• {line}"));
    body.extend(lines.chain(notice.end()).map(|line| paragraph(json!({ "type": "TextRun", "text": line }))));
    let open = |link| json!({ "type": "Action.OpenUrl", "title": "Open the run", "url": link });
    let actions: Vec<Value> = notice.link().map(open).into_iter().collect();
    let message = json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": body,
                "actions": actions,
            },
        }],
    });
    let text = message.to_string();
    Body { fits: text.len() <= MAX_MESSAGE, text }
}

fn paragraph(run: Value) -> Value {
    json!({ "type": "RichTextBlock", "inlines": [run] })
}
