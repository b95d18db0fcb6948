//! What each kind of webhook gets.

use serde_json::{Value, json};

use super::*;
use crate::check::testing::a_check;

fn check() -> Check {
    a_check(json!({}))
}

fn notice<'a>(check: &'a Check, awaited: &'a [String], decision: Option<&'a Decision>) -> Notice<'a> {
    let occasion = if decision.is_some() { Occasion::Decided } else { Occasion::Waiting };
    let (run, pipeline) = ("20260105.1".to_owned(), "web".to_owned());
    Notice { occasion, check, run, pipeline, decision, awaited, at: check.delivered_at }
}

fn body(notice: &Notice<'_>, format: Format) -> Value {
    serde_json::from_str(&notice.body(format)).expect("JSON")
}

const LINK: &str = "https://dev.azure.com/fabrikam/00000000-0000-4000-8000-000000000001/_build/results?buildId=7";

#[test]
fn slack_gets_a_text_with_what_is_awaited_and_a_link_to_the_run() {
    let (check, awaited) = (check(), ["work items: Active (expected: Completed)".to_owned()]);
    let expected = format!(
        "*Check release for run 20260105.1 of web waits*\n• work items: Active (expected: Completed)\n\
         It may take until 2026-01-06T08:45:00Z; the check fails then.\n<{LINK}|Open the run>"
    );
    assert_eq!(body(&notice(&check, &awaited, None), Format::Slack), json!({ "text": expected }));
    let text = body(&notice(&check, &[], Some(&Decision::Approved)), Format::Slack);
    assert_eq!(text["text"], format!("*Check release for run 20260105.1 of web succeeded*\n<{LINK}|Open the run>"));
}

#[test]
fn teams_gets_a_card_whose_texts_are_not_read_as_markdown() {
    let (check, decision) = (check(), Decision::rejected("Not met: [click](https://evil.example)."));
    let card = &body(&notice(&check, &[], Some(&decision)), Format::Teams)["attachments"][0]["content"];
    let texts: Vec<&Value> =
        card["body"].as_array().into_iter().flatten().map(|element| &element["inlines"][0]["text"]).collect();
    let expected = ["Check release for run 20260105.1 of web failed", "• Not met: [click](https://evil.example)."];
    assert_eq!(texts, expected);
    assert!(card["body"].as_array().is_some_and(|all| all.iter().all(|element| element["type"] == "RichTextBlock")));
    assert_eq!(card["actions"], json!([{ "type": "Action.OpenUrl", "title": "Open the run", "url": LINK }]));
}

#[test]
fn a_cloud_event_of_the_same_check_and_occasion_has_the_same_id() {
    let (check, awaited) = (check(), ["a: b (expected: c)".to_owned()]);
    let mut waiting = notice(&check, &awaited, None);
    let first = body(&waiting, Format::CloudEvents);
    assert_eq!(first["type"], "dev.checkgate.check.waiting.v1");
    assert_eq!(first["source"], "https://dev.azure.com/fabrikam/00000000-0000-4000-8000-000000000001");
    assert_eq!((&first["data"]["awaited"], &first["data"]["decision"]), (&json!(awaited), &Value::Null));
    assert_eq!(first["data"]["url"], LINK);
    waiting.at += chrono::TimeDelta::minutes(1);
    assert_eq!(body(&waiting, Format::CloudEvents)["id"], first["id"]);
    waiting.occasion = Occasion::Expiring;
    assert_ne!(body(&waiting, Format::CloudEvents)["id"], first["id"]);
}

#[test]
fn what_others_wrote_is_no_link_and_no_mention_in_slack_and_stays_on_one_line() {
    let (check, awaited) = (check(), ["<!channel> <https://evil.example|ok>\n&".to_owned()]);
    let mut hostile = notice(&check, &awaited, None);
    hostile.run = "<!here>".to_owned();
    let text = body(&hostile, Format::Slack)["text"].to_string();
    assert!(text.contains("&lt;!channel&gt; &lt;https://evil.example|ok&gt; &amp;\\n"), "{text}");
    assert_eq!(text.matches('<').count(), 1, "only our own link: {text}");
}

#[test]
fn what_others_wrote_is_no_link_and_no_mention_in_what_else_takes_the_format_of_slack() {
    let (check, awaited) = (check(), ["@channel [ok](https://evil.example) ![a](https://evil.example)".to_owned()]);
    let mut hostile = notice(&check, &awaited, None);
    hostile.run = "@all [now](https://evil.example)".to_owned();
    hostile.pipeline = "@here".to_owned();
    let text = body(&hostile, Format::Slack)["text"].to_string();
    for read in ["@channel", "@all", "@here", "]("] {
        assert!(!text.contains(read), "{read}: {text}");
    }
    assert!(text.replace('\u{200b}', "").contains("@channel [ok](https://evil.example)"), "it reads the same: {text}");
    assert!(text.contains(&format!("<{LINK}|Open the run>")), "our own link works: {text}");
}

#[test]
fn a_notice_that_is_too_long_is_shortened_until_its_receiver_takes_it() {
    let check = check();
    for (format, most) in [(Format::Slack, 4_200), (Format::Teams, 24 * 1024), (Format::CloudEvents, 64 * 1024)] {
        for (lines, characters) in [(1, 100_000), (300, 400), (10_000, 10_000)] {
            let awaited = vec!["<ä".repeat(characters / 2); lines];
            let text = notice(&check, &awaited, None).body(format);
            assert!(text.chars().count() <= most && text.len() <= 64 * 1024, "{format:?}: {} bytes", text.len());
            assert!(text.contains("20260105.1"), "{text}");
            let says_so = text.contains('…') || text.contains("more: see the run's page");
            assert!(says_so, "{format:?} {lines} {characters}: {text}");
        }
    }
    let few = ["short".to_owned()];
    assert!(!notice(&check, &few, None).body(Format::Slack).contains('…'), "what fits stays whole");
}
