//! Two function apps with different keys read one queue: each check is decided by its own app.

use std::time::Duration;

use checkgate::queue::QUEUE_NAME;
use checkgate::queue::message::CheckMessage;
use checkgate::task::sealer::Sealer;
use chrono::TimeDelta;
use fastrand::Rng;
use serde_json::{Value, json};
use simulator::azure_devops::CheckIds;
use simulator::azure_pipelines::deliver_with;
use simulator::functions_host::{FunctionsHost, Handler, QueueSource};
use simulator::storage_queue::{Message, NewMessage};

use crate::support::{AN_INTERVAL, LogLines, Setup, World, a_check, an_active_work_item, app_root, minutes, serve};

/// Three checks: one passes at once, one waits for work item 42, one is never met.
const CHECKS: &str = "
default: passes
checks:
  passes: { conditions: [ taskExecuted: { task: CmdLine } ] }
  waits: { timeout: 1h, conditions: [ workItems: { state: Completed } ] }
  never: { timeout: 1h, conditions: [ tag: { in: [go] } ] }
";

/// The host of another app on the world's queue, with its own key. It ends with its server.
async fn another_app(world: &World) -> (FunctionsHost, tokio::task::JoinHandle<()>) {
    let setup = Setup { checks: world.setup.checks.clone(), ..Setup::default() };
    let app = setup.app(&world.clock, &world.queue, world.azure_devops_server());
    let (url, server) = serve(app).await;
    let source = QueueSource::Simulated(world.queue.clone());
    let host = FunctionsHost::start(app_root(), Handler::Url(url), source, world.clock.clone());
    (host.await.expect("the host takes the app"), server)
}

/// Time passes; whichever app is first takes all messages that are due.
async fn share_the_queue(world: &World, hosts: [&FunctionsHost; 2], random: &mut Rng, by: Duration) {
    let until = world.clock.now() + TimeDelta::from_std(by).expect("a short time");
    while let Some(next) = world.queue.next_due_at(QUEUE_NAME).filter(|next| *next <= until) {
        world.clock.set(next.max(world.clock.now()));
        let first = random.usize(..2);
        hosts[first].run_due_messages().await;
        hosts[1 - first].run_due_messages().await;
    }
    world.clock.set(until.max(world.clock.now()));
}

#[tokio::test]
async fn every_check_of_two_apps_on_one_queue_is_decided_once_by_its_own_app_and_none_is_poisoned() {
    let mut random = Rng::with_seed(19);
    let world = World::with_checks(CHECKS, an_active_work_item).await;
    let (other, _server) = another_app(&world).await;
    let hosts = [&world.host, &other];
    let log = LogLines::capture();
    let mut checks: Vec<(&str, CheckIds)> = Vec::new();
    for _ in 0..8 {
        for name in ["passes", "waits", "never"] {
            for host in hosts {
                let ids = world.azure_devops(|state| state.await_check(world.run));
                let headers = a_check().named(name).headers(&ids);
                let delivered = deliver_with(&host.function_address("CheckFunction"), "", &headers, "").await;
                assert!(delivered.accepted(), "{delivered:?}");
                checks.push((name, ids));
            }
        }
    }
    share_the_queue(&world, hosts, &mut random, minutes(20)).await;
    world.close_work_item();

    // Azure Pipelines stops waiting after an hour.
    share_the_queue(&world, hosts, &mut random, minutes(40)).await;

    for (name, ids) in &checks {
        let expected = if *name == "never" { "failed" } else { "succeeded" };
        let decisions = world.azure_devops(|state| state.decisions(ids));
        let results: Vec<_> = decisions.iter().map(|decision| (decision.accepted, decision.result.as_str())).collect();
        assert_eq!(results, [(true, expected)], "{name}");
    }
    assert!(world.queue.poison(QUEUE_NAME).is_empty());
    let lines = log.take();
    let put_back = lines.iter().filter(|line| line.contains("sealed_by_another_app")).count();
    assert!(put_back > checks.len(), "the apps have met each other's messages {put_back} times");
    assert!(!lines.iter().any(|line| line.contains("evaluation_failed")), "a try was counted: {lines:#?}");
}

/// A check of another app in the queue of this one, which has evaluated it once.
async fn a_foreign_check() -> World {
    let mut world = World::with_a_waiting_check().await;
    world.change_keys(&Sealer::generate_key().expect("random numbers"), None).await;
    world
}

fn only(world: &World) -> Message {
    let messages = world.messages();
    assert_eq!(messages.len(), 1, "{messages:#?}");
    messages[0].clone()
}

#[tokio::test]
async fn a_foreign_message_is_put_back_unchanged_with_the_rest_of_its_life_and_not_at_once() {
    let mut world = a_foreign_check().await;
    let before = only(&world);
    let log = LogLines::capture();

    world.advance(AN_INTERVAL).await;

    let after = only(&world);
    assert_eq!((after.text.as_str(), after.dequeue_count), (before.text.as_str(), 0));
    assert_eq!(after.visible_at - world.clock.now(), TimeDelta::minutes(1));
    assert!((after.expires_at - before.expires_at).abs() <= TimeDelta::minutes(1), "{before:?}, {after:?}");
    let lines = log.take();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    let line: Value = serde_json::from_str(&lines[0]).expect("JSON");
    assert_eq!((&line["event"], &line["level"]), (&json!("sealed_by_another_app"), &json!("ERROR")));
    let plan = world.ids().plan_id.to_string();
    assert_eq!(line["span"]["check.plan_id"], json!(plan));
    let theirs: Value = serde_json::from_str(&before.text).expect("JSON");
    let key = theirs["sealedToken"].as_str().and_then(|sealed| sealed.split('.').next()).expect("a key");
    let why = line["error"].as_str().expect("a reason");
    assert!(why.contains(key) && why.contains(QUEUE_NAME) && why.contains("TokenSealingKeyPrevious"), "{why}");
    world.still_waits();
}

#[tokio::test]
async fn a_foreign_message_that_nobody_takes_is_poisoned_after_its_deadline() {
    let world = a_foreign_check().await;
    let CheckMessage::V1(message, _) = CheckMessage::parse(&only(&world).text).expect("a message");
    let until_deadline = (message.check.deadline - world.clock.now()).to_std().expect("later");

    world.advance(until_deadline + minutes(14)).await;
    assert!(world.queue.poison(QUEUE_NAME).is_empty(), "its app may still come");
    assert_eq!(only(&world).dequeue_count, 0);

    let log = LogLines::capture();
    world.advance(minutes(5)).await;

    assert_eq!(world.queue.poison(QUEUE_NAME).len(), 1);
    let poisoned: Vec<String> = log.take().into_iter().filter(|line| line.contains("check_poisoned")).collect();
    assert_eq!(poisoned.len(), 1);
    assert!(poisoned[0].contains(&world.ids().plan_id.to_string()), "{poisoned:?}");
}

#[tokio::test]
async fn a_message_with_a_deadline_that_no_check_can_have_is_not_put_back() {
    let world = a_foreign_check().await;
    let mut forged: Value = serde_json::from_str(&only(&world).text).expect("JSON");
    forged["check"]["deadline"] = json!("2036-01-01T00:00:00Z");
    world.queue.with(|state| {
        state.lose_messages(QUEUE_NAME);
        state.put(QUEUE_NAME, &NewMessage::now(&forged.to_string())).expect("a message");
    });

    world.advance(minutes(10)).await;

    assert_eq!(world.queue.poison(QUEUE_NAME).len(), 1);
}

/// An attempt writes its claim and dies. Then another app takes the message, and puts a copy of it back: the claim in the
/// record is newer than those that the copy carries, and of a message that is gone.
#[tokio::test]
async fn a_check_whose_attempt_died_before_another_app_put_it_back_goes_on() {
    for name in ["waits", "passes later"] {
        println!("{name}");
        let mut world =
            World::with_setup(Setup { retry_pause: Duration::ZERO, ..Setup::default() }, an_active_work_item).await;
        world.accept(a_check().named("work-item-completed")).await;
        world.run_due_messages().await;
        let (other, _server) = another_app(&world).await;
        world.clock.advance(AN_INTERVAL);
        // The claim is in the record, and the successor is not in the queue.
        let claim = || world.azure_devops(|state| state.timeline_record(world.ids())).expect("a record").variables;
        let before = claim();
        world.queue.fail(simulator::faults::Fault::status(500)).on("POST", "/messages").forever();
        world.host.run_due_messages().await;
        world.queue.heal();
        assert_ne!(before, claim());
        let kept = only(&world);
        assert_eq!(kept.dequeue_count, 1);
        world.clock.set(kept.visible_at);

        other.run_due_messages().await;

        let copy = only(&world);
        assert_ne!(copy.id, kept.id);
        if name == "passes later" {
            world.close_work_item();
        }
        world.advance(minutes(3)).await;
        if name == "waits" {
            assert_eq!(world.messages().len(), 1, "the check is lost");
            world.close_work_item();
            world.advance(minutes(2)).await;
        }
        world.expect_decision("succeeded");
    }
}
