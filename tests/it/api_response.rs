//! ApiResponse mode: what Azure Pipelines makes of the answers, however the check is configured there.
//!
//! How Azure Pipelines takes an answer other than 200 is not documented. The simulator plays both: it is final, or the
//! check is asked again.

use std::sync::Arc;

use chrono::TimeDelta;
use simulator::azure_pipelines::{CheckConfiguration, CheckSettings, Conclusion, ErrorStatus, Outcome, Stage, Target};
use simulator::faults::Fault;

use crate::support::{Delivery, World, a_check, an_active_work_item};

/// Every way to configure a check in this mode: with and without success criteria, with and without an interval.
fn every_configuration() -> Vec<CheckSettings> {
    let mut all = Vec::new();
    for error_status in [ErrorStatus::Final, ErrorStatus::AskedAgain] {
        for interval in [0, 5] {
            let guide = CheckSettings::api_response(TimeDelta::minutes(50), TimeDelta::minutes(interval));
            let guide = CheckSettings { error_status, ..guide };
            all.push(CheckSettings { success_criteria: String::new(), ..guide.clone() });
            all.push(guide);
        }
    }
    all
}

fn stage(world: &World, settings: CheckSettings, delivery: Delivery) -> Stage {
    let function = world.host.function_address("CheckFunction");
    let target = Target::AzureFunction { function, parameters: String::new() };
    let headers = Arc::new(move |ids: &_| delivery.headers(ids));
    let check = CheckConfiguration { headers, ..CheckConfiguration::new(target, settings) };
    Stage::of(world.azure_devops_server(), world.run, [check])
}

/// Plays a stage until it is concluded: its conclusion, and the status of each answer.
async fn play(world: &World, settings: CheckSettings, delivery: Delivery) -> (Conclusion, Vec<u16>) {
    let mut stage = stage(world, settings, delivery);
    while let Some(next) = stage.next_at() {
        if next > world.clock.now() {
            world.clock.set(next);
        }
        stage.act().await;
    }
    let answers = stage.histories()[0].evaluations.iter().map(|evaluation| evaluation.status).collect();
    (stage.conclusion(), answers)
}

fn waits() -> Delivery {
    a_check().named("work-item-completed").with("CompletionEvent", "ApiResponse")
}

fn started_by(reason: &str) -> Delivery {
    a_check().named("manual-run").with("BuildReason", reason)
}

#[tokio::test]
async fn an_answer_that_is_not_successful_passes_no_check_however_it_is_configured() {
    for settings in every_configuration() {
        let world = World::given(an_active_work_item).await;
        let (failed, _) = play(&world, settings.clone(), started_by("IndividualCI")).await;
        assert_ne!(failed.outcome, Outcome::Passed, "failed, {settings:?}: {failed}");
        let (pending, _) = play(&world, settings.clone(), waits()).await;
        assert_ne!(pending.outcome, Outcome::Passed, "pending, {settings:?}: {pending}");
        world.azure_devops_server().fail(Fault::status(503)).forever();
        let (unread, _) = play(&world, settings.clone(), waits()).await;
        assert_ne!(unread.outcome, Outcome::Passed, "not measured, {settings:?}: {unread}");
    }
}

#[tokio::test]
async fn a_successful_answer_passes_a_check_however_it_is_configured() {
    for settings in every_configuration() {
        let world = World::given(|_, _| {}).await;
        let (conclusion, answers) = play(&world, settings.clone(), started_by("Manual")).await;
        assert_eq!((conclusion.outcome, answers), (Outcome::Passed, vec![200]), "{settings:?}: {conclusion}");
    }
}

#[tokio::test]
async fn a_pending_check_with_an_interval_is_asked_again_and_passes_once_its_conditions_hold() {
    let world = World::given(an_active_work_item).await;
    let settings = CheckSettings::api_response(TimeDelta::minutes(50), TimeDelta::minutes(5));
    let mut stage = stage(&world, CheckSettings { error_status: ErrorStatus::AskedAgain, ..settings.clone() }, waits());
    assert_eq!(stage.act().await.outcome, Outcome::Waiting);
    world.close_work_item();
    world.clock.set(stage.next_at().expect("it is asked again"));
    assert_eq!(stage.act().await.outcome, Outcome::Passed);

    let world = World::given(an_active_work_item).await;
    let (never, answers) =
        play(&world, CheckSettings { error_status: ErrorStatus::AskedAgain, ..settings }, waits()).await;
    assert_eq!((never.outcome, answers.len()), (Outcome::Skipped, 10), "{never}");
}

/// Each evaluation is a delivery of its own: a wait of ten minutes would begin anew with each, and never end.
#[tokio::test]
async fn what_the_run_publishes_is_awaited_until_the_timeout_in_azure_pipelines() {
    let world = World::given(|_, _| {}).await;
    let settings = CheckSettings::api_response(TimeDelta::minutes(50), TimeDelta::minutes(5));
    let settings = CheckSettings { error_status: ErrorStatus::AskedAgain, ..settings };
    let delivery = a_check().named("code-coverage").with("CompletionEvent", "ApiResponse");
    let mut stage = stage(&world, settings, delivery);
    while let Some(next) = stage.next_at() {
        world.clock.set(next.max(world.clock.now()));
        stage.act().await;
    }
    assert_eq!(stage.conclusion().outcome, Outcome::Skipped);
    let evaluations = &stage.histories()[0].evaluations;
    assert_eq!(evaluations.len(), 10);
    for evaluation in evaluations {
        let says = "has not published code coverage yet; awaited until the check's *Timeout* in Azure Pipelines";
        assert!(evaluation.status == 409 && evaluation.body.contains(says), "{evaluation:?}");
    }
}

#[tokio::test]
async fn the_status_of_an_answer_tells_failed_from_pending_and_its_body_says_why() {
    let mut world = World::given(an_active_work_item).await;
    for (delivery, status, body) in [
        (started_by("IndividualCI"), 412, "\"status\":\"failed\""),
        (waits(), 409, "\"status\":\"pending\""),
        (started_by("Manual"), 200, "\"status\":\"successful\""),
    ] {
        let answer = world.deliver(delivery).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.body.contains(body) && answer.body.contains("\"reasons\":[\""), "{answer:?}");
    }
}
