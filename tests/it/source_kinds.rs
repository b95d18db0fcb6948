//! Checks that consult outside systems: ServiceNow, monitoring, anything that answers over HTTP.

use std::time::Duration;

use serde_json::json;
use simulator::faults::{Fault, RetryAfter};
use simulator::sources::{Page, Samples, Sources, Table};

use crate::support::{Delivery, World, a_check, minutes, shipped};

const CHANGE: &str = "CHG0030001";

/// The query of `canary-performance`, as the file's block of text gives it.
const ERROR_RATE: &str = "sum(rate(http_requests_total{job=\"canary\",code=~\"5..\"}[5m]))\n  / sum(rate(http_requests_total{job=\"canary\"}[5m]))\n";

/// The shipped checks, with the addresses of the simulated systems.
fn shipped_for(sources: &Sources) -> String {
    shipped()
        .replace("https://example.service-now.com", &sources.url("service-now"))
        .replace("https://prometheus.example.com", &sources.url("prometheus"))
}

async fn world_with_change(fields: &[(&str, &str)]) -> World {
    let world = World::with_sources(shipped_for).await;
    world.sources().with(|state| state.service_now.add_change(CHANGE, fields));
    world
}

fn change_check(name: &str) -> Delivery {
    a_check().named(name).with("ChangeNumber", CHANGE)
}

fn error_rate(world: &World, samples: Samples) {
    world.sources().with(|state| state.prometheus.queries.insert(ERROR_RATE.to_owned(), samples));
}

/// One check with one condition, and these connections.
fn one_check(connections: &str, condition: &str) -> String {
    format!("connections: {{ {connections} }}\nchecks: {{ c: {{ conditions: [ {condition} ] }} }}\ndefault: c\n")
}

// External information must be correct.

#[tokio::test]
async fn change_information_is_allowed_when_every_field_is_right() {
    let mut world = world_with_change(&[]).await;
    world.accept(change_check("change-information")).await;
    world.run_due_messages().await;
    world.expect_decision("succeeded");
    assert_eq!(world.sources().calls().len(), 1, "one call for one evaluation");
}

#[tokio::test]
async fn change_information_is_denied_with_every_wrong_field_and_passes_once_it_is_corrected() {
    let mut world = world_with_change(&[("category", "Hardware"), ("on_hold", "true")]).await;
    world.accept(change_check("change-information")).await;
    world.run_due_messages().await;
    world.expect_decision("failed");
    world.expect_log("category is Hardware (expected Software); on_hold is true (expected false)");
    world.expect_log("/nav_to.do?uri=change_request.do?sysparm_query=number=CHG0030001");

    world.sources().with(|state| {
        state.service_now.set(CHANGE, "category", "Software");
        state.service_now.set(CHANGE, "on_hold", "false");
    });
    world.accept(change_check("change-information")).await;
    world.run_due_messages().await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn a_change_is_read_from_the_table_that_the_condition_names_and_else_from_change_request() {
    for (written, held, decision) in [
        ("table: u_release, ", "u_release", "succeeded"),
        ("table: u_release, ", "change_request", "no decision"),
        ("", "change_request", "succeeded"),
        ("", "u_release", "no decision"),
    ] {
        let mut world = World::with_sources(|sources| {
            let url = sources.url("service-now");
            let snow = format!("snow: {{ serviceNow: {{ instance: '{url}', user: '${{SERVICENOW_USER}}', password: '${{SERVICENOW_PASSWORD}}' }} }}");
            let condition = format!("serviceNowChange: {{ connection: snow, {written}number: ChangeNumber, fields: {{ category: Hardware }} }}");
            one_check(&snow, &condition).replace("conditions:", "inputs: { ChangeNumber: {} }, conditions:")
        })
        .await;
        world.sources().with(|state| {
            state.service_now.table = held.to_owned();
            state.service_now.add_change(CHANGE, &[("category", "Hardware")]);
        });
        world.accept(a_check().with("ChangeNumber", CHANGE)).await;
        world.run_due_messages().await;
        if decision == "succeeded" {
            world.expect_decision(decision);
            world.expect_log(&format!("/nav_to.do?uri={held}.do?sysparm_query=number={CHANGE}"));
        } else {
            world.expect_no_decision();
            world.expect_log("connection `snow` answered 400 Bad Request for the change request: ");
            world
                .expect_log("; the request itself is wrong, so waiting does not help: correct what the check asks for");
            world.still_waits();
        }
    }
}

#[tokio::test]
async fn a_change_that_does_not_exist_is_denied() {
    let mut world = World::with_sources(shipped_for).await;
    world.sources().with(|state| state.service_now.add_change("CHG0099999", &[("approval", "approved")]));
    world.accept(change_check("change-approved")).await;
    world.run_due_messages().await;
    world.expect_decision("failed");
    world.expect_log("there is no change request CHG0030001");
}

#[tokio::test]
async fn a_number_that_would_extend_the_query_never_reaches_service_now() {
    let mut world = world_with_change(&[("approval", "approved")]).await;
    for number in ["CHG0030001^ORapproval=approved", "CHG0030001&sysparm_limit=9", "$(ChangeNumber)", ""] {
        let delivered = world.deliver(a_check().named("change-approved").with("ChangeNumber", number)).await;
        assert!(!delivered.accepted(), "{number}: {delivered:?}");
    }
    assert_eq!(world.sources().calls().len(), 0);
}

#[tokio::test]
async fn a_setting_that_is_missing_refuses_the_checks_that_need_it_and_no_others() {
    let mut world = World::given(|_, _| {}).await;
    let delivered = world.deliver(change_check("change-approved")).await;
    assert_eq!(delivered.status, 400, "{delivered:?}");
    assert!(delivered.body.contains("reads the app setting `SERVICENOW_USER`, which is missing"), "{delivered:?}");
    world.accept(a_check()).await;
    world.run_due_messages().await;
    world.expect_decision("succeeded");
}

// External approval must be granted.

#[tokio::test]
async fn change_approved_waits_a_quarter_of_an_hour_at_a_time_until_it_is_approved() {
    let mut world = world_with_change(&[("approval", "requested"), ("state", "-4")]).await;
    world.accept(change_check("change-approved")).await;
    world.run_due_messages().await;
    world.expect_no_decision();
    world.expect_next_evaluation_in(minutes(15));
    world.expect_log("approval is Requested (expected approved)");

    world.advance(minutes(45)).await;
    world.expect_no_decision();
    world.sources().with(|state| state.service_now.set(CHANGE, "approval", "approved"));
    world.advance(minutes(15)).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn change_approved_is_denied_at_once_when_it_was_rejected() {
    let mut world = world_with_change(&[("approval", "rejected")]).await;
    world.accept(change_check("change-approved")).await;
    world.run_due_messages().await;
    world.expect_decision("failed");
    world.expect_log("approval is Rejected, which is final");
}

#[tokio::test]
async fn servicenow_cicd_56_fifty_evaluations_leave_no_record_behind() {
    let mut world = world_with_change(&[("approval", "requested")]).await;
    world.accept(change_check("change-approved")).await;
    world.advance(minutes(15 * 50)).await;
    world.expect_no_decision();
    let calls = world.sources().calls();
    assert!(calls.len() >= 50, "{} calls", calls.len());
    assert!(calls.iter().all(|call| call.method == "GET"), "it only reads");
    assert_eq!(world.sources().with(|state| state.service_now.changes.len()), 1);
    world.still_waits();
}

#[tokio::test]
async fn an_outage_of_service_now_delays_the_decision_and_does_not_make_it() {
    for outage in [
        Fault::status(503),
        Fault::status(429),
        Fault::answer(500, "text/html", "<html>secret page</html>"),
        Fault::answer(200, "text/html", "<html>secret page</html>"),
        Fault::reset(),
    ] {
        let mut world = world_with_change(&[("approval", "approved")]).await;
        world.sources().fail(outage).forever();
        world.accept(change_check("change-approved")).await;
        world.run_due_messages().await;
        world.expect_no_decision();
        world.expect_log("connection `servicenow` ");
        assert!(!world.log().contains("secret page"), "the other side's page is in the log:\n{}", world.log());

        world.sources().heal();
        world.advance(minutes(3)).await;
        world.expect_decision("succeeded");
    }
}

#[tokio::test]
async fn argo_2578_a_check_waits_as_long_as_service_now_asks() {
    let mut world = world_with_change(&[("approval", "approved")]).await;
    for as_date in [false, true] {
        let at = world.clock.now() + chrono::TimeDelta::minutes(8);
        let retry_after = if as_date { RetryAfter::At(at) } else { RetryAfter::Seconds(480) };
        world.sources().fail(Fault::throttle(retry_after)).forever();
        world.accept(change_check("change-approved")).await;
        world.run_due_messages().await;
        world.expect_next_evaluation_in(minutes(8));
        world.sources().heal();
        world.advance(minutes(8)).await;
        world.expect_decision("succeeded");
    }
}

#[tokio::test]
async fn an_instance_that_sleeps_or_hides_a_field_gives_no_verdict() {
    let mut world = world_with_change(&[("approval", "approved")]).await;
    world.sources().with(|state| state.service_now.hibernates = true);
    world.accept(change_check("change-approved")).await;
    world.run_due_messages().await;
    world.expect_log("answered no JSON");
    world.sources().with(|state| {
        state.service_now.hibernates = false;
        state.service_now.hidden = vec!["approval".to_owned()];
    });
    world.advance(minutes(3)).await;
    world.expect_no_decision();
    world.expect_log("no field `approval`, or the connection's user may not read it");
    world.sources().with(|state| state.service_now.hidden.clear());
    world.advance(minutes(5)).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn a_record_with_another_number_approves_nothing() {
    let mut world = world_with_change(&[("approval", "requested")]).await;
    let other = json!({ "result": [{
        "number": { "value": "CHG0099999", "display_value": "CHG0099999" },
        "approval": { "value": "approved", "display_value": "Approved" },
        "state": { "value": "-1", "display_value": "Implement" },
    }] });
    world.sources().fail(Fault::answer(200, "application/json", &other.to_string())).forever();
    world.accept(change_check("change-approved")).await;
    world.run_due_messages().await;
    world.expect_no_decision();
    world.expect_log("answered other records than the one that was asked for");
    world.still_waits();
}

#[tokio::test]
async fn wrong_credentials_are_an_error_that_says_so() {
    let mut world = world_with_change(&[("approval", "approved")]).await;
    world.sources().with(|state| "changed".clone_into(&mut state.service_now.password));
    world.accept(change_check("change-approved")).await;
    world.run_due_messages().await;
    world.expect_no_decision();
    world.expect_log(
        "connection `servicenow` answered 401 Unauthorized for the change request; check the connection's credentials",
    );
    world.still_waits();
}

#[tokio::test]
async fn an_oauth_token_is_kept_until_it_ends_or_is_refused() {
    let mut world = World::with_sources(|sources| {
        let url = sources.url("service-now");
        let oauth = "clientId: \"${SERVICENOW_CLIENT_ID}\", clientSecret: \"${SERVICENOW_CLIENT_SECRET}\"";
        let condition = "serviceNowChange: { connection: snow, number: ChangeNumber, approval: approved }";
        one_check(&format!("snow: {{ serviceNow: {{ instance: \"{url}\", {oauth} }} }}"), condition)
            .replace("conditions:", "inputs: { ChangeNumber: {} }, reevaluateEvery: 10m, conditions:")
    })
    .await;
    world.sources().with(|state| state.service_now.add_change(CHANGE, &[]));
    world.accept(a_check().with("ChangeNumber", CHANGE)).await;
    world.advance(minutes(25)).await;
    let issued = |world: &World| world.sources().with(|state| state.service_now.issued);
    assert_eq!(issued(&world), 1, "three evaluations within half an hour");
    world.advance(minutes(10)).await;
    assert_eq!(issued(&world), 2, "the first token has ended");
    world.sources().with(|state| state.service_now.tokens.clear());
    world.sources().with(|state| state.service_now.set(CHANGE, "approval", "approved"));
    world.advance(minutes(10)).await;
    assert_eq!(issued(&world), 3, "the second was revoked");
    world.expect_decision("succeeded");
    let seen = world.log() + &world.messages().iter().map(|message| message.text.clone()).collect::<String>();
    assert!(!seen.contains("service-now-token") && !seen.contains("client-secret"), "{seen}");
}

/// A change that is planned for noon, and a check that waits for its window.
async fn waits_for_noon() -> World {
    let mut world = World::with_sources(|sources| {
        let url = sources.url("service-now");
        let snow = format!("snow: {{ serviceNow: {{ instance: '{url}', user: '${{SERVICENOW_USER}}', password: '${{SERVICENOW_PASSWORD}}' }} }}");
        let condition = "serviceNowChange: { connection: snow, number: ChangeNumber, withinWindow: true, rejected: rejected }";
        one_check(&snow, condition).replace("conditions:", "inputs: { ChangeNumber: {} }, reevaluateEvery: 10m, conditions:")
    })
    .await;
    let planned = [("start_date", "2026-01-05 12:00:00"), ("end_date", "2026-01-05 13:00:00")];
    world.sources().with(|state| state.service_now.add_change(CHANGE, &planned));
    world.accept(a_check().with("ChangeNumber", CHANGE)).await;
    world.run_due_messages().await;
    world.expect_log("its planned start, 2026-01-05T12:00:00Z, is still to come");
    world
}

#[tokio::test]
async fn a_change_that_is_moved_earlier_opens_its_window_at_the_next_evaluation() {
    let world = waits_for_noon().await;
    world.sources().with(|state| state.service_now.set(CHANGE, "start_date", "2026-01-05 09:05:00"));
    world.advance(minutes(10)).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn a_change_that_is_rejected_before_its_planned_start_fails_the_check_at_the_next_evaluation() {
    let world = waits_for_noon().await;
    world.sources().with(|state| state.service_now.set(CHANGE, "approval", "rejected"));
    world.advance(minutes(10)).await;
    world.expect_decision("failed");
    world.expect_log("approval is Rejected, which is final");
}

#[tokio::test]
async fn a_window_opens_at_the_planned_start_although_the_next_evaluation_would_come_later() {
    let world = waits_for_noon().await;
    world.advance(minutes(175)).await;
    world.sources().with(|state| state.service_now.set(CHANGE, "start_date", "2026-01-05 12:03:00"));
    world.advance(minutes(5)).await;
    world.expect_next_evaluation_in(minutes(3));
    world.advance(minutes(3)).await;
    world.expect_decision("succeeded");
}

// Performance criteria must be met.

#[tokio::test]
async fn canary_performance_is_allowed_after_its_checkpoints() {
    let mut world = World::with_sources(shipped_for).await;
    world.sources().with(|state| state.prometheus.bearer_token = Some("prometheus-token".to_owned()));
    error_rate(&world, Samples::Vector(vec![0.01]));
    world.accept(a_check().named("canary-performance")).await;
    world.run_due_messages().await;
    world.expect_next_evaluation_in(minutes(5));
    assert_eq!(world.sources().calls().len(), 0, "nothing is measured before the initial delay is over");

    world.advance(minutes(15)).await;
    error_rate(&world, Samples::Vector(vec![0.2]));
    world.advance(minutes(5)).await;
    world.expect_no_decision();
    error_rate(&world, Samples::Scalar(0.02));
    world.advance(minutes(9)).await;
    world.expect_no_decision();
    world.advance(minutes(1)).await;
    world.expect_decision("succeeded");
    world.expect_log("2026-01-05T09:20:00Z  failed        0.2");
    world.expect_log("6 of 6 checkpoints taken, 5 successful, 1 failed, the last was 0.02");
    assert_eq!(world.sources().calls().len(), 6, "one query for each checkpoint");
}

#[tokio::test]
async fn a_canary_of_many_checkpoints_ends_in_time_although_each_message_is_picked_up_late() {
    let mut world = World::with_sources(|sources| {
        let connection = format!("prom: {{ prometheus: {{ url: \"{}\" }} }}", sources.url("prometheus"));
        let metric =
            "metric: { connection: prom, query: errors, successCondition: result < 1.0, interval: 1m, count: 61 }";
        one_check(&connection, metric).replace("conditions:", "timeout: 65m, conditions:")
    })
    .await;
    world.sources().with(|state| state.prometheus.queries.insert("errors".to_owned(), Samples::Vector(vec![0.5])));
    world.accept(a_check()).await;
    while let Some(visible_at) = world.messages().first().map(|message| message.visible_at) {
        world.clock.set(visible_at + chrono::TimeDelta::seconds(5));
        world.run_due_messages().await;
    }
    world.expect_decision("succeeded");
    world.expect_log("61 of 61 checkpoints taken");
}

#[tokio::test]
async fn canary_performance_is_denied_as_soon_as_too_many_checkpoints_failed() {
    let mut world = World::with_sources(shipped_for).await;
    error_rate(&world, Samples::Vector(vec![0.2]));
    world.accept(a_check().named("canary-performance")).await;
    world.advance(minutes(9)).await;
    world.expect_no_decision();
    world.advance(minutes(1)).await;
    world.expect_decision("failed");
    world.expect_log("2 failed (failureLimit 1)");
}

/// The log of a canary of five checkpoints of which one may fail, with its decision. After these checkpoints the handler is
/// replaced by a fresh one.
async fn canary(samples: [f64; 5], restarts: &[usize], decision: &str) -> String {
    let five = |sources: &Sources| shipped_for(sources).replace("count: 6", "count: 5");
    let mut world = World::with_sources(five).await;
    let checks = five(world.sources());
    world.accept(a_check().named("canary-performance")).await;
    for (number, sample) in (1..).zip(samples) {
        error_rate(&world, Samples::Scalar(sample));
        world.advance(minutes(5)).await;
        if restarts.contains(&number) {
            world.restart_handler(&checks).await;
        }
    }
    world.expect_decision(decision);
    world.log()
}

#[tokio::test]
async fn a_canary_survives_a_restart_between_any_two_checkpoints_with_the_same_verdict() {
    for (samples, decision) in [([0.01, 0.02, 0.2, 0.01, 0.02], "succeeded"), ([0.01, 0.2, 0.01, 0.02, 0.2], "failed")]
    {
        let undisturbed = canary(samples, &[], decision).await;
        for restarts in [&[1][..], &[2], &[3], &[4], &[1, 2, 3, 4]] {
            assert_eq!(canary(samples, restarts, decision).await, undisturbed, "restarts after {restarts:?}");
        }
    }
}

#[tokio::test]
async fn argo_4479_a_monitor_that_is_down_or_silent_never_allows() {
    for fault in [Some(Fault::status(503)), Some(Fault::answer(500, "text/html", "<html>oops</html>")), None] {
        let mut world = World::with_sources(shipped_for).await;
        if let Some(fault) = fault {
            world.sources().fail(fault).forever();
        }
        world.accept(a_check().named("canary-performance")).await;
        // The first checkpoint is due after five minutes.
        world.advance(minutes(34)).await;
        world.expect_no_decision();
        world.advance(minutes(3)).await;
        world.expect_decision("failed");
        world.expect_log("could not be measured for 30m");
    }
}

#[tokio::test]
async fn a_monitor_that_is_down_for_42_s_does_not_end_a_check() {
    let mut world = World::with_sources(|sources| {
        let url = sources.url("prometheus");
        let condition = "metric: { connection: p, query: q, successCondition: result < 1.0, interval: 10s, count: 3 }";
        one_check(&format!("p: {{ prometheus: {{ url: \"{url}\" }} }}"), condition)
    })
    .await;
    world.sources().with(|state| state.prometheus.queries.insert("q".to_owned(), Samples::Scalar(0.0)));
    let end = world.clock.now() + chrono::TimeDelta::seconds(42);
    world.sources().fail(Fault::status(503)).until(end);
    world.accept(a_check()).await;
    world.advance(minutes(2)).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn a_host_that_is_left_alone_because_of_other_checks_was_not_measured() {
    let mut world = World::with_sources(|sources| {
        let url = sources.url("prometheus");
        let condition = "metric: { connection: p, query: q, successCondition: result < 1.0 LIMIT }";
        let check = |limit: &str| format!("{{ conditions: [ {} ] }}", condition.replace(" LIMIT", limit));
        let (patient, strict) = (check(""), check(", consecutiveErrorLimit: 0"));
        format!(
            "connections: {{ p: {{ prometheus: {{ url: '{url}' }} }} }}\nchecks: {{ patient: {patient}, strict: {strict} }}\n"
        )
    })
    .await;
    world.sources().with(|state| state.prometheus.queries.insert("q".to_owned(), Samples::Scalar(0.0)));
    world.sources().refuse_connections(true).await.expect("it closes");
    for _ in 0..5 {
        world.accept(a_check().named("patient")).await;
        world.run_due_messages().await;
    }
    world.accept(a_check().named("strict")).await;
    world.run_due_messages().await;
    world.expect_log("connection `p` is not called for a moment");
    world.expect_no_decision();
    world.sources().refuse_connections(false).await.expect("it opens again");
    world.advance(minutes(5)).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn a_short_outage_of_the_monitor_does_not_fail_the_check() {
    let mut world = World::with_sources(shipped_for).await;
    error_rate(&world, Samples::Vector(vec![0.01]));
    world.accept(a_check().named("canary-performance")).await;
    world.advance(minutes(12)).await;
    world.sources().refuse_connections(true).await.expect("it closes");
    world.advance(minutes(5)).await;
    world.expect_no_decision();
    world.expect_log("connection `prometheus` cannot be reached");
    world.sources().refuse_connections(false).await.expect("it opens again");
    world.advance(minutes(30)).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn a_redelivered_message_takes_no_checkpoint_twice() {
    let mut world = World::with_sources(shipped_for).await;
    error_rate(&world, Samples::Vector(vec![0.01]));
    world.accept(a_check().named("canary-performance")).await;
    world.advance(minutes(5)).await;
    world.deliver_again(a_check().named("canary-performance")).await;
    world.advance(minutes(30)).await;
    world.expect_decision("succeeded");
    assert_eq!(world.sources().calls().len(), 6, "one query for each checkpoint");
}

async fn first_look_at(query: &str, samples: Samples) -> World {
    let mut world = World::with_sources(|sources| {
        let url = sources.url("prometheus");
        let condition = format!("metric: {{ connection: p, query: q, {query} }}");
        one_check(&format!("p: {{ prometheus: {{ url: \"{url}\" }} }}"), &condition)
    })
    .await;
    world.sources().with(|state| state.prometheus.queries.insert("q".to_owned(), samples));
    world.accept(a_check()).await;
    world.run_due_messages().await;
    world
}

#[tokio::test]
async fn an_answer_that_is_not_a_number_is_an_error_and_not_a_failure() {
    let simple = "successCondition: result < 0.05";
    for (samples, says) in [
        (Samples::Partial(vec![0.01]), "answered with a warning, so not everything was read: No StoreAPIs matched"),
        (Samples::Matrix(vec![0.01]), "answered a result of type `matrix`"),
        (Samples::BadQuery("parse error: unclosed left parenthesis".to_owned()), "refused the query: parse error"),
        (Samples::Vector(vec![]), "the query gave no data"),
        (Samples::Scalar(f64::NAN), "the query gave no data"),
        (Samples::Vector(vec![0.01, 0.02]), "`result` is [0.01,0.02] (list)"),
    ] {
        let mut world = first_look_at(simple, samples).await;
        world.expect_no_decision();
        world.expect_log(says);
        world.still_waits();
    }
    for (samples, decision) in [(Samples::Scalar(f64::INFINITY), "failed"), (Samples::Scalar(0.0), "succeeded")] {
        first_look_at(simple, samples).await.expect_decision(decision);
    }
}

#[tokio::test]
async fn azure_s_monitors_are_read_with_the_managed_identity() {
    let connections = |sources: &Sources| {
        format!(
            "monitor: {{ azureMonitor: {{ url: \"{}\" }} }}, insights: {{ applicationInsights: {{ appId: app, url: \"{}\" }} }}, \
             logs: {{ logAnalytics: {{ workspaceId: work, url: \"{}\" }} }}",
            sources.url("azure-monitor"),
            sources.url("app-insights"),
            sources.url("logs"),
        )
    };
    let conditions = "metric: { connection: monitor, resource: /subscriptions/s/resourceGroups/g, metric: Http5xx, aggregation: Total, successCondition: result < 3.0 } }, \
         { metric: { connection: insights, query: requests, successCondition: result < 1.0 } }, \
         { metric: { connection: logs, query: traces, successCondition: result < 1.0 }";
    let mut world =
        World::with_sources(|sources| one_check(&connections(sources), &format!("{{ {conditions} }}"))).await;
    let now = world.clock.now();
    let at = |minutes| now - chrono::TimeDelta::minutes(minutes);
    world.sources().with(|state| {
        let key = ("/subscriptions/s/resourceGroups/g".to_owned(), "Http5xx".to_owned());
        // The last minutes have not arrived yet; what is older than the window does not count.
        state.azure.points.insert(key, vec![(at(20), 50.0), (at(7), 1.0), (at(4), 1.0)]);
        state.azure.queries.insert("requests".to_owned(), Table::numbers(&[0.2]));
        state.azure.queries.insert("traces".to_owned(), Table { is_partial: true, ..Table::numbers(&[0.3]) });
    });
    world.accept(a_check()).await;
    world.run_due_messages().await;
    world.expect_no_decision();
    world.expect_log(
        "connection `logs` read only a part of the data (PartialError): There were some errors when processing your query.",
    );
    world.sources().with(|state| state.azure.queries.insert("traces".to_owned(), Table::numbers(&[0.3])));
    world.advance(minutes(3)).await;
    world.expect_decision("succeeded");
    world.expect_log("the last was 2");
    let tokens = world.sources().with(|state| state.identity.tokens.len());
    assert_eq!(tokens, 3, "one token for each audience");
    assert!(!world.log().contains("identity-token"));
}

#[tokio::test]
async fn a_metric_may_have_a_namespace_and_dimensions_and_an_http_connection_the_managed_identity() {
    let connections = |sources: &Sources| {
        format!(
            "monitor: {{ azureMonitor: {{ url: \"{}\" }} }}, \
             own: {{ http: {{ url: \"{}\", managedIdentityAudience: 'api://own', headers: {{ X-Ring: '1' }} }} }}",
            sources.url("azure-monitor"),
            sources.url("web"),
        )
    };
    let conditions = "metric: { connection: monitor, resource: /subscriptions/s, metric: Depth, aggregation: Maximum, \
         namespace: own.queues, filter: \"Queue eq 'a'\", successCondition: result < 3.0 } }, \
         { http: { connection: own, path: gate, successCondition: response.status == 200 }";
    let mut world =
        World::with_sources(|sources| one_check(&connections(sources), &format!("{{ {conditions} }}"))).await;
    let at = world.clock.now() - chrono::TimeDelta::minutes(4);
    world.sources().with(|state| {
        let key = ("/subscriptions/s".to_owned(), "own.queues:Depth?Queue eq 'a'".to_owned());
        state.azure.points.insert(key, vec![(at, 2.0)]);
        let ring = ("X-Ring".to_owned(), "1".to_owned());
        state.web.insert("gate".to_owned(), Page { demands: Some(ring), ..Page::ok(json!({})) });
    });
    world.accept(a_check()).await;
    world.run_due_messages().await;
    let calls = world.sources().calls();
    let sent = calls.iter().find(|call| call.path.ends_with("/gate")).and_then(|call| call.authorization.clone());
    let is_own = |(token, audience, _): &(String, String, _)| {
        audience == "api://own" && sent.as_deref() == Some(format!("Bearer {token}").as_str())
    };
    assert!(world.sources().with(|state| state.identity.tokens.iter().any(is_own)), "{sent:?}");
    world.expect_decision("succeeded");
}

// Any other system.

fn gate(sources: &Sources, condition: &str) -> String {
    let url = sources.url("web");
    let connection = format!(
        "sonar: {{ http: {{ url: \"{url}\", timeout: 1s, headers: {{ Authorization: \"Bearer ${{SONAR_TOKEN}}\" }} }} }}"
    );
    one_check(
        &connection,
        &format!("http: {{ connection: sonar, path: 'api/gate?project=web', successCondition: \"{condition}\" }}"),
    )
}

async fn world_with_gate(condition: &str, page: Page) -> World {
    let mut world = World::with_sources(|sources| gate(sources, condition)).await;
    world.sources().with(|state| state.web.insert("api/gate?project=web".to_owned(), page));
    world.accept(a_check()).await;
    world.run_due_messages().await;
    world
}

#[tokio::test]
async fn a_check_waits_for_the_answer_of_another_system() {
    let demands = Some(("Authorization".to_owned(), "Bearer sonar-token".to_owned()));
    let page = |status: &str| Page { demands: demands.clone(), ..Page::ok(json!({ "gate": { "status": status } })) };
    let world = world_with_gate("response.body.gate.status == 'OK'", page("ERROR")).await;
    world.expect_no_decision();
    world.expect_log("response.body.gate.status = \"ERROR\"");
    world.sources().with(|state| state.web.insert("api/gate?project=web".to_owned(), page("OK")));
    world.advance(minutes(1)).await;
    world.expect_decision("succeeded");
    assert!(!world.log().contains("sonar-token"));
}

#[tokio::test]
async fn argo_2169_a_member_that_is_missing_is_named() {
    let mut world = world_with_gate("response.body.gate.status == 'OK'", Page::ok(json!({ "gate": null }))).await;
    world.expect_no_decision();
    world.expect_log("`response.body.gate.status` does not exist: `response.body.gate` is null");
    world.still_waits();
}

#[tokio::test]
async fn argo_4813_the_time_limit_is_the_connection_s_own() {
    let mut world = World::with_sources(|sources| gate(sources, "response.body == 10")).await;
    world.sources().with(|state| state.web.insert("api/gate?project=web".to_owned(), Page::ok(json!(10))));
    // Two bytes, each after its pause: slow, and within the limit.
    world.sources().fail(Fault::slow_body(Duration::from_millis(200))).times(1);
    world.accept(a_check()).await;
    world.run_due_messages().await;
    world.expect_decision("succeeded");
    world.sources().fail(Fault::hang()).times(1);
    world.accept(a_check()).await;
    world.run_due_messages().await;
    world.expect_no_decision();
    world.expect_log("connection `sonar` did not answer within 1 s (its `timeout`)");
    world.advance(minutes(3)).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn an_answer_that_is_too_large_or_a_redirect_is_not_followed() {
    let mut world = world_with_gate("response.body == 'ok'", Page::ok(json!("x".repeat(2_000_000)))).await;
    world.expect_no_decision();
    world.expect_log("connection `sonar` answered more than 1 MiB");
    world.still_waits();

    let mut world = World::with_sources(|sources| gate(sources, "response.body == 'ok'")).await;
    world.sources().with(|state| state.web.insert("elsewhere".to_owned(), Page::ok(json!("ok"))));
    let elsewhere = world.sources().url("web/elsewhere");
    let redirect = Fault::status(302).with_header("location", &elsewhere);
    world.sources().fail(redirect).on("GET", "/api/gate").forever();
    world.accept(a_check()).await;
    world.run_due_messages().await;
    world.expect_no_decision();
    world.expect_log("sonar answered 302");
    world.still_waits();
}

#[tokio::test]
async fn a_check_that_cannot_be_read_in_time_is_pending_in_synchronous_mode() {
    let mut world =
        World::with_sources(|sources| gate(sources, "response.body == 10").replace("timeout: 1s", "timeout: 10s"))
            .await;
    world.sources().with(|state| state.web.insert("api/gate?project=web".to_owned(), Page::ok(json!(10))));
    world.sources().fail(Fault::hang()).times(1);
    let pending = world.deliver(a_check().with("CompletionEvent", "ApiResponse")).await;
    assert!(pending.body.contains("\"status\":\"pending\""), "{pending:?}");
    let decided = world.deliver(a_check().with("CompletionEvent", "ApiResponse")).await;
    assert!(decided.body.contains("\"status\":\"successful\""), "{decided:?}");
}

#[tokio::test]
async fn an_inline_definition_reads_through_a_connection_and_posts_nothing() {
    let mut world = World::with_sources(|sources| gate(sources, "response.body == 10")).await;
    world.sources().with(|state| state.web.insert("api/gate".to_owned(), Page::ok(json!(10))));
    let inline = |parameters: serde_json::Value| {
        let mut http = json!({ "connection": "sonar", "path": "api/gate", "successCondition": "response.body == 10" });
        http.as_object_mut().expect("members").extend(parameters.as_object().expect("members").clone());
        a_check().with_body(&json!({ "conditions": [{ "any": [{ "http": http }] }] }).to_string())
    };
    for method in [json!({ "method": "POST" }), json!({ "method": "POST", "body": { "delete": "all" } })] {
        let refused = world.deliver(inline(method)).await;
        assert_eq!(refused.status, 400, "{refused:?}");
        assert!(refused.body.contains("method: `POST` is sent for checks of checks.yaml only"), "{refused:?}");
    }
    assert!(world.sources().take_calls().is_empty());

    world.accept(inline(json!({}))).await;
    world.run_due_messages().await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn no_source_is_asked_for_a_synchronous_delivery_whose_token_does_not_belong_to_its_plan() {
    let mut world = World::with_sources(|sources| gate(sources, "response.body == 10")).await;
    world.sources().with(|state| state.web.insert("api/gate?project=web".to_owned(), Page::ok(json!(10))));
    let synchronous = || a_check().with("CompletionEvent", "ApiResponse");
    for foreign in [
        synchronous().with("AuthToken", "a token of nobody"),
        synchronous().with("PlanId", "00000000-0000-4000-8000-00000000000f"),
        synchronous().with("ProjectId", "00000000-0000-4000-8000-00000000000f"),
    ] {
        let pending = world.deliver(foreign).await;
        assert!(pending.body.contains("\"status\":\"pending\""), "{pending:?}");
        assert!(pending.body.contains("could not read the check's"), "{pending:?}");
        assert!(world.sources().take_calls().is_empty(), "{pending:?}");
    }
    let decided = world.deliver(synchronous()).await;
    assert!(decided.body.contains("\"status\":\"successful\""), "{decided:?}");
    assert_eq!(world.sources().take_calls().len(), 1);
}

#[tokio::test]
async fn an_expression_reads_what_it_mentions() {
    let yaml = |expression: &str| one_check("", &format!("expression: \"{expression}\""));
    let passes = "timeline.records.exists(r, r.type == 'Task' && r.result == 'succeeded') && run.id > 0";
    for (expression, decision) in [(passes, "succeeded"), ("run.reason == 'nobody'", "failed")] {
        let mut world = World::with_checks(&yaml(expression), |_, _| {}).await;
        world.accept(a_check()).await;
        world.run_due_messages().await;
        world.expect_decision(decision);
    }
}

// Time is shared, and a wait that is asked for is kept.

/// A check that passes when one of two systems says yes: the systems have these addresses, and are asked for `one` and `two`.
async fn a_world_with_two_systems(addresses: impl FnOnce(&Sources) -> [String; 2]) -> World {
    let world = World::with_sources(|sources| {
        let [one, two] = addresses(sources);
        let condition = |name| {
            format!(
                "http: {{ connection: {name}, path: {name}, successCondition: response.body == 1 }}, whenNotMet: wait"
            )
        };
        one_check(
            &format!("one: {{ http: {{ url: \"{one}\" }} }}, two: {{ http: {{ url: \"{two}\" }} }}"),
            &format!("any: [ {{ {} }}, {{ {} }} ]", condition("one"), condition("two")),
        )
    })
    .await;
    world.sources().with(|state| state.web.insert("two".to_owned(), Page::ok(json!(1))));
    world
}

/// A system on a host of its own, which does this when it is asked for `one`.
async fn another_host(fault: Fault) -> Sources {
    let sources = Sources::start(simulator::Clock::system()).await.expect("a port");
    sources.fail(fault).on("GET", "/one").forever();
    sources
}

#[tokio::test]
async fn a_silent_system_takes_no_time_from_another_in_a_synchronous_delivery() {
    let silent = another_host(Fault::hang()).await;
    for is_one_host in [false, true] {
        let mut world = a_world_with_two_systems(|sources| {
            [if is_one_host { sources } else { &silent }.url("web"), sources.url("web")]
        })
        .await;
        world.sources().fail(Fault::hang()).on("GET", "/one").forever();
        let delivered = world.deliver(a_check().with("CompletionEvent", "ApiResponse")).await;
        assert!(delivered.body.contains("\"status\":\"successful\""), "one host: {is_one_host}: {delivered:?}");
    }
}

#[tokio::test]
async fn what_already_decides_is_not_held_up_by_a_system_that_is_silent() {
    let silent = another_host(Fault::hang()).await;
    let mut world = a_world_with_two_systems(|sources| [silent.url("web"), sources.url("web")]).await;
    world.accept(a_check()).await;
    let start = std::time::Instant::now();
    world.run_due_messages().await;
    world.expect_decision("succeeded");
    assert!(start.elapsed() < Duration::from_secs(7), "{:?}", start.elapsed());
}

/// A silent system is asked for two facts, one after the other: it is read for so many seconds, and not for each fact anew.
async fn reads_a_silent_system_for(timeout: &str, seconds: std::ops::Range<u64>) {
    let mut world = World::with_sources(|sources| {
        let fact =
            |path| format!("{{ http: {{ connection: one, path: {path}, successCondition: response.body == 1 }} }}");
        one_check(
            &format!("one: {{ http: {{ url: \"{}\"{timeout} }} }}", sources.url("web")),
            &format!("all: [ {}, {} ]", fact("one"), fact("two")),
        )
    })
    .await;
    world.sources().fail(Fault::hang()).forever();
    world.accept(a_check()).await;
    let start = std::time::Instant::now();
    world.run_due_messages().await;
    assert!(seconds.contains(&start.elapsed().as_secs()), "{timeout}: {:?}", start.elapsed());
    world.expect_log("there was no answer within the time that an evaluation may take");
    world.still_waits();
}

#[tokio::test]
async fn an_evaluation_reads_for_ten_seconds_unless_a_time_limit_is_written_larger() {
    tokio::join!(reads_a_silent_system_for("", 9..13), reads_a_silent_system_for(", timeout: 13s", 13..20),);
}

#[tokio::test]
async fn a_system_that_asks_for_a_wait_is_left_alone_until_then_and_the_others_are_asked() {
    let busy = another_host(Fault::throttle(RetryAfter::Seconds(300))).await;
    let mut world = a_world_with_two_systems(|sources| [busy.url("web"), sources.url("web")]).await;
    world.sources().with(|state| state.web.insert("two".to_owned(), Page::ok(json!(0))));
    world.accept(a_check()).await;
    world.advance(minutes(4)).await;
    assert_eq!((busy.calls().len(), world.sources().calls().len()), (1, 5));
    world.advance(minutes(1)).await;
    assert_eq!((busy.calls().len(), world.sources().calls().len()), (2, 6));
    world.still_waits();
}

#[tokio::test]
async fn a_wait_that_a_host_asks_for_counts_for_all_that_is_read_from_it() {
    let mut world = a_world_with_two_systems(|sources| [sources.url("web"), sources.url("web")]).await;
    world.sources().with(|state| state.web.insert("one".to_owned(), Page::ok(json!(0))));
    world.sources().fail(Fault::throttle(RetryAfter::Seconds(300))).on("GET", "/one").once();
    world.accept(a_check()).await;
    world.run_due_messages().await;
    assert_eq!(world.sources().calls().len(), 1);
    world.expect_next_evaluation_in(minutes(5));
    world.advance(minutes(5)).await;
    world.expect_decision("succeeded");
}
