//! The host as its handler, its queue and its callers see it.

mod endings;

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use http::{Request, Response};
use http_body_util::{Either, Full};
use serde_json::Value;

use tokio::sync::watch;

use super::*;
use crate::storage_queue::{NewMessage, StorageQueue};

const QUEUE: &str = "check-evaluations";

struct World {
    clock: Clock,
    storage: StorageQueue,
    host: FunctionsHost,
    handler: Listener,
    requests: Arc<Mutex<Vec<Request<Bytes>>>>,
    /// Whether the handler answers; while it does not, callers wait.
    answers: watch::Sender<bool>,
}

fn app() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/app")
}

impl World {
    /// A handler that answers every request with this status, content type and body.
    async fn with_handler(status: u16, content_type: &'static str, body: &'static str) -> Self {
        let clock = Clock::starting_at(DateTime::UNIX_EPOCH);
        let storage = StorageQueue::start(clock.clone()).await.unwrap();
        storage.with(|state| state.create(QUEUE, [].into()).unwrap());
        let requests: Arc<Mutex<Vec<Request<Bytes>>>> = Arc::default();
        let (port, socket) = Listener::bind().await.unwrap();
        let seen = Arc::clone(&requests);
        let answers = watch::Sender::new(true);
        let answering = answers.clone();
        let handler = Listener::serve(port, socket, move |request| {
            seen.lock().unwrap().push(request);
            let mut answering = answering.subscribe();
            async move {
                answering.wait_for(|answers| *answers).await.unwrap();
                let mut response = Response::builder().status(status);
                if !content_type.is_empty() {
                    response = response.header("content-type", content_type);
                }
                Ok(response.body(Either::Left(Full::new(Bytes::from_static(body.as_bytes())))).unwrap())
            }
        });
        let host = start_host(&handler, &storage, &clock).await;
        Self { clock, storage, host, handler, requests, answers }
    }

    /// Another host for the same handler and queue.
    async fn start_host(&self) -> FunctionsHost {
        start_host(&self.handler, &self.storage, &self.clock).await
    }

    fn put(&self, text: &str) {
        self.storage.with(|state| state.put(QUEUE, &NewMessage::now(text)).unwrap());
    }
}

async fn start_host(handler: &Listener, storage: &StorageQueue, clock: &Clock) -> FunctionsHost {
    let handler = Handler::Url(format!("http://127.0.0.1:{}", handler.port()));
    FunctionsHost::start(app(), handler, QueueSource::Simulated(storage.clone()), clock.clone()).await.unwrap()
}

#[tokio::test]
async fn a_message_is_deleted_once_it_is_handled() {
    let world = World::with_handler(200, "application/json", "{}").await;
    world.put(r#"{"version":1}"#);

    assert_eq!(world.host.run_due_messages().await, 1);

    assert_eq!(world.storage.messages(QUEUE), []);
    let requests = world.requests.lock().unwrap();
    assert_eq!(requests[0].uri().path(), "/ReevaluateFunction");
    assert_eq!(requests[0].headers()["transfer-encoding"], "chunked");
    let envelope: Value = serde_json::from_slice(requests[0].body()).unwrap();
    assert_eq!(envelope["Data"]["check"], r#""{\"version\":1}""#);
    assert_eq!(envelope["Metadata"]["NextVisibleTime"], "1970-01-01T00:10:00+00:00");
}

#[tokio::test]
async fn a_message_that_keeps_failing_is_poisoned() {
    for (status, content_type, body) in
        [(500, "application/json", "{}"), (200, "text/plain", "{}"), (200, "application/json", "[]")]
    {
        let world = World::with_handler(status, content_type, body).await;
        world.put("x");
        assert_eq!(world.host.run_due_messages().await, 5);
        assert_eq!(world.storage.messages(QUEUE), []);
        assert_eq!(world.storage.poison(QUEUE)[0].text, "x");
        let counts: Vec<_> = world.host.invocations().iter().map(|it| it.dequeue_count).collect();
        assert_eq!(counts, [1, 2, 3, 4, 5]);
    }
}

#[tokio::test]
async fn messages_can_be_delivered_twice_and_with_a_length() {
    let world = World::with_handler(200, "application/json", "{}").await;
    world.put("x");
    world.host.switch(|switches| {
        switches.duplicate_deliveries = true;
        switches.chunked = false;
    });
    assert_eq!(world.host.run_due_messages().await, 2);
    assert_eq!(world.storage.messages(QUEUE), []);
    assert!(world.requests.lock().unwrap()[0].headers().contains_key("content-length"));
}

#[tokio::test]
async fn the_queue_can_be_a_real_one() {
    let world = World::with_handler(500, "application/json", "{}").await;
    let (account, key, endpoint) = (world.storage.account(), world.storage.key(), world.storage.endpoint());
    let queues = QueueSource::rest(&account, &key, &endpoint).unwrap();
    let handler = Handler::Url(format!("http://127.0.0.1:{}", world.handler.port()));
    let host = FunctionsHost::start(app(), handler, queues, world.clock.clone()).await.unwrap();
    world.put("x");

    assert_eq!(host.run_due_messages().await, 5);
    assert_eq!(world.storage.poison(QUEUE).len(), 1);
    assert_eq!(host.why_down(), None);
    world.storage.refuse_connections(true).await.unwrap();
    let asking = tokio::spawn({
        let host = host.clone();
        async move { host.run_due_messages().await }
    });
    endings::advance_until(&world.clock, Duration::from_secs(1), &asking).await;
    assert!(host.why_down().is_some_and(|why| why.contains("after 6 tries")));
}

#[tokio::test]
async fn a_call_is_forwarded_nearly_as_it_is() {
    let world = World::with_handler(202, "application/json", r#"{"ok":true}"#).await;
    let url = world.host.function_url("CheckFunction");
    let client = reqwest::Client::new();
    let call = || client.post(format!("{url}?code={}&check=a+b&check=c&", world.host.function_key()));

    let response =
        call().header("PlanUrl", "http://x/").header("Content-Type", "application/json").send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.text().await.unwrap().as_str()), (202, r#"{"ok":true}"#));
    call().header("Content-Type", "application/json").body("{}").send().await.unwrap();

    let requests = world.requests.lock().unwrap();
    let (empty, full) = (&requests[0], &requests[1]);
    let query = "code=simulated-function-key&check=a%20b,c";
    assert_eq!((empty.uri().path(), empty.uri().query()), ("/api/CheckFunction", Some(query)));
    assert_eq!(empty.headers()["planurl"], "http://x/");
    assert_eq!(empty.headers()["content-length"], "0");
    assert_eq!(empty.headers()["x-azure-functions-hostversion"], "4.1037.0.0");
    assert!(empty.headers()["host"].to_str().unwrap().starts_with("127.0.0.1:"));
    assert_eq!(&full.body()[..], b"{}");
    assert_eq!(full.headers()["content-type"], "application/json");
}

#[tokio::test]
async fn callers_without_the_key_or_the_method_are_turned_away() {
    let world = World::with_handler(200, "application/json", "{}").await;
    let url = world.host.function_url("CheckFunction");
    let client = reqwest::Client::new();
    assert_eq!(client.post(&url).send().await.unwrap().status(), 401);
    assert_eq!(client.post(&url).header("x-functions-key", "wrong").send().await.unwrap().status(), 401);
    assert_eq!(client.get(&url).send().await.unwrap().status(), 404);
    assert_eq!(client.post(format!("{url}/more")).send().await.unwrap().status(), 404);
    let key = world.host.function_key();
    assert_eq!(client.post(&url).header("x-functions-key", key).send().await.unwrap().status(), 200);
}

fn app_without_forwarding() -> std::path::PathBuf {
    let app = std::env::temp_dir().join(uuid::Uuid::new_v4().to_string());
    std::fs::create_dir_all(app.join("hello")).unwrap();
    let host = r#"{"version":"2.0","customHandler":{"description":{"defaultExecutablePath":"handler"}}}"#;
    let function = r#"{"bindings":[{"type":"httpTrigger","direction":"in","name":"req","authLevel":"anonymous","route":"hello/{id}"},{"type":"http","direction":"out","name":"res"}]}"#;
    std::fs::write(app.join("host.json"), host).unwrap();
    std::fs::write(app.join("hello/function.json"), function).unwrap();
    app
}

#[tokio::test]
async fn without_forwarding_the_handler_gets_json() {
    let app = app_without_forwarding();
    let answer = r#"{"outputs":{"res":{"statusCode":"201","body":{"a":1},"headers":{"X-A":"b"}}}}"#;
    let world = World::with_handler(200, "application/json", answer).await;
    let handler = Handler::Url(format!("http://127.0.0.1:{}", world.handler.port()));
    let queues = QueueSource::Simulated(world.storage.clone());
    let host = FunctionsHost::start(&app, handler, queues, world.clock.clone()).await.unwrap();
    std::fs::remove_dir_all(&app).unwrap();

    let url = host.function_url("hello").replace("{id}", "5");
    let response = reqwest::Client::new().post(format!("{url}?name=Atlas")).body(r#"{"a":1}"#).send().await.unwrap();

    assert_eq!((response.status().as_u16(), response.headers()["x-a"].to_str().unwrap()), (201, "b"));
    assert_eq!(response.text().await.unwrap(), "{\n  \"a\": 1\n}");
    let envelope: Value = serde_json::from_slice(world.requests.lock().unwrap()[0].body()).unwrap();
    assert_eq!(envelope["Data"]["req"]["Query"]["name"], "Atlas");
    assert_eq!(envelope["Data"]["req"]["Params"]["id"], "5");
    assert_eq!(envelope["Data"]["req"]["Body"], r#"{"a":1}"#);
    assert_eq!(envelope["Metadata"]["name"], r#""Atlas""#);
    assert_eq!(envelope["Metadata"]["id"], r#""5""#);
    assert_eq!(envelope["Metadata"]["a"], r#""1""#);
}

#[tokio::test]
async fn a_listening_host_finds_messages_by_itself() {
    let world = World::with_handler(200, "application/json", "{}").await;
    world.clock.set(chrono::Utc::now());
    world.host.listen();
    (0..50).for_each(|number| world.put(&format!("{number}")));

    while world.host.invocations().len() < 50 {
        tokio::task::yield_now().await;
    }
    world.host.stop().await;

    assert_eq!(world.storage.messages(QUEUE), []);
    assert_eq!(world.host.why_down().as_deref(), Some("the host was stopped"));
}

#[tokio::test]
async fn a_message_waits_for_its_lag_and_for_an_account_that_is_down() {
    let world = World::with_handler(200, "application/json", "{}").await;
    world.storage.with(|state| state.pick_up_lag = TimeDelta::seconds(30));
    world.put("x");
    assert_eq!(world.host.run_due_messages().await, 0);

    world.storage.with(|state| state.go_down_for(TimeDelta::minutes(3)));
    world.clock.advance(Duration::from_secs(30));
    assert_eq!(world.host.run_due_messages().await, 0);
    assert_eq!(world.host.why_down(), None);
    world.clock.advance(Duration::from_secs(150));
    assert_eq!(world.host.run_due_messages().await, 1);
}
