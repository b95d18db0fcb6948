//! A check that was acknowledged and that nobody evaluates: its log and the operator hear of it, and it does not hang.

use std::sync::Arc;
use std::time::Duration;

use checkgate::App;
use checkgate::reevaluate_function::watch;
use chrono::TimeDelta;
use serde_json::{Value, json};
use simulator::azure_devops::AzureDevOps;
use simulator::faults::Fault;
use tokio::time::{interval, timeout};

use crate::support::azurite::Azurite;
use crate::support::{LogLines, World, a_check, an_active_work_item, executable, minutes};

/// A check that waits for an hour at most, and is decided three minutes before.
const WAITS: &str = "default: waits\nchecks: { waits: { timeout: 1h, reevaluateEvery: 1m, \
                     conditions: [ workItems: { state: Completed } ] } }";

/// How long after its delivery the check has to be decided.
const DEADLINE: Duration = minutes(57);

/// The warning in the check's log.
const WARNING: &str = "Warning: no instance of the function app has evaluated this check since 2026-01-05T09:00:00Z. \
                       If none does until 2026-01-05T09:57:00Z, the check fails then.";

/// A check that was just acknowledged, under a host whose `ReevaluateFunction` does not run.
async fn an_acknowledged_check(checks: &str) -> World {
    let mut world = World::with_checks(checks, an_active_work_item).await;
    world.accept(a_check()).await;
    world
}

/// The process that acknowledged the check looks for it, so long after the delivery.
async fn look_after(world: &World, app: &Arc<App>, after: Duration) {
    let delivered = "2026-01-05T09:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().expect("a time");
    world.clock.set(world.clock.now().max(delivered + TimeDelta::from_std(after).expect("a short time")));
    watch::look(app).await;
}

/// How often the event was written, each time with the check's plan.
fn reports(world: &World, log: &LogLines) -> usize {
    let lines = log.take().into_iter().filter(|line| line.contains("check_not_evaluated"));
    let plan = json!(world.ids().plan_id.to_string());
    let of_the_check = lines.inspect(|line| {
        let line: Value = serde_json::from_str(line).expect("JSON");
        assert_eq!((&line["level"], &line["span"]["check.plan_id"]), (&json!("ERROR"), &plan));
    });
    of_the_check.count()
}

#[tokio::test]
async fn a_check_that_nobody_evaluates_is_reported_after_two_minutes_and_fails_at_its_deadline() {
    let world = an_acknowledged_check(WAITS).await;
    let (app, log) = (Arc::clone(&world.app), LogLines::capture());
    look_after(&world, &app, Duration::from_secs(119)).await;
    assert_eq!((reports(&world, &log), world.azure_devops_server().take_calls().len()), (0, 0));

    look_after(&world, &app, minutes(2)).await;
    assert_eq!(reports(&world, &log), 1);
    world.expect_log(WARNING);
    assert!(world.current_operation().starts_with("Warning: no instance"), "{}", world.current_operation());

    for minute in 3..57 {
        look_after(&world, &app, minutes(minute)).await;
    }
    assert_eq!(reports(&world, &log), 0);
    assert_eq!(world.log().matches("Warning").count(), 1, "{}", world.log());
    world.expect_no_decision();

    look_after(&world, &app, DEADLINE).await;
    world.expect_decision("failed");
    world.expect_log("Decision: failed. The check's time is over (1h). Still missing: the first evaluation");
    assert_eq!(reports(&world, &log), 0);

    // The message is taken after all, and finds the decision.
    world.run_due_messages().await;
    look_after(&world, &app, minutes(60)).await;
    world.expect_decision("failed");
}

#[tokio::test]
async fn a_check_that_is_evaluated_in_time_is_not_looked_for() {
    let mut world = World::with_a_waiting_check().await;
    let (app, log) = (Arc::clone(&world.app), LogLines::capture());
    world.azure_devops_server().take_calls();
    for after in [minutes(2), DEADLINE, minutes(60)] {
        look_after(&world, &app, after).await;
    }
    assert_eq!(log.take(), Vec::<String>::new());
    assert!(world.azure_devops_server().take_calls().is_empty());
    world.still_waits();
}

#[tokio::test]
async fn a_check_that_another_instance_evaluates_is_looked_for_once_and_left_alone() {
    let mut world = an_acknowledged_check(WAITS).await;
    let first = Arc::clone(&world.app);
    world.restart_handler(WAITS).await;
    world.run_due_messages().await;
    let log = LogLines::capture();
    world.azure_devops_server().take_calls();
    look_after(&world, &first, minutes(2)).await;
    let calls = world.azure_devops_server().take_calls();
    assert!(!calls.is_empty() && calls.iter().all(|call| call.method == "GET"), "{calls:#?}");
    for after in [minutes(3), DEADLINE] {
        look_after(&world, &first, after).await;
    }
    assert!(world.azure_devops_server().take_calls().is_empty());
    assert_eq!(reports(&world, &log), 0);
    world.still_waits();
}

#[tokio::test]
async fn an_evaluation_that_comes_late_goes_on_with_the_check() {
    let world = an_acknowledged_check(WAITS).await;
    let app = Arc::clone(&world.app);
    look_after(&world, &app, minutes(2)).await;
    world.run_due_messages().await;
    world.expect_log(WARNING);
    world.expect_log("[waiting]");
    world.advance(minutes(53)).await;
    world.close_work_item();
    world.advance(minutes(1)).await;
    world.expect_decision("succeeded");
    look_after(&world, &app, DEADLINE).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn a_check_that_shall_be_skipped_at_its_deadline_is_not_decided_by_the_watch_either() {
    let mut world = an_acknowledged_check(&WAITS.replace("timeout: 1h", "timeout: 1h, onTimeout: skip")).await;
    let app = Arc::clone(&world.app);
    look_after(&world, &app, minutes(2)).await;
    world.expect_log("the stage is skipped then");
    look_after(&world, &app, DEADLINE).await;
    world.expect_no_decision();
    world.expect_log("it does not decide then. Still missing: the first evaluation");
    world.still_waits();
}

#[tokio::test]
async fn an_outage_at_the_deadline_delays_the_decision_of_a_check_that_nobody_evaluated() {
    let mut world = an_acknowledged_check(WAITS).await;
    let (app, log) = (Arc::clone(&world.app), LogLines::capture());
    world.azure_devops_server().fail(Fault::status(503)).forever();
    for minute in [2, 3, 57, 58] {
        look_after(&world, &app, minutes(minute)).await;
    }
    world.expect_no_decision();
    world.azure_devops_server().heal();
    for minute in 59..65 {
        look_after(&world, &app, minutes(minute)).await;
    }
    world.expect_decision("failed");
    assert_eq!(reports(&world, &log), 1);
    world.still_waits();
}

#[tokio::test]
async fn a_decision_of_the_watch_that_could_not_be_posted_is_posted_a_minute_later() {
    let mut world = an_acknowledged_check(WAITS).await;
    let app = Arc::clone(&world.app);
    look_after(&world, &app, minutes(2)).await;
    world.azure_devops_server().fail(Fault::status(503)).on("POST", "/events").times(3);

    for minute in 57..60 {
        look_after(&world, &app, minutes(minute)).await;
        world.expect_no_decision();
    }
    look_after(&world, &app, minutes(60)).await;

    world.expect_decision("failed");
    assert_eq!(world.log().matches("Decision: failed").count(), 1, "{}", world.log());
    assert_eq!(world.messages().len(), 1, "it queues nothing");
    let plan = world.ids().plan_id;
    let kept = |name: &&String| name.starts_with("checkgate.decision");
    let records = world.azure_devops(|state| state.plans[&plan].records.clone());
    assert_eq!(
        records.iter().flat_map(|record| record.variables.iter().flatten()).filter(|(name, _)| kept(name)).count(),
        1
    );
    world.still_waits();
}

#[tokio::test]
async fn a_check_that_nobody_waits_for_any_more_is_not_reported() {
    let mut world = an_acknowledged_check(WAITS).await;
    let (app, log) = (Arc::clone(&world.app), LogLines::capture());
    world.azure_devops(|state| state.cancel_run(world.run));
    for after in [minutes(2), DEADLINE] {
        look_after(&world, &app, after).await;
    }
    assert_eq!(reports(&world, &log), 0);
    world.expect_no_decision();
    world.still_waits();
}

#[tokio::test]
async fn a_check_without_a_record_is_reported_and_not_decided() {
    let mut world = an_acknowledged_check(WAITS).await;
    let (app, log) = (Arc::clone(&world.app), LogLines::capture());
    let ids = world.ids().clone();
    world.azure_devops(|state| state.plans.get_mut(&ids.plan_id).expect("the plan").records.clear());
    for after in [minutes(2), DEADLINE] {
        look_after(&world, &app, after).await;
    }
    assert_eq!(reports(&world, &log), 1);
    world.expect_no_decision();
    world.still_waits();
}

/// Without its time of two minutes: this check has to be decided after two seconds.
const SHORT: &str =
    r#"{ "timeout": "3s", "reevaluateEvery": "1s", "conditions": [{ "workItems": { "state": "Completed" } }] }"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_executable_fails_a_check_that_its_host_does_not_evaluate() {
    let azurite = Azurite::start();
    let azure_devops = AzureDevOps::start(simulator::Clock::system()).await.expect("a port");
    let run = azure_devops.with(|state| state.run().id);
    // It does not listen to the queue.
    let host = executable::host(&azure_devops, &azurite).await;
    let ids = executable::run_until_accepted(&host, &azure_devops, run, SHORT).await;

    let decided = async {
        let mut look = interval(Duration::from_millis(50));
        while azure_devops.with(|state| state.decision(&ids).is_none()) {
            look.tick().await;
        }
    };
    let in_time = timeout(Duration::from_secs(60), decided).await;

    assert!(in_time.is_ok(), "it hangs: {:#?}", host.output());
    let decisions = azure_devops.with(|state| state.decisions(&ids));
    assert_eq!(decisions.iter().map(|decision| decision.result.as_str()).collect::<Vec<_>>(), ["failed"]);
    assert!(host.output().iter().any(|line| line.contains("check_not_evaluated")), "{:#?}", host.output());
    host.stop().await;
}

#[tokio::test]
async fn a_check_that_another_instance_skipped_is_not_reported() {
    let checks = WAITS.replace("timeout: 1h", "timeout: 1h, onTimeout: skip");
    let mut world = an_acknowledged_check(&checks).await;
    let first = Arc::clone(&world.app);
    world.restart_handler(&checks).await;
    world.advance(DEADLINE).await;
    world.expect_log("it does not decide then");
    let log = LogLines::capture();

    look_after(&world, &first, minutes(58)).await;

    assert_eq!(reports(&world, &log), 0);
    world.expect_no_decision();
    assert_eq!(world.log().matches("it does not decide then").count(), 1, "{}", world.log());
}
