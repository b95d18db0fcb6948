//! Bugs that similar projects had, as scenarios that must not happen here. Each has the name and number of that bug.
//!
//! Other tests of this kind are in the files of their topics, with names of the same form: `argo_4479`, `steward_279` …

use std::collections::BTreeSet;
use std::time::Duration;

use checkgate::checks_file::ChecksFile;
use checkgate::clock::Clock;
use checkgate::queue::QUEUE_NAME;
use chrono::TimeDelta;
use serde_json::json;
use simulator::azure_devops::{AzureDevOps, CMD_LINE, TaskResult, Unauthorized};
use simulator::azure_pipelines::{self, FunctionAddress};
use simulator::faults::Fault;
use simulator::sources::{Samples, Sources};

use crate::support::{AN_INTERVAL, MONDAY_MORNING, Setup, World, a_check, an_active_work_item, minutes};

/// A retry round a function that swallows its errors never retries: here every failure of the storage is one more try.
#[tokio::test]
async fn watchflow_pr_49_a_put_that_fails_is_really_tried_again() {
    let mut world = World::given(|_, _| {}).await;
    let failures = |world: &World| {
        let calls = world.queue.take_calls();
        calls.iter().filter(|call| call.method == "POST" && call.status == 503).count()
    };
    world.queue.fail(Fault::status(503)).on("POST", "/messages").times(2);
    world.accept(a_check()).await;
    assert_eq!(failures(&world), 2);

    world.queue.fail(Fault::status(503)).on("POST", "/messages").forever();
    let delivered = world.deliver_again(a_check()).await;
    assert_eq!(delivered.status, 503, "{delivered:?}");
    assert!((2..=7).contains(&failures(&world)), "again, and not for ever");
    world.queue.heal();
    world.run_due_messages().await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn dcoapp_302_a_call_that_fails_before_anything_was_reported_is_reported() {
    let refused = json!({ "message": "TF400733: slow down.", "typeKey": "RequestBlockedException" }).to_string();
    let fault = || Fault::answer(500, "application/json", &refused);
    let mut world = World::given(|_, _| {}).await;
    world.azure_devops_server().fail(fault()).on("GET", "/timeline?").once();
    world.accept(a_check()).await;
    world.run_due_messages().await;
    world.expect_no_decision();
    let shown =
        "could not read the run's timeline: Azure DevOps answered 500 Internal Server Error: TF400733: slow down.";
    world.expect_log(shown);
    assert!(world.current_operation().contains(shown), "{}", world.current_operation());
    world.advance(AN_INTERVAL).await;
    world.expect_decision("succeeded");

    // The very first call: nothing could be written then, so it is written later.
    world.azure_devops_server().fail(fault()).on("GET", "?api-version=7.1-preview.1").once();
    world.accept(a_check()).await;
    world.run_due_messages().await;
    world.expect_no_decision();
    world.advance(AN_INTERVAL).await;
    world.expect_decision("succeeded");
    world.expect_log("Azure DevOps could not be read between 2026-01-05T09:01:00Z and");
}

#[tokio::test]
async fn dcoapp_162_a_check_whose_message_was_lost_is_decided_when_it_is_delivered_again() {
    let mut world = World::given(|_, _| {}).await;
    world.accept(a_check()).await;
    world.queue.with(|state| state.queues.get_mut(QUEUE_NAME).expect("the queue").messages.clear());
    world.advance(minutes(60)).await;
    world.expect_no_decision();

    assert!(world.deliver_again(a_check()).await.accepted());
    world.run_due_messages().await;
    world.expect_decision("succeeded");
}

/// The guide's source says in a comment that a check may be delivered up to ten times.
#[tokio::test]
async fn hidden_note_1_ten_deliveries_at_once_end_in_one_decision() {
    let mut world = World::given(an_active_work_item).await;
    let delivered = world.deliver_at_once(&a_check().named("work-item-completed"), 10).await;
    assert!(delivered.iter().all(azure_pipelines::Delivered::accepted), "{delivered:?}");
    world.run_due_messages().await;
    world.azure_devops_server().take_calls();
    world.advance(AN_INTERVAL + Duration::from_secs(1)).await;
    let calls = world.azure_devops_server().take_calls();
    let evaluations = calls.iter().filter(|call| call.path.ends_with("/workitemsbatch")).count();
    assert_eq!(evaluations, 1, "of ten chains one lives");
    // Those that could not know at once were evaluated again.
    world.advance(Duration::from_secs(30)).await;
    assert_eq!(world.messages().len(), 1);

    world.close_work_item();
    world.advance(AN_INTERVAL).await;
    world.expect_decision("succeeded");
    assert_eq!(world.log().matches("Decision: ").count(), 1, "{}", world.log());
}

#[tokio::test]
async fn ext_907_a_second_attempt_of_the_stage_is_evaluated_anew() {
    let mut world = World::given(|state, run| {
        state.runs.get_mut(&run).expect("the run").without_tasks();
    })
    .await;
    world.accept(a_check()).await;
    world.run_due_messages().await;
    world.expect_decision("failed");
    let (first, run) = (world.ids().clone(), world.run);

    // The earlier stage is run again, then this one.
    world.azure_devops(|state| {
        let run = state.runs.get_mut(&run).expect("the run");
        run.task(CMD_LINE, "CmdLine", TaskResult::Succeeded);
    });
    world.accept(a_check()).await;
    world.run_due_messages().await;

    world.expect_decision("succeeded");
    assert_ne!(&first, world.ids());
    assert_eq!(world.azure_devops(|state| state.decisions(&first).len()), 1, "the first attempt stays as it is");
}

#[tokio::test]
async fn kargo_6372_a_second_run_of_the_same_commit_is_evaluated_and_not_answered_from_the_first() {
    let mut world = World::with_a_waiting_check().await;
    world.close_work_item();
    world.advance(AN_INTERVAL).await;
    world.expect_decision("succeeded");

    let first = world.run;
    world.run = world.azure_devops(|state| {
        let commit = state.runs[&first].source_version.clone();
        let second = state.run();
        second.source_version = commit;
        let second = second.id;
        an_active_work_item(state, second);
        second
    });
    world.accept(a_check().named("work-item-completed")).await;
    world.run_due_messages().await;
    world.expect_no_decision();
    world.close_work_item();
    world.advance(AN_INTERVAL).await;
    world.expect_decision("succeeded");
}

/// Microsoft's sample fails the stage if it cannot write its log once it has scheduled the next look.
#[tokio::test]
async fn ms_sample_a_log_that_fails_while_the_check_waits_does_not_change_the_verdict() {
    let world = World::with_a_waiting_check().await;
    world.azure_devops_server().fail(Fault::status(500)).on("POST", "/logs/").forever();
    world.azure_devops_server().fail(Fault::status(500)).on("PATCH", "/records?").forever();
    world.azure_devops(|state| state.work_item(42, "Resolved").title = "A new title".to_owned());
    world.advance(AN_INTERVAL).await;
    world.expect_no_decision();
    assert_eq!(world.messages().len(), 1);

    world.close_work_item();
    world.advance(AN_INTERVAL).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn agent_5520_every_form_of_a_dead_token_is_noticed_and_ends_the_check_without_a_decision() {
    let sign_in = || Fault::status(302).with_header("Location", "https://spsprodweu1.vssps.visualstudio.com/_signin");
    for (form, gateway) in [
        (Unauthorized::Status401, None),
        (Unauthorized::SignInPage203, None),
        (Unauthorized::Redirect302, None),
        (Unauthorized::Redirect302, Some(sign_in())),
    ] {
        let mut world = World::given(|state, run| {
            state.expired_token = form;
            an_active_work_item(state, run);
        })
        .await;
        world.accept(a_check().named("work-item-completed")).await;
        world.run_due_messages().await;
        let ids = world.ids().clone();
        world.azure_devops(|state| state.expire_token(&ids));
        if let Some(fault) = gateway {
            world.azure_devops_server().fail(fault).forever();
        }
        world.azure_devops_server().take_calls();

        world.advance(minutes(40)).await;

        world.expect_no_decision();
        assert!(world.messages().is_empty(), "{form:?}");
        let calls = world.azure_devops_server().take_calls().len();
        assert!((5..60).contains(&calls), "{form:?}: {calls} calls");
    }
}

#[tokio::test]
async fn kargo_6582_a_soak_is_evaluated_when_it_ends_and_not_at_the_next_interval() {
    let mut world = World::with_sources(|sources| {
        let url = sources.url("prometheus");
        format!(
            "default: soak\nconnections: {{ p: {{ prometheus: {{ url: \"{url}\" }} }} }}\nchecks: {{ soak: {{ reevaluateEvery: 1h, conditions: [ \
             {{ metric: {{ connection: p, query: q, successCondition: result < 0.05, initialDelay: 7m }} }}, {{ tag: {{ in: [go] }} }} ] }} }}"
        )
    })
    .await;
    world.sources().with(|state| state.prometheus.queries.insert("q".to_owned(), Samples::Scalar(0.01)));
    let run = world.run;
    world.azure_devops(|state| state.runs.get_mut(&run).expect("the run").tags.push("go".to_owned()));
    world.accept(a_check()).await;
    world.run_due_messages().await;
    world.expect_next_evaluation_in(minutes(7));
    world.advance(minutes(7) - Duration::from_secs(1)).await;
    world.expect_no_decision();
    world.advance(Duration::from_secs(1)).await;
    world.expect_decision("succeeded");
}

/// A world in which it takes two minutes to read the run's timeline.
async fn where_reading_takes_two_minutes(checks: impl FnOnce(&Sources) -> String) -> World {
    let hand = simulator::Clock::starting_at(MONDAY_MORNING.parse().expect("a time"));
    let azure_devops = AzureDevOps::start(hand.clone()).await.expect("a port");
    let sources = Sources::start(hand.clone()).await.expect("a port");
    let clock = {
        let azure_devops = azure_devops.clone();
        Clock::from_fn(move || {
            let was_read = azure_devops.counts().keys().any(|route| route.ends_with("{build}/timeline"));
            hand.now() + TimeDelta::minutes(if was_read { 2 } else { 0 })
        })
    };
    let setup = Setup { checks: checks(&sources), clock: Some(clock), sources: Some(sources), ..Setup::default() };
    World::around_with(azure_devops, setup).await
}

#[tokio::test]
async fn steward_279_a_window_that_closes_while_the_facts_are_read_is_not_allowed() {
    let change = "serviceNowChange: { connection: snow, number: Change, withinWindow: true }";
    for (closes, says) in [
        ("window: { to: '09:01' }", "closed at Mon 2026-01-05 09:02 UTC"),
        ("expression: \"now < timestamp('2026-01-05T09:01:00Z')\"", "now < timestamp('2026-01-05T09:01:00Z') = false"),
        (change, "its planned end, 2026-01-05T09:01:00Z, is over"),
    ] {
        let mut world = where_reading_takes_two_minutes(|sources| {
            let user = "user: \"${SERVICENOW_USER}\", password: \"${SERVICENOW_PASSWORD}\"";
            format!(
                "connections: {{ snow: {{ serviceNow: {{ instance: \"{}\", {user} }} }} }}\ndefault: it\n\
                 checks: {{ it: {{ inputs: {{ Change: {{ required: false }} }}, conditions: [ {{ {closes} }}, {{ taskExecuted: {{ task: CmdLine }} }} ] }} }}",
                sources.url("service-now")
            )
        })
        .await;
        let planned = [("start_date", "2026-01-05 08:00:00"), ("end_date", "2026-01-05 09:01:00")];
        world.sources().with(|state| state.service_now.add_change("CHG0030001", &planned));
        world.accept(a_check().with("Change", "CHG0030001")).await;
        world.run_due_messages().await;
        world.expect_log(says);
        let decisions = world.azure_devops(|state| state.decisions(world.ids()));
        assert!(decisions.iter().all(|decision| decision.result == "failed"), "{closes}: {decisions:?}");
        world.may_leave_messages();
    }
}

#[tokio::test]
async fn flagger_1151_a_typo_in_a_name_or_a_kind_is_refused_and_never_lets_a_stage_through() {
    let mut world = World::given(|_, _| {}).await;
    for (delivery, says) in [
        (a_check().named("cmdline-exceuted"), "did you mean `cmdline-executed`?"),
        (a_check().with_query("check=work-item-complete"), "did you mean `work-item-completed`?"),
        (a_check().with_body(r#"{"conditions":[{"taskExcuted":{"task":"CmdLine"}}]}"#), "did you mean `taskExecuted`?"),
        (a_check().with_body(r#"{"conditions":[{"taskExecuted":{"tsak":"CmdLine"}}]}"#), "did you mean `task`?"),
        (a_check().with_body(r#"{"conditionz":[{"taskExecuted":{"task":"CmdLine"}}]}"#), "did you mean `conditions`?"),
    ] {
        let delivered = world.deliver(delivery).await;
        assert!(delivered.status == 400 && delivered.body.contains(says), "{delivered:?}");
    }
    for (file, says) in [
        (
            "default: gat\nchecks: { gate: { conditions: [ branch: { in: [refs/heads/main] } ] } }",
            "did you mean `gate`?",
        ),
        ("checks: { gate: { conditions: [ brunch: { in: [refs/heads/main] } ] } }", "did you mean `branch`?"),
    ] {
        let problems = ChecksFile::parse(file).expect_err("a typo");
        assert!(problems.iter().any(|problem| problem.to_string().contains(says)), "{problems:?}");
    }
    assert!(world.messages().is_empty());
    assert!(world.azure_devops_server().calls().is_empty());
}

/// An attacker who forges a delivery does not have the function's key, or, with the key, not the token of the run.
#[tokio::test]
async fn gitlab_433035_a_forged_delivery_decides_nothing() {
    let mut world = World::given(|_, _| {}).await;
    let ids = world.azure_devops(|state| state.await_check(101));
    let url = world.host.function_url("CheckFunction");
    let function = FunctionAddress::new(url, "a key of their own");
    let delivered = azure_pipelines::deliver_with(&function, "", &a_check().headers(&ids), "").await;
    assert_eq!(delivered.status, 401, "{delivered:?}");
    assert!(world.messages().is_empty());

    world.accept(a_check().with("AuthToken", "a-token-of-their-own")).await;
    world.advance(minutes(60)).await;
    world.expect_no_decision();
    let methods: BTreeSet<String> =
        world.azure_devops_server().calls().iter().map(|call| call.method.to_string()).collect();
    assert_eq!(methods, BTreeSet::from(["GET".to_owned()]), "nothing is written in their name");
}
