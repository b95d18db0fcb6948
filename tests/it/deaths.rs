//! A handler that dies in the middle of an evaluation: its early successor goes on, and nothing is left behind.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use azure_storage::{CloudLocation, StorageCredentials};
use azure_storage_queues::{QueueClient, QueueServiceClientBuilder};
use checkgate::clock::Clock;
use checkgate::queue::{CheckQueue, EarlyTimes, QUEUE_NAME, Schedule, Storage};
use chrono::{DateTime, TimeDelta, Utc};
use simulator::azure_devops::AzureDevOps;
use simulator::calls::Call;
use simulator::faults::Fault;
use simulator::storage_queue::{Message, StorageQueue};

use crate::support::azurite::Azurite;
use crate::support::{AN_INTERVAL, MONDAY_MORNING, Setup, World, a_check, an_active_work_item, minutes};

/// How long the host keeps a message from others.
const LEASE: TimeDelta = TimeDelta::minutes(10);

/// A check that takes an hour, and looks every 20 minutes.
const SLOW: &str = "default: slow\nchecks: { slow: { timeout: 1h, reevaluateEvery: 20m, \
                    conditions: [ workItems: { state: Completed } ] } }";

/// When a handler dies: at its next look at the clock once this has happened.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Death {
    Never,
    /// Azure DevOps and the queue have got so many calls.
    AfterCalls(usize),
    /// Azure DevOps has been asked for work items, after so many calls of all kinds.
    WhileItReads(usize),
    /// It has died.
    Past,
}

/// What will become of a handler.
#[derive(Clone)]
struct Fate(Arc<Mutex<Death>>);

impl Fate {
    fn set(&self, death: Death) {
        *self.0.lock().expect("nobody panics here") = death;
    }

    /// The next evaluation dies while it reads the work items.
    fn dies_while_it_reads(&self, world: &World) {
        self.set(Death::WhileItReads(world.azure_devops_server().calls().len()));
    }

    fn is_dead(&self) -> bool {
        *self.0.lock().expect("nobody panics here") == Death::Past
    }

    /// Whether it dies now.
    fn has_come(&self, azure_devops: &AzureDevOps, queue: Option<&StorageQueue>) -> bool {
        let mut death = self.0.lock().expect("nobody panics here");
        let has_come = match (*death, queue) {
            (Death::Never | Death::Past, _) | (_, None) => false,
            (Death::AfterCalls(after), Some(queue)) => calls(azure_devops, queue) >= after,
            (Death::WhileItReads(before), _) => azure_devops.calls().iter().skip(before).any(reads_work_items),
        };
        if has_come {
            *death = Death::Past;
        }
        has_come
    }
}

fn reads_work_items(call: &Call) -> bool {
    call.path.to_lowercase().contains("workitems")
}

/// How many calls Azure DevOps and the queue have got.
fn calls(azure_devops: &AzureDevOps, queue: &StorageQueue) -> usize {
    azure_devops.calls().len() + queue.calls().len()
}

/// A world with a mortal handler, and an active work item.
async fn a_mortal_world(checks: &str) -> (World, Fate) {
    let hand = simulator::Clock::starting_at(MONDAY_MORNING.parse().expect("a time"));
    let azure_devops = AzureDevOps::start(hand.clone()).await.expect("a port");
    let fate = Fate(Arc::new(Mutex::new(Death::Never)));
    let queue = Arc::new(OnceLock::<StorageQueue>::new());
    let clock = {
        let (hand, azure_devops, queue, fate) = (hand.clone(), azure_devops.clone(), Arc::clone(&queue), fate.clone());
        Clock::from_fn(move || {
            assert!(!fate.has_come(&azure_devops, queue.get()), "the machine dies");
            hand.now()
        })
    };
    let setup = Setup { checks: checks.to_owned(), clock: Some(clock), ..Setup::default() };
    let world = World::around_with(azure_devops, setup).await;
    queue.set(world.queue.clone()).unwrap_or_else(|_| panic!("it is set once"));
    world.azure_devops(|state| an_active_work_item(state, world.run));
    (world, fate)
}

/// The host has died with the handler: the message that was handed out stays hidden for its lease.
fn keep_lease(world: &World) {
    world.queue.with(|state| {
        let now = state.clock.now();
        let messages = &mut state.queues.get_mut(QUEUE_NAME).expect("the queue").messages;
        let given_back = |message: &&mut Message| message.dequeue_count > 0 && message.visible_at < now + LEASE;
        messages.iter_mut().filter(given_back).for_each(|message| message.visible_at = now + LEASE);
    });
}

/// A check whose second evaluation dies with its host after so many calls, or while it reads work items where none is given.
/// `None` if it ends before.
async fn a_dead_evaluation(after: Option<usize>, given: impl FnOnce(&World)) -> Option<World> {
    let (mut world, fate) = a_mortal_world(SLOW).await;
    world.accept(a_check()).await;
    world.run_due_messages().await;
    given(&world);
    let so_far = calls(world.azure_devops_server(), &world.queue);
    match after {
        Some(after) => fate.set(Death::AfterCalls(so_far + after)),
        None => fate.dies_while_it_reads(&world),
    }
    world.wait_for_the_next_message();
    world.run_due_messages().await;
    if fate.is_dead() {
        keep_lease(&world);
        return Some(world);
    }
    fate.set(Death::Never);
    world.may_leave_messages();
    None
}

#[tokio::test]
async fn a_death_in_the_middle_of_an_evaluation_costs_two_minutes_at_most() {
    let world = a_dead_evaluation(None, World::close_work_item).await.expect("it dies");
    world.expect_no_decision();

    world.advance(minutes(2)).await;

    world.expect_decision("succeeded");
    world.advance(minutes(10)).await;
}

#[tokio::test]
async fn a_death_before_or_after_any_call_of_an_evaluation_that_decides_costs_two_minutes_at_most() {
    let mut after = 0;
    while let Some(world) = a_dead_evaluation(Some(after), World::close_work_item).await {
        println!("dead after {after} calls");
        // Before its early successor is queued, nothing can be done: the host's lease has to end.
        world.advance(if after == 0 { minutes(10) } else { minutes(2) }).await;

        world.expect_decision("succeeded");
        world.advance(minutes(11)).await;
        after += 1;
    }
    assert!(after > 8, "it makes {after} calls");
}

#[tokio::test]
async fn a_death_before_or_after_any_call_of_an_evaluation_that_waits_delays_the_check_by_two_minutes_at_most() {
    let mut after = 0;
    while let Some(world) = a_dead_evaluation(Some(after), |_| {}).await {
        println!("dead after {after} calls");
        world.close_work_item();
        let announced = world.log().matches("Not decided yet").count();

        // Once it has announced the next evaluation, that one would have come 20 minutes later anyway.
        let has_announced = world.current_operation().contains("09:40");
        let delay = if has_announced { 21 } else { 2 };
        world.advance(minutes(if after == 0 { 10 } else { delay })).await;

        world.expect_decision("succeeded");
        assert_eq!(world.log().matches("Not decided yet").count(), announced, "{}", world.log());
        world.advance(minutes(33)).await;
        after += 1;
    }
    assert!(after > 5, "it makes {after} calls");
}

#[tokio::test]
async fn the_old_message_finds_itself_superseded_when_it_comes_back() {
    let world = a_dead_evaluation(None, |_| {}).await.expect("it dies");
    world.advance(minutes(2)).await;
    assert_eq!(world.messages().len(), 2, "the old message, and the next evaluation");
    let next = next_evaluation(&world);

    world.advance(minutes(9)).await;

    assert!(world.messages().iter().any(|message| message.id == next.id && message.text == next.text), "it goes on");
    world.advance(minutes(12)).await;
    assert_eq!(world.messages().len(), 1);
    world.close_work_item();
    world.advance(minutes(20)).await;
    world.expect_decision("succeeded");
    assert_eq!(world.log().matches("Not decided yet").count(), 1, "{}", world.log());
}

/// A check that was evaluated once and sleeps for an hour now, and the message that sleeps.
async fn a_sleeper(given: impl FnOnce(&World)) -> (World, Message) {
    let checks = "default: slow\nchecks: { slow: { timeout: 3h, reevaluateEvery: 1h, \
                  conditions: [ workItems: { state: Completed } ] } }";
    let mut world = World::with_checks(checks, an_active_work_item).await;
    world.accept(a_check()).await;
    given(&world);
    world.run_due_messages().await;
    let sleeper = next_evaluation(&world);
    assert_eq!(sleeper.visible_at, world.clock.now() + TimeDelta::hours(1));
    (world, sleeper)
}

/// Nothing ousts the message that sleeps for an hour.
async fn expect_it_sleeps_on(world: World, sleeper: Message) {
    let log = world.log();
    world.advance(minutes(59)).await;
    assert!(world.messages().contains(&sleeper), "it sleeps on");
    assert_eq!(world.log(), log);
    world.advance(minutes(3)).await;
    assert_eq!(world.messages().len(), 1, "one chain is left");
    world.close_work_item();
    world.advance(minutes(60)).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn an_early_successor_whose_put_seemed_to_fail_does_not_oust_the_chain_that_sleeps() {
    let (world, sleeper) =
        a_sleeper(|world| world.queue.fail(Fault::drop_after()).on("POST", "/messages").times(2)).await;
    assert_eq!(world.messages().len(), 3, "two early successors that nobody knows");

    expect_it_sleeps_on(world, sleeper).await;
}

#[tokio::test]
async fn a_message_whose_host_died_when_its_work_was_done_does_not_oust_the_chain_that_sleeps() {
    let mut delivered = None;
    let (world, sleeper) = a_sleeper(|world| delivered = Some(world.messages().remove(0))).await;
    world.queue.with(|state| {
        let message = delivered.expect("the delivery's message");
        let lease = Message { visible_at: state.clock.now() + LEASE, dequeue_count: 1, ..message };
        state.queues.get_mut(QUEUE_NAME).expect("the queue").messages.push(lease);
    });

    expect_it_sleeps_on(world, sleeper).await;
}

#[tokio::test]
async fn a_check_that_kills_every_machine_fails_after_eight_deaths_and_nothing_is_poisoned() {
    let (mut world, fate) = a_mortal_world(SLOW).await;
    world.accept(a_check()).await;
    for _ in 0..8 {
        fate.dies_while_it_reads(&world);
        world.run_due_messages().await;
        assert!(fate.is_dead());
        keep_lease(&world);
        world.clock.advance(minutes(1));
        world.expect_no_decision();
    }

    world.run_due_messages().await;

    world.expect_decision("failed");
    world.expect_log("checkgate could not evaluate the check");
    world.advance(minutes(30)).await;
    assert_eq!(world.queue.poison(QUEUE_NAME), []);
}

fn next_evaluation(world: &World) -> Message {
    world.messages().into_iter().max_by_key(|message| message.visible_at).expect("a message")
}

#[tokio::test]
async fn an_early_successor_moves_on_while_its_evaluation_lives() {
    let setup = Setup {
        renew_every: Some(Duration::from_millis(20)),
        call_timeout: Duration::from_secs(20),
        ..Setup::default()
    };
    let mut world = World::with_setup(setup, an_active_work_item).await;
    world.accept(a_check().named("work-item-completed")).await;
    world.azure_devops_server().fail(Fault::hang()).on("POST", "/workitemsbatch").once();
    let (host, queue, clock) = (world.host.clone(), world.queue.clone(), world.clock.clone());
    let evaluation = tokio::spawn(async move { host.run_due_messages().await });

    let mut look = tokio::time::interval(Duration::from_millis(5));
    let is_early = |message: &Message| message.dequeue_count == 0;
    let early = |at: DateTime<Utc>| queue.messages(QUEUE_NAME).iter().any(|it| is_early(it) && it.visible_at >= at);
    for _ in 0..5 {
        let due = clock.now() + TimeDelta::seconds(60);
        let moves_on = async {
            while !early(due) {
                look.tick().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(15), moves_on).await.expect("it moves on");
        clock.advance(Duration::from_secs(50));
    }

    evaluation.abort();
    world.may_leave_messages();
}

#[tokio::test]
async fn an_evaluation_costs_a_put_and_an_update_and_a_decision_leaves_nothing_behind() {
    let world = World::with_a_waiting_check().await;
    let storage_calls = || -> Vec<String> {
        let calls = world.queue.take_calls();
        calls.into_iter().map(|call| call.method).collect()
    };
    storage_calls();

    world.advance(AN_INTERVAL).await;
    assert_eq!(storage_calls(), ["POST", "PUT"]);
    world.close_work_item();
    world.advance(AN_INTERVAL).await;

    assert_eq!(storage_calls(), ["POST", "DELETE"]);
    assert_eq!(world.messages(), []);
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn an_early_successor_that_cannot_be_replaced_or_deleted_goes_on_or_finds_nothing_to_do() {
    for method in ["POST", "PUT", "DELETE"] {
        for fault in [Fault::status(503), Fault::drop_after(), Fault::drop_connection()] {
            println!("{fault:?} of {method}");
            let world = World::with_a_waiting_check().await;
            world.queue.fail(fault).on(method, "/messages").times(3);
            world.advance(AN_INTERVAL).await;
            world.expect_no_decision();
            world.close_work_item();

            world.advance(minutes(3)).await;

            world.expect_decision("succeeded");
            world.advance(minutes(3)).await;
            assert!(world.queue.calls().iter().any(|call| call.method == method), "nothing has failed");
        }
    }
}

#[tokio::test]
async fn where_an_early_successor_cannot_be_changed_a_new_message_takes_its_place() {
    let world = World::with_a_waiting_check().await;
    world.queue.fail(Fault::status(403)).on("PUT", "/messages").forever();
    let begin = world.clock.now();

    world.advance(AN_INTERVAL).await;

    assert!(world.queue.calls().iter().any(|call| call.method == "PUT"));
    assert_eq!((world.messages().len(), world.clock.now() - begin), (1, TimeDelta::minutes(1)));
    world.close_work_item();
    world.advance(AN_INTERVAL).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn an_early_successor_that_the_queue_has_lost_is_put_anew() {
    let world = World::with_a_waiting_check().await;
    world.queue.with(|state| state.lost_puts = 1);

    world.advance(AN_INTERVAL).await;

    assert_eq!(world.messages().len(), 1);
    world.close_work_item();
    world.advance(AN_INTERVAL).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn while_the_queue_is_down_at_its_end_an_evaluation_leaves_the_check_to_its_early_successor() {
    let mut world = World::with_checks(SLOW, an_active_work_item).await;
    world.accept(a_check()).await;
    world.run_due_messages().await;
    world.wait_for_the_next_message();
    // Only the early successor is still put.
    world.queue.fail(Fault::slow_body(Duration::ZERO)).on("POST", "/messages").once();
    let over = world.clock.now() + TimeDelta::seconds(4 * 60 + 1);
    world.queue.fail(Fault::status(503)).on("", "/messages").until(over);

    world.run_due_messages().await;

    assert!(world.clock.now() >= over - TimeDelta::seconds(1));
    let messages = world.messages();
    assert_eq!((messages.len(), messages[0].dequeue_count), (1, 0), "the old message has done its work");
    world.close_work_item();
    world.advance(minutes(17)).await;
    world.expect_decision("succeeded");
}

/// A queue of a storage account, seen by the product and by somebody else.
struct Account {
    queue: CheckQueue,
    other: QueueClient,
}

impl Account {
    fn open(connection_string: String, (account, key, uri): (&str, &str, &str), clock: Clock) -> Self {
        let storage = Storage::ConnectionString(connection_string.into());
        let queue = CheckQueue::open(&storage, "checks", reqwest::Client::new(), clock).expect("a queue");
        let location = CloudLocation::Custom { account: account.to_owned(), uri: uri.to_owned() };
        let credentials = StorageCredentials::access_key(account.to_owned(), key.to_owned());
        let other = QueueServiceClientBuilder::with_location(location, credentials).build().queue_client("checks");
        // Due after a second, and not moved on.
        let times = EarlyTimes { due_after: Duration::from_secs(1), moved_every: minutes(60) };
        Self { queue: queue.with_early_times(times), other }
    }

    /// Waits until the other one receives a message: its text, and how often it was received.
    async fn receive(&self, clock: &simulator::Clock) -> (String, u64) {
        let mut look = tokio::time::interval(Duration::from_millis(20));
        loop {
            look.tick().await;
            clock.advance(Duration::from_millis(20));
            let received = self.other.get_messages().into_future().await.expect("an answer").messages;
            if let Some(message) = received.into_iter().next() {
                return (message.message_text, message.dequeue_count);
            }
        }
    }
}

#[tokio::test]
async fn azurite_and_the_simulated_account_treat_an_early_successor_in_the_same_way() {
    let azurite = Azurite::start();
    let hand = simulator::Clock::system();
    let simulated = StorageQueue::start(hand.clone()).await.expect("a port");
    let (account, key) = Azurite::account();
    let (name, secret, endpoint) = (simulated.account(), simulated.key(), simulated.endpoint());
    for (connection, ids) in [
        (azurite.connection_string(), (account, key, azurite.endpoint.as_str())),
        (simulated.connection_string(), (name.as_str(), secret.as_str(), endpoint.as_str())),
    ] {
        let account = Account::open(connection, ids, Clock::system());
        let deadline = Clock::system().now() + TimeDelta::hours(1);
        let soon = || Schedule::at_once(Clock::system().now(), deadline);
        let put = async |text: &str| account.queue.put_early(text.to_owned(), deadline).await.expect("it is queued");

        let early = put("early").await;
        assert_eq!(early.replace("next", soon()).await, Ok(true));
        assert_eq!(account.receive(&hand).await, ("next".to_owned(), 1), "handed out for the first time");

        let early = put("taken").await;
        assert_eq!(account.receive(&hand).await, ("taken".to_owned(), 1));
        assert_eq!(early.replace("next", soon()).await, Ok(false));

        let early = put("lost").await;
        account.other.clear_messages().into_future().await.expect("cleared");
        assert_eq!(early.replace("next", soon()).await, Ok(false));

        put("deleted").await.delete().await;
        let left = account.other.get_metadata().into_future().await.expect("an answer");
        assert_eq!(left.approximate_messages_count, 0);
    }
}
