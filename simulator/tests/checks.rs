//! Checks on resources, as the REST interface gives and takes them.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use chrono::DateTime;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use simulator::Clock;
use simulator::azure_devops::{Area, AzureDevOps, KeyAnswer, Resource, ResourceKind};

struct Administrator {
    azure_devops: AzureDevOps,
    token: String,
}

impl Administrator {
    async fn new() -> Self {
        let azure_devops = AzureDevOps::start(Clock::starting_at(DateTime::UNIX_EPOCH)).await.unwrap();
        let token = azure_devops.with(|state| state.personal_token());
        Self { azure_devops, token }
    }

    fn call(&self, method: Method, path: &str) -> RequestBuilder {
        let separator = if path.contains('?') { '&' } else { '?' };
        let url = format!("{}{path}{separator}api-version=7.1-preview.1", self.azure_devops.url());
        Client::new().request(method, url).basic_auth("", Some(&self.token))
    }

    fn checks(&self, method: Method, rest: &str) -> RequestBuilder {
        self.call(method, &format!("FabrikamFiber/_apis/pipelines/checks/{rest}"))
    }

    fn resource(&self, kind: ResourceKind, name: &str) -> Resource {
        self.azure_devops.with(|state| state.resource(kind, name))
    }
}

async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

fn written(resource: &Resource) -> Value {
    json!({
        "type": {"id": "fe1de3ee-a436-41b4-bb20-f6eb4cb879a7", "name": "Task Check"},
        "resource": {"type": resource.kind.word(), "id": resource.check_id(), "name": resource.name},
        "timeout": 60,
        "settings": {
            "displayName": "Release",
            "definitionRef": {"id": "537fdb7a-a601-4537-aa70-92645a2b5ce4", "name": "AzureFunction", "version": "1.274.0"},
            "inputs": {"function": "https://host.example/api/check", "key": "the-function-key", "waitForCompletion": "true"},
            "retryInterval": 0,
        },
    })
}

#[tokio::test]
async fn a_check_of_each_kind_of_resource_is_created_read_changed_and_deleted() {
    let administrator = Administrator::new().await;
    for kind in ResourceKind::ALL {
        let resource = administrator.resource(kind, "production");
        let mut check = written(&resource);
        let (status, created) = answer(administrator.checks(Method::POST, "configurations").json(&check)).await;
        assert_eq!((status, &created["version"]), (200, &json!(1)), "{created}");
        check["settings"]["retryInterval"] = json!(5);
        let path = format!("configurations/{}", created["id"]);
        let (_, changed) = answer(administrator.checks(Method::PATCH, &path).json(&check)).await;
        assert_eq!((&changed["version"], &changed["settings"]["retryInterval"]), (&json!(2), &json!(5)));
        let (id, word) = (resource.check_id(), kind.word());
        let list = format!("configurations?resourceType={word}&resourceId={id}");
        let (_, listed) = answer(administrator.checks(Method::GET, &list)).await;
        assert_eq!((&listed["count"], &listed["value"][0]["settings"]), (&json!(1), &Value::Null));
        let body = json!([{"type": word, "id": id, "name": "production"}]);
        let query = administrator.checks(Method::POST, "queryconfigurations?$expand=settings").json(&body);
        assert_eq!(answer(query).await.1["value"][0]["settings"]["inputs"]["key"], "the-function-key");
        assert_eq!(answer(administrator.checks(Method::DELETE, &path)).await.0, 204);
        assert_eq!(answer(administrator.checks(Method::GET, &path)).await.0, 404);
    }
}

#[tokio::test]
async fn a_key_is_shown_as_the_service_may_show_it() {
    let administrator = Administrator::new().await;
    let resource = administrator.resource(ResourceKind::Environment, "production");
    administrator
        .azure_devops
        .with(|state| state.function_check(&resource, &[("key", "the-function-key")]).timeout = 60);
    for (shown, key) in [
        (KeyAnswer::Clear, json!("the-function-key")),
        (KeyAnswer::Masked, json!("***")),
        (KeyAnswer::Null, Value::Null),
    ] {
        administrator.azure_devops.with(|state| state.key_answer = shown);
        let read = administrator.checks(Method::GET, "configurations/1?$expand=settings");
        assert_eq!(answer(read).await.1["settings"]["inputs"]["key"], key);
    }
}

#[tokio::test]
async fn what_the_models_do_not_allow_is_refused() {
    let administrator = Administrator::new().await;
    let resource = administrator.resource(ResourceKind::Environment, "production");
    for (pointer, value) in [
        ("/settings/inputs/waitForCompletion", json!(true)),
        ("/settings/inputs/key", Value::Null),
        ("/settings/retryInterval", json!("0")),
        ("/timeout", json!(43_201)),
        ("/type/id", json!("not a GUID")),
    ] {
        let mut check = written(&resource);
        *check.pointer_mut(pointer).unwrap() = value;
        let request = administrator.checks(Method::POST, "configurations").json(&check);
        assert_eq!(answer(request).await.0, 400, "{pointer}");
    }
    let url = format!(
        "{}FabrikamFiber/_apis/pipelines/checks/configurations/1?api-version=7.1",
        administrator.azure_devops.url()
    );
    let (status, refused) = answer(Client::new().get(url).basic_auth("", Some(&administrator.token))).await;
    assert_eq!((status, &refused["typeKey"]), (400, &json!("VssInvalidPreviewVersionException")));
}

#[tokio::test]
async fn the_checks_of_a_deleted_resource_and_of_a_hidden_one_are_refused_alike() {
    let administrator = Administrator::new().await;
    let deleted = administrator.resource(ResourceKind::Environment, "deleted");
    let hidden = administrator.resource(ResourceKind::Environment, "hidden");
    administrator.azure_devops.with(|state| {
        state.delete_resource(&deleted);
        state.hide_checks_of(&hidden);
    });
    for resource in [&deleted, &hidden] {
        let list = format!("configurations?resourceType=environment&resourceId={}", resource.id);
        let (status, refused) = answer(administrator.checks(Method::GET, &list)).await;
        assert_eq!(status, 403);
        assert!(refused["message"].as_str().unwrap().contains("required permissions to view assignment"));
    }
    let read =
        |id: &str| administrator.call(Method::GET, &format!("FabrikamFiber/_apis/distributedtask/environments/{id}"));
    assert_eq!(answer(read(&deleted.id)).await.0, 404);
    assert_eq!(answer(read(&hidden.id)).await.0, 200);
}

#[tokio::test]
async fn long_lists_have_pages() {
    let administrator = Administrator::new().await;
    for name in ["a", "b", "c"] {
        administrator.resource(ResourceKind::Environment, name);
    }
    administrator.azure_devops.with(|state| state.page_size = 2);
    let list = "FabrikamFiber/_apis/distributedtask/environments";
    let first = administrator.call(Method::GET, list).send().await.unwrap();
    let next = first.headers()["x-ms-continuationtoken"].to_str().unwrap().to_owned();
    assert_eq!(first.json::<Value>().await.unwrap()["count"], 2);
    let second = administrator.call(Method::GET, &format!("{list}?continuationToken={next}")).send().await.unwrap();
    assert!(!second.headers().contains_key("x-ms-continuationtoken"));
    assert_eq!(second.json::<Value>().await.unwrap()["value"][0]["name"], "c");
}

#[tokio::test]
async fn a_persons_token_needs_basic_authentication_and_the_right_to_manage() {
    let administrator = Administrator::new().await;
    let resource = administrator.resource(ResourceKind::Queue, "pool");
    let url = format!("{}_apis/projects?api-version=7.1", administrator.azure_devops.url());
    assert_eq!(Client::new().get(url).bearer_auth(&administrator.token).send().await.unwrap().status(), 401);
    administrator.azure_devops.with(|state| state.deny(&administrator.token, Area::ManageChecks));
    let create = administrator.checks(Method::POST, "configurations").json(&written(&resource));
    assert_eq!(answer(create).await.0, 403);
    assert_eq!(answer(administrator.call(Method::GET, "_apis/projects")).await.0, 200);
}

#[tokio::test]
async fn a_work_item_is_given_as_it_was_at_an_earlier_time() {
    let administrator = Administrator::new().await;
    administrator.azure_devops.with(|state| {
        state.work_item(42, "Active");
        state.clock.advance(std::time::Duration::from_secs(3600));
        state.work_item(42, "Closed");
    });
    for (as_of, expected) in [
        ("1970-01-01T00:30:00Z", json!("Active")),
        ("1970-01-01T02:00:00Z", json!("Closed")),
        ("1969-01-01T00:00:00Z", Value::Null),
    ] {
        let body = json!({"ids": [42], "fields": ["System.State"], "errorPolicy": "omit", "asOf": as_of});
        let (_, items) = answer(administrator.call(Method::POST, "_apis/wit/workitemsbatch").json(&body)).await;
        assert_eq!(items["value"][0]["fields"]["System.State"], expected, "{as_of}");
    }
}

#[tokio::test]
async fn a_run_shows_when_its_checks_were_asked_and_how_they_ended() {
    let administrator = Administrator::new().await;
    let build = administrator.azure_devops.with(|state| {
        let build = state.run().id;
        let ids = state.await_check(build);
        state.clock.advance(std::time::Duration::from_secs(60));
        state.end_check(&ids, simulator::azure_devops::TaskResult::Failed);
        build
    });
    let path = format!("FabrikamFiber/_apis/build/builds/{build}/timeline");
    let (_, timeline) = answer(administrator.call(Method::GET, &path)).await;
    let records = timeline["records"].as_array().unwrap();
    let checkpoint = records.iter().find(|record| record["type"] == "Checkpoint").unwrap();
    assert_eq!((&checkpoint["state"], &checkpoint["result"]), (&json!("completed"), &json!("failed")));
    assert_eq!(checkpoint["finishTime"], "1970-01-01T00:01:00Z");
    let builds = "FabrikamFiber/_apis/build/builds?$top=1";
    administrator.azure_devops.with(|state| state.run().id);
    let first = administrator.call(Method::GET, builds).send().await.unwrap();
    let next = first.headers()["x-ms-continuationtoken"].to_str().unwrap().to_owned();
    let (_, second) = answer(administrator.call(Method::GET, &format!("{builds}&continuationToken={next}"))).await;
    assert_eq!((&second["count"], &second["value"][0]["id"]), (&json!(1), &json!(build)));
}
