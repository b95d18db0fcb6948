//! What other systems really send, beside what their references say. Each test has the control that must stay as it is.

use serde_json::json;
use simulator::faults::Fault;
use simulator::sources::{Page, Samples, Sources};

use crate::support::{World, a_check, minutes};

/// One check with one condition, and these connections.
fn one_check(connections: &str, condition: &str) -> String {
    format!("connections: {{ {connections} }}\nchecks: {{ c: {{ conditions: [ {condition} ] }} }}\ndefault: c\n")
}

/// A world in which the default check was evaluated once.
async fn evaluated(checks: impl FnOnce(&Sources) -> String, given: impl FnOnce(&Sources)) -> World {
    let mut world = World::with_sources(checks).await;
    given(world.sources());
    world.accept(a_check()).await;
    world.run_due_messages().await;
    world
}

/// What the check came to: it passed, it failed, or it could not be measured, with these words in the log.
#[track_caller]
fn expect(mut world: World, decision: Option<&str>, says: &str) {
    world.expect_log(says);
    match decision {
        Some(decision) => world.expect_decision(decision),
        None => {
            world.expect_no_decision();
            world.expect_log("[error  ]");
            world.still_waits();
        }
    }
}

fn prometheus(sources: &Sources) -> String {
    let connection = format!("p: {{ prometheus: {{ url: '{}' }} }}", sources.url("prometheus"));
    one_check(&connection, "metric: { connection: p, query: errors, successCondition: result < 0.05 }")
}

async fn measured(samples: Samples) -> World {
    evaluated(prometheus, |sources| {
        sources.with(|state| state.prometheus.queries.insert("errors".to_owned(), samples));
    })
    .await
}

#[tokio::test]
async fn partial_data_of_victoria_metrics_is_an_error_as_partial_data_is_everywhere() {
    expect(measured(Samples::PartialFlag(vec![0.01])).await, None, "answered `isPartial`, so not everything was read");
    expect(measured(Samples::Partial(vec![0.01])).await, None, "answered with a warning, so not everything was read");
    expect(measured(Samples::Vector(vec![0.01])).await, Some("succeeded"), "the last was 0.01");
}

#[tokio::test]
async fn a_hint_about_the_query_is_logged_once_and_the_data_are_judged() {
    expect(measured(Samples::Hinted(vec![0.01])).await, Some("succeeded"), "`p` notes: PromQL info: metric might not");
    expect(measured(Samples::Hinted(vec![0.2])).await, Some("failed"), "`p` notes: PromQL info: metric might not");
    let three = |sources: &Sources| prometheus(sources).replace("errors,", "errors, interval: 1m, count: 3,");
    let world = evaluated(three, |sources| {
        let samples = Samples::Hinted(vec![0.01]);
        sources.with(|state| state.prometheus.queries.insert("errors".to_owned(), samples));
    })
    .await;
    world.advance(minutes(2)).await;
    world.expect_decision("succeeded");
    assert_eq!(world.log().matches("PromQL info").count(), 1, "{}", world.log());
}

#[tokio::test]
async fn the_error_text_of_a_server_that_writes_null_for_nothing_is_shown() {
    let shows = "refused the query: parse error: unexpected end (bad_data)";
    expect(measured(Samples::BadQueryWithNulls("parse error: unexpected end".to_owned())).await, None, shows);
    expect(measured(Samples::BadQuery("parse error: unexpected end".to_owned())).await, None, shows);
    let nulls = json!({
        "status": "success", "errorType": null, "error": null, "warnings": null, "infos": null, "isPartial": null,
        "data": { "resultType": "vector", "result": [{ "metric": {}, "value": [1, "0.01"] }] },
    });
    let world = evaluated(prometheus, |sources| {
        sources.fail(Fault::answer(200, "application/json", &nulls.to_string())).forever();
    })
    .await;
    expect(world, Some("succeeded"), "the last was 0.01");
}

const CHANGE: &str = "CHG0030001";

fn service_now(sources: &Sources) -> String {
    let url = sources.url("service-now");
    let user = "user: '${SERVICENOW_USER}', password: '${SERVICENOW_PASSWORD}'";
    let condition =
        "serviceNowChange: { connection: s, number: N, fields: { on_hold: false, risk: 4 }, state: Implement }";
    one_check(&format!("s: {{ serviceNow: {{ instance: '{url}', {user} }} }}"), condition)
        .replace("conditions:", &format!("inputs: {{ N: {{ default: {CHANGE} }} }}, conditions:"))
}

#[tokio::test]
async fn booleans_and_numbers_of_service_now_are_compared_by_their_text() {
    for native_types in [true, false] {
        for (on_hold, decision, says) in [
            ("false", "succeeded", "CHG0030001 has all expected values"),
            ("true", "failed", "on_hold is true (expected false)"),
        ] {
            let world = evaluated(service_now, |sources| {
                sources.with(|state| {
                    state.service_now.native_types = native_types;
                    state.service_now.add_change(CHANGE, &[("on_hold", on_hold), ("state", "-1")]);
                });
            })
            .await;
            expect(world, Some(decision), says);
        }
    }
}

#[tokio::test]
async fn an_answer_of_service_now_that_broke_off_is_no_answer_and_is_tried_again() {
    let mut world = evaluated(service_now, |sources| {
        sources.with(|state| {
            state.service_now.add_change(CHANGE, &[("state", "-1")]);
            state.service_now.breaks_off = true;
        });
    })
    .await;
    world.expect_no_decision();
    world.expect_log("broke off with an error: Transaction cancelled: maximum execution time exceeded");
    world.sources().with(|state| state.service_now.breaks_off = false);
    world.advance(minutes(3)).await;
    world.expect_decision("succeeded");

    // The control: an empty result without an error is an answer, and final.
    world.sources().with(|state| state.service_now.changes.clear());
    world.accept(a_check()).await;
    world.run_due_messages().await;
    expect(world, Some("failed"), "there is no change request CHG0030001");
}

fn web(condition: &str) -> impl FnOnce(&Sources) -> String {
    let condition = format!("http: {{ connection: w, path: status, successCondition: \"{condition}\" }}");
    move |sources| one_check(&format!("w: {{ http: {{ url: '{}' }} }}", sources.url("web")), &condition)
}

async fn answered(condition: &str, status: u16, content_type: &str, body: &str) -> World {
    evaluated(web(condition), |sources| {
        sources.with(|state| state.web.insert("status".to_owned(), Page::ok(json!([]))));
        sources.fail(Fault::answer(status, content_type, body)).forever();
    })
    .await
}

#[tokio::test]
async fn json_behind_a_byte_order_mark_is_read_as_json() {
    const JSON: &str = "application/json";
    let up = "response.body.up";
    expect(answered(up, 200, JSON, "\u{feff}{\"up\":true}").await, Some("succeeded"), "w answered 200");
    expect(answered(up, 200, JSON, "{\"up\":true}").await, Some("succeeded"), "w answered 200");
    expect(answered("size(response.body) == 0", 200, JSON, "\u{feff}").await, None, "w answered 200 without a body");
}

#[tokio::test]
async fn a_body_that_is_none_is_an_error_and_an_empty_list_is_an_answer() {
    const JSON: &str = "application/json; charset=utf-8";
    let empty = "size(response.body) == 0";
    for (status, content_type, body, says) in [
        (200, JSON, "", "w answered 200 without a body"),
        (200, JSON, " \r\n", "w answered 200 without a body"),
        (200, JSON, "{\"blocked\":tr", "w answered 200 with a body that claims to be JSON and is not"),
        (200, "application/problem+json", "[", "w answered 200 with a body that claims to be JSON and is not"),
        (204, "", "", "w answered 204 without a body"),
        (200, "text/plain", "", "w answered 200 without a body"),
    ] {
        for condition in [empty, "!string(response['body']).contains('blocked')", "size(response) < 9"] {
            expect(answered(condition, status, content_type, body).await, None, says);
        }
        // The control: a condition about the status does not ask for a body.
        let about_status = format!("response.status == {status}");
        expect(answered(&about_status, status, content_type, body).await, Some("succeeded"), "w answered");
    }
    expect(answered(empty, 200, JSON, "[]").await, Some("succeeded"), "w answered 200");
    expect(answered("response.body == 'up'", 200, "text/plain", "up").await, Some("succeeded"), "w answered 200");
}

#[tokio::test]
async fn half_a_character_does_not_make_an_answer_unreadable() {
    let broken = r#"{"up":true,"by":"cut \ud83d"}"#;
    expect(answered("response.body.up", 200, "application/json", broken).await, Some("succeeded"), "w answered 200");
}

#[tokio::test]
async fn a_window_in_several_points_is_an_error_and_in_one_it_is_judged() {
    const SITE: &str = "/subscriptions/1/resourceGroups/web/providers/Microsoft.Web/sites/web";
    for (splits_windows, failures, decision, says) in [
        (true, 0.0, None, "answered 2 points for one window"),
        (true, 9.0, None, "answered 2 points for one window"),
        (false, 0.0, Some("succeeded"), "the last was 0"),
        (false, 9.0, Some("failed"), "the last was 9"),
    ] {
        let checks = |sources: &Sources| {
            let connection = format!("a: {{ azureMonitor: {{ url: '{}' }} }}", sources.url("azure-monitor"));
            let metric = format!("resource: {SITE}, metric: Http5xx, aggregation: Total, onNoData: pass");
            one_check(&connection, &format!("metric: {{ connection: a, {metric}, successCondition: result < 3.0 }}"))
        };
        let world = evaluated(checks, |sources| {
            sources.with(|state| {
                let at = state.clock.now() - chrono::TimeDelta::minutes(5);
                state.azure.splits_windows = splits_windows;
                state.azure.points.insert((SITE.to_owned(), "Http5xx".to_owned()), vec![(at, failures)]);
            });
        })
        .await;
        expect(world, decision, says);
    }
}
