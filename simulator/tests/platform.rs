//! What Azure Pipelines does around a check: timeouts, re-evaluation, cancelled runs, latency.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use simulator::Clock;
use simulator::azure_devops::{
    AzureDevOps, BuildStatus, CheckIds, CheckTask, NewCheck, RecordState, TaskResult, odd_records,
};
use simulator::azure_pipelines::{
    CheckConfiguration, CheckSettings, FunctionAddress, HEADERS, Outcome, ServiceConnection, Stage, Target,
    deliver_rest, expand,
};
use simulator::faults::{Fault, RetryAfter};
use simulator::sources::{Page, Sources};

struct Organization {
    clock: Clock,
    azure_devops: AzureDevOps,
    build: u64,
}

impl Organization {
    async fn start() -> Self {
        let clock = Clock::starting_at(DateTime::UNIX_EPOCH);
        let azure_devops = AzureDevOps::start(clock.clone()).await.unwrap();
        let build = azure_devops.with(|state| state.run().id);
        Self { clock, azure_devops, build }
    }

    fn await_check(&self, new: NewCheck) -> CheckIds {
        self.azure_devops.with(|state| state.await_check_as(self.build, new))
    }

    /// Calls a route of the check's plan.
    async fn call(&self, ids: &CheckIds, method: Method, path: &str, body: Value) -> (u16, Value) {
        let base =
            format!("{}{}/_apis/distributedtask/hubs/checks/plans/{}", ids.plan_url, ids.project_id, ids.plan_id);
        let request = Client::new().request(method, base + path).bearer_auth(&ids.auth_token).json(&body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap_or_default())
    }

    async fn decide(&self, ids: &CheckIds, result: &str) -> u16 {
        let event = json!({
            "name": "TaskCompleted", "taskId": ids.task_instance_id, "jobId": ids.job_id, "result": result,
        });
        self.call(ids, Method::POST, "/events?api-version=7.1", event).await.0
    }

    async fn update(&self, ids: &CheckIds, record: Value) -> (u16, Value) {
        let path = format!("/timelines/{}/records?api-version=7.1", ids.timeline_id);
        self.call(ids, Method::PATCH, &path, json!({"count": 1, "value": [record]})).await
    }

    async fn records(&self, ids: &CheckIds) -> Vec<Value> {
        let path = format!("/timelines/{}/records?api-version=7.1-preview.1", ids.timeline_id);
        let (_, records) = self.call(ids, Method::GET, &path, Value::Null).await;
        records["value"].as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn a_decision_after_the_timeout_does_not_count() {
    let world = Organization::start().await;
    let ids = world.await_check(NewCheck { timeout: Some(TimeDelta::minutes(5)), ..NewCheck::default() });

    world.clock.advance(Duration::from_secs(299));
    assert!(world.azure_devops.with(|state| state.plan(&ids).unwrap().is_waiting()));
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.decide(&ids, "succeeded").await, 500);

    let record = world.azure_devops.with(|state| state.timeline_record(&ids)).unwrap();
    assert_eq!((record.state, record.result), (Some(RecordState::Completed), Some(TaskResult::Canceled)));
    assert_eq!(record.issues.unwrap()[0].message, "The check did not complete within its timeout of 5 minutes.");
    assert_eq!(world.azure_devops.with(|state| state.decision(&ids)), None);
}

#[tokio::test]
async fn the_check_of_a_stage_that_always_runs_waits_while_its_run_is_cancelled() {
    let world = Organization::start().await;
    let ordinary = world.await_check(NewCheck::default());
    let always = world.await_check(NewCheck { always_runs: true, ..NewCheck::default() });
    let status = || world.azure_devops.with(|state| state.runs[&world.build].status);

    world.azure_devops.with(|state| state.cancel_run(world.build));
    assert_eq!((status(), world.decide(&ordinary, "succeeded").await), (BuildStatus::Cancelling, 500));
    assert_eq!(world.decide(&always, "succeeded").await, 204);
    world.azure_devops.with(|state| state.cancel_run(world.build));
    assert_eq!(status(), BuildStatus::Completed);
}

#[tokio::test]
async fn a_record_that_is_missing_is_created_by_its_first_update_and_never_completed() {
    let world = Organization::start().await;
    let ids = world.await_check(NewCheck { has_record: false, ..NewCheck::default() });
    assert_eq!(world.records(&ids).await.len(), 1);

    let (status, refused) = world.update(&ids, json!({"id": ids.task_instance_id, "state": "inProgress"})).await;
    assert_eq!((status, &refused["typeKey"]), (400, &json!("TimelineRecordUpdateException")));
    let record = json!({
        "id": ids.task_instance_id, "type": "Task", "name": "Check", "parentId": ids.job_id, "state": "inProgress",
    });
    let mut orphan = record.clone();
    orphan["parentId"] = json!(ids.project_id);
    assert_eq!(world.update(&ids, orphan).await.0, 400);
    assert_eq!(world.update(&ids, record).await.0, 200);

    assert_eq!(world.decide(&ids, "succeeded").await, 204);
    let record = world.azure_devops.with(|state| state.timeline_record(&ids)).unwrap();
    assert_eq!((record.state, record.result), (Some(RecordState::InProgress), None));
}

#[tokio::test]
async fn records_of_other_kinds_have_odd_members_in_both_timelines() {
    let world = Organization::start().await;
    let ids = world.await_check(NewCheck::default());
    world.azure_devops.with(|state| state.add_odd_records(&ids));

    let own = world.records(&ids).await;
    let url = format!("{}{}/_apis/build/builds/{}/timeline?api-version=7.1", ids.plan_url, ids.project_id, world.build);
    let run: Value = Client::new().get(url).bearer_auth(&ids.auth_token).send().await.unwrap().json().await.unwrap();
    for records in [&own, run["records"].as_array().unwrap()] {
        assert!(records.iter().any(|record| record["variables"]["number"]["value"] == 3), "{records:?}");
        assert!(records.iter().any(|record| record["task"]["id"] == "vstest"), "{records:?}");
    }
    assert_eq!(own.len(), 2 + odd_records().len());
}

#[tokio::test]
async fn post_event_may_exist_only_as_a_preview() {
    let world = Organization::start().await;
    let ids = world.await_check(NewCheck::default());
    world.azure_devops.with(|state| state.preview_only.insert("/events".to_owned()));

    let event =
        json!({"name": "TaskCompleted", "taskId": ids.task_instance_id, "jobId": ids.job_id, "result": "failed"});
    let (status, refused) = world.call(&ids, Method::POST, "/events?api-version=7.1", event.clone()).await;
    assert_eq!((status, &refused["typeKey"]), (400, &json!("VssInvalidPreviewVersionException")));
    let preview = "/events?api-version=7.1-preview.1";
    assert_eq!(world.call(&ids, Method::POST, preview, event).await.0, 204);
}

#[tokio::test]
async fn a_typed_error_may_be_momentary() {
    let world = Organization::start().await;
    let ids = world.await_check(NewCheck::default());
    world.azure_devops.fail(Fault::session_not_found(404)).on("POST", "/events").once();
    let event =
        json!({"name": "TaskCompleted", "taskId": ids.task_instance_id, "jobId": ids.job_id, "result": "failed"});

    let (status, error) = world.call(&ids, Method::POST, "/events?api-version=7.1", event).await;
    assert_eq!((status, &error["typeKey"]), (404, &json!("OrchestrationSessionNotFoundException")));
    assert_eq!(world.decide(&ids, "failed").await, 204);
}

#[tokio::test]
async fn a_fault_may_end_at_a_moment_of_the_simulated_clock() {
    let world = Organization::start().await;
    let ids = world.await_check(NewCheck::default());
    let end = world.clock.now() + TimeDelta::minutes(2);
    world.azure_devops.fail(Fault::throttle(RetryAfter::Seconds(60))).on("PATCH", "/records").until(end);

    let record = || json!({"id": ids.task_instance_id, "state": "inProgress"});
    assert_eq!(world.update(&ids, record()).await.0, 429);
    assert_eq!(world.update(&ids, record()).await.0, 429);
    world.clock.advance(Duration::from_secs(120));
    assert_eq!(world.update(&ids, record()).await.0, 200);
}

#[tokio::test]
async fn a_call_takes_time_on_the_simulated_clock() {
    let world = Organization::start().await;
    let ids = world.await_check(NewCheck { timeout: Some(TimeDelta::seconds(60)), ..NewCheck::default() });
    world.azure_devops.latency("POST", "/events", Duration::from_secs(80));

    assert_eq!(world.decide(&ids, "succeeded").await, 500);
    assert_eq!(world.clock.now(), DateTime::UNIX_EPOCH + TimeDelta::seconds(80));
}

#[tokio::test]
async fn a_rest_api_check_is_delivered_through_its_service_connection() {
    let world = Organization::start().await;
    let ids = world.await_check(NewCheck { task: CheckTask::InvokeRestApi, ..NewCheck::default() });
    let url = world.azure_devops.url() + "api";
    let connection = ServiceConnection { url, authorization: Some("Basic dXNlcjpwYXNz".to_owned()) };

    let delivered = deliver_rest(&connection, "/CheckFunction", &expand(HEADERS, &ids, &[]), "").await;

    let call = world.azure_devops.take_calls().remove(0);
    assert_eq!((delivered.status, call.method.as_str(), call.query.as_str()), (404, "POST", ""));
    assert_eq!(call.path, "/fabrikam/api/CheckFunction");
    assert_eq!(call.headers["authorization"].to_str().unwrap(), "Basic dXNlcjpwYXNz");
    assert_eq!(call.headers["taskinstanceid"].to_str().unwrap(), ids.task_instance_id.to_string());
    let task = world.azure_devops.with(|state| state.timeline_record(&ids)).unwrap().task.unwrap();
    assert_eq!(task.name.as_deref(), Some("InvokeRESTAPI"));
}

/// A web page that stands for the function.
async fn function(world: &Organization, status: &str) -> (Sources, Target) {
    let sources = Sources::start(world.clock.clone()).await.unwrap();
    answers(&sources, status);
    let function = FunctionAddress::new(sources.url("web/function"), "key");
    (sources, Target::AzureFunction { function, parameters: String::new() })
}

fn answers(sources: &Sources, status: &str) {
    let page = Page::ok(json!({"status": status}));
    sources.with(|state| state.web.insert("function?code=key&".to_owned(), page));
}

#[tokio::test]
async fn a_stage_asks_again_until_its_answer_meets_the_criteria() {
    let world = Organization::start().await;
    let (sources, target) = function(&world, "pending").await;
    let settings = CheckSettings::api_response(TimeDelta::minutes(20), TimeDelta::minutes(5));
    let mut stage = Stage::of(&world.azure_devops, world.build, [CheckConfiguration::new(target, settings)]);

    assert_eq!(stage.act().await.outcome, Outcome::Waiting);
    assert_eq!(stage.next_at(), Some(DateTime::UNIX_EPOCH + TimeDelta::minutes(5)));
    assert_eq!(stage.act().await.outcome, Outcome::Waiting);
    assert_eq!(sources.calls().len(), 1);

    world.clock.advance(Duration::from_secs(300));
    answers(&sources, "successful");
    let conclusion = stage.act().await;
    assert_eq!((conclusion.outcome, conclusion.at), (Outcome::Passed, world.clock.now()), "{conclusion}");
    assert_eq!((stage.next_at(), sources.calls().len()), (None, 2));
}

#[tokio::test]
async fn a_stage_with_two_callbacks_passes_once_both_have_come() {
    let world = Organization::start().await;
    let (_sources, target) = function(&world, "received").await;
    let settings = CheckSettings::callback(TimeDelta::minutes(60));
    let check = CheckConfiguration::new(target, settings);
    let mut stage = Stage::of(&world.azure_devops, world.build, [check.clone(), check]);
    stage.act().await;
    let ids = stage.ids();

    assert_eq!(world.decide(&ids[0], "succeeded").await, 204);
    assert_eq!(stage.conclusion().outcome, Outcome::Waiting);
    assert_eq!(world.decide(&ids[1], "succeeded").await, 204);
    assert_eq!(stage.act().await.outcome, Outcome::Passed);
}

#[tokio::test]
async fn a_stage_whose_check_fails_cancels_its_other_check() {
    let world = Organization::start().await;
    let (_sources, target) = function(&world, "received").await;
    let check = CheckConfiguration::new(target, CheckSettings::callback(TimeDelta::minutes(60)));
    let mut stage = Stage::of(&world.azure_devops, world.build, [check.clone(), check]);
    stage.act().await;
    let ids = stage.ids();

    assert_eq!(world.decide(&ids[0], "failed").await, 204);
    let conclusion = stage.act().await;
    assert_eq!(conclusion.outcome, Outcome::Failed, "{conclusion}");
    assert_eq!(world.decide(&ids[1], "succeeded").await, 500);
    assert_eq!(stage.conclusion(), conclusion);
}

#[tokio::test]
async fn a_stage_is_skipped_when_the_timeout_ends_and_a_refused_delivery_fails_it() {
    let world = Organization::start().await;
    let (_sources, target) = function(&world, "received").await;
    let settings = CheckSettings::callback(TimeDelta::minutes(60));
    let mut stage = Stage::of(&world.azure_devops, world.build, [CheckConfiguration::new(target, settings.clone())]);
    stage.act().await;
    world.clock.set(stage.next_at().unwrap());
    let conclusion = stage.act().await;
    assert_eq!((conclusion.outcome, conclusion.at), (Outcome::Skipped, world.clock.now()), "{conclusion}");

    let nobody = FunctionAddress::new(world.azure_devops.url() + "api/CheckFunction", "key");
    let target = Target::AzureFunction { function: nobody, parameters: String::new() };
    let mut stage = Stage::of(&world.azure_devops, world.build, [CheckConfiguration::new(target, settings)]);
    let conclusion = stage.act().await;
    assert_eq!(conclusion.outcome, Outcome::Failed, "{conclusion}");
    assert_eq!(conclusion.why, "The check failed: the delivery was answered with status 404.");
    assert_eq!(world.decide(&stage.ids()[0], "succeeded").await, 500);
}
