//! While somebody waits for a check, no chain of messages ends without a decision, except after more looks that confirm it.

use std::time::Duration;

use checkgate::host::Host;
use checkgate::queue::QUEUE_NAME;
use chrono::TimeDelta;
use simulator::azure_devops::{RecordState, TaskResult};
use simulator::faults::{Fault, RetryAfter};
use simulator::storage_queue::NewMessage;

use crate::support::{AN_INTERVAL, LogLines, World, a_check, an_active_work_item, minutes};

/// A check that takes an hour, and looks every 20 minutes.
const SLOW: &str = "default: slow\nchecks: { slow: { timeout: 1h, reevaluateEvery: 20m, \
                    conditions: [ workItems: { state: Completed } ] } }";

fn lose_messages(world: &World) {
    world.queue.with(|state| state.lose_messages(QUEUE_NAME));
}

#[tokio::test]
async fn a_stage_that_runs_while_its_run_is_cancelled_gets_its_decision() {
    let world = World::with_a_waiting_check().await;
    world.azure_devops(|state| state.begin_to_cancel_run(world.run));
    world.advance(AN_INTERVAL).await;
    world.close_work_item();

    world.advance(AN_INTERVAL).await;

    world.expect_decision("succeeded");
}

#[tokio::test]
async fn a_delivery_after_its_chain_has_died_takes_over_with_the_first_deadline() {
    let log = LogLines::capture();
    let mut world = World::with_checks(SLOW, an_active_work_item).await;
    world.accept(a_check()).await;
    world.run_due_messages().await;
    lose_messages(&world);
    world.advance(minutes(18)).await;
    world.deliver_again(a_check()).await;
    // The next look was due after 20 minutes.
    world.advance(minutes(16)).await;
    assert!(!world.log().contains("never came"), "the chain may still live");

    world.advance(minutes(2)).await;

    world.expect_log("The evaluation that was due at 2026-01-05T09:20:00Z never came.");
    let plan_id = world.ids().plan_id.to_string();
    let is_of_it = |line: &&String| line.contains("\"event\":\"chain_lost\"") && line.contains(&plan_id);
    assert_eq!(log.take().iter().filter(is_of_it).count(), 1, "an operator is alerted once");
    world.expect_no_decision();
    // An hour after the first delivery, less a margin.
    world.advance(minutes(24)).await;
    world.expect_decision("failed");
}

#[tokio::test]
async fn another_delivery_does_not_oust_the_chain_that_lives() {
    let mut world = World::with_checks(SLOW, an_active_work_item).await;
    world.accept(a_check()).await;
    world.run_due_messages().await;
    world.deliver_again(a_check()).await;

    world.advance(minutes(22)).await;

    assert_eq!(world.messages().len(), 1, "the other delivery has ended");
    assert!(!world.log().contains("never came"));
    world.close_work_item();
    world.advance(minutes(20)).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn a_chain_whose_claim_did_not_arrive_shows_soon_that_it_lives() {
    let mut world = World::with_checks(SLOW, an_active_work_item).await;
    world.accept(a_check()).await;
    world.azure_devops_server().fail(Fault::status(500)).on("PATCH", "/records").forever();
    world.run_due_messages().await;

    world.expect_next_evaluation_in(minutes(5));

    world.azure_devops_server().heal();
    world.advance(minutes(5)).await;
    world.expect_next_evaluation_in(minutes(20));
    world.may_leave_messages();
}

#[tokio::test]
async fn that_nobody_waits_is_believed_after_two_more_looks() {
    let session_gone =
        || Fault::answer(500, "application/json", r#"{ "typeKey": "OrchestrationSessionNotFoundException" }"#);
    for place in ["the first look", "a later look", "the decision", "its confirmation"] {
        println!("{place}");
        let mut world = World::given(an_active_work_item).await;
        let check = a_check().named("work-item-completed");
        match place {
            "the first look" => {
                world.close_work_item();
                world.azure_devops_server().fail(Fault::plan_not_found()).on("GET", "").times(2);
                world.accept(check).await;
            }
            "a later look" => {
                world.accept(check).await;
                world.run_due_messages().await;
                world.close_work_item();
                world.azure_devops_server().fail(Fault::plan_not_found()).on("GET", "/records").times(2);
            }
            "the decision" => {
                world.close_work_item();
                world.azure_devops_server().fail(session_gone()).on("POST", "/events").times(2);
                world.accept(check).await;
            }
            _ => {
                world.close_work_item();
                // Accepted without effect; the third read of the record is the confirmation.
                world.azure_devops_server().fail(Fault::answer(204, "", "")).on("POST", "/events").once();
                world
                    .azure_devops_server()
                    .fail(Fault::slow_down(RetryAfter::Seconds(0)))
                    .on("GET", "/records")
                    .times(2);
                world.azure_devops_server().fail(Fault::plan_not_found()).on("GET", "/records").times(2);
                world.accept(check).await;
            }
        }

        world.advance(minutes(3)).await;

        world.expect_decision("succeeded");
    }
}

#[tokio::test]
async fn a_check_that_is_gone_for_good_is_looked_for_three_times() {
    let world = World::with_a_waiting_check().await;
    world.azure_devops(|state| state.plans.clear());
    world.advance(AN_INTERVAL + Duration::from_secs(59)).await;
    assert_eq!(world.messages().len(), 1, "two looks are not enough");

    world.advance(Duration::from_secs(1)).await;

    assert!(world.messages().is_empty());
}

/// A check whose timeline has no record of it, evaluated once.
async fn without_a_record() -> World {
    let mut world = World::given(an_active_work_item).await;
    world.accept(a_check().named("work-item-completed")).await;
    let ids = world.ids().clone();
    world.azure_devops(|state| {
        let plan = state.plans.get_mut(&ids.plan_id).expect("the plan");
        plan.records.retain(|record| record.id != ids.task_instance_id);
    });
    world.run_due_messages().await;
    world
}

#[tokio::test]
async fn a_check_without_a_record_gets_one_with_its_log_and_its_claim() {
    let mut world = without_a_record().await;
    let record = world.azure_devops(|state| state.timeline_record(world.ids())).expect("a record");
    assert_eq!((record.kind.as_deref(), record.parent_id), (Some("Task"), Some(world.ids().job_id)));
    assert!(world.current_operation().starts_with("Waiting: "), "{}", world.current_operation());
    world.expect_log("work-item-completed");
    // Another delivery finds the claim, and ends when the chain shows that it lives.
    world.deliver_again(a_check().named("work-item-completed")).await;
    world.advance(minutes(2)).await;
    assert_eq!(world.messages().len(), 1);
    world.close_work_item();

    world.advance(AN_INTERVAL).await;

    world.expect_decision("succeeded");
}

#[tokio::test]
async fn a_check_whose_record_is_our_own_learns_of_its_end_from_plan_and_run() {
    for is_over in [true, false] {
        let world = without_a_record().await;
        world.azure_devops(
            |state| {
                if is_over { state.cancel_run(world.run) } else { state.begin_to_cancel_run(world.run) }
            },
        );

        world.advance(AN_INTERVAL + minutes(1)).await;

        world.expect_no_decision();
        assert!(world.messages().is_empty());
    }
}

#[tokio::test]
async fn a_server_that_serves_callbacks_only_as_previews_gets_the_decision() {
    let mut world = World::given(|state, _| {
        state.preview_only = ["/events", "/records", "/logs"].map(str::to_owned).into();
    })
    .await;
    world.accept(a_check()).await;

    world.run_due_messages().await;

    world.expect_decision("succeeded");
    world.expect_log("Decision: succeeded.");
}

#[tokio::test]
async fn a_gate_of_a_classic_release_is_refused_with_a_sentence() {
    let mut world = World::given(|_, _| {}).await;
    for (hub, status) in [("Gates", 400), ("gates", 400), ("Release", 200)] {
        let delivered = world.deliver(a_check().with("HubName", hub)).await;
        assert_eq!(delivered.status, status, "{delivered:?}");
        assert_eq!(delivered.body.contains("cannot decide the gates of classic releases"), status == 400);
    }
    world.may_leave_messages();
}

#[tokio::test]
async fn a_check_that_passed_before_checkgate_decided_is_an_error_in_both_logs() {
    for is_first in [true, false] {
        let log = LogLines::capture();
        let mut world = World::given(an_active_work_item).await;
        world.accept(a_check().named("work-item-completed")).await;
        if !is_first {
            world.run_due_messages().await;
        }
        let ids = world.ids().clone();
        world.azure_devops(|state| state.end_check(&ids, TaskResult::Succeeded));

        world.advance(AN_INTERVAL).await;

        let lines = log.take();
        let line = lines.iter().find(|line| line.contains("passed_undecided")).expect("an event");
        assert!(line.contains("ERROR") && line.contains(&ids.plan_id.to_string()), "{line}");
        world.expect_log("Error: this check passed before checkgate decided it.");
        world.expect_no_decision();
    }
}

#[tokio::test]
async fn a_check_that_ends_while_it_is_evaluated_stays_ended() {
    for is_begun in [false, true] {
        let mut world = World::given(an_active_work_item).await;
        let log = LogLines::capture();
        world.accept(a_check().named("work-item-completed")).await;
        // Without a log, the next evaluation begins as the first one did.
        world.azure_devops_server().fail(Fault::status(500)).on("POST", "/logs").times(u64::from(is_begun));
        if is_begun {
            world.run_due_messages().await;
            world.wait_for_the_next_message();
        }
        world.latency("", "", Duration::from_secs(2));
        let ids = world.ids().clone();
        world.azure_devops(|state| {
            let is_being_evaluated = state.clock.now() + TimeDelta::seconds(5);
            let ids = ids.clone();
            state.at(is_being_evaluated, move |state| state.cancel_check(&ids));
        });

        world.run_due_messages().await;
        let record = world.azure_devops(|state| state.timeline_record(&ids)).expect("a record");
        assert!(!is_begun || record.state == Some(RecordState::Completed), "{record:?}");
        world.close_work_item();
        world.advance(minutes(5)).await;

        world.expect_no_decision();
        assert!(world.messages().is_empty(), "begun: {is_begun}");
        assert!(log.take().iter().all(|line| !line.contains("\"event\":")), "nobody is alerted");
    }
}

#[tokio::test]
async fn the_last_failure_of_a_message_is_an_event_with_its_run() {
    let log = LogLines::capture();
    let world = World::given(|_, _| {}).await;
    let text = r#"{"version":9,"check":{"properties":{"buildId":101}}}"#;
    world.queue.with(|state| {
        state.create(QUEUE_NAME, [].into()).expect("a queue");
        state.put(QUEUE_NAME, &NewMessage::now(text)).expect("a message");
    });

    world.advance(minutes(10)).await;

    let lines = log.take();
    let named = |event: &str| lines.iter().filter(|line| line.contains(event) && line.contains("101")).count();
    assert_eq!(named("check_poisoned"), 1, "{lines:#?}");
    assert_eq!(
        named("evaluation_failed"),
        usize::try_from(Host::shipped().max_dequeue_count).expect("a small number") - 1
    );
}
