//! Planted secrets: through many scenarios of the real executable, none of them leaves it - except the token, to Azure
//! DevOps, as the header `Authorization`.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use checkgate::task::sealer::Sealer;
use checkgate::telemetry::METRICS;
use simulator::azure_devops::{AzureDevOps, CheckIds, State};
use simulator::azure_pipelines::deliver_with;
use simulator::calls::Call;
use simulator::faults::{Fault, RetryAfter};
use simulator::functions_host::{FunctionsHost, Handler, QueueSource};
use simulator::sources::Sources;
use simulator::storage_queue::StorageQueue;
use warp::http::{HeaderMap, StatusCode};

use crate::support::collector::{Collector, Sent};
use crate::support::{Delivery, LogLines, World, a_check, an_active_work_item};

const SOURCE_SECRET: &str = "canary-of-a-source-1b0c7f9e";
/// What the collector of traces and metrics asks for.
const COLLECTOR_KEY: &str = "canary-of-a-collector-77e0c1d4";
const QUEUE: &str = checkgate::queue::QUEUE_NAME;

/// The forms in which a secret could leave: as it is, in base64 at each alignment, percent-encoded, in hex, escaped.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![
        secret.to_owned(),
        url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        secret.bytes().map(|byte| format!("{byte:02x}")).collect(),
        secret.bytes().map(|byte| format!("{byte:02X}")).collect(),
        format!("{:?}", secret.as_bytes()),
        serde_json::to_string(secret).expect("JSON").trim_matches('"').to_owned(),
    ];
    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        for shift in 0..3 {
            // Leaves out the characters that depend on the neighbours.
            let encoded = engine.encode([&b"\0\0"[..shift], secret.as_bytes()].concat());
            forms.push(encoded[shift * 4 / 3 + usize::from(shift > 0)..encoded.len() - 2].to_owned());
        }
    }
    forms
}

/// Fails if any of the secrets is in a text that left the process.
struct Search(Vec<(String, Vec<String>)>);

impl Search {
    fn new<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self(secrets.into_iter().map(|(name, secret)| (name.to_owned(), forms(secret))).collect())
    }

    /// The name of a secret in the text, and the form in which it is there.
    fn find(&self, text: &str) -> Option<(&str, &str)> {
        self.0.iter().find_map(|(name, forms)| {
            forms.iter().find(|form| text.contains(form.as_str())).map(|form| (name.as_str(), form.as_str()))
        })
    }

    #[track_caller]
    fn expect_nothing(&self, scenario: &str, place: &str, text: &str) {
        assert_eq!(self.find(text), None, "{scenario}: a secret is in {place}:\n{text}");
    }
}

#[test]
fn the_search_finds_a_secret_in_every_form() {
    let secret = "canary+/=\"secret\" of 30 bytes?";
    let search = Search::new([("the secret", secret)]);
    for text in [
        format!("Bearer {secret}"),
        STANDARD_NO_PAD.encode(format!("x{secret}y")),
        URL_SAFE_NO_PAD.encode(format!("user:{secret}")),
        base64::engine::general_purpose::STANDARD.encode(secret),
        url::form_urlencoded::byte_serialize(format!("a{secret}").as_bytes()).collect(),
        serde_json::json!({ "a": secret }).to_string(),
        format!("{:?}", secret.as_bytes()),
    ] {
        assert!(search.find(&text).is_some(), "{text}");
    }
}

/// The real executable, as talkative as it can be, with a canary in every secret setting.
struct Planted {
    azure_devops: AzureDevOps,
    queue: StorageQueue,
    sources: Sources,
    host: FunctionsHost,
    sealing_keys: [String; 2],
    checks_file: std::path::PathBuf,
    run: u64,
}

const CHECKS: &str = "default: a
connections:
  servicenow: { serviceNow: { instance: 'SOURCES/service-now', user: '${SOURCE_USER}', password: '${SOURCE_SECRET}' } }
  prometheus: { prometheus: { url: 'SOURCES/prometheus', bearerToken: '${SOURCE_SECRET}' } }
  web: { http: { url: 'SOURCES/web', headers: { X-Api-Key: '${SOURCE_SECRET}' } } }
  hook: { webhook: { url: '${WEBHOOK}', format: cloudEvents, hosts: ['127.0.0.1'], headers: { Authorization: 'Bearer ${SOURCE_SECRET}' } } }
checks:
  told: { notify: [ { to: hook } ], conditions: [ taskExecuted: { task: CmdLine } ] }
  a: { conditions: [ taskExecuted: { task: CmdLine } ] }
  w: { reevaluateEvery: 1s, timeout: 1h, inputs: { Note: { required: false } }, conditions: [ workItems: { state: Completed } ] }
  change: { inputs: { N: {} }, conditions: [ serviceNowChange: { connection: servicenow, number: N, approval: approved } ] }
  metric: { conditions: [ metric: { connection: prometheus, query: up, successCondition: result > 0 } ] }
  page: { conditions: [ http: { connection: web, path: status, successCondition: response.body.ok } ] }
  short: { reevaluateEvery: 1s, timeout: 1s, conditions: [ workItems: { state: Completed } ] }
  body: { conditions: [ http: { connection: web, path: status, successCondition: \"response.body.said == 'hello'\" } ] }
  text: { conditions: [ http: { connection: web, path: status, successCondition: \"response.body == 'hello'\" } ] }
";

impl Planted {
    async fn start(test: &str) -> Self {
        Self::start_with(test, Vec::new()).await
    }

    /// With these app settings besides its own.
    async fn start_with(test: &str, more: Vec<(String, String)>) -> Self {
        let clock = simulator::Clock::system();
        let azure_devops = AzureDevOps::start(clock.clone()).await.expect("a port");
        let queue = StorageQueue::start(clock.clone()).await.expect("a port");
        let sources = Sources::start(clock.clone()).await.expect("a port");
        sources.with(|state| {
            SOURCE_SECRET.clone_into(&mut state.service_now.user);
            SOURCE_SECRET.clone_into(&mut state.service_now.password);
            state.prometheus.bearer_token = Some(SOURCE_SECRET.to_owned());
            SOURCE_SECRET.clone_into(&mut state.webhooks.secret);
            state.webhooks.authorization = Some(format!("Bearer {SOURCE_SECRET}"));
            state.service_now.add_change("CHG0030001", &[("approval", "approved")]);
        });
        let run = azure_devops.with(|state| {
            let id = state.run().id;
            an_active_work_item(state, id);
            id
        });
        let sealing_keys =
            [Sealer::generate_key().expect("random numbers"), Sealer::generate_key().expect("random numbers")];
        let checks_file = std::env::temp_dir().join(format!("checkgate-secrets-{test}-{}.yaml", std::process::id()));
        let base = sources.url("");
        std::fs::write(&checks_file, CHECKS.replace("SOURCES", base.trim_end_matches('/'))).expect("a file");
        let mut environment = crate::support::executable::environment(&azure_devops, &queue.connection_string());
        for (name, value) in [
            ("TokenSealingKey", sealing_keys[0].as_str()),
            ("TokenSealingKeyPrevious", &sealing_keys[1]),
            ("SOURCE_USER", SOURCE_SECRET),
            ("SOURCE_SECRET", SOURCE_SECRET),
            ("WEBHOOK", &sources.webhook("events")),
            ("ChecksFile", &checks_file.display().to_string()),
            ("LogLevel", "trace"),
            ("RUST_LOG", "trace"),
            ("RUST_BACKTRACE", "full"),
        ] {
            environment.retain(|(known, _)| known != name);
            environment.push((name.to_owned(), value.to_owned()));
        }
        environment.extend(more);
        let handler =
            Handler::Executable { path: env!("CARGO_BIN_EXE_checkgate").into(), environment, stop_after_errors: None };
        let source = QueueSource::Simulated(queue.clone());
        let host = FunctionsHost::start(crate::support::app_root(), handler, source, clock).await.expect("the host");
        assert!(host.handler_ready().await, "{:?}", host.output());
        Self { azure_devops, queue, sources, host, sealing_keys, checks_file, run }
    }

    fn check(&self) -> CheckIds {
        self.azure_devops.with(|state| state.await_check(self.run))
    }

    /// Delivers, and runs what is due.
    async fn scenario(&self, scenario: &str, ids: &CheckIds, delivery: Delivery) -> u16 {
        let function = self.host.function_address("CheckFunction");
        let delivered = deliver_with(&function, &delivery.query, &delivery.headers(ids), &delivery.body).await;
        self.host.run_due_messages().await;
        self.expect_nothing(scenario, ids, &delivered.body);
        delivered.status
    }

    /// Waits until somebody was told something: the webhook's address has left the process in the right way.
    async fn expect_notices(&self) {
        let mut look = tokio::time::interval(Duration::from_millis(20));
        let told = async {
            while self.sources.with(|state| state.webhooks.taken.is_empty()) {
                look.tick().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), told).await.expect("a notice");
    }

    /// Searches everything that left the process since the last time.
    fn expect_nothing(&self, scenario: &str, ids: &CheckIds, answer: &str) {
        let (connection, storage_key) = (self.queue.connection_string(), self.queue.key());
        let function_key = self.host.function_key();
        let search = Search::new([
            ("the token", ids.auth_token.as_str()),
            ("the sealing key", &self.sealing_keys[0]),
            ("the former sealing key", &self.sealing_keys[1]),
            ("the storage key", &storage_key),
            ("the connection string", &connection),
            ("a source's secret", SOURCE_SECRET),
            ("the function key", &function_key),
        ]);
        search.expect_nothing(scenario, "the answer", answer);
        search.expect_nothing(scenario, "the output", &self.host.output().join("\n"));
        for invocation in self.host.invocations() {
            search.expect_nothing(scenario, "an invocation's answer", &invocation.body);
        }
        for message in self.queue.messages(QUEUE).iter().chain(&self.queue.poison(QUEUE)) {
            search.expect_nothing(scenario, "a message", &message.text);
        }
        for call in self.queue.take_calls() {
            search.expect_nothing(scenario, "a call of the storage account", &sent(&call));
        }
        for mut call in self.azure_devops.take_calls() {
            // The one place where the token belongs.
            if let Some(authorization) = call.headers.remove("authorization") {
                let token = authorization.to_str().expect("ASCII").strip_prefix("Bearer ").expect("a bearer");
                assert!(self.azure_devops.with(|state| knows(state, token)), "{scenario}: {token}");
            }
            search.expect_nothing(scenario, "a call of Azure DevOps", &sent(&call));
        }
        for mut call in self.sources.take_calls() {
            // Where the credentials of a connection belong; nothing else does.
            call.headers.remove("authorization");
            call.headers.remove("x-api-key");
            call.path = call.path.replace(&format!("/webhooks/events/{SOURCE_SECRET}"), "");
            search.expect_nothing(scenario, "a call of a source", &sent(&call));
        }
        search.expect_nothing(scenario, "the check's log", &self.azure_devops.with(|state| state.log_text(ids)));
    }
}

/// Whether it is the token of a check. One that was delivered with more around it is opaque, too.
fn knows(state: &State, token: &str) -> bool {
    state.tokens.keys().any(|known| token.ends_with(known))
}

/// All that a call carries, but not what it was answered.
fn sent(call: &Call) -> String {
    format!("{} {}?{}\n{:?}\n{}", call.method, call.path, call.query, call.headers, call.body)
}

/// Deliveries that are refused or decided, by what is wrong with them.
fn deliveries(ids: &CheckIds) -> Vec<(&'static str, Delivery)> {
    let token = &ids.auth_token;
    vec![
        ("success", a_check()),
        ("told", a_check().named("told")),
        ("waits", a_check().named("w")),
        ("deadline", a_check().named("short")),
        ("synchronous", a_check().with("CompletionEvent", "ApiResponse")),
        ("synchronous, waiting", a_check().named("w").with("CompletionEvent", "ApiResponse")),
        ("by query", a_check().with_query("check=a")),
        ("inline", a_check().with_body(r#"{"conditions":[{"taskExecuted":{"task":"Bash"}}]}"#)),
        ("unknown check", a_check().named("nope")),
        ("missing headers", a_check().without("PlanId").without("JobId")),
        ("wrong id", a_check().with("PlanId", "x")),
        ("unexpanded", a_check().with("BuildId", "$(build.BuildId)")),
        ("wrong hub", a_check().with("HubName", "../x")),
        ("wrong mode", a_check().with("CompletionEvent", "x")),
        ("foreign PlanUrl", a_check().with("PlanUrl", "https://evil.example/")),
        ("malformed PlanUrl", a_check().with("PlanUrl", "https://a@b/")),
        ("no JSON", a_check().with_body("{\"x")),
        ("wrong definition", a_check().with_body(r#"{"conditions":[{"x":1}],"y":2}"#)),
        ("huge body", a_check().with_body(&"x".repeat(70_000))),
        ("deep body", a_check().with_body(&"[".repeat(30_000))),
        ("token without its plan", a_check().with("PlanId", "00000000-0000-4000-8000-00000000000f")),
        ("another's project", a_check().with("ProjectId", "00000000-0000-4000-8000-00000000000f")),
        ("wrong timeline", a_check().with("TimelineId", "00000000-0000-4000-8000-00000000000f")),
        ("unknown run", a_check().with("BuildId", "999999")),
        // The token in a place where it does not belong is data of whoever put it there, unless it is refused.
        ("huge token", a_check().with("AuthToken", &format!("{token}{}", "x".repeat(20_000)))),
        ("token with a space", a_check().with("AuthToken", &format!("a {token}"))),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::too_many_lines, reason = "every scenario in which a secret could leave the process")]
async fn docs_12625_planted_secrets_leave_the_process_in_no_scenario() {
    let planted = Planted::start("all").await;
    let mut scenarios = 0;
    for (name, delivery) in deliveries(&planted.check()) {
        let ids = planted.check();
        let delivery = match name {
            "huge token" => a_check().with("AuthToken", &format!("{}{}", ids.auth_token, "x".repeat(20_000))),
            "token with a space" => a_check().with("AuthToken", &format!("a {}", ids.auth_token)),
            _ => delivery,
        };
        planted.scenario(name, &ids, delivery).await;
        scenarios += 1;
    }
    planted.expect_notices().await;
    for (name, method, part, fault) in [
        ("plan hidden", "GET", "/plans/", Fault::status(404)),
        ("token refused", "GET", "/plans/", Fault::status(401)),
        ("sign-in page", "GET", "/records", Fault::html(203)),
        ("redirect", "GET", "/timeline", Fault::status(302).with_header("Location", "http://127.0.0.1:9/")),
        ("outage", "", "", Fault::status(503)),
        ("throttled", "", "", Fault::throttle(RetryAfter::Seconds(1))),
        ("reset", "", "", Fault::reset()),
        ("wrong JSON", "GET", "", Fault::wrong_json()),
        ("log refused", "POST", "/logs", Fault::status(500)),
        ("record refused", "PATCH", "/records", Fault::status(500)),
        ("decision refused", "POST", "/events", Fault::status(400)),
        ("decision forbidden", "POST", "/events", Fault::status(403)),
        ("decision lost", "POST", "/events", Fault::drop_after()),
    ] {
        planted.azure_devops.fail(fault).on(method, part).forever();
        let ids = planted.check();
        planted.scenario(name, &ids, a_check()).await;
        let ids = planted.check();
        planted.scenario(name, &ids, a_check().with("CompletionEvent", "ApiResponse")).await;
        planted.azure_devops.heal();
        scenarios += 2;
    }
    for (name, fault) in [
        ("as it is", None),
        ("refused", Some(Fault::answer(401, "application/json", "{\"error\":{\"message\":\"who are you?\"}}"))),
        ("down", Some(Fault::reset())),
        ("wrong", Some(Fault::wrong_json())),
        ("redirected", Some(Fault::status(302).with_header("Location", "http://127.0.0.1:9/"))),
    ] {
        if let Some(fault) = fault {
            planted.sources.fail(fault).forever();
        }
        for check in ["change", "metric", "page"] {
            let ids = planted.check();
            planted.sources.take_calls();
            let function = planted.host.function_address("CheckFunction");
            let headers = a_check().named(check).with("N", "CHG0030001").headers(&ids);
            let delivered = deliver_with(&function, "", &headers, "").await;
            assert_eq!(delivered.status, 200, "{delivered:?}");
            planted.host.run_due_messages().await;
            assert!(!planted.sources.calls().is_empty(), "{check}: the source was not asked");
            planted.expect_nothing(&format!("{check}, {name}"), &ids, &delivered.body);
            scenarios += 1;
        }
        planted.sources.heal();
    }
    for (name, fault) in [("storage down", Fault::reset()), ("storage wrong", Fault::status(403))] {
        // All tries of the delivery, and the first ones of an evaluation, which tries again for minutes.
        planted.queue.fail(fault).on("POST", "/messages").times(11);
        let ids = planted.check();
        assert_eq!(planted.scenario(name, &ids, a_check()).await, 503);
        planted.queue.heal();
        scenarios += 1;
    }
    scenarios += forged(&planted).await;
    scenarios += crash(&planted).await;
    std::fs::remove_file(planted.checks_file).expect("the file");
    assert!(scenarios >= 30, "{scenarios}");
    println!("{scenarios} scenarios");
    // Once more, for the tokens of all scenarios, whatever came late.
    let tokens: Vec<String> = planted.azure_devops.with(|state| state.tokens.keys().cloned().collect());
    let all = Search::new(tokens.iter().map(|token| ("a token", token.as_str())));
    all.expect_nothing("the end", "the output", &planted.host.output().join("\n"));
    for message in planted.queue.messages(QUEUE).iter().chain(&planted.queue.poison(QUEUE)) {
        all.expect_nothing("the end", "a message", &message.text);
    }
    planted.host.stop().await;
}

/// The credentials of Basic authentication as the header carries them.
fn basic() -> String {
    base64::engine::general_purpose::STANDARD.encode(format!("{SOURCE_SECRET}:{SOURCE_SECRET}"))
}

/// Escapes every character, as JSON allows: `\u0063`.
fn escaped(secret: &str) -> String {
    secret.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_azure_devops_repeats_in_an_error_leaves_the_process_nowhere() {
    let planted = Planted::start("token").await;
    for (name, method, part) in [
        ("plan", "GET", "/plans/"),
        ("record", "GET", "/records"),
        ("run", "GET", "/timeline"),
        ("log", "POST", "/logs"),
        ("status", "PATCH", "/records"),
        ("decision", "POST", "/events"),
    ] {
        for mode in ["Callback", "ApiResponse"] {
            // Once where the message is cut, and once in an escaped form.
            for form in 0..3 {
                let ids = planted.check();
                let token = &ids.auth_token;
                let message = match form {
                    0 => format!("Bearer {token} may not do this"),
                    1 => format!("{}{token}", "x".repeat(290 - token.len() / 2)),
                    _ => escaped(token),
                };
                let body = format!("{{\"message\":\"{message}\",\"typeKey\":\"{token}Exception\"}}");
                planted.azure_devops.fail(Fault::answer(400, "application/json", &body)).on(method, part).times(1);
                planted.scenario(name, &ids, a_check().with("CompletionEvent", mode)).await;
                planted.azure_devops.heal();
                // The answer of the next one would repeat a token that is not this check's.
                planted.queue.with(|state| state.lose_messages(QUEUE));
            }
        }
    }
    planted.host.stop().await;
    std::fs::remove_file(planted.checks_file).expect("the file");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_a_source_repeats_leaves_the_process_nowhere() {
    let planted = Planted::start("source").await;
    let mut answers = Vec::new();
    for secret in [SOURCE_SECRET.to_owned(), basic(), escaped(SOURCE_SECRET)] {
        let error = format!("{{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"who is {secret}?\"}}");
        let body = format!("{{\"said\":\"Authorization: {secret}\"}}");
        let record = format!(
            "{{\"result\":[{{\"number\":{{\"value\":\"CHG0030001\"}},\"approval\":{{\"value\":\"{secret}\"}}}}]}}"
        );
        answers.push(("change", 200, "application/json", record));
        // Only the connection that signs in with a user sends them in this form.
        if secret == basic() {
            continue;
        }
        answers.push(("metric", 422, "application/json", error));
        answers.push(("body", 200, "application/json", body.clone()));
        answers.push(("text", 200, "text/plain", format!("you are {secret}")));
        answers.push(("metric", 200, "text/html", body));
    }
    answers.push(("metric", 200, SOURCE_SECRET, "what?".to_owned()));
    for (check, status, content_type, body) in answers {
        for mode in ["Callback", "ApiResponse"] {
            let ids = planted.check();
            planted.sources.fail(Fault::answer(status, content_type, &body)).forever();
            let delivery = a_check().named(check).with("N", "CHG0030001").with("CompletionEvent", mode);
            planted.sources.take_calls();
            let function = planted.host.function_address("CheckFunction");
            let delivered = deliver_with(&function, "", &delivery.headers(&ids), "").await;
            planted.host.run_due_messages().await;
            assert!(!planted.sources.calls().is_empty(), "{check}: the source was not asked");
            planted.expect_nothing(&format!("{check}, {status}, {mode}"), &ids, &delivered.body);
            planted.sources.heal();
        }
    }
    planted.host.stop().await;
    std::fs::remove_file(planted.checks_file).expect("the file");
}

/// The requests that the collector got, as texts. Its key belongs into a header of its own alone.
fn measured(collector: &Collector) -> String {
    let text = |(headers, body): (HeaderMap, Bytes)| {
        let mut headers = headers;
        assert_eq!(headers.remove("x-collector-key").expect("the key"), COLLECTOR_KEY);
        // Protobuf has texts as they are.
        format!("{headers:?}\n{}\n", String::from_utf8_lossy(&body))
    };
    collector.take_requests().into_iter().map(text).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traces_and_metrics_hold_no_secret() {
    let collector = Collector::answering(StatusCode::OK).await;
    let key = ("OTEL_EXPORTER_OTLP_HEADERS".to_owned(), format!("x-collector-key={COLLECTOR_KEY}"));
    let planted = Planted::start_with("measured", [collector.settings(), vec![key]].concat()).await;
    for delivery in [
        a_check().named("told"),
        a_check().named("w"),
        a_check().named("change").with("N", "CHG0030001"),
        a_check().named("metric"),
        a_check().named("page").with("CompletionEvent", "ApiResponse"),
        a_check().with("PlanUrl", "https://evil.example/"),
        a_check().with("PlanId", "00000000-0000-4000-8000-00000000000f"),
        a_check().with("traceparent", SOURCE_SECRET),
    ] {
        planted.scenario("measured", &planted.check(), delivery).await;
    }
    planted.azure_devops.fail(Fault::throttle(RetryAfter::Seconds(1))).on("GET", "/plans/").once();
    planted.scenario("throttled", &planted.check(), a_check()).await;
    planted.expect_notices().await;
    let everything = |sent: &Sent| METRICS.iter().all(|metric| sent.count(metric.name, &[]) > 0);
    collector.until("every metric", everything).await;

    let tokens: Vec<String> = planted.azure_devops.with(|state| state.tokens.keys().cloned().collect());
    let (connection, storage_key) = (planted.queue.connection_string(), planted.queue.key());
    let function_key = planted.host.function_key();
    let fixed = [
        ("the sealing key", planted.sealing_keys[0].as_str()),
        ("the storage key", &storage_key),
        ("the connection string", &connection),
        ("a source's secret", SOURCE_SECRET),
        ("the function key", &function_key),
        ("the collector's key", COLLECTOR_KEY),
    ];
    let search = Search::new(fixed.into_iter().chain(tokens.iter().map(|token| ("a token", token.as_str()))));
    let sent = measured(&collector);
    assert!(sent.contains("checkgate.check.name"), "the texts can be read");
    search.expect_nothing("measured", "traces and metrics", &sent);
    search.expect_nothing("measured", "the output", &planted.host.output().join("\n"));
    planted.host.stop().await;
    std::fs::remove_file(planted.checks_file).expect("the file");
}

/// Messages that nobody of us wrote.
async fn forged(planted: &Planted) -> usize {
    let ids = planted.check();
    planted.scenario("to be forged", &ids, a_check().named("w")).await;
    let messages = planted.queue.messages(QUEUE);
    let own = messages.iter().find(|message| message.text.contains(&ids.plan_id.to_string()));
    let genuine = own.expect("a message").text.clone();
    let token = &ids.auth_token;
    let texts = [
        format!("{{\"version\":1,\"sealedToken\":\"{token}\"}}"),
        genuine.replace("\"version\":1", "\"version\":7"),
        genuine.replace("workItems", token),
        token.clone(),
        genuine[..genuine.len() / 2].to_owned(),
        genuine.replace("checks", "build"),
    ];
    let count = texts.len();
    for text in texts {
        let invocation = planted.host.invoke_manually("ReevaluateFunction", &text).await.expect("the function");
        assert_eq!(invocation.status, 500, "{text}");
        planted.expect_nothing("forged", &ids, &invocation.body);
    }
    for envelope in [token.clone(), format!("{{\"Data\":{{\"check\":[\"{token}\"]}}}}"), String::new()] {
        let invocation = planted.host.invoke_raw("ReevaluateFunction", envelope).await.expect("the function");
        planted.expect_nothing("no envelope", &ids, &invocation.body);
    }
    count + 3
}

/// The process is killed in the middle of an evaluation, and started again.
async fn crash(planted: &Planted) -> usize {
    let ids = planted.check();
    planted.azure_devops.fail(Fault::hang()).on("GET", "/timeline").once();
    let function = planted.host.function_address("CheckFunction");
    let delivered = deliver_with(&function, "", &a_check().headers(&ids), "").await;
    assert_eq!(delivered.status, 200);
    let run = planted.host.run_due_messages();
    let kill = async {
        let mut look = tokio::time::interval(Duration::from_millis(5));
        while !planted.azure_devops.calls().iter().any(|call| call.path.ends_with("/timeline") && call.status == 0) {
            look.tick().await;
        }
        planted.host.kill_handler().await;
    };
    let _ = tokio::time::timeout(Duration::from_secs(20), async { tokio::join!(run, kill) }).await;
    planted.expect_nothing("killed", &ids, "");
    1
}

#[tokio::test]
async fn a_panic_says_where_but_not_what_was_worked_on() {
    let mut world = World::given(|_, _| {}).await;
    world.accept(a_check()).await;
    let token = world.ids().auth_token.clone();
    let log = LogLines::capture();
    let payload = format!("could not work on {token}");
    let ended = tokio::spawn(async move {
        checkgate::cli::hide_panics();
        let payload = payload;
        std::panic::panic_any(payload)
    });
    assert!(ended.await.is_err());
    drop(std::panic::take_hook());
    let lines = log.take();
    assert!(lines.len() == 1 && lines[0].contains("secrets.rs") && lines[0].contains("(not shown)"), "{lines:?}");
    Search::new([("the token", token.as_str())]).expect_nothing("panic", "the log", &lines.concat());
    world.run_due_messages().await;
}
