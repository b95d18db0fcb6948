//! Checks that wait for longer than their tokens live: the function app's managed identity decides them.

use std::process::Command;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::Value;
use simulator::azure_devops::{Area, AzureDevOps, NewCheck, Token};
use simulator::sources::Sources;

use crate::support::{LogLines, MONDAY_MORNING, Setup, World, a_check, an_active_work_item};

const TEN_DAYS: &str = "default: c\nchecks: { c: { timeout: 240h, reevaluateEvery: 6h, \
                        conditions: [ workItems: { state: Completed } ] } }";

/// The first token that the identity gets.
const OF_IDENTITY: &str = "identity-token-1";

const fn hours(count: u64) -> Duration {
    Duration::from_secs(count * 3_600)
}

/// A world whose app has an identity, which is a member of the organisation and may decide.
async fn with_identity(checks: &str) -> World {
    let clock = simulator::Clock::starting_at(MONDAY_MORNING.parse().expect("a time"));
    let azure_devops = AzureDevOps::start(clock.clone()).await.expect("a port");
    azure_devops.with(|state| {
        let member = Token::until(state.clock.now() + TimeDelta::days(60));
        state.tokens.insert(OF_IDENTITY.to_owned(), member);
    });
    let sources = Some(Sources::start(clock).await.expect("a port"));
    let setup = Setup { checks: checks.to_owned(), sources, decide_with_identity: true, ..Setup::default() };
    let world = World::around_with(azure_devops, setup).await;
    let run = world.run;
    world.azure_devops(|state| an_active_work_item(state, run));
    world
}

/// Delivers the check that waits for ten days in Azure Pipelines too, and evaluates it once.
async fn deliver(world: &mut World) {
    let new = NewCheck { timeout: Some(TimeDelta::days(10)), ..NewCheck::default() };
    let delivered = world.deliver_as(new, a_check()).await;
    assert!(delivered.accepted(), "{delivered:?}");
    world.run_due_messages().await;
    world.expect_no_decision();
}

/// Whether any call since the last look was made by the identity.
fn identity_has_acted(world: &World) -> bool {
    let bearer = format!("Bearer {OF_IDENTITY}");
    let calls = world.azure_devops_server().take_calls();
    calls.iter().any(|call| call.authorization.as_deref() == Some(bearer.as_str()))
}

#[tokio::test]
async fn a_check_of_ten_days_is_decided_with_the_identity() {
    let mut world = with_identity(TEN_DAYS).await;
    deliver(&mut world).await;
    world.advance(hours(47)).await;
    assert!(!identity_has_acted(&world), "the token is the first choice while it lives");

    world.advance(hours(8 * 24)).await;
    assert!(identity_has_acted(&world));
    world.expect_no_decision();
    world.close_work_item();
    world.advance(hours(6)).await;
    world.expect_decision("succeeded");
    assert!(!world.log().contains(OF_IDENTITY));
}

#[tokio::test]
async fn a_check_of_ten_days_whose_condition_never_holds_fails_at_its_end_with_the_reason() {
    let mut world = with_identity(TEN_DAYS).await;
    deliver(&mut world).await;
    world.advance(hours(240)).await;
    world.expect_decision("failed");
    world.expect_log("The check's time is over (240h)");
}

#[tokio::test]
async fn a_token_that_is_refused_early_is_replaced_at_once() {
    let mut world = with_identity(TEN_DAYS).await;
    deliver(&mut world).await;
    world.azure_devops(|state| state.expire_token(&world.ids().clone()));
    world.close_work_item();
    world.advance(hours(6)).await;
    world.expect_decision("succeeded");
    assert!(identity_has_acted(&world));
}

#[tokio::test]
async fn the_identity_does_not_act_for_a_delivery_whose_token_was_never_good() {
    let mut world = with_identity(TEN_DAYS).await;
    world.close_work_item();
    world.accept(a_check().with("AuthToken", "a-token-that-somebody-made-up")).await;
    world.run_due_messages().await;
    world.advance(hours(1)).await;
    world.expect_no_decision();
    assert!(!identity_has_acted(&world));
}

#[tokio::test]
async fn an_identity_that_is_no_member_ends_the_check_with_an_event() {
    let log = LogLines::capture();
    let mut world = with_identity(TEN_DAYS).await;
    deliver(&mut world).await;
    world.azure_devops(|state| state.tokens.remove(OF_IDENTITY));
    world.advance(hours(55)).await;
    world.expect_no_decision();
    assert!(events(&log).contains(&"token_refused".to_owned()));
}

#[tokio::test]
async fn an_identity_that_may_not_read_the_facts_does_not_let_the_check_pass() {
    let mut world = with_identity(TEN_DAYS).await;
    deliver(&mut world).await;
    world.close_work_item();
    world.azure_devops(|state| {
        state.expire_token(&world.ids().clone());
        state.deny(OF_IDENTITY, Area::WorkItems);
    });
    world.advance(hours(240)).await;
    world.expect_decision("failed");
}

#[tokio::test]
async fn a_setting_that_is_taken_away_is_an_event_and_the_check_is_decided_before_its_token_ends() {
    let log = LogLines::capture();
    let mut world = with_identity(TEN_DAYS).await;
    deliver(&mut world).await;
    world.advance(hours(24)).await;
    take_the_setting_away(&mut world).await;
    log.take();
    world.advance(hours(23)).await;
    world.expect_decision("failed");
    world.expect_log("The function app may not decide with its managed identity any more.");
    assert_eq!(events(&log), ["identity_taken_away"], "it is said once");
}

#[tokio::test]
async fn a_check_that_is_looked_at_seldom_is_looked_at_before_its_token_ends() {
    let seldom = TEN_DAYS.replace("reevaluateEvery: 6h", "reevaluateEvery: 96h");
    let mut world = with_identity(&seldom).await;
    deliver(&mut world).await;
    take_the_setting_away(&mut world).await;
    world.advance(hours(47)).await;
    world.expect_decision("failed");
}

async fn take_the_setting_away(world: &mut World) {
    world.setup.decide_with_identity = false;
    // The file may not say it any more. The check that waits has its definition with it.
    world.restart_handler(&TEN_DAYS.replace("240h", "24h")).await;
}

#[tokio::test]
async fn without_the_setting_a_delivery_that_would_outlive_its_token_is_refused() {
    let mut world = World::given(|_, _| {}).await;
    let body = r#"{ "timeout": "48h", "conditions": [ { "taskExecuted": { "task": "CmdLine" } } ] }"#;
    let delivered = world.deliver(a_check().with_body(body)).await;
    assert_eq!(delivered.status, 400, "{delivered:?}");
    assert!(delivered.body.contains("longer than 47h") && delivered.body.contains("DecideWithManagedIdentity"));

    let mut world = with_identity(TEN_DAYS).await;
    world.accept(a_check().with_body(body)).await;
    world.run_due_messages().await;
    world.expect_decision("succeeded");
}

#[test]
fn validate_accepts_such_a_timeout_only_with_the_setting() {
    let file = std::env::temp_dir().join(format!("checkgate-{}.yaml", uuid::Uuid::new_v4()));
    std::fs::write(&file, TEN_DAYS).expect("a temporary file");
    let validate = |setting: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_checkgate"));
        let output = command.arg("validate").arg(&file).env("DecideWithManagedIdentity", setting).output();
        let output = output.expect("the executable");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (is_accepted, said) = validate("");
    assert!(!is_accepted && said.contains("line 2") && said.contains("240h is longer than 47h"), "{said}");
    let (is_accepted, said) = validate("true");
    assert!(is_accepted, "{said}");
    std::fs::write(&file, TEN_DAYS.replace("240h", "721h")).expect("a temporary file");
    let (is_accepted, said) = validate("true");
    assert!(!is_accepted && said.contains("721h is longer than 720h"), "{said}");
    std::fs::remove_file(file).expect("removed");
}

/// The names of the events that were written.
fn events(log: &LogLines) -> Vec<String> {
    let lines = log.take();
    let lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter_map(|line| Some(line["event"].as_str()?.to_owned())).collect()
}
