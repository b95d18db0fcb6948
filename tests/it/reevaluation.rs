//! From the queue message to the decision, over time.

use std::time::Duration;

use simulator::azure_devops::TaskResult;
use simulator::faults::Fault;
use simulator::storage_queue::{NewMessage, TimeToLive};

use crate::support::{AN_INTERVAL, LogLines, World, a_check, an_active_work_item, minutes};

#[tokio::test]
async fn cmdline_executed_is_allowed_because_the_run_has_executed_the_task() {
    let mut world = World::given(|_, _| {}).await;

    world.accept(a_check()).await;
    world.expect_no_decision();
    world.run_due_messages().await;

    world.expect_decision("succeeded");
    world.expect_log("Check `cmdline-executed`");
    world.expect_log("[passed ] the run has executed task CmdLine with success");
    world.expect_log("Decision: succeeded.");
}

#[tokio::test]
async fn cmdline_executed_is_denied_when_the_run_has_no_such_task() {
    let mut world = World::given(|state, run| {
        state.runs.get_mut(&run).expect("the run").without_tasks();
    })
    .await;

    world.accept(a_check()).await;
    world.run_due_messages().await;

    world.expect_decision("failed");
    world.expect_log("found: the run has no such task");
    world.expect_log("to change this: add the task to the pipeline");
}

#[tokio::test]
async fn vsts_extensions_35_cmdline_executed_is_denied_at_once_when_the_task_was_skipped() {
    let mut world = World::given(|state, run| {
        let run = state.runs.get_mut(&run).expect("the run").without_tasks();
        run.task(simulator::azure_devops::CMD_LINE, "CmdLine", TaskResult::Skipped);
    })
    .await;

    world.accept(a_check()).await;
    world.run_due_messages().await;

    world.expect_decision("failed");
    world.expect_log("found: CmdLine skipped");
}

#[tokio::test]
async fn work_item_completed_waits_until_its_work_item_is_completed() {
    let mut world = World::given(an_active_work_item).await;

    world.accept(a_check().named("work-item-completed")).await;
    world.run_due_messages().await;
    world.expect_no_decision();
    world.expect_next_evaluation_in(AN_INTERVAL);
    world.expect_log("is Active");
    world.expect_log("Not decided yet. Looked at again at 2026-01-05T09:01:00Z");
    let operation = world.current_operation();
    assert!(
        operation.starts_with("Waiting: ")
            && operation.contains("42")
            && operation.ends_with("next look at 2026-01-05T09:01:00Z"),
        "{operation}"
    );

    world.advance(AN_INTERVAL).await;
    world.expect_no_decision();

    world.close_work_item();
    world.advance(AN_INTERVAL).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn all_linked_work_items_count_in_several_projects_and_types() {
    let mut world = World::given(|state, run| {
        state.project("Contoso");
        state.work_item(42, "Closed");
        state.work_item(43, "Active").of_type("Bug");
        state.work_item(44, "Committed").of_type("Product Backlog Item").in_project("Contoso");
        let run = state.runs.get_mut(&run).expect("the run");
        run.links_work_item(42).links_work_item(43).links_work_item(44);
    })
    .await;

    world.accept(a_check().named("work-item-completed")).await;
    world.run_due_messages().await;
    world.expect_no_decision();
    world.expect_log("Bug 43");
    world.expect_log("Product Backlog Item 44");

    world.azure_devops(|state| {
        state.work_item(43, "Closed");
    });
    world.advance(AN_INTERVAL).await;
    world.expect_no_decision();

    world.azure_devops(|state| {
        state.work_item(44, "Done");
    });
    world.advance(AN_INTERVAL).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn work_item_completed_is_denied_with_the_reason_when_no_work_item_is_linked() {
    let mut world = World::given(|_, _| {}).await;

    world.accept(a_check().named("work-item-completed")).await;
    world.run_due_messages().await;

    world.expect_decision("failed");
    world.expect_log("no work item is linked to the run's commit");
}

#[tokio::test]
async fn a_steady_evaluation_costs_four_calls_and_no_line_of_log() {
    let mut world = World::with_a_waiting_check().await;
    let log = world.log();

    // Longer than anything that is kept for a while.
    let three_hours = minutes(3 * 60).as_secs() / AN_INTERVAL.as_secs();
    for _ in 0..three_hours {
        world.azure_devops_server().take_calls();
        world.advance(AN_INTERVAL).await;
        let calls: Vec<String> = world
            .azure_devops_server()
            .take_calls()
            .iter()
            .map(|call| format!("{} {}", call.method, call.path))
            .collect();
        assert_eq!(calls.len(), 4, "{calls:#?}");
        assert_eq!(world.log(), log);
    }
    world.still_waits();
}

const SHORT: &str = "
default: short
checks:
  short:
    timeout: 30m
    conditions: [ workItems: { state: Completed } ]
";

#[tokio::test]
async fn flagger_1450_a_check_that_still_waits_at_its_deadline_is_failed_with_what_was_missing() {
    let mut world = World::with_checks(SHORT, an_active_work_item).await;
    world.accept(a_check()).await;

    world.advance(minutes(30)).await;

    world.expect_decision("failed");
    for percent in [50, 80, 95] {
        world.expect_log(&format!("{percent} % of the check's time is over"));
    }
    world.expect_log("The check's time is over (30m). Still missing: all work items linked to the run's commit");
}

#[tokio::test]
async fn a_check_that_shall_be_skipped_at_its_deadline_posts_nothing() {
    let mut world =
        World::with_checks(&SHORT.replace("timeout: 30m", "timeout: 30m\n    onTimeout: skip"), an_active_work_item)
            .await;
    world.accept(a_check()).await;

    world.advance(minutes(30)).await;

    world.expect_no_decision();
    world.expect_log("Still missing");
    assert!(world.messages().is_empty());
}

#[tokio::test]
async fn another_delivery_of_a_check_that_was_skipped_is_evaluated_at_once() {
    let checks = SHORT.replace("timeout: 30m", "timeout: 30m\n    onTimeout: skip");
    let mut world = World::with_checks(&checks, an_active_work_item).await;
    world.accept(a_check()).await;
    world.advance(minutes(30)).await;
    world.close_work_item();

    world.deliver_again(a_check()).await;
    world.run_due_messages().await;

    world.expect_decision("succeeded");
}

#[tokio::test]
async fn a_cancelled_run_ends_its_check_quietly() {
    let world = World::with_a_waiting_check().await;

    let run = world.run;
    world.azure_devops(|state| state.cancel_run(run));
    world.advance(AN_INTERVAL).await;

    world.expect_no_decision();
    assert!(world.messages().is_empty());
}

#[tokio::test]
async fn an_outage_of_azure_devops_delays_the_decision_but_does_not_make_it() {
    let mut world = World::given(|_, _| {}).await;
    world.accept(a_check()).await;
    world.azure_devops_server().refuse_connections(true).await.expect("the port");
    world.run_due_messages().await;
    world.advance(minutes(20)).await;
    world.expect_no_decision();

    world.azure_devops_server().refuse_connections(false).await.expect("the port");
    world.advance(minutes(5)).await;

    world.expect_decision("succeeded");
    world.expect_log("Azure DevOps could not be read between 2026-01-05T09:00:00Z and");
}

#[tokio::test]
async fn a_waiting_check_survives_a_restart_of_the_handler_as_it_was_delivered() {
    let mut world = World::with_a_waiting_check().await;

    // The checks of the new deployment are others; those of the waiting check stay.
    world.restart_handler("checks: { work-item-completed: { conditions: [ taskExecuted: { task: Bash } ] } }").await;
    world.close_work_item();
    world.advance(AN_INTERVAL).await;

    world.expect_decision("succeeded");
}

#[tokio::test]
async fn a_check_without_timeline_id_finds_its_timeline_through_its_plan() {
    let mut world = World::given(|state, run| {
        state.separate_timeline = true;
        an_active_work_item(state, run);
    })
    .await;
    world.accept(a_check().named("work-item-completed").without("TimelineId")).await;
    world.run_due_messages().await;
    world.expect_log("Not decided yet");

    world.close_work_item();
    world.advance(AN_INTERVAL).await;
    world.expect_decision("succeeded");
    world.expect_log("Decision: succeeded");
}

#[tokio::test]
async fn the_log_grows_in_one_place_where_creating_it_always_gives_a_new_one() {
    let mut world = World::given(|state, run| {
        state.create_log = simulator::azure_devops::CreateLog::AlwaysNew;
        an_active_work_item(state, run);
    })
    .await;
    world.accept(a_check().named("work-item-completed")).await;
    world.run_due_messages().await;
    world.close_work_item();
    world.advance(AN_INTERVAL).await;

    world.expect_decision("succeeded");
    world.expect_log("Not decided yet");
    world.expect_log("Decision: succeeded");
}

#[tokio::test]
async fn a_check_whose_log_cannot_be_written_is_decided_all_the_same() {
    let mut world = World::given(|_, _| {}).await;
    world.azure_devops_server().fail(Fault::status(500)).on("POST", "/logs").forever();
    world.azure_devops_server().fail(Fault::status(500)).on("PATCH", "/records").forever();
    world.accept(a_check()).await;
    world.run_due_messages().await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn unreadable_messages_go_to_the_poison_queue_and_take_no_other_check_with_them() {
    let mut world = World::given(|_, _| {}).await;
    world.accept(a_check()).await;
    let now = world.clock.now();
    for text in ["", "not json", "{}", "{\"version\":2}", "{\"version\":1,\"check\":{}}"] {
        world.queue.with(|state| {
            let never = NewMessage { life: TimeToLive::Never, ..NewMessage::now(text) };
            state.put("check-evaluations", &never).map(drop).expect("a message");
        });
    }
    world.run_due_messages().await;
    world.expect_decision("succeeded");

    world.advance(minutes(5)).await;
    assert!(world.messages().is_empty());
    assert_eq!(world.queue.poison("check-evaluations").len(), 5, "{now}");
}

#[tokio::test]
async fn every_line_of_the_handlers_log_about_a_check_carries_its_ids() {
    let mut world = World::given(an_active_work_item).await;
    let log = LogLines::capture();
    world.azure_devops_server().fail(Fault::status(500)).on("POST", "/logs").forever();
    world.accept(a_check().named("work-item-completed")).await;
    world.run_due_messages().await;
    world.advance(AN_INTERVAL).await;

    let ids = world.ids().clone();
    let lines: Vec<serde_json::Value> =
        log.take().iter().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    for message in ["delivery accepted", "the run's page could not be updated", "evaluation ended"] {
        assert!(lines.iter().any(|line| line["message"] == message), "{message}: {lines:#?}");
    }
    for line in &lines {
        let span = &line["span"];
        assert_eq!(span["check.name"], "work-item-completed", "{line}");
        assert_eq!(span["check.plan_id"], ids.plan_id.to_string(), "{line}");
        assert_eq!(span["check.job_id"], ids.job_id.to_string(), "{line}");
        assert_eq!(span["check.task_instance_id"], ids.task_instance_id.to_string(), "{line}");
        assert_eq!(span["check.build_id"], ids.build_id, "{line}");
    }
    let evaluations = |line: &&serde_json::Value| line["message"] == "evaluation ended";
    let ended: Vec<_> = lines.iter().filter(evaluations).map(|line| &line["span"]["check.evaluations"]).collect();
    assert_eq!(ended, [&serde_json::json!(0), &serde_json::json!(1)]);
    world.still_waits();
}

#[tokio::test]
async fn the_next_evaluation_comes_at_the_time_that_the_log_says_however_long_this_one_takes() {
    // One that is due already comes as soon as possible.
    for (takes, next, seconds_left) in [(40, "09:01:00", 20), (80, "09:01:20", 1)] {
        let mut world = World::given(an_active_work_item).await;
        world.azure_devops_server().latency("POST", "/workitemsbatch", Duration::from_secs(takes));
        world.accept(a_check().named("work-item-completed")).await;
        world.run_due_messages().await;
        world.expect_log(&format!("Not decided yet. Looked at again at 2026-01-05T{next}Z"));
        world.expect_next_evaluation_in(Duration::from_secs(seconds_left));
        world.still_waits();
    }
}
