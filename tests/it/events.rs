//! The events that an operator acts on: each has a row in docs/operations.md, and its story writes it into the log.

use std::collections::BTreeSet;

use checkgate::queue::QUEUE_NAME;
use regex::Regex;
use serde_json::Value;
use simulator::azure_devops::TaskResult;
use simulator::faults::Fault;
use simulator::storage_queue::NewMessage;

use crate::support::{LogLines, World, a_check, an_active_work_item, docs, minutes};

/// Everything that can be reported, as the code names it.
fn names_in_the_code() -> BTreeSet<String> {
    let code = docs::page("src/events.rs");
    let names = code.split("impl fmt::Display").next().unwrap_or_default();
    let name = Regex::new(r#"=> "(\w+)""#).expect("a pattern");
    name.captures_iter(names).map(|found| found[1].to_owned()).collect()
}

#[test]
fn each_event_of_the_code_has_a_row_that_says_what_happened_and_what_to_do_and_no_row_is_without_an_event() {
    let page = docs::page("docs/operations.md");
    let rows = page.lines().skip_while(|line| !line.starts_with("| `event` |")).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let cells: Vec<Vec<&str>> = rows.map(|row| row.split('|').map(str::trim).collect()).collect();
    for row in &cells {
        assert_eq!(row.len(), 5, "{row:?}");
        assert!(row[1..4].iter().all(|cell| !cell.is_empty()), "{row:?}");
    }
    let listed: BTreeSet<String> = cells.iter().map(|row| row[1].trim_matches('`').to_owned()).collect();
    assert_eq!(listed.len(), cells.len(), "an event has two rows");
    assert!(listed.contains("token_refused"), "the table was not found");
    assert_eq!(listed, names_in_the_code());
}

/// The events that were written since the lines were last taken, with the plan of each check.
fn events(log: &LogLines) -> Vec<(String, Value)> {
    let lines = log.take();
    let lines = lines.iter().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
    let events = lines.filter_map(|line| {
        let event = line["event"].as_str()?.to_owned();
        Some((event, line["span"]["check.plan_id"].clone()))
    });
    events.collect()
}

/// A check that waits for an hour at most.
const WAITS: &str = "default: waits\nchecks: { waits: { timeout: 1h, reevaluateEvery: 1m, \
                     conditions: [ workItems: { state: Completed } ] } }";

/// What a story does to a check that waits.
type Story = fn(&World);

/// Each ends a check that waits, so that only an operator can help.
const STORIES: &[(&str, Story)] = &[
    ("token_refused", |world| world.azure_devops(|state| state.expire_token(world.ids()))),
    ("deadline_missed", |world| world.azure_devops_server().fail(Fault::status(503)).forever()),
    ("decision_undeliverable", |world| {
        world.close_work_item();
        world.azure_devops_server().fail(Fault::status(503)).on("POST", "/events").forever();
    }),
    ("decision_unconfirmed", |world| {
        world.close_work_item();
        world.azure_devops_server().fail(Fault::answer(204, "", "")).on("POST", "/events").forever();
    }),
    ("decided_by_someone_else", |world| {
        world.azure_devops(|state| state.end_check(world.ids(), TaskResult::Failed));
    }),
    ("passed_undecided", |world| {
        world.azure_devops(|state| state.end_check(world.ids(), TaskResult::Succeeded));
    }),
    ("check_poisoned", |world| {
        world.queue.with(|state| {
            let text = state.messages(QUEUE_NAME).remove(0).text.replace("\"version\":1", "\"version\":9");
            state.lose_messages(QUEUE_NAME);
            state.put(QUEUE_NAME, &NewMessage::now(&text)).expect("a message");
        });
    }),
];

#[tokio::test]
async fn each_end_that_only_an_operator_can_help_with_is_written_once_with_its_name_and_its_plan() {
    for (event, happens) in STORIES {
        println!("{event}");
        let mut world = World::with_checks(WAITS, an_active_work_item).await;
        world.accept(a_check()).await;
        world.run_due_messages().await;
        let log = LogLines::capture();
        let ids = world.ids().clone();

        happens(&world);
        world.advance(minutes(3 * 60)).await;

        let written = events(&log);
        let plans: Vec<&Value> = written.iter().filter(|(name, _)| name == event).map(|(_, plan)| plan).collect();
        assert_eq!(plans, [&Value::from(ids.plan_id.to_string())], "{event}: {written:?}");
        let others = written.iter().filter(|(name, _)| name != event && name != "evaluation_failed");
        assert_eq!(others.count(), 0, "{event}: {written:?}");
        world.may_leave_messages();
    }
}
