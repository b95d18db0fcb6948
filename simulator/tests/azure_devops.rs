//! The simulated organization, called over HTTP as a check calls it.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::time::Duration;

use chrono::DateTime;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use simulator::Clock;
use simulator::azure_devops::{AzureDevOps, CheckIds, RecordState, Unauthorized};
use simulator::faults::{Fault, RetryAfter};

struct Caller {
    azure_devops: AzureDevOps,
    ids: CheckIds,
    client: Client,
}

impl Caller {
    async fn new() -> Self {
        let clock = Clock::starting_at(DateTime::UNIX_EPOCH);
        let azure_devops = AzureDevOps::start(clock).await.unwrap();
        let ids = azure_devops.with(|state| {
            let build = state.run().id;
            state.await_check(build)
        });
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { azure_devops, ids, client }
    }

    fn call(&self, method: Method, path: &str) -> RequestBuilder {
        let CheckIds { project_id, plan_id, auth_token, .. } = &self.ids;
        let path = path.replace("{plan}", &format!("_apis/distributedtask/hubs/checks/plans/{plan_id}"));
        let url = format!("{}{project_id}/{path}", self.azure_devops.url());
        self.client.request(method, url).bearer_auth(auth_token)
    }

    fn decision(&self, result: &str) -> RequestBuilder {
        self.call(Method::POST, "{plan}/events?api-version=7.1").json(&json!({
            "name": "TaskCompleted", "taskId": self.ids.task_instance_id, "jobId": self.ids.job_id, "result": result,
        }))
    }
}

async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

#[tokio::test]
async fn the_first_decision_wins_and_ends_the_session() {
    let caller = Caller::new().await;

    assert_eq!(answer(caller.decision("succeeded")).await.0, 204);
    let (status, late) = answer(caller.decision("failed")).await;

    assert_eq!((status, &late["typeKey"]), (500, &json!("OrchestrationSessionNotFoundException")));
    caller.azure_devops.with(|state| {
        assert_eq!(state.decision(&caller.ids).as_deref(), Some("succeeded"));
        assert_eq!(state.decisions(&caller.ids).len(), 2);
        assert_eq!(state.timeline_record(&caller.ids).unwrap().state, Some(RecordState::Completed));
    });
}

#[tokio::test]
async fn a_decision_without_a_result_or_with_an_unknown_word_is_refused() {
    let caller = Caller::new().await;
    let ids = &caller.ids;
    for body in [
        json!({"name": "TaskCompleted", "taskId": ids.task_instance_id, "jobId": ids.job_id}),
        json!({"name": "taskCompleted", "taskId": ids.task_instance_id, "jobId": ids.job_id, "result": "succeeded"}),
        json!({"name": "TaskCompleted", "taskId": ids.task_instance_id, "jobId": ids.job_id, "result": "Succeeded"}),
        json!({"name": "TaskCompleted", "taskId": ids.task_instance_id, "jobId": ids.job_id, "result": "failed", "reason": "x"}),
    ] {
        let request = caller.call(Method::POST, "{plan}/events?api-version=7.1").json(&body);
        assert_eq!(answer(request).await.0, 400, "{body}");
    }
    assert_eq!(caller.azure_devops.with(|state| state.decisions(ids)), []);
}

#[tokio::test]
async fn people_see_the_log_that_is_attached_to_the_record() {
    let caller = Caller::new().await;
    let create = || caller.call(Method::POST, "{plan}/logs?api-version=7.1").json(&json!({"path": "logs\\check"}));
    assert_eq!(answer(create()).await.1["id"], 1);
    assert_eq!(answer(create()).await.1["id"], 1);
    let append = caller.call(Method::POST, "{plan}/logs/1?api-version=7.1");
    let append = append.header("Content-Type", "application/octet-stream").body("one\ntwo\n");
    assert_eq!(answer(append).await.1["lineCount"], 2);
    assert_eq!(caller.azure_devops.with(|state| state.log_text(&caller.ids)), "");

    let records = format!("{{plan}}/timelines/{}/records?api-version=7.1", caller.ids.timeline_id);
    let attach = |log: u64| {
        let update = json!({"id": caller.ids.task_instance_id, "log": {"id": log}, "state": "inProgress"});
        caller.call(Method::PATCH, &records).json(&json!({"count": 1, "value": [update]}))
    };
    assert_eq!(answer(attach(2)).await.1["typeKey"], "TimelineRecordUpdateException");
    let (_, merged) = answer(attach(1)).await;

    assert_eq!(merged["value"][0]["name"], "Invoke Azure Function");
    assert_eq!(merged["value"][0]["state"], "inProgress");
    assert_eq!(caller.azure_devops.with(|state| state.log_text(&caller.ids)), "one\ntwo\n");
}

#[tokio::test]
async fn a_request_that_does_not_meet_the_demands_of_its_route_is_refused() {
    let caller = Caller::new().await;
    let build = format!("_apis/build/builds/{}", caller.ids.build_id);

    let found = answer(caller.call(Method::GET, &format!("{build}?api-version=7.1"))).await;
    assert_eq!((found.0, &found.1["status"], found.1.get("result")), (200, &json!("inProgress"), None));
    assert_eq!(answer(caller.call(Method::GET, &build)).await.1["typeKey"], "VssVersionNotSpecifiedException");
    assert_eq!(answer(caller.call(Method::DELETE, &format!("{build}?api-version=7.1"))).await.0, 405);
    let (status, preview) = answer(caller.call(Method::GET, "{plan}?api-version=7.1")).await;
    assert_eq!((status, &preview["typeKey"]), (400, &json!("VssInvalidPreviewVersionException")));
    let text = caller.call(Method::POST, "{plan}/events?api-version=7.1").body("{}");
    assert_eq!(answer(text).await.0, 415);
    assert_eq!(answer(caller.call(Method::GET, "_apis/nothing?api-version=7.1")).await.0, 404);
    let unknown = caller.azure_devops.with(|state| state.unknown_requests.clone());
    assert_eq!(unknown.len(), 1, "{unknown:?}");
}

#[tokio::test]
async fn an_expired_token_is_refused_in_each_way_that_a_test_can_choose() {
    let caller = Caller::new().await;
    caller.azure_devops.with(|state| state.expire_token(&caller.ids));
    for (how, status) in
        [(Unauthorized::Status401, 401), (Unauthorized::SignInPage203, 203), (Unauthorized::Redirect302, 302)]
    {
        caller.azure_devops.with(|state| state.expired_token = how);
        assert_eq!(answer(caller.decision("succeeded")).await.0, status);
    }
}

#[tokio::test]
async fn a_work_item_has_a_state_and_the_state_a_category() {
    let caller = Caller::new().await;
    caller.azure_devops.with(|state| {
        state.work_item(42, "Active");
        state.work_item(43, "Closed").in_project("Elsewhere");
    });

    let batch = caller.call(Method::POST, "_apis/wit/workitemsbatch?api-version=7.1");
    let batch = batch.json(&json!({"ids": [42, 43], "fields": ["System.State"], "errorPolicy": "omit"}));
    let (_, items) = answer(batch).await;
    assert_eq!(items["value"][0]["fields"], json!({"System.State": "Active"}));
    assert_eq!(items["value"][1], Value::Null);

    let states = "_apis/wit/workitemtypes/User%20Story/states?api-version=7.1";
    let (_, states) = answer(caller.call(Method::GET, states)).await;
    assert!(
        states["value"].as_array().unwrap().iter().any(|it| it["name"] == "Closed" && it["category"] == "Completed")
    );
}

#[tokio::test]
async fn a_fault_applies_to_the_chosen_calls_and_as_often_as_the_test_says() {
    let caller = Caller::new().await;
    let azure_devops = &caller.azure_devops;

    azure_devops.fail(Fault::throttle(RetryAfter::Seconds(7))).on("POST", "/events").once();
    let throttled = caller.decision("succeeded").send().await.unwrap();
    assert_eq!((throttled.status().as_u16(), throttled.headers()["retry-after"].to_str().unwrap()), (429, "7"));

    azure_devops.fail(Fault::reset()).on("POST", "/events").once();
    assert!(caller.decision("succeeded").send().await.is_err());
    azure_devops.fail(Fault::hang()).on("POST", "/events").once();
    let impatient = caller.decision("succeeded").timeout(Duration::from_millis(50));
    assert!(impatient.send().await.unwrap_err().is_timeout());
    assert_eq!(azure_devops.with(|state| state.decisions(&caller.ids)), []);

    azure_devops.fail(Fault::drop_after()).on("POST", "/events").once();
    assert!(caller.decision("failed").send().await.is_err());
    assert_eq!(azure_devops.with(|state| state.decision(&caller.ids)).as_deref(), Some("failed"));

    azure_devops.fail(Fault::slow_body(Duration::from_millis(1))).on("GET", "/build/").once();
    let tags = format!("_apis/build/builds/{}/tags?api-version=7.1", caller.ids.build_id);
    assert_eq!(answer(caller.call(Method::GET, &tags)).await.1, json!({"count": 0, "value": []}));
}

#[tokio::test]
async fn the_organization_closes_its_port_and_opens_the_same_port_again() {
    let caller = Caller::new().await;
    let build = format!("_apis/build/builds/{}?api-version=7.1", caller.ids.build_id);
    assert_eq!(answer(caller.call(Method::GET, &build)).await.0, 200);

    caller.azure_devops.refuse_connections(true).await.unwrap();
    assert!(caller.call(Method::GET, &build).send().await.is_err());

    caller.azure_devops.refuse_connections(false).await.unwrap();
    assert_eq!(answer(caller.call(Method::GET, &build)).await.0, 200);
}
