//! Checks that ask GitHub Advanced Security for Azure DevOps for the alerts of the run's branch.

use simulator::azure_devops::{RecordState, State, TaskResult};
use simulator::faults::Fault;
use simulator::sources::Sources;
use uuid::Uuid;

use crate::mutations;
use crate::recipes::reachable_at;
use crate::support::{World, a_check, minutes};

const RECIPE: &str = "advanced-security-alerts";
const MAIN: &str = "refs/heads/main";
const TASKS: [&str; 2] = ["AdvancedSecurity-Codeql-Analyze", "AdvancedSecurity-Dependency-Scanning"];

fn reachable(sources: &Sources) -> String {
    reachable_at(RECIPE, &sources.url("advsec"))
}

/// The run has scanned with these tasks, which ended six minutes ago.
fn scan(state: &mut State, run: u64, tasks: &[&str]) {
    let ended = state.clock.now() - chrono::TimeDelta::minutes(6);
    let run = state.runs.get_mut(&run).expect("the run");
    for task in tasks {
        run.task(Uuid::from_u128(1), task, TaskResult::Succeeded);
        run.last_record().expect("a record").finish_time = Some(ended);
    }
}

/// A world in which the run has scanned, and there are results for its branch without alerts, changed by `given`.
async fn world(given: impl FnOnce(&mut simulator::sources::AdvancedSecurity)) -> World {
    let world = World::with_sources(reachable).await;
    let run = world.run;
    world.azure_devops(|state| scan(state, run, &TASKS));
    world.sources().with(|state| {
        state.advanced_security.scan(MAIN);
        given(&mut state.advanced_security);
    });
    world
}

async fn evaluate(world: &mut World) {
    world.accept(a_check().named(RECIPE)).await;
    world.run_due_messages().await;
}

#[tokio::test]
async fn a_branch_without_severe_open_alerts_passes() {
    let mut world = world(|it| {
        it.alert(MAIN, "code", "medium");
        it.alert(MAIN, "code", "warning");
        "fixed".clone_into(&mut it.alert(MAIN, "code", "critical").state);
        "dismissed".clone_into(&mut it.alert(MAIN, "secret", "critical").state);
        it.alert("refs/heads/topic", "code", "critical");
    })
    .await;
    evaluate(&mut world).await;
    world.expect_decision("succeeded");
    world.expect_log("none of 2 open alerts matters");
}

#[tokio::test]
async fn a_severe_alert_blocks_until_it_is_dismissed() {
    for (alert_type, severity) in [
        ("code", "high"),
        ("dependency", "critical"),
        ("secret", "critical"),
        ("code", "error"),
        ("code", "new"),
        ("new", "high"),
    ] {
        let mut world = world(|it| drop(it.alert(MAIN, alert_type, severity).clone())).await;
        evaluate(&mut world).await;
        world.expect_no_decision();
        world.expect_log(&format!("1 open: alert 1 \"Alert 1\" ({alert_type}, {severity})"));
        world.sources().with(|state| "dismissed".clone_into(&mut state.advanced_security.alerts[0].state));
        world.advance(minutes(1)).await;
        world.expect_decision("succeeded");
    }
}

#[tokio::test]
async fn an_empty_list_proves_nothing_unless_the_run_has_scanned_its_commit() {
    for (tasks, missing) in [(&TASKS[..1], TASKS[1]), (&TASKS[1..], TASKS[0]), (&[][..], TASKS[0])] {
        let mut world = World::with_sources(reachable).await;
        let run = world.run;
        world.azure_devops(|state| scan(state, run, tasks));
        world.sources().with(|state| state.advanced_security.scan(MAIN));
        evaluate(&mut world).await;
        world.expect_no_decision();
        world.expect_log("the run has not scanned its commit: no task ");
        world.expect_log("has run yet; awaited for 10m");
        world.expect_log(missing);
        world.still_waits();
    }
}

#[tokio::test]
async fn a_scan_that_runs_has_failed_or_has_just_ended_does_not_count_yet() {
    let mut world = world(|_| {}).await;
    let run = world.run;
    let set = |world: &World, state: RecordState, result: Option<TaskResult>, ago: i64| {
        world.azure_devops(|it| {
            let ended = it.clock.now() - chrono::TimeDelta::minutes(ago);
            let record = it.runs.get_mut(&run).expect("the run").last_record().expect("a record");
            (record.state, record.result, record.finish_time) = (Some(state), result, Some(ended));
        });
    };
    set(&world, RecordState::InProgress, None, 0);
    evaluate(&mut world).await;
    world.expect_no_decision();
    world.expect_log("a task that scans (dependency) has not ended");
    set(&world, RecordState::Completed, Some(TaskResult::Failed), 6);
    world.advance(minutes(1)).await;
    world.expect_no_decision();
    world.expect_log("the run has not scanned its commit: AdvancedSecurity-Dependency-Scanning ended as failed");
    // `continueOnError` makes this of a failure.
    set(&world, RecordState::Completed, Some(TaskResult::SucceededWithIssues), 6);
    world.advance(minutes(1)).await;
    world.expect_no_decision();
    world.expect_log("AdvancedSecurity-Dependency-Scanning ended as succeededWithIssues");
    set(&world, RecordState::Completed, Some(TaskResult::Succeeded), -1);
    world.advance(minutes(1)).await;
    world.expect_no_decision();
    world.expect_log("the results of the run's scan are processed until 09:08:00 UTC");
    world.expect_next_evaluation_in(minutes(5));
    world.advance(minutes(5)).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn one_good_scan_does_not_hide_another_that_failed() {
    let mut world = world(|_| {}).await;
    let run = world.run;
    world.azure_devops(|state| {
        scan(state, run, &TASKS[..1]);
        state.runs.get_mut(&run).expect("the run").last_record().expect("a record").result = Some(TaskResult::Failed);
    });
    evaluate(&mut world).await;
    world.expect_no_decision();
    world.expect_log("AdvancedSecurity-Codeql-Analyze ended as failed");
    world.still_waits();

    let mut skipped = self::world(|_| {}).await;
    let run = skipped.run;
    skipped.azure_devops(|state| {
        scan(state, run, &TASKS[..1]);
        state.runs.get_mut(&run).expect("the run").last_record().expect("a record").result = Some(TaskResult::Skipped);
    });
    evaluate(&mut skipped).await;
    skipped.expect_decision("succeeded");
}

#[tokio::test]
async fn a_secret_of_any_branch_blocks() {
    let mut world = world(|it| drop(it.alert("refs/heads/topic", "secret", "critical").clone())).await;
    evaluate(&mut world).await;
    world.expect_no_decision();
    world.expect_log("1 open: alert 1");
    world.still_waits();
}

#[tokio::test]
async fn a_branch_that_was_never_scanned_is_awaited_and_then_does_not_pass() {
    let mut world = world(|it| it.results.retain(|(kind, _)| kind != "code")).await;
    evaluate(&mut world).await;
    world.expect_no_decision();
    world.expect_log("advanced-security has no results (code) of the run's branch yet; awaited for 10m");
    world.sources().with(|state| state.advanced_security.scan(MAIN));
    world.advance(minutes(1)).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn an_alert_on_page_two_blocks() {
    let mut world = world(|it| {
        it.page = 1;
        it.alert(MAIN, "code", "low");
        it.alert(MAIN, "code", "critical");
    })
    .await;
    evaluate(&mut world).await;
    world.expect_no_decision();
    world.expect_log("1 open: alert 2");
    world.still_waits();
}

#[tokio::test]
async fn without_a_good_answer_the_check_waits() {
    let mut refused = world(|_| {}).await;
    let denied = r#"{"message":"You do not have permission to view alerts."}"#;
    refused.sources().fail(Fault::answer(403, "application/json", denied)).on("GET", "/advsec/").forever();
    evaluate(&mut refused).await;
    refused.expect_no_decision();
    refused.expect_log(
        "answered 403 Forbidden for the alerts of the repository; give the connection's user or identity the right",
    );
    refused.still_waits();

    let mut elsewhere = world(|_| {}).await;
    elsewhere.sources().fail(Fault::answer(404, "application/json", "{}")).on("GET", "/advsec/").forever();
    evaluate(&mut elsewhere).await;
    elsewhere.expect_no_decision();
    elsewhere.expect_log("404 Not Found for the alerts of the repository: it is in another project than the run");
    elsewhere.still_waits();

    let mut busy = world(|_| {}).await;
    busy.expect_that_a_wait_is_granted(RECIPE, ("GET", "/advsec/")).await;
}

#[tokio::test]
async fn no_mutated_answer_passes() {
    let given = |state: &mut State, run: u64| scan(state, run, &TASKS);
    let blocked = |sources: &Sources| {
        sources.with(|state| {
            state.advanced_security.scan(MAIN);
            state.advanced_security.alert(MAIN, "code", "low");
            state.advanced_security.alert(MAIN, "dependency", "high");
        });
    };
    let world = mutations::World::around_file(RECIPE, reachable, given, blocked).await;
    world.never_passes("/alerts?", |_| {}, &[]).await;

    let never = |sources: &Sources| sources.with(|state| state.advanced_security.scan("refs/heads/topic"));
    let world = mutations::World::around_file(RECIPE, reachable, given, never).await;
    world.never_passes("/filters/branches?alertType=code", |_| {}, &[]).await;

    let half = |state: &mut State, run: u64| scan(state, run, &TASKS[..1]);
    let clean = |sources: &Sources| sources.with(|state| state.advanced_security.scan(MAIN));
    let world = mutations::World::around_file(RECIPE, reachable, half, clean).await;
    world.never_passes("/timeline?", |_| {}, &[]).await;
}
