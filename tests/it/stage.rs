//! What becomes of a stage whose checks are decided here, as Azure Pipelines concludes it.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use simulator::azure_devops::NewCheck;
use simulator::azure_pipelines::{
    CheckConfiguration, CheckSettings, HEADERS, Outcome, ServiceConnection, Stage, Target, expand,
};

use crate::support::{World, a_check, an_active_work_item, minutes};

#[tokio::test]
async fn a_stage_runs_once_all_of_its_checks_have_passed() {
    let mut world = World::given(an_active_work_item).await;
    let settings = || CheckSettings::callback(TimeDelta::minutes(60));
    let mut stage = world.stage([(settings(), a_check()), (settings(), a_check().named("work-item-completed"))]);

    let conclusion = world.play(&mut stage, minutes(5)).await;
    assert_eq!(conclusion.outcome, Outcome::Waiting, "{conclusion}");
    world.close_work_item();
    let conclusion = world.play(&mut stage, minutes(5)).await;
    assert_eq!(conclusion.outcome, Outcome::Passed, "{conclusion}");
}

#[tokio::test]
async fn a_stage_whose_timeout_is_shorter_than_the_checks_is_skipped_and_the_check_stops() {
    let mut world = World::given(an_active_work_item).await;
    let settings = CheckSettings::callback(TimeDelta::minutes(3));
    let mut stage = world.stage([(settings, a_check().named("work-item-completed"))]);

    let conclusion = world.play(&mut stage, minutes(10)).await;
    assert_eq!(conclusion.outcome, Outcome::Skipped, "{conclusion}");
    world.expect_no_decision();
    assert!(world.messages().is_empty(), "{}", world.log());
}

#[tokio::test]
async fn a_rest_api_check_with_the_key_in_a_header_is_decided() {
    let mut world = World::given(|_, _| {}).await;
    let connection = ServiceConnection { url: world.host.function_url("CheckFunction"), authorization: None };
    let target = Target::RestApi { connection, url_suffix: String::new() };
    let key = world.host.function_key();
    let settings = CheckSettings::callback(TimeDelta::minutes(60));
    let mut check = CheckConfiguration::new(target, settings);
    check.headers = Arc::new(move |ids| {
        let mut headers = expand(HEADERS, ids, &[]);
        headers.push(("x-functions-key".to_owned(), key.clone()));
        headers
    });
    let mut stage = Stage::of(world.azure_devops_server(), world.run, [check]);

    let conclusion = world.play(&mut stage, minutes(1)).await;
    assert_eq!(conclusion.outcome, Outcome::Passed, "{conclusion}");
}

#[tokio::test]
async fn a_check_is_decided_although_calls_and_messages_take_their_time_and_the_storage_is_down_for_minutes() {
    let mut world = World::given(an_active_work_item).await;
    world.latency("", "", Duration::from_secs(2));
    world.pick_up_lag(Duration::from_secs(20));
    let new = NewCheck { timeout: Some(TimeDelta::minutes(60)), ..NewCheck::default() };
    let delivered = world.deliver_as(new, a_check().named("work-item-completed")).await;
    assert!(delivered.accepted(), "{delivered:?}");
    world.advance(Duration::from_secs(30)).await;

    world.queue.with(|state| state.go_down_for(TimeDelta::minutes(5)));
    world.close_work_item();
    world.advance(minutes(4)).await;
    world.expect_no_decision();
    world.advance(minutes(4)).await;
    world.expect_decision("succeeded");
}
