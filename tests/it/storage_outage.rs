//! The handler cannot reach the storage account for a while: no check is decided for that, and none is lost.

use std::time::Duration;

use checkgate::queue::QUEUE_NAME;
use chrono::{DateTime, TimeDelta, Utc};
use simulator::faults::Fault;

use crate::support::{AN_INTERVAL, MONDAY_MORNING, World, a_check, an_active_work_item, minutes};

/// From now on the handler's calls of the storage account fail. The host has its own connection.
fn begin_outage(world: &World) {
    world.queue.fail(Fault::status(503)).forever();
}

/// The outage begins, and is over after this time.
async fn outage(world: &World, time: Duration) {
    begin_outage(world);
    world.advance(time).await;
    world.queue.heal();
}

/// The time since the world began.
fn passed(world: &World) -> TimeDelta {
    world.clock.now() - MONDAY_MORNING.parse::<DateTime<Utc>>().expect("a time")
}

/// How often the host has handed out the check's message.
fn dequeue_count(world: &World) -> u64 {
    world.messages()[0].dequeue_count
}

#[tokio::test]
async fn an_outage_of_eighty_seconds_decides_no_check() {
    let world = World::with_a_waiting_check().await;

    outage(&world, AN_INTERVAL + Duration::from_secs(90)).await;

    world.expect_no_decision();
    world.close_work_item();
    world.advance(minutes(5)).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn an_outage_that_uses_up_the_tries_of_a_message_is_not_a_crash_on_any_instance() {
    let mut world = World::with_a_waiting_check().await;
    begin_outage(&world);
    while dequeue_count(&world) < 8 {
        world.advance(minutes(1)).await;
    }
    assert!(passed(&world) > TimeDelta::minutes(28), "each try takes 4 minutes");
    let checks = world.setup.checks.clone();
    world.restart_handler(&checks).await;
    let log = world.log();

    world.queue.heal();
    world.advance(minutes(5)).await;

    world.expect_no_decision();
    assert_eq!((dequeue_count(&world), world.log()), (0, log), "it goes on where it was, as a new message");
    world.close_work_item();
    world.advance(AN_INTERVAL).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn a_message_that_the_host_will_not_hand_out_again_fails_the_check_with_that_reason() {
    let world = World::with_a_waiting_check().await;

    outage(&world, minutes(60)).await;

    world.expect_decision("failed");
    world.expect_log("could not be queued for its next evaluation: the queue did not take the message");
    assert!(passed(&world) > TimeDelta::minutes(40));
    assert_eq!(world.queue.poison(QUEUE_NAME), []);
}

#[tokio::test]
async fn evaluations_take_place_in_time_although_nothing_can_be_queued() {
    let checks = "default: late\nchecks: { late: { conditions: [ window: { from: '09:03', timeZone: UTC } ] } }";
    let mut world = World::with_checks(checks, |_, _| {}).await;
    world.accept(a_check()).await;
    world.run_due_messages().await;
    begin_outage(&world);

    world.advance(minutes(3)).await;

    world.expect_decision("succeeded");
    assert_eq!(passed(&world), TimeDelta::minutes(3));
}

#[tokio::test]
async fn a_check_whose_time_is_over_is_decided_although_nothing_can_be_queued() {
    let checks = "default: short\nchecks: { short: { timeout: 4m, conditions: [ workItems: { state: Completed } ] } }";
    let mut world = World::with_checks(checks, an_active_work_item).await;
    world.accept(a_check()).await;
    world.run_due_messages().await;
    begin_outage(&world);

    // The next evaluation begins after a minute, and keeps its invocation until the deadline.
    world.advance(AN_INTERVAL).await;

    world.expect_decision("failed");
    world.expect_log("The check's time is over (4m). Still missing");
    assert!(passed(&world) < TimeDelta::minutes(4));
}

#[tokio::test]
async fn a_message_that_comes_back_after_an_outage_on_a_new_host_is_continued_where_it_was() {
    let mut world = World::with_a_waiting_check().await;
    begin_outage(&world);
    world.advance(AN_INTERVAL).await;
    // The host has ended with the handler in it, so that the lease of the message goes on.
    world.queue.with(|state| {
        let lease = state.clock.now() + TimeDelta::minutes(10);
        state.queues.values_mut().flat_map(|queue| &mut queue.messages).for_each(|message| message.visible_at = lease);
    });
    world.queue.heal();
    let (checks, log) = (world.setup.checks.clone(), world.log());
    world.restart_handler(&checks).await;

    world.advance(minutes(10)).await;

    world.expect_no_decision();
    assert_eq!(world.log(), log);
    world.close_work_item();
    world.advance(AN_INTERVAL).await;
    world.expect_decision("succeeded");
}
