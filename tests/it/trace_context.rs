//! The trace of a delivery stands in the lines of all evaluations of its check.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{LogLines, World, a_check, an_active_work_item, minutes};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// The messages of the lines about a check, each with the trace that it names.
fn lines(log: &LogLines) -> BTreeSet<(String, Option<String>)> {
    let lines = log.take();
    let lines = lines.iter().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
    let of_a_check = lines.filter(|line| line["span"]["name"] == "check");
    let text = |value: &Value| value.as_str().map(str::to_owned);
    of_a_check.map(|line| (text(&line["message"]).unwrap_or_default(), text(&line["span"]["check.trace_id"]))).collect()
}

/// A check that is delivered with this header and waits until its second evaluation.
async fn life(traceparent: &str) -> BTreeSet<(String, Option<String>)> {
    let log = LogLines::capture();
    let mut world = World::given(an_active_work_item).await;
    world.accept(a_check().named("work-item-completed").with("traceparent", traceparent)).await;
    world.run_due_messages().await;
    world.close_work_item();
    world.advance(minutes(1)).await;
    world.expect_decision("succeeded");
    lines(&log)
}

#[tokio::test]
async fn every_line_from_the_delivery_to_the_decision_names_the_trace_of_the_delivery() {
    let lines = life(&format!("00-{TRACE}-00f067aa0ba902b7-01")).await;
    for message in ["delivery accepted", "evaluation ended"] {
        assert!(lines.contains(&(message.to_owned(), Some(TRACE.to_owned()))), "{message}: {lines:#?}");
    }
    assert!(lines.iter().all(|(_, trace)| trace.as_deref() == Some(TRACE)), "{lines:#?}");
}

#[tokio::test]
async fn a_header_that_is_no_traceparent_changes_nothing() {
    let lines = life("00-somebody-else-01").await;
    assert!(lines.contains(&("evaluation ended".to_owned(), None)), "{lines:#?}");
}
