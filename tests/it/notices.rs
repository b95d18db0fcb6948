//! Notices: what Slack, Teams and others are told about a check, at most once, without a say in what becomes of it.

use std::time::Duration;

use serde_json::Value;
use simulator::azure_devops::AzureDevOps;
use simulator::faults::{Fault, RetryAfter};
use simulator::functions_host::{FunctionsHost, Handler, QueueSource};
use simulator::sources::Sources;
use simulator::storage_queue::StorageQueue;
use tokio::runtime::Runtime;
use tokio::time::{interval, timeout};

use crate::support::{
    AN_INTERVAL, LogLines, MONDAY_MORNING, Setup, World, a_check, an_active_work_item, app_root, minutes, serve,
};

/// Checks that tell three webhooks; each needs the app settings of the simulated ones.
const CHECKS: &str = "default: waits
connections:
  slack: { webhook: { url: '${SLACK_WEBHOOK}', format: slack, hosts: ['127.0.0.1'] } }
  teams: { webhook: { url: '${TEAMS_WEBHOOK}', format: teams, hosts: ['127.0.0.1'] } }
  events: { webhook: { url: '${EVENTS_WEBHOOK}', format: cloudEvents, hosts: ['127.0.0.1'], headers: { Authorization: 'Bearer ${EVENTS_TOKEN}' } } }
notify: [ { to: events } ]
checks:
  waits: { timeout: 1h, reevaluateEvery: 1m, conditions: [ workItems: { state: Completed } ] }
  all: { timeout: 1h, notify: [ { to: slack }, { to: teams }, { to: events } ], conditions: [ workItems: { state: Completed } ] }
  one: { timeout: 1h, notify: [ { to: slack, on: [decided] } ], conditions: [ workItems: { state: Completed } ] }
  none: { timeout: 1h, notify: [], conditions: [ workItems: { state: Completed } ] }
  sleeps: { timeout: 10h, reevaluateEvery: 10h, conditions: [ workItems: { state: Completed } ] }
";

/// A world in which work item 42 is not completed.
async fn a_world() -> World {
    let world = World::with_sources(|_| CHECKS.to_owned()).await;
    let run = world.run;
    world.azure_devops(|state| an_active_work_item(state, run));
    world.sources().with(|state| state.webhooks.authorization = Some("Bearer events-token".to_owned()));
    world
}

/// A world in which a check with this name was evaluated once, and waits for work item 42.
async fn a_waiting_check(name: &str) -> World {
    let mut world = a_world().await;
    world.accept(a_check().named(name)).await;
    world.run_due_messages().await;
    world
}

/// Waits until no notice is under way: each webhook and type that was told, in order.
async fn told(world: &World) -> Vec<String> {
    world.notices_are_sent().await;
    taken(world.sources())
}

fn taken(sources: &Sources) -> Vec<String> {
    let (taken, refused) = sources.with(|state| (state.webhooks.taken.clone(), state.webhooks.refused.clone()));
    assert_eq!(refused, Vec::<String>::new(), "{taken:?}");
    taken.iter().map(|it| format!("{} {}", it.webhook, kind(&it.webhook, &it.body))).collect()
}

/// What a body is about.
fn kind(webhook: &str, body: &Value) -> &'static str {
    let title = match webhook {
        "slack" => body["text"].as_str().and_then(|text| text.lines().next()),
        "teams" => body["attachments"][0]["content"]["body"][0]["inlines"][0]["text"].as_str(),
        _ => body["type"].as_str(),
    };
    let title = title.unwrap_or_default();
    let kinds = [
        ("expiring", "expiring"),
        ("nearly over", "expiring"),
        ("wait", "waiting"),
        ("decided", "decided"),
        ("succeeded", "decided"),
        ("failed", "decided"),
    ];
    kinds.iter().find(|(says, _)| title.contains(says)).map_or("unknown", |(_, kind)| kind)
}

#[tokio::test]
async fn slack_teams_and_others_are_told_that_a_check_waits_and_what_was_decided_each_once() {
    let world = a_waiting_check("all").await;
    let mut waiting = told(&world).await;
    waiting.sort();
    assert_eq!(waiting, ["events waiting", "slack waiting", "teams waiting"]);
    let bodies = world.sources().with(|state| format!("{:?}", state.webhooks.taken));
    for says in ["Active", "Completed", "_build/results?buildId="] {
        assert!(bodies.matches(says).count() >= 3, "{says}: {bodies}");
    }

    world.advance(minutes(10)).await;
    assert_eq!(told(&world).await.len(), 3, "nothing has changed");
    world.close_work_item();
    world.advance(AN_INTERVAL).await;
    world.expect_decision("succeeded");
    let mut decided = told(&world).await.split_off(3);
    decided.sort();
    assert_eq!(decided, ["events decided", "slack decided", "teams decided"]);
}

#[tokio::test]
async fn a_check_tells_those_of_the_file_unless_it_names_its_own_or_none() {
    for (name, expected) in
        [("waits", &["events waiting", "events decided"][..]), ("one", &["slack decided"][..]), ("none", &[][..])]
    {
        let world = a_waiting_check(name).await;
        told(&world).await;
        world.close_work_item();
        world.advance(AN_INTERVAL).await;
        assert_eq!(told(&world).await, expected, "{name}");
    }
}

#[tokio::test]
async fn people_are_told_once_that_the_time_is_nearly_over_even_if_nothing_else_is_due_then() {
    let mut world = a_waiting_check("sleeps").await;
    assert_eq!(told(&world).await, ["events waiting"]);
    let deadline = minutes(10 * 60 - 15);
    world.advance(deadline * 9 / 10 - minutes(1)).await;
    assert_eq!(told(&world).await, ["events waiting"]);
    world.advance(minutes(2)).await;
    assert_eq!(told(&world).await, ["events waiting", "events expiring"]);
    world.expect_no_decision();
    world.still_waits();
    world.advance(minutes(60)).await;
    assert_eq!(told(&world).await, ["events waiting", "events expiring", "events decided"]);
    world.expect_decision("failed");
}

#[tokio::test]
async fn a_webhook_that_hangs_for_ever_delays_nothing() {
    let mut world = a_world().await;
    world.sources().fail(Fault::hang()).on("POST", "/webhooks/").forever();
    let before = (world.clock.now(), std::time::Instant::now());
    world.accept(a_check().named("all")).await;
    world.run_due_messages().await;
    world.expect_next_evaluation_in(AN_INTERVAL);
    world.close_work_item();
    world.advance(AN_INTERVAL).await;
    world.expect_decision("succeeded");
    assert_eq!(world.clock.now() - before.0, chrono::TimeDelta::minutes(1), "no virtual time");
    // A post may take 10 s: none was waited for.
    assert!(before.1.elapsed() < Duration::from_secs(8), "{:?}", before.1.elapsed());
}

#[tokio::test]
async fn a_webhook_that_fails_is_not_asked_again_and_changes_nothing() {
    for (fault, says) in [
        (Fault::status(500), "answered 500"),
        (Fault::status(302).with_header("location", "https://evil.example/"), "redirects are not followed"),
        (Fault::answer(404, "text/plain", "no_service"), "was the webhook or its channel removed?"),
        (Fault::drop_after(), "broke off"),
        (Fault::slow_body(Duration::from_secs(5)), ""),
    ] {
        let mut world = a_world().await;
        world.sources().fail(fault).on("POST", "/webhooks/").once();
        let log = LogLines::capture();
        world.accept(a_check()).await;
        world.run_due_messages().await;
        told(&world).await;
        world.advance(minutes(5)).await;
        told(&world).await;
        let posts = world.sources().calls().len();
        assert_eq!(posts, 1, "{says}: it was posted again");
        let lines = log.take().join("\n");
        assert_eq!(lines.contains("notice_not_sent"), !says.is_empty(), "{says}: {lines}");
        assert!(lines.contains(says) && !lines.contains("webhook-secret"), "{says}: {lines}");
        world.close_work_item();
        world.advance(AN_INTERVAL).await;
        world.expect_decision("succeeded");
        assert_eq!(told(&world).await.pop().as_deref(), Some("events decided"), "{says}");
    }
}

#[tokio::test]
async fn a_post_that_certainly_did_not_arrive_is_made_again() {
    let mut world = a_world().await;
    world.sources().fail(Fault::throttle(RetryAfter::Seconds(0))).on("POST", "/webhooks/").once();
    world.accept(a_check()).await;
    world.run_due_messages().await;
    assert_eq!(told(&world).await, ["events waiting"]);
    assert_eq!(world.sources().calls().len(), 2);

    world.sources().refuse_connections(true).await.expect("it closes");
    world.close_work_item();
    world.advance(AN_INTERVAL).await;
    world.expect_decision("succeeded");
    world.sources().refuse_connections(false).await.expect("it listens again");
    assert_eq!(told(&world).await, ["events waiting", "events decided"]);
}

#[tokio::test]
async fn each_notice_is_sent_or_a_line_says_why_not_whichever_call_of_the_record_fails() {
    let mut unsettled = 0;
    for method in ["GET", "PATCH"] {
        for call in 1..=14 {
            let mut world = a_world().await;
            world.azure_devops_server().fail(Fault::status(503)).on(method, "/records").nth(call);
            let log = LogLines::capture();
            world.accept(a_check()).await;
            world.run_due_messages().await;
            told(&world).await;
            // What failed at first is tried again, and the check waits.
            world.advance(minutes(5)).await;
            told(&world).await;
            world.close_work_item();
            world.advance(minutes(10)).await;
            world.expect_decision("succeeded");
            let (told, lines) = (told(&world).await, log.take().join("\n"));
            let missing = 2 - told.len();
            assert!(lines.matches("notice_not_sent").count() >= missing, "{method} {call}: {told:?}: {lines}");
            unsettled += lines.matches("who sends it could not be settled in the check's record: ").count();
        }
    }
    assert!(unsettled >= 6, "three calls of each of two occasions: {unsettled}");
}

#[tokio::test]
async fn a_check_that_is_delivered_and_handed_out_twice_tells_once() {
    let mut world = a_world().await;
    world.host.switch(|switches| switches.duplicate_deliveries = true);
    world.accept(a_check()).await;
    world.deliver_again(a_check()).await;
    for _ in 0..10 {
        world.advance(AN_INTERVAL).await;
    }
    let waiting = told(&world).await;
    assert!(waiting.len() <= 1, "{waiting:?}");
    world.host.switch(|switches| switches.duplicate_deliveries = false);
    world.close_work_item();
    world.advance(AN_INTERVAL * 3).await;
    world.expect_decision("succeeded");
    let all = told(&world).await;
    for kind in ["events waiting", "events decided"] {
        assert!(all.iter().filter(|told| *told == kind).count() <= 1, "{all:?}");
    }
}

#[tokio::test]
async fn a_decision_that_is_refused_at_first_is_told_when_it_was_accepted() {
    let world = a_waiting_check("one").await;
    world.azure_devops_server().fail(Fault::status(503)).on("POST", "/events?").times(3);
    world.close_work_item();
    world.advance(minutes(2)).await;
    world.advance(minutes(5)).await;
    world.expect_decision("succeeded");
    assert_eq!(told(&world).await, ["slack decided"]);
}

#[tokio::test]
async fn a_check_without_a_record_tells_nobody() {
    let mut world = a_world().await;
    world.azure_devops_server().fail(Fault::answer(404, "application/json", "{}")).on("GET", "/records").forever();
    world.accept(a_check()).await;
    world.run_due_messages().await;
    world.close_work_item();
    world.advance(AN_INTERVAL).await;
    world.expect_decision("succeeded");
    assert_eq!(told(&world).await, Vec::<String>::new());
}

#[tokio::test]
async fn an_inline_definition_names_a_connection_and_no_address() {
    let mut world = World::with_sources(|_| CHECKS.to_owned()).await;
    let body = |to: &str| {
        format!(
            r#"{{ "notify": [ {{ "to": "{to}" }} ], "conditions": [ {{ "taskExecuted": {{ "task": "CmdLine" }} }} ] }}"#
        )
    };
    let refused = world.deliver(a_check().with_body(&body("https://evil.example/"))).await;
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("checks.yaml has no connection"), "{}", refused.body);
    world.accept(a_check().with_body(&body("slack"))).await;
    world.run_due_messages().await;
    world.expect_decision("succeeded");
    assert_eq!(told(&world).await, ["slack decided"]);
}

/// The three servers that a handler calls.
struct Outside {
    azure_devops: AzureDevOps,
    queue: StorageQueue,
    sources: Sources,
}

/// A handler with its host, on a runtime of its own: when that ends, everything under way is cut off.
struct Instance {
    host: FunctionsHost,
    runtime: Runtime,
    notices: checkgate::notices::UnderWay,
}

impl Instance {
    async fn start(setup: &Setup, clock: &simulator::Clock, outside: &Outside) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let app = setup.app(clock, &outside.queue, &outside.azure_devops);
        let notices = app.notices.clone();
        let (url, _) = runtime.spawn(serve(app)).await.expect("it serves");
        let source = QueueSource::Simulated(outside.queue.clone());
        let host = FunctionsHost::start(app_root(), Handler::Url(url), source, clock.clone()).await.expect("a host");
        Self { host, runtime, notices }
    }

    async fn die(self) {
        self.host.crash().await;
        self.runtime.shutdown_background();
    }
}

/// Where a handler dies: at which call of which server since the delivery, before or after the call has its effect.
#[derive(Debug, Clone, Copy)]
struct Cut {
    server: &'static str,
    call: u64,
    after: bool,
}

impl Outside {
    async fn start(clock: &simulator::Clock) -> Self {
        Self {
            azure_devops: AzureDevOps::start(clock.clone()).await.expect("a port"),
            queue: StorageQueue::start(clock.clone()).await.expect("a port"),
            sources: Sources::start(clock.clone()).await.expect("a port"),
        }
    }

    fn arm(&self, cut: Cut) {
        let fault = if cut.after { Fault::hang_after() } else { Fault::hang() };
        match cut.server {
            "azure_devops" => self.azure_devops.fail(fault).nth(cut.call),
            "queue" => self.queue.fail(fault).nth(cut.call),
            _ => self.sources.fail(fault).nth(cut.call),
        }
    }

    fn heal(&self) {
        self.azure_devops.heal();
        self.queue.heal();
        self.sources.heal();
    }

    /// Whether a call hangs.
    fn hangs(&self) -> bool {
        let calls = [self.azure_devops.calls(), self.queue.calls(), self.sources.calls()];
        calls.iter().flatten().any(|call| call.status == 0)
    }
}

/// One check from its delivery to its decision, whose handler dies there. Returns whether it died, and who was told.
async fn life(cut: Option<Cut>) -> (bool, Vec<String>) {
    let clock = simulator::Clock::starting_at(MONDAY_MORNING.parse().expect("a time"));
    let outside = Outside::start(&clock).await;
    let setup = Setup { checks: CHECKS.to_owned(), sources: Some(outside.sources.clone()), ..Setup::default() };
    let ids = outside.azure_devops.with(|state| {
        let run = state.run().id;
        an_active_work_item(state, run);
        state.await_check(run)
    });
    let mut instance = Instance::start(&setup, &clock, &outside).await;
    let function = instance.host.function_address("CheckFunction");
    let headers = a_check().headers(&ids);
    assert!(simulator::azure_pipelines::deliver_with(&function, "", &headers, "").await.accepted());
    cut.into_iter().for_each(|cut| outside.arm(cut));
    let mut has_died = false;
    for step in 0..6 {
        if step == 2 {
            outside.azure_devops.with(|state| {
                state.work_item(42, "Closed");
            });
        }
        let host = instance.host.clone();
        let running = tokio::spawn(async move { host.run_due_messages().await });
        let mut look = interval(Duration::from_millis(2));
        let quiet = timeout(Duration::from_secs(60), async {
            while !(running.is_finished() && instance.notices.count() == 0) && (has_died || !outside.hangs()) {
                look.tick().await;
            }
        });
        quiet.await.unwrap_or_else(|_| panic!("{cut:?}: it does not end"));
        if !has_died && outside.hangs() {
            has_died = true;
            running.abort();
            instance.die().await;
            outside.heal();
            instance = Instance::start(&setup, &clock, &outside).await;
        }
        // Longer than the lease of a message whose handler has died.
        clock.advance(minutes(11));
    }
    let decisions = outside.azure_devops.with(|state| state.decisions(&ids));
    let accepted: Vec<&str> =
        decisions.iter().filter(|event| event.accepted).map(|event| event.result.as_str()).collect();
    assert_eq!(accepted, ["succeeded"], "{cut:?}: {decisions:?}");
    let told = taken(&outside.sources);
    instance.die().await;
    (has_died, told)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_is_killed_before_or_after_any_call_tells_each_thing_once_at_most_and_decides_as_ever() {
    let (_, told) = life(None).await;
    assert_eq!(told, ["events waiting", "events decided"], "nobody dies");
    let (mut lives, mut all) = (0, 0);
    for server in ["azure_devops", "queue", "sources"] {
        for call in 1.. {
            let mut died = false;
            for after in [false, true] {
                let cut = Cut { server, call, after };
                let (has_died, told) = life(Some(cut)).await;
                for kind in ["events waiting", "events decided"] {
                    assert!(told.iter().filter(|told| *told == kind).count() <= 1, "{cut:?}: {told:?}");
                }
                (lives, all) = (lives + usize::from(has_died), all + told.len());
                died |= has_died;
            }
            if !died {
                break;
            }
        }
    }
    println!("{lives} deaths, {all} notices");
    assert!(lives >= 40 && all >= lives, "{lives} deaths, {all} notices");
}
