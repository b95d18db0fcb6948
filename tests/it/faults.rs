//! Azure DevOps misbehaves in every way, at every place: the decision still arrives, right and once.

use std::time::Duration;

use chrono::{DateTime, Utc};
use simulator::azure_devops::{EventStatus, LateEvent, TaskResult};
use simulator::faults::{Fault, RetryAfter};
use tokio::task::JoinSet;

use crate::support::{AN_INTERVAL, MONDAY_MORNING, Setup, World, a_check, an_active_work_item, minutes};

/// How many worlds are worked on at a time.
const WORLDS: usize = 8;

/// What a check calls, by method and a part of the path.
const ROUTES: [(&str, &str); 11] = [
    ("GET", "?api-version=7.1-preview.1"),
    ("GET", "/records?"),
    ("PATCH", "/records?"),
    ("POST", "/logs?"),
    ("POST", "/logs/"),
    ("POST", "/events?"),
    ("GET", "/build/builds/"),
    ("GET", "/timeline?"),
    ("POST", "/workitems?"),
    ("POST", "/workitemsbatch?"),
    ("GET", "/states?"),
];

/// Every way to misbehave.
fn faults() -> Vec<(&'static str, Fault)> {
    let soon: DateTime<Utc> = MONDAY_MORNING.parse().expect("a time");
    vec![
        ("500", Fault::status(500)),
        ("503", Fault::status(503)),
        ("429 with seconds", Fault::throttle(RetryAfter::Seconds(30))),
        ("429 with a date", Fault::throttle(RetryAfter::At(soon + chrono::TimeDelta::seconds(40)))),
        ("a wish to slow down", Fault::slow_down(RetryAfter::Seconds(20))),
        ("a page with 200", Fault::html(200)),
        ("a page with 203", Fault::html(203)),
        ("an error page", Fault::html(500)),
        ("wrong JSON", Fault::wrong_json()),
        ("no answer", Fault::hang()),
        ("a slow body", Fault::slow_body(Duration::from_millis(2))),
        ("a closed connection", Fault::drop_connection()),
        ("a connection that closes after the effect", Fault::drop_after()),
        ("a reset connection", Fault::reset()),
    ]
}

/// A handler that does not wait long for an answer.
fn impatient() -> Setup {
    Setup { call_timeout: Duration::from_millis(300), ..Setup::default() }
}

/// A world in which the check `work-item-completed` passes, and the check `cmdline-executed` does not.
async fn a_world() -> World {
    World::with_setup(impatient(), |state, run| {
        state.work_item(42, "Closed");
        state.runs.get_mut(&run).expect("the run").links_work_item(42).without_tasks();
    })
    .await
}

/// Both checks, with the decision that each must end in.
const CHECKS: [(&str, &str); 2] = [("work-item-completed", "succeeded"), ("cmdline-executed", "failed")];

/// Runs many worlds, a few at a time.
async fn all<F: Future<Output = ()> + Send + 'static>(worlds: impl IntoIterator<Item = F>) {
    let mut running = JoinSet::new();
    for world in worlds {
        if running.len() == WORLDS {
            running
                .join_next()
                .await
                .expect("one runs")
                .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        }
        running.spawn(world);
    }
    while let Some(ended) = running.join_next().await {
        ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_of_any_route_loses_doubles_or_changes_the_decision() {
    let cases = ROUTES.into_iter().flat_map(|route| faults().into_iter().map(move |fault| (route, fault)));
    all(cases.map(|((method, path), (name, fault))| async move {
        for (check, decision) in CHECKS {
            println!("{name} from {method} {path}: {check}");
            let mut world = a_world().await;
            world.azure_devops_server().fail(fault.clone()).on(method, path).times(2);
            world.accept(a_check().named(check)).await;
            world.advance(minutes(10)).await;
            world.expect_decision(decision);
        }
    }))
    .await;
}

/// What an outage looks like.
fn outages() -> [(&'static str, Fault); 3] {
    [("no connection", Fault::drop_connection()), ("503", Fault::status(503)), ("a sign-in page", Fault::html(203))]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_twenty_minutes_that_begins_at_any_call_delays_the_decision_and_stands_in_the_log() {
    // More calls than any of the checks makes: then the outage begins after the decision.
    let cases = (0..14).flat_map(|calls| outages().into_iter().map(move |outage| (calls, outage)));
    all(cases.map(|(calls, (name, outage))| async move {
        for (check, decision) in CHECKS {
            println!("{name} after {calls} calls: {check}");
            let mut world = a_world().await;
            let server = world.azure_devops_server();
            // The first rule that fits applies: so many calls pass.
            server.fail(Fault::slow_down(RetryAfter::Seconds(0))).times(calls);
            server.fail(outage.clone()).forever();
            world.accept(a_check().named(check)).await;
            world.advance(minutes(20)).await;
            let is_decided = world.azure_devops(|state| !state.decisions(world.ids()).is_empty());

            world.azure_devops_server().heal();
            world.advance(minutes(5)).await;

            world.expect_decision(decision);
            if !is_decided {
                world.expect_log("Azure DevOps could not be read between 2026-01-05T09:0");
                world.expect_log(&format!("Decision: {decision}."));
            }
        }
    }))
    .await;
}

#[tokio::test]
async fn an_outage_of_a_whole_day_ends_in_the_decision() {
    let mut world = a_world().await;
    world.accept(a_check().named("work-item-completed")).await;
    world.run_due_messages().await;
    world.expect_decision("succeeded");

    let mut world = World::with_setup(impatient(), an_active_work_item).await;
    world.accept(a_check().named("work-item-completed")).await;
    world.run_due_messages().await;
    world.azure_devops_server().fail(Fault::status(503)).forever();
    world.advance(minutes(20 * 60)).await;
    world.close_work_item();
    world.azure_devops_server().heal();
    world.advance(minutes(5)).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn a_wait_that_is_asked_for_is_kept_in_seconds_as_a_date_and_on_a_success() {
    let at = |seconds| {
        RetryAfter::At(MONDAY_MORNING.parse::<DateTime<Utc>>().expect("a time") + chrono::TimeDelta::seconds(seconds))
    };
    for (fault, seconds) in [
        (Fault::throttle(RetryAfter::Seconds(300)), 300),
        (Fault::throttle(at(420)), 420),
        (Fault::slow_down(RetryAfter::Seconds(300)), 300),
        (
            Fault::status(429).with_header("X-RateLimit-Remaining", "0").with_header("X-RateLimit-Reset", "1767604200"),
            600,
        ),
        (Fault::status(503).with_header("X-RateLimit-Delay", "250.5"), 251),
    ] {
        let mut world = World::given(an_active_work_item).await;
        world.azure_devops_server().fail(fault).on("GET", "/records?").once();
        world.accept(a_check().named("work-item-completed")).await;
        world.run_due_messages().await;
        world.expect_next_evaluation_in(Duration::from_secs(seconds));
        world.expect_no_decision();
        world.still_waits();
    }
}

#[tokio::test]
async fn while_azure_devops_is_silent_only_one_check_at_a_time_asks_for_it() {
    const CHECKS: usize = 40;
    let mut world = a_world().await;
    world.host.switch(|switches| switches.one_at_a_time = true);
    for _ in 0..CHECKS {
        world.accept(a_check()).await;
    }
    world.azure_devops_server().fail(Fault::drop_connection()).forever();

    world.run_due_messages().await;

    let calls = world.azure_devops_server().take_calls().len();
    assert_eq!(calls, 5, "of {CHECKS} checks");
    world.azure_devops_server().heal();
    world.advance(minutes(5)).await;
    world.expect_decision("failed");
}

#[tokio::test]
async fn a_condition_that_stays_unmeasurable_fails_the_check_when_its_error_budget_is_spent() {
    let mut world = a_world().await;
    let page = "<html><body>Something went wrong</body></html>";
    world.azure_devops_server().fail(Fault::answer(500, "text/html", page)).on("GET", "/timeline?").forever();
    world.accept(a_check()).await;

    world.advance(minutes(29)).await;
    world.expect_no_decision();
    world.advance(minutes(5)).await;

    world.expect_decision("failed");
    world.expect_log("could not be measured for 30m: could not read");
    assert!(!world.log().contains("<html>"));
}

#[tokio::test]
async fn a_token_that_is_refused_for_a_while_is_not_given_up() {
    let mut world = a_world().await;
    // An outage, then a gateway that asks people to sign in, as it ends.
    let server = world.azure_devops_server();
    server.fail(Fault::status(503)).times(8);
    server.fail(Fault::html(203)).times(3);
    world.accept(a_check()).await;
    world.advance(minutes(40)).await;
    world.expect_decision("failed");
}

#[tokio::test]
async fn facts_that_the_token_may_not_read_end_the_check_with_that_reason() {
    let mut world = a_world().await;
    world.azure_devops_server().fail(Fault::status(401)).on("GET", "/build/builds/").forever();
    world.accept(a_check()).await;
    world.advance(minutes(40)).await;
    world.expect_decision("failed");
    world.expect_log("The conditions could not be measured: could not read the run's timeline: the token was refused");
}

#[tokio::test]
async fn facts_that_the_token_may_not_read_do_not_outlive_the_deadline() {
    let checks = "default: short\nchecks: { short: { timeout: 20m, conditions: [ taskExecuted: { task: CmdLine } ] } }";
    let mut world = World::with_checks(checks, |_, _| {}).await;
    world.azure_devops_server().fail(Fault::status(401)).on("GET", "/build/builds/").forever();
    world.accept(a_check()).await;
    world.advance(minutes(21)).await;
    world.expect_decision("failed");
    world.expect_log("The check's time is over (20m). Still missing: could not read the run");
}

#[tokio::test]
async fn a_log_that_cannot_be_written_changes_no_decision() {
    for (method, path) in [("POST", "/logs?"), ("POST", "/logs/"), ("PATCH", "/records?")] {
        for (check, decision) in CHECKS {
            let mut world = a_world().await;
            world.azure_devops_server().fail(Fault::status(500)).on(method, path).forever();
            world.accept(a_check().named(check)).await;
            world.run_due_messages().await;
            world.expect_decision(decision);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_hangs_delays_the_decision_by_its_own_limit_only() {
    let mut world = World::given(|_, _| {}).await;
    world.azure_devops_server().fail(Fault::hang()).on("POST", "/logs").forever();
    world.accept(a_check()).await;
    let start = std::time::Instant::now();
    world.run_due_messages().await;
    world.expect_decision("succeeded");
    // Creating the log is all that is tried: five seconds, and what the rest takes.
    assert!(start.elapsed() < Duration::from_secs(9), "{:?}", start.elapsed());
}

#[tokio::test]
async fn astryx_5227_a_decision_that_is_refused_for_ten_minutes_is_posted_until_it_is_accepted_and_made_once() {
    let mut world = a_world().await;
    world.azure_devops_server().fail(Fault::status(503)).on("POST", "/events?").forever();
    world.accept(a_check().named("work-item-completed")).await;
    world.run_due_messages().await;
    // It is not decided anew, whatever becomes of the facts.
    world.azure_devops(|state| {
        state.work_item(42, "Active");
    });
    world.advance(minutes(10)).await;
    world.expect_no_decision();

    world.azure_devops_server().heal();
    world.advance(minutes(3)).await;

    world.expect_decision("succeeded");
    assert_eq!(world.log().matches("Decision: ").count(), 1, "{}", world.log());
}

#[tokio::test]
async fn a_handler_that_dies_between_decision_and_delivery_delivers_the_same_decision() {
    let mut world = a_world().await;
    world.azure_devops_server().fail(Fault::drop_connection()).on("POST", "/events?").forever();
    world.accept(a_check().named("work-item-completed")).await;
    // The message that the dying process would have queued is not: only the old one is there, handed out once more.
    let first = world.messages().remove(0);
    world.run_due_messages().await;
    world.queue.with(|state| {
        let queue = state.queues.get_mut(checkgate::queue::QUEUE_NAME).expect("the queue");
        queue.messages = vec![first];
    });
    world.azure_devops_server().heal();
    world.azure_devops(|state| {
        state.work_item(42, "Active");
    });

    world.run_due_messages().await;

    world.expect_decision("succeeded");
}

#[tokio::test]
async fn an_acceptance_that_the_record_does_not_show_is_confirmed_by_posting_again() {
    let mut world = a_world().await;
    // The service takes the event for nothing, and says 204.
    world.azure_devops_server().fail(Fault::answer(204, "", "")).on("POST", "/events?").once();
    world.accept(a_check().named("work-item-completed")).await;
    world.run_due_messages().await;
    world.expect_no_decision();
    world.advance(minutes(1)).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn both_answers_to_an_event_are_understood() {
    for (event, late) in [(EventStatus::Ok, LateEvent::NoContent), (EventStatus::NoContent, LateEvent::SessionNotFound)]
    {
        let mut world = World::given(|state, _| (state.event_status, state.late_event) = (event, late)).await;
        world.accept(a_check()).await;
        world.deliver_again(a_check()).await;
        world.advance(minutes(2)).await;
        world.expect_decision("succeeded");
    }
}

#[tokio::test]
async fn a_check_that_somebody_else_ends_posts_nothing() {
    for end in ["bypassed", "cancelled", "completed by somebody else"] {
        let world = World::with_a_waiting_check().await;
        let ids = world.ids().clone();
        world.azure_devops(|state| match end {
            "bypassed" => state.bypass_check(&ids),
            "cancelled" => state.cancel_check(&ids),
            _ => state.end_check(&ids, TaskResult::Succeeded),
        });

        world.advance(AN_INTERVAL).await;

        world.expect_no_decision();
        assert!(world.messages().is_empty(), "{end}");
    }
}

#[tokio::test]
async fn a_check_without_a_record_learns_from_its_run_that_it_was_cancelled() {
    let world = World::with_a_waiting_check().await;
    let run = world.run;
    world.azure_devops_server().fail(Fault::answer(404, "application/json", "{}")).on("GET", "/records").forever();
    world.azure_devops(|state| state.begin_to_cancel_run(run));

    // Believed after two more looks.
    world.advance(AN_INTERVAL + minutes(1)).await;

    world.expect_no_decision();
    assert!(world.messages().is_empty());
}

#[tokio::test]
async fn a_claim_that_arrives_late_does_not_end_the_chain_that_lives() {
    let world = World::with_a_waiting_check().await;
    // Of a message that has ended long ago.
    world.claim_record("0000000000000001.stale").await;

    world.advance(AN_INTERVAL).await;
    world.close_work_item();
    world.advance(Duration::from_secs(30)).await;

    world.expect_decision("succeeded");
}

#[tokio::test]
async fn a_message_that_is_tried_again_ends_for_another_chain_only_if_that_one_lives() {
    for lives in [true, false] {
        let mut world = World::given(an_active_work_item).await;
        world.accept(a_check().named("work-item-completed")).await;
        world.queue.fail(Fault::status(503)).on("POST", "/messages").forever();
        world.run_due_messages().await;
        world.queue.heal();
        // A claim of the first try may be on its way, newer than this one.
        world.claim_record("0000000000000001.duplicate").await;
        world.advance(Duration::from_secs(15)).await;
        if lives {
            world.claim_record("000fffffffffff00.duplicate").await;
        }

        world.advance(Duration::from_secs(30)).await;

        assert_eq!(world.messages().is_empty(), lives);
        world.may_leave_messages();
    }
}

#[tokio::test]
async fn a_plan_that_cannot_be_seen_for_a_moment_is_looked_for_again_however_late_it_is() {
    let gone = r#"{ "typeKey": "TaskOrchestrationPlanNotFoundException", "message": "TF400000: no such plan" }"#;
    for (body, calls) in [("{}", 2), (gone, 1)] {
        let mut world = World::given(|_, _| {}).await;
        world.azure_devops_server().fail(Fault::status(503)).forever();
        world.accept(a_check()).await;
        world.advance(minutes(1)).await;
        world.azure_devops_server().heal();
        world.azure_devops_server().fail(Fault::answer(404, "application/json", body)).on("GET", "").times(calls);

        world.advance(minutes(5)).await;

        world.expect_decision("succeeded");
    }
}

#[tokio::test]
async fn a_chain_ends_when_another_one_has_a_newer_claim() {
    let world = World::with_a_waiting_check().await;
    world.claim_record("ffffffffffff0000.duplicate").await;

    world.advance(AN_INTERVAL).await;

    assert!(world.messages().is_empty());
    world.expect_no_decision();
}

#[tokio::test]
async fn an_evaluation_whose_successor_cannot_be_queued_is_left_with_the_host() {
    let mut world = World::given(an_active_work_item).await;
    world.accept(a_check().named("work-item-completed")).await;
    world.queue.fail(Fault::status(503)).on("POST", "/messages").forever();
    world.run_due_messages().await;
    assert_eq!(world.messages().len(), 1, "the host hands it out again");

    world.queue.heal();
    world.close_work_item();
    // It has announced its next look, and waits whether a successor keeps that promise.
    world.advance(AN_INTERVAL * 2).await;

    world.expect_decision("succeeded");
}

#[tokio::test]
async fn messages_that_are_handed_out_twice_and_out_of_order_end_in_one_decision() {
    let mut world = World::given(an_active_work_item).await;
    world.host.switch(|switches| {
        switches.duplicate_deliveries = true;
        switches.shuffle = Some(42);
    });
    world.accept(a_check().named("work-item-completed")).await;
    world.deliver_again(a_check().named("work-item-completed")).await;
    for _ in 0..10 {
        world.advance(AN_INTERVAL).await;
        assert!(world.messages().len() <= 4, "{} messages", world.messages().len());
    }
    world.host.switch(|switches| switches.duplicate_deliveries = false);
    world.advance(AN_INTERVAL * 2).await;
    assert_eq!(world.messages().len(), 1);
    world.close_work_item();
    world.advance(AN_INTERVAL * 2).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn an_answer_that_nobody_knows_is_never_a_yes() {
    let mut world = a_world().await;
    // All that is read about the run is nonsense, for ever.
    for path in ["/build/builds/", "/workitems", "/states?", "/timeline?"] {
        world.azure_devops_server().fail(Fault::answer(200, "application/json", "{}")).on("", path).forever();
    }
    world.accept(a_check().named("work-item-completed")).await;
    world.advance(minutes(60)).await;
    world.expect_decision("failed");
}

#[tokio::test]
async fn after_any_call_that_is_throttled_the_check_sends_nothing_before_its_time() {
    let calls = [
        ("GET", "/records?"),
        ("POST", "/logs?"),
        ("PATCH", "/records?"),
        ("GET", "/build/builds/"),
        ("POST", "/workitemsbatch"),
        ("POST", "/logs/"),
    ];
    for (method, path) in calls {
        let mut world = World::given(an_active_work_item).await;
        let server = world.azure_devops_server();
        server.fail(Fault::throttle(RetryAfter::Seconds(300))).on(method, path).once();
        world.accept(a_check().named("work-item-completed")).await;
        world.run_due_messages().await;
        let last = world.azure_devops_server().calls().last().map(|call| call.status);
        assert_eq!(last, Some(429), "a call follows the throttled {method} {path}");
        world.expect_next_evaluation_in(minutes(5));
        world.close_work_item();
        world.advance(minutes(6)).await;
        world.expect_decision("succeeded");
    }
}

#[tokio::test]
async fn a_decision_that_is_due_does_not_wait_although_azure_devops_asks_for_it() {
    let checks = "default: short\nchecks: { short: { timeout: 20m, conditions: [ workItems: { state: Completed } ] } }";
    let mut world = World::with_checks(checks, an_active_work_item).await;
    let server = world.azure_devops_server();
    server.fail(Fault::throttle(RetryAfter::Seconds(3_000))).on("GET", "/build/builds/").once();
    server.fail(Fault::slow_down(RetryAfter::Seconds(3_000))).on("GET", "").forever();
    world.accept(a_check()).await;
    world.run_due_messages().await;
    world.expect_next_evaluation_in(minutes(19));
    world.advance(minutes(20)).await;
    world.expect_decision("failed");
    world.expect_log("The check's time is over (20m). Still missing: all work items");
}

#[tokio::test]
async fn a_check_goes_on_although_every_answer_asks_for_a_wait() {
    let mut world = a_world().await;
    world.azure_devops_server().fail(Fault::slow_down(RetryAfter::Seconds(60))).forever();
    world.accept(a_check().named("work-item-completed")).await;
    world.run_due_messages().await;
    assert_eq!(world.azure_devops_server().calls().len(), 1);
    world.expect_next_evaluation_in(minutes(1));
    world.advance(minutes(10)).await;
    world.expect_decision("succeeded");
}
