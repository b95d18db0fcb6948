//! Handlers that are killed, and several of them on one queue.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use checkgate::config;
use checkgate::queue::QUEUE_NAME;
use chrono::{DateTime, Utc};
use simulator::azure_devops::{AzureDevOps, CheckIds, TaskResult};
use simulator::azure_pipelines::{HEADERS, deliver, deliver_with, expand};
use simulator::functions_host::{FunctionsHost, Handler, QueueSource};
use simulator::storage_queue::StorageQueue;
use tokio::runtime::Runtime;
use tokio::time::{Instant, interval, timeout};

use crate::support::azurite::Azurite;
use crate::support::{MONDAY_MORNING, Setup, app_root, executable, minutes, serve};

const CHECKS: usize = 300;

/// The time from one delivery to the next: a busy morning.
const PACE: Duration = Duration::from_millis(80);

/// How many invocations succeed at most before the handler is killed: a few, in the middle of others.
const WORK: usize = 24;

/// How many deaths in a row checkgate takes for a check that cannot be evaluated.
const DEATHS_IN_A_ROW: usize = 8;

/// How long all of it may take before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(300);

/// A check that waits for its work item, looked at every two seconds.
const WAITING: &str =
    r#"{ "reevaluateEvery": "2s", "timeout": "1h", "conditions": [ { "workItems": { "state": "Completed" } } ] }"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_checks_are_decided_right_while_the_handler_is_killed_all_the_time() {
    let seed = config::environment("CHECKGATE_SEED")
        .map_or_else(|| fastrand::u64(..1 << 32), |seed| seed.parse().expect("a number"));
    println!("repeat with CHECKGATE_SEED={seed}");
    let azurite = Azurite::start();
    let azure_devops = AzureDevOps::start(simulator::Clock::system()).await.expect("a port");
    let [allowed, denied, later] = azure_devops.with(|state| {
        state.work_item(42, "Active");
        [state.run().id, state.run().without_tasks().id, state.run().links_work_item(42).id]
    });
    let host = executable::host(&azure_devops, &azurite).await;
    host.listen();
    let begin = Instant::now();

    let deaths = Deaths::default();
    let killing = tokio::spawn(kill(host.clone(), seed, deaths.clone()));
    let mut checks = Vec::new();
    let mut pace = interval(PACE);
    for number in 0..CHECKS {
        pace.tick().await;
        let (run, body) = [(allowed, ""), (denied, ""), (later, WAITING)][number % 3];
        let ids = azure_devops.with(|state| state.await_check(run));
        checks.push(tokio::spawn(deliver_once(azure_devops.clone(), host.clone(), ids, body)));
    }
    let mut delivered = Vec::new();
    for check in checks {
        delivered.extend(check.await.expect("delivered"));
    }
    let accepted = delivered.len();
    assert!(accepted >= CHECKS / 2, "{accepted} of {CHECKS} deliveries were accepted, seed {seed}");
    azure_devops.with(|state| {
        state.work_item(42, "Closed");
    });
    let all = timeout(PATIENCE, decided(&azure_devops, &delivered)).await;
    killing.abort();
    let aborted = killing.await.expect_err("aborted");
    assert!(aborted.is_cancelled(), "{aborted}");
    let kills = lives(&host);
    println!("{accepted} of {CHECKS} checks accepted, {kills} lives of the handler, {:?}", begin.elapsed());
    assert!(all.is_ok(), "not all are decided, seed {seed}");
    let given_up = expect_right_decisions(&azure_devops, &delivered, denied, &deaths);
    println!("{given_up} given up");
    assert!(given_up <= CHECKS / 10, "{given_up} were given up, seed {seed}");
    assert!(kills > 15, "it was killed {kills} times only");
    host.stop().await;
}

/// When the handler was killed.
type Deaths = Arc<Mutex<Vec<DateTime<Utc>>>>;

/// A check that was accepted, and when it was delivered.
type Accepted = (CheckIds, DateTime<Utc>);

/// Expects one right decision of each check, and returns how many were given up. That is right only where so many handlers
/// died while the check was there, whatever its log says.
fn expect_right_decisions(azure_devops: &AzureDevOps, checks: &[Accepted], denied: u64, deaths: &Deaths) -> usize {
    let deaths = deaths.lock().expect("no panic");
    let mut given_up = 0;
    for (ids, delivered) in checks {
        let (events, log) = azure_devops.with(|state| (state.decisions(ids), state.log_text(ids)));
        let accepted: Vec<_> = events.iter().filter(|event| event.accepted).collect();
        let [decision] = accepted[..] else { panic!("{events:?}\n{log}") };
        let meanwhile = deaths.iter().filter(|death| (*delivered..=decision.at).contains(death)).count();
        let may_be_given_up = meanwhile >= DEATHS_IN_A_ROW && log.contains("although it tried several times");
        let is_given_up = ids.build_id != denied && decision.result == "failed" && may_be_given_up;
        given_up += usize::from(is_given_up);
        let expected = if ids.build_id == denied || is_given_up { "failed" } else { "succeeded" };
        assert_eq!(decision.result, expected, "{meanwhile} deaths, {events:?}\n{log}");
        assert!(events.iter().all(|event| event.result == expected), "{events:?}\n{log}");
    }
    given_up
}

/// Kills the handler again and again, each time once it has done a little more: on a busy machine too it gets something done.
async fn kill(host: FunctionsHost, seed: u64, deaths: Deaths) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut look = interval(Duration::from_millis(20));
    for killed in 0.. {
        while lives(&host) <= killed {
            look.tick().await;
        }
        let enough = successes(&host) + random.usize(1..=WORK);
        while successes(&host) < enough {
            look.tick().await;
        }
        deaths.lock().expect("no panic").push(simulator::Clock::system().now());
        host.kill_handler().await;
    }
}

/// How many invocations have succeeded.
fn successes(host: &FunctionsHost) -> usize {
    host.invocations().iter().filter(|invocation| invocation.succeeded()).count()
}

/// How many times the handler has begun to serve.
fn lives(host: &FunctionsHost) -> usize {
    host.output().iter().filter(|line| line.contains("\"serving\"")).count()
}

/// Delivers a check. A delivery that is not accepted, because the handler was killed with it, fails the check: Azure
/// Pipelines does not deliver it again.
async fn deliver_once(azure_devops: AzureDevOps, host: FunctionsHost, ids: CheckIds, body: &str) -> Option<Accepted> {
    let function = host.function_address("CheckFunction");
    let begun = simulator::Clock::system().now();
    if deliver(&function, HEADERS, body, &ids).await.accepted() {
        return Some((ids, begun));
    }
    azure_devops.with(|state| state.end_check(&ids, TaskResult::Failed));
    None
}

/// Waits until each check has a decision.
async fn decided(azure_devops: &AzureDevOps, checks: &[Accepted]) {
    let mut look = interval(Duration::from_millis(50));
    while !azure_devops.with(|state| checks.iter().all(|(ids, _)| state.decision(ids).is_some())) {
        look.tick().await;
    }
}

/// A handler with its host, on a runtime of its own: when that ends, everything under way is cut off.
struct Instance {
    host: FunctionsHost,
    runtime: Runtime,
}

impl Instance {
    async fn start(setup: &Setup, clock: &simulator::Clock, queue: &StorageQueue, azure_devops: &AzureDevOps) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let app = setup.app(clock, queue, azure_devops);
        let (url, _) = runtime.spawn(serve(app)).await.expect("it serves");
        let source = QueueSource::Simulated(queue.clone());
        let host = FunctionsHost::start(app_root(), Handler::Url(url), source, clock.clone()).await.expect("a host");
        Self { host, runtime }
    }

    async fn deliver(&self, ids: &CheckIds) {
        let function = self.host.function_address("CheckFunction");
        assert!(deliver_with(&function, "", &expand(HEADERS, ids, &[]), "").await.accepted());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::too_many_lines, reason = "a scenario from the start of the handlers to their end")]
async fn two_and_four_handlers_share_one_queue_and_take_over_from_each_other() {
    for count in [2, 4] {
        let clock = simulator::Clock::starting_at(MONDAY_MORNING.parse().expect("a time"));
        let azure_devops = AzureDevOps::start(clock.clone()).await.expect("a port");
        let queue = StorageQueue::start(clock.clone()).await.expect("a port");
        let run = azure_devops.with(|state| state.run().id);
        let setup = Setup::default();
        let mut instances = Vec::new();
        for _ in 0..count {
            instances.push(Instance::start(&setup, &clock, &queue, &azure_devops).await);
        }
        let mut checks = Vec::new();
        for number in 0..60 {
            let ids = azure_devops.with(|state| state.await_check(run));
            // Some are delivered to two of them.
            instances[number % count].deliver(&ids).await;
            if number % 5 == 0 {
                instances[(number + 1) % count].deliver(&ids).await;
            }
            checks.push(ids);
        }

        // The first one takes what it gets, and dies in the middle of it.
        azure_devops.fail(simulator::faults::Fault::hang()).on("GET", "/records?").forever();
        let dying = instances.remove(0);
        let host = dying.host.clone();
        let under_way = tokio::spawn(async move { host.run_due_messages().await });
        let mut look = interval(Duration::from_millis(10));
        let is_reading = || azure_devops.calls().iter().any(|call| call.path.ends_with("/records"));
        let began = timeout(Duration::from_secs(20), async {
            while !is_reading() {
                look.tick().await;
            }
        });
        began.await.expect("it reads a record");
        dying.host.crash().await;
        under_way.abort();
        dying.runtime.shutdown_background();
        azure_devops.heal();

        // The others take theirs at once, those of the dead one when their lease is over, and those in doubt a little later.
        for _ in 0..3 {
            let hosts: Vec<_> = instances.iter().map(|instance| instance.host.clone()).collect();
            let running: Vec<_> =
                hosts.into_iter().map(|host| tokio::spawn(async move { host.run_due_messages().await })).collect();
            for handed_out in running {
                handed_out.await.expect("no panic");
            }
            clock.advance(minutes(11));
        }
        for ids in &checks {
            let accepted: Vec<String> = azure_devops.with(|state| {
                state.decisions(ids).into_iter().filter(|event| event.accepted).map(|event| event.result).collect()
            });
            assert_eq!(accepted, ["succeeded"], "{count} handlers");
        }
        assert_eq!(queue.messages(QUEUE_NAME), []);
        for instance in instances {
            instance.runtime.shutdown_background();
        }
    }
}
