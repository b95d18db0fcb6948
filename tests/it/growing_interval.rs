//! Checks that are evaluated more rarely the longer they wait.

use std::process::Command;
use std::time::Duration;

use checkgate::check::ReevaluateEvery;
use checkgate::queue::QUEUE_NAME;
use chrono::TimeDelta;
use serde_json::json;
use simulator::sources::Samples;

use crate::support::{World, a_check, an_active_work_item, app_root, docs, minutes};

const GROWING: &str = "default: c\nchecks: { c: { reevaluateEvery: { first: 15s, upTo: 15m }, \
                       conditions: [ workItems: { state: Completed } ] } }";

fn every(text: &serde_json::Value) -> ReevaluateEvery {
    serde_json::from_value(text.clone()).expect("an interval")
}

fn growing() -> ReevaluateEvery {
    every(&json!({ "first": "15s", "upTo": "15m" }))
}

/// Evaluates the waiting check until it has this age: at which ages it was evaluated, in seconds.
async fn evaluated_until(world: &World, age: TimeDelta) -> Vec<i64> {
    let delivered = world.clock.now();
    let mut ages = Vec::new();
    while let Some(next) = world.queue.next_due_at(QUEUE_NAME).filter(|next| *next <= delivered + age) {
        if next > world.clock.now() {
            world.clock.set(next);
        }
        assert_eq!(world.run_due_messages().await, 1);
        ages.push((world.clock.now() - delivered).num_seconds());
    }
    ages
}

#[tokio::test]
async fn a_check_is_evaluated_more_rarely_the_longer_it_waits_and_decides_at_its_next_evaluation() {
    let mut world = World::with_checks(GROWING, an_active_work_item).await;
    world.accept(a_check()).await;
    let six_hours = TimeDelta::hours(6);
    let ages = evaluated_until(&world, six_hours).await;
    assert_eq!(ages[..12], [0, 15, 30, 45, 60, 75, 90, 105, 120, 135, 150, 165]);
    for pair in ages.windows(2) {
        let planned = growing().after(TimeDelta::seconds(pair[0])).num_seconds();
        assert_eq!(pair[1] - pair[0], planned, "after {} s", pair[0]);
    }
    assert_eq!(i64::try_from(ages.len()), Ok(growing().evaluations(six_hours)));
    assert!(ages.len() < 70, "{}", ages.len());
    world.expect_no_decision();
    world.close_work_item();
    world.advance(minutes(15)).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn a_metric_keeps_its_checkpoints_in_a_check_whose_interval_grows() {
    let mut world = World::with_sources(|sources| {
        format!(
            "connections: {{ p: {{ prometheus: {{ url: '{}' }} }} }}\ndefault: c\nchecks: {{ c: {{ reevaluateEvery: {{ first: 15s, upTo: 1h }}, conditions: [ metric: {{ connection: p, query: q, successCondition: result < 1.0, interval: 5m, count: 4 }}, workItems: {{ state: Completed }} ] }} }}",
            sources.url("prometheus")
        )
    })
    .await;
    let run = world.run;
    world.azure_devops(|state| an_active_work_item(state, run));
    world.sources().with(|state| state.prometheus.queries.insert("q".to_owned(), Samples::Vector(vec![0.5])));
    let begin = world.clock.now();
    world.accept(a_check()).await;
    world.run_due_messages().await;
    world.advance(Duration::from_secs(3_600)).await;
    let at: Vec<i64> = world.sources().calls().iter().map(|call| (call.at - begin).num_minutes()).collect();
    assert_eq!(at, [0, 5, 10, 15]);
    world.close_work_item();
    world.advance(minutes(6)).await;
    world.expect_decision("succeeded");
}

#[test]
fn explain_tells_the_plan_of_a_check_whose_interval_grows() {
    let file = std::env::temp_dir().join(format!("checkgate-growing-{}.yaml", std::process::id()));
    std::fs::write(&file, GROWING).expect("a file");
    let output = Command::new(env!("CARGO_BIN_EXE_checkgate"))
        .args(["explain", "c", "--file"])
        .arg(&file)
        .current_dir(app_root())
        .output()
        .expect("the executable");
    std::fs::remove_file(&file).expect("the file");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let evaluations = growing().evaluations(TimeDelta::days(1)) - 1;
    for says in [
        "it is evaluated after a tenth of the time that it has waited, at least 15s and at most 15m, for at most 24h",
        &format!("At this pace, the first day of waiting is {evaluations} evaluations: "),
        "Time between evaluations 0\n",
    ] {
        assert!(text.contains(says), "{says}:\n{text}");
    }
}

#[test]
fn the_published_curve_of_calls_against_delay_is_what_the_product_does() {
    let page = docs::page("docs/cost.md");
    let minute = every(&json!("1m"));
    for (waited, age) in [
        ("10 minutes", TimeDelta::minutes(10)),
        ("1 hour", TimeDelta::hours(1)),
        ("4 hours", TimeDelta::hours(4)),
        ("1 day", TimeDelta::days(1)),
    ] {
        let late = growing().after(age);
        let late = if late < TimeDelta::minutes(1) {
            format!("{} s", late.num_seconds())
        } else {
            format!("{} min", late.num_minutes())
        };
        let row = format!("| {waited} | {} | {} | {late} |", minute.evaluations(age), growing().evaluations(age));
        assert!(page.contains(&row), "docs/cost.md needs the row\n{row}");
    }
}
