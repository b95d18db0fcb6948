//! What `CheckFunction` accepts, refuses and acknowledges.

use std::time::Duration;

use serde_json::Value;
use simulator::azure_pipelines::MINIMAL_HEADERS;

use crate::support::{Setup, World, a_check};

fn problems(body: &str) -> Vec<String> {
    let body: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(body["status"], "refused");
    body["problems"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|problem| problem.as_str().expect("text").to_owned())
        .collect()
}

#[tokio::test]
async fn a_delivery_is_acknowledged_before_any_call_to_azure_devops() {
    let mut world = World::given(|_, _| {}).await;
    world.azure_devops_server().refuse_connections(true).await.expect("the port");

    let delivered = world.deliver(a_check()).await;

    assert_eq!(delivered.status, 200);
    let body: Value = serde_json::from_str(&delivered.body).expect("JSON");
    assert_eq!((body["status"].as_str(), body["check"].as_str()), (Some("accepted"), Some("cmdline-executed")));
    assert_eq!(world.azure_devops_server().take_calls().len(), 0);
    world.azure_devops_server().refuse_connections(false).await.expect("the port");
    world.run_due_messages().await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn the_minimal_headers_of_the_guide_are_enough_for_a_check_that_reads_no_run() {
    let checks = "default: manual\nchecks: { manual: { inputs: { Reason: {} }, conditions: [ { any: [ { taskExecuted: { task: CmdLine } } ] } ] } }";
    let mut world = World::with_checks(checks, |_, _| {}).await;
    let delivered =
        world.deliver(a_check().with_block(MINIMAL_HEADERS).with("Reason", "x").with("BuildId", "101")).await;
    assert!(delivered.accepted(), "{delivered:?}");
    world.run_due_messages().await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn every_missing_header_is_named_at_once_with_what_to_write() {
    let mut world = World::given(|_, _| {}).await;
    let bare = ["PlanUrl", "ProjectId", "HubName", "PlanId", "JobId", "TaskInstanceId", "AuthToken", "BuildId"]
        .into_iter()
        .fold(a_check(), super::support::Delivery::without);

    let delivered = world.deliver(bare).await;

    assert_eq!(delivered.status, 400);
    let problems = problems(&delivered.body);
    for says in [
        "\"PlanUrl\": \"$(system.CollectionUri)\"",
        "\"AuthToken\": \"$(system.AccessToken)\"",
        "\"BuildId\": \"$(build.BuildId)\"",
    ] {
        assert!(problems.iter().any(|problem| problem.contains(says)), "{problems:#?}");
    }
    assert_eq!(problems.len(), 8, "{problems:#?}");
    assert!(world.messages().is_empty());
}

#[tokio::test]
async fn wrong_headers_are_answered_with_what_was_found_and_nothing_is_queued() {
    let mut world = World::given(|_, _| {}).await;
    for (name, value, says) in [
        ("PlanId", "not-a-guid", "`not-a-guid`, not a GUID"),
        ("BuildId", "$(build.BuildId)", "literal text `$(build.BuildId)`"),
        ("AuthToken", "$(system.AcessToken)", "literal text"),
        ("AuthToken", "", "AuthToken is empty"),
        ("BuildId", "-1", "not a number"),
        ("HubName", "../../evil", "hub name"),
        ("Check", "cmdline-exceuted", "did you mean `cmdline-executed`?"),
        ("CompletionEvent", "Sometimes", "Callback or ApiResponse"),
        ("PlanUrl", "dev.azure.com", "it cannot be parsed"),
    ] {
        let delivered = world.deliver(a_check().with(name, value)).await;
        assert_eq!(delivered.status, 400, "{name}: {value}");
        let problems = problems(&delivered.body);
        assert!(problems.len() == 1 && problems[0].contains(says), "{name}: {problems:#?}");
    }
    assert!(world.messages().is_empty());
}

#[tokio::test]
async fn a_plan_url_of_another_host_is_forbidden() {
    let mut world = World::given(|_, _| {}).await;
    let delivered = world.deliver(a_check().with("PlanUrl", "https://evil.example.com/fabrikam/")).await;
    assert_eq!(delivered.status, 403);
    assert!(problems(&delivered.body)[0].contains("AllowedPlanUrls"), "{}", delivered.body);
}

#[tokio::test]
async fn a_header_that_appears_twice_with_different_values_is_refused() {
    let mut world = World::given(|_, _| {}).await;
    let ids = world.azure_devops(|state| state.await_check(101));
    let mut headers = a_check().headers(&ids);
    headers.push(("PlanId".to_owned(), "00000000-0000-0000-0000-000000000001".to_owned()));
    let url = format!("{}/api/CheckFunction", world.handler_url);
    let mut request = reqwest::Client::new().post(url);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 400);
    assert!(answer.text().await.expect("text").contains("more than once"));
    world.deliver(a_check()).await;
    world.run_due_messages().await;
}

#[tokio::test]
async fn bodies_that_are_not_a_definition_are_refused_with_their_place() {
    let mut world = World::given(|_, _| {}).await;
    for (body, status, says) in [
        ("not json", 400, "the body is not JSON (line 1, column 2)".to_owned()),
        ("[]", 400, "found no keys".to_owned()),
        ("5", 400, "found no keys".to_owned()),
        ("{\"conditions\":[]}", 400, "conditions: is empty".to_owned()),
        ("{\"conditions\":[{\"taskExcuted\":{\"task\":\"CmdLine\"}}]}", 400, "did you mean `taskExecuted`?".to_owned()),
        (&format!("{{\"description\":\"{}\"}}", "x".repeat(70_000)), 413, "larger than 65536 bytes".to_owned()),
    ] {
        let delivered = world.deliver(a_check().with_body(body)).await;
        assert_eq!(delivered.status, status, "{}", delivered.body);
        assert!(problems(&delivered.body)[0].contains(&says), "{}", delivered.body);
    }
    assert!(world.messages().is_empty());
}

#[tokio::test]
async fn an_inline_definition_decides_like_one_of_the_file() {
    let mut world = World::given(|_, _| {}).await;
    world.accept(a_check().with_body("{\"conditions\":[{\"taskExecuted\":{\"task\":\"PowerShell\"}}]}")).await;
    world.run_due_messages().await;
    world.expect_decision("failed");
    world.expect_log("Check `inline`");
}

#[tokio::test]
async fn the_check_can_be_named_in_the_query_and_an_empty_object_is_not_a_definition() {
    let mut world = World::given(|_, _| {}).await;
    world.accept(a_check().with_query("check=work-item-completed").with_body("{}")).await;
    world.run_due_messages().await;
    world.expect_decision("failed");
    world.expect_log("Check `work-item-completed`");
}

#[tokio::test]
async fn without_its_storage_the_handler_answers_503_in_time_and_acknowledges_nothing() {
    let mut world =
        World::with_setup(Setup { retry_pause: Duration::from_millis(1), ..Setup::default() }, |_, _| {}).await;
    world.queue.refuse_connections(true).await.expect("the port");
    let delivered = world.deliver(a_check()).await;
    assert_eq!(delivered.status, 503, "{}", delivered.body);
    assert!(delivered.elapsed.as_secs() < 3, "{:?}", delivered.elapsed);

    world.queue.refuse_connections(false).await.expect("the port");
    world.queue.fail(simulator::faults::Fault::hang()).on("POST", "/messages").forever();
    let delivered = world.deliver(a_check()).await;
    assert_eq!(delivered.status, 503, "{}", delivered.body);
    // Azure Pipelines waits 20 s.
    assert!(delivered.elapsed.as_secs() < 15, "{:?}", delivered.elapsed);
    world.queue.heal();
}

#[tokio::test]
async fn the_token_is_neither_in_the_answer_nor_in_the_queue() {
    let mut world = World::given(|_, _| {}).await;
    let delivered = world.deliver(a_check()).await;
    let token = world.ids().auth_token.clone();
    assert!(!delivered.body.contains(&token));
    assert!(!world.messages()[0].text.contains(&token));
    world.run_due_messages().await;
    assert!(!world.log().contains(&token));
}

#[tokio::test]
async fn a_check_of_an_on_premises_collection_is_decided_there() {
    let clock = simulator::Clock::starting_at("2026-01-05T09:00:00Z".parse().expect("a time"));
    let server =
        simulator::azure_devops::AzureDevOps::start_at_path(clock, "tfs/DefaultCollection").await.expect("a port");
    assert!(server.url().ends_with("/tfs/DefaultCollection/"));
    let mut world = World::around(server).await;
    world.accept(a_check()).await;
    world.run_due_messages().await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn routes_that_do_not_exist_and_the_readiness_probe_are_answered_at_once() {
    let world = World::given(|_, _| {}).await;
    let client = reqwest::Client::new();
    for (path, status) in [("/", 200), ("/nothing", 404), ("/api/CheckFunction", 404)] {
        let answer = client.get(format!("{}{path}", world.handler_url)).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), status, "{path}");
    }
}

#[tokio::test]
async fn a_put_that_takes_seconds_still_saves_the_stage() {
    let mut world = World::given(|_, _| {}).await;
    // The answer has some 400 bytes.
    let slow = simulator::faults::Fault::slow_body(Duration::from_millis(8));
    world.queue.fail(slow).on("POST", "/messages").forever();
    let delivered = world.deliver(a_check()).await;
    assert_eq!(delivered.status, 200, "{delivered:?}");
    assert!(delivered.elapsed.as_secs() >= 2, "{delivered:?}");
    world.queue.heal();
    world.run_due_messages().await;
    world.expect_decision("succeeded");
}
