//! How fast a delivery is read and acknowledged.

use std::time::{Duration, Instant};

use checkgate::check::DecidedWith;
use checkgate::check_function::delivery::{self, Request, Rules};
use checkgate::checks_file::ChecksFile;
use checkgate::task::plan_url::AllowedPlanUrls;
use serde_json::json;
use warp::http::HeaderMap;

use crate::support::{World, a_check};

const DELIVERIES: usize = 1_000;

/// A tenth of what a person notices, a sixtieth of what Azure Pipelines allows.
const LIMIT: Duration = Duration::from_millis(50);

/// A machine that does something else meanwhile is slow with everything: the best of a few rounds tells about the handler.
const ROUNDS: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_is_acknowledged_in_under_50_ms_while_azure_devops_is_unreachable() {
    let mut world = World::given(|_, _| {}).await;
    world.azure_devops_server().refuse_connections(true).await.expect("the port");
    let mut slow = Vec::new();
    for round in 1..=ROUNDS {
        let times = acknowledged(&world).await;
        assert_eq!(world.messages().len(), round * DELIVERIES);
        let at = |percent: usize| times[DELIVERIES * percent / 100 - 1];
        println!("acknowledged: p50 {:?}, p95 {:?}, p99 {:?}, slowest {:?}", at(50), at(95), at(99), at(100));
        if at(99) < LIMIT {
            break;
        }
        slow.push(at(99));
    }
    assert_eq!(world.azure_devops_server().take_calls().len(), 0);
    assert!(slow.len() < ROUNDS, "p99 is {slow:?}");
    world.deliver(a_check()).await;
    world.still_waits();
}

/// How long each of a number of deliveries took, shortest first.
async fn acknowledged(world: &World) -> Vec<Duration> {
    let client = reqwest::Client::new();
    let url = format!("{}/api/CheckFunction?code=&", world.handler_url);
    let mut times = Vec::with_capacity(DELIVERIES);
    for _ in 0..DELIVERIES {
        let ids = world.azure_devops(|state| state.await_check(101));
        let request = a_check()
            .headers(&ids)
            .into_iter()
            .fold(client.post(&url), |request, (name, value)| request.header(name, value));
        let start = Instant::now();
        let answer = request.body("").send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        answer.bytes().await.expect("a body");
        times.push(start.elapsed());
    }
    times.sort();
    times
}

/// How long reading a delivery may take. A debug build takes many times as long for everything.
const READING_LIMIT: Duration = Duration::from_micros(if cfg!(debug_assertions) { 1_000 } else { 50 });

#[tokio::test]
async fn a_delivery_is_read_in_under_50_us_after_the_first_with_any_pattern() {
    let mut world = World::given(|_, _| {}).await;
    world.deliver(a_check()).await;
    world.may_leave_messages();
    let headers = a_check().with("Ring", "canary").headers(world.ids());
    let headers: HeaderMap =
        headers.iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value"))).collect();
    let allowed: AllowedPlanUrls = world.ids().plan_url.parse().expect("a list");
    for pattern in [r"[\w-]{1,20}", r"\w{1,200}", "[A-Za-z0-9 _.-]{1,200}", "(a|b|c|[a-z])+"] {
        let check = json!({ "inputs": { "Ring": { "pattern": pattern } },
            "conditions": [{ "taskExecuted": { "task": "CmdLine" } }] });
        let checks =
            ChecksFile::parse(&json!({ "default": "c", "checks": { "c": check } }).to_string()).expect("checks");
        let rules = Rules { checks: &checks, allowed: &allowed, allow_inline: true, decided_with: DecidedWith::Token };
        let request = Request { headers: &headers, query: "", body: b"" };
        let now = world.clock.now();
        let read = || {
            let start = Instant::now();
            let delivery = delivery::read(request, rules, now).expect("a delivery");
            assert_eq!(delivery.check.inputs["Ring"], "canary");
            start.elapsed()
        };
        let first = read();
        let mut times: Vec<Duration> = std::iter::repeat_with(read).take(1_000).collect();
        times.sort();
        println!("read with `{pattern}`: first {first:?}, median {:?}, p99 {:?}", times[500], times[990]);
        assert!(times[500] < READING_LIMIT, "`{pattern}`: {:?}", times[500]);
    }
}

/// Keeps a core busy for seconds: a list that grows by each element is copied each time.
const COSTLY: &str = "default: ring
checks:
  costly: { conditions: [ expression: \"run.tags.filter(tag, tag != 'x').size() == 0\" ] }
  ring: { inputs: { Ring: { default: a } }, conditions: [ taskExecuted: { task: CmdLine } ] }
";

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_delivery_is_acknowledged_in_under_50_ms_while_a_costly_expression_runs_on_one_worker() {
    let mut world = World::with_checks(COSTLY, |state, run| {
        let tags = (0..TAGS).map(|number| format!("tag {number}"));
        state.runs.get_mut(&run).expect("the run").tags = tags.collect();
    })
    .await;
    world.accept(a_check().named("costly")).await;
    let costly = world.ids().clone();
    let host = world.host.clone();
    let start = Instant::now();
    let evaluation = tokio::spawn(async move { host.run_due_messages().await });
    let (mut times, mut next_pipeline) = (Vec::new(), tokio::time::interval(Duration::from_millis(10)));
    while world.azure_devops(|state| state.decision(&costly).is_none()) {
        let begun = Instant::now();
        world.accept(a_check().named("ring")).await;
        times.push(begun.elapsed());
        next_pipeline.tick().await;
    }
    evaluation.abort();
    times.sort();
    let (count, median) = (times.len(), times[times.len() / 2]);
    println!("{count} deliveries in {:?}: median {median:?}, slowest {:?}", start.elapsed(), times[count - 1]);
    assert!(count >= 10, "the expression is not costly: {:?}", start.elapsed());
    assert!(median < LIMIT, "{times:?}");
    world.may_leave_messages();
}

/// How many tags the run has: enough for an expression to take half a second or more.
const TAGS: usize = 4_000;
