//! Azure Pipelines is played against the real executable, as `cargo run -p simulator -- deliver` does.

use std::sync::Arc;

use chrono::TimeDelta;
use simulator::Clock;
use simulator::azure_devops::{AzureDevOps, CheckIds};
use simulator::azure_pipelines::{
    CheckConfiguration, CheckSettings, CompletionEvent, HEADERS, Outcome, Target, expand,
};
use simulator::functions_host::{FunctionsHost, Handler, QueueSource};
use simulator::rehearsal::rehearse;
use simulator::storage_queue::StorageQueue;

use crate::support::app_root;
use crate::support::executable::environment;

/// Delivers a check that ships with these headers beside the guide's. Returns what became of the stage, and what was told.
async fn deliver(extra: &'static [(&str, &str)], settings: CheckSettings) -> (Outcome, String) {
    let azure_devops = AzureDevOps::start(Clock::system()).await.expect("a port");
    let queue = StorageQueue::start(Clock::system()).await.expect("a port");
    let handler = Handler::Executable {
        path: env!("CARGO_BIN_EXE_checkgate").into(),
        environment: environment(&azure_devops, &queue.connection_string()),
        stop_after_errors: Some(3),
    };
    let source = QueueSource::Simulated(queue);
    let host =
        FunctionsHost::start(app_root(), handler, source, Clock::system()).await.expect("the host takes the app");
    assert!(host.handler_ready().await, "{:?}", host.output());
    host.listen();
    let function = host.function_address("CheckFunction");
    let target = Target::AzureFunction { function, parameters: String::new() };
    let headers = Arc::new(move |ids: &CheckIds| {
        let own = extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        expand(HEADERS, ids, &[]).into_iter().chain(own).collect()
    });
    let check = CheckConfiguration { headers, ..CheckConfiguration::new(target, settings) };
    let mut told = Vec::new();
    let conclusion = rehearse(&azure_devops, check, |line| told.push(line)).await;
    host.stop().await;
    (conclusion.outcome, format!("{}\n{conclusion}", told.join("\n")))
}

#[track_caller]
fn expect((outcome, told): (Outcome, String), wanted: Outcome, says: &[&str]) {
    assert_eq!(outcome, wanted, "{told}");
    let missing: Vec<_> = says.iter().filter(|text| !told.contains(**text)).collect();
    assert!(missing.is_empty(), "{missing:?} is missing in:\n{told}");
}

#[tokio::test]
async fn a_callback_decides_the_stage_and_its_log_is_told() {
    let settings = CheckSettings::callback(TimeDelta::minutes(15));
    let passed = deliver(&[("Check", "cmdline-executed")], settings.clone()).await;
    expect(passed, Outcome::Passed, &["Decision: succeeded.", "The decision is succeeded.", "All checks pass."]);
    let refused = deliver(&[("Check", "no-such-check")], settings).await;
    expect(refused, Outcome::Failed, &["Response Code: 400", "the delivery was answered with status 400"]);
}

#[tokio::test]
async fn the_answer_decides_by_the_guides_criteria() {
    let settings = CheckSettings::api_response(TimeDelta::minutes(20), TimeDelta::zero());
    let manual = deliver(&[("Check", "manual-run"), ("BuildReason", "Manual")], settings.clone()).await;
    expect(manual, Outcome::Passed, &[r#""status":"successful""#]);
    let pushed = deliver(&[("Check", "manual-run"), ("BuildReason", "IndividualCI")], settings).await;
    expect(pushed, Outcome::Failed, &[r#""status":"failed""#]);
}

#[tokio::test]
async fn the_platforms_defaults_are_warned_of() {
    let defaults = deliver(&[("Check", "manual-run"), ("BuildReason", "IndividualCI")], CheckSettings::default()).await;
    expect(defaults, Outcome::Failed, &["Warning: without success criteria", "status 412"]);
    let mut recalled = CheckSettings::callback(TimeDelta::minutes(15));
    recalled.time_between_evaluations = TimeDelta::minutes(5);
    assert_eq!(recalled.completion_event, CompletionEvent::Callback);
    let passed = deliver(&[("Check", "cmdline-executed")], recalled).await;
    expect(passed, Outcome::Passed, &["Warning: Time between evaluations must be 0 in Callback mode"]);
    let often = CheckSettings::api_response(TimeDelta::minutes(60), TimeDelta::minutes(5));
    let passed = deliver(&[("Check", "manual-run"), ("BuildReason", "Manual")], often).await;
    expect(passed, Outcome::Passed, &["Warning: the timeout is 12 times"]);
}
