//! Traces and metrics: the real executable, and a collector that reads what it sends.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use checkgate::telemetry::METRICS;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use simulator::azure_devops::{AzureDevOps, CheckIds};
use simulator::azure_pipelines::deliver_with;
use simulator::faults::{Fault, RetryAfter};
use simulator::functions_host::{FunctionsHost, Handler, QueueSource};
use simulator::storage_queue::StorageQueue;
use tokio::process::Command;
use warp::http::StatusCode;

use crate::support::collector::{Collector, Sent, attributes};
use crate::support::{Delivery, a_check, an_active_work_item, app_root, executable};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

const CHECKS: &str = "default: waits
checks:
  waits: { reevaluateEvery: 1s, timeout: 1h, conditions: [ workItems: { state: Completed } ] }
  passes: { conditions: [ taskExecuted: { task: CmdLine } ] }
";

/// The executable under the simulated host, on real time.
struct Running {
    azure_devops: AzureDevOps,
    host: FunctionsHost,
    checks_file: PathBuf,
    run: u64,
}

impl Running {
    /// With these app settings besides its own.
    async fn with(settings: Vec<(String, String)>) -> Self {
        let clock = simulator::Clock::system();
        let azure_devops = AzureDevOps::start(clock.clone()).await.expect("a port");
        let queue = StorageQueue::start(clock.clone()).await.expect("a port");
        let run = azure_devops.with(|state| {
            let id = state.run().id;
            an_active_work_item(state, id);
            id
        });
        let checks_file = std::env::temp_dir().join(format!("checkgate-telemetry-{}.yaml", uuid::Uuid::new_v4()));
        std::fs::write(&checks_file, CHECKS).expect("a file");
        let mut environment = executable::environment(&azure_devops, &queue.connection_string());
        environment.retain(|(name, _)| name != "ChecksFile");
        environment.push(("ChecksFile".to_owned(), checks_file.display().to_string()));
        environment.extend(settings);
        let path = env!("CARGO_BIN_EXE_checkgate").into();
        let handler = Handler::Executable { path, environment, stop_after_errors: None };
        let source = QueueSource::Simulated(queue);
        let host = FunctionsHost::start(app_root(), handler, source, clock).await.expect("the host");
        assert!(host.handler_ready().await, "{:?}", host.output());
        Self { azure_devops, host, checks_file, run }
    }

    async fn deliver(&self, delivery: &Delivery) -> CheckIds {
        let ids = self.azure_devops.with(|state| state.await_check(self.run));
        let function = self.host.function_address("CheckFunction");
        let delivered = deliver_with(&function, &delivery.query, &delivery.headers(&ids), &delivery.body).await;
        assert!(delivered.accepted(), "{delivered:?}");
        ids
    }

    /// Hands over messages as they become due, until the check is decided.
    async fn decide(&self, ids: &CheckIds) {
        let mut look = tokio::time::interval(Duration::from_millis(20));
        let decided = async {
            while self.azure_devops.with(|state| state.decisions(ids).is_empty()) {
                look.tick().await;
                self.host.run_due_messages().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), decided).await.expect("a decision");
    }

    /// The lines of the log with this event.
    fn lines(&self, event: &str) -> usize {
        self.host.output().iter().filter(|line| line.contains(event)).count()
    }

    async fn stop(self) {
        self.host.stop().await;
        std::fs::remove_file(self.checks_file).expect("the file");
    }
}

/// A check that waits once, and is throttled meanwhile: from its delivery to its decision.
async fn whole_life(running: &Running) {
    let ids = running.deliver(&a_check().with("traceparent", &format!("00-{TRACE}-{CALLER}-01"))).await;
    running.host.run_due_messages().await;
    running.azure_devops.with(|state| {
        state.work_item(42, "Closed");
    });
    running.azure_devops.fail(Fault::throttle(RetryAfter::Seconds(1))).on("GET", "/plans/").once();
    running.decide(&ids).await;
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_in(span: &Span, trace: &[u8]) -> bool {
    span.trace_id == trace
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_trace_shows_a_delivery_and_the_traces_of_all_evaluations_link_to_it() {
    let collector = Collector::answering(StatusCode::OK).await;
    let running = Running::with(collector.settings()).await;
    whole_life(&running).await;
    collector
        .until("the evaluation that decides", |sent| {
            let outcome = |span: &&Span| attributes(&span.attributes).get("checkgate.evaluation.outcome").cloned();
            sent.named("process check-evaluations").iter().filter_map(outcome).any(|outcome| outcome == "decided")
        })
        .await;
    collector.look(|sent| {
        let [delivery] = sent.named("POST checkfunction")[..] else { panic!("{:#?}", sent.spans) };
        assert_eq!((hex(&delivery.trace_id).as_str(), hex(&delivery.parent_span_id).as_str()), (TRACE, CALLER));
        assert_eq!(delivery.kind(), SpanKind::Server);
        let first_put = sent.named("send check-evaluations").into_iter().find(|put| is_in(put, &delivery.trace_id));
        let first_put = first_put.expect("the message of the delivery");
        assert_eq!((&first_put.parent_span_id, first_put.kind()), (&delivery.span_id, SpanKind::Producer));

        let evaluations = sent.named("process check-evaluations");
        assert!(evaluations.len() >= 2, "{evaluations:#?}");
        let traces: BTreeSet<&[u8]> = evaluations.iter().map(|span| span.trace_id.as_slice()).collect();
        assert_eq!(traces.len(), evaluations.len(), "each has a trace of its own");
        for evaluation in evaluations {
            let links: Vec<_> = evaluation.links.iter().map(|link| (&link.trace_id, &link.span_id)).collect();
            assert_eq!(links, [(&delivery.trace_id, &delivery.span_id)]);
            let of = attributes(&evaluation.attributes);
            assert_eq!(of["checkgate.check.name"], "waits");
            assert_eq!(of["cicd.pipeline.run.id"], running.run.to_string());
            let inside = sent.spans.iter().filter(|span| is_in(span, &evaluation.trace_id) && *span != evaluation);
            let inside: Vec<&Span> = inside.collect();
            assert!(inside.iter().any(|span| span.kind() == SpanKind::Client), "{evaluation:#?}");
            assert!(inside.iter().all(|span| span.parent_span_id == evaluation.span_id), "{inside:#?}");
        }
    });
    running.stop().await;
}

/// Expects the metrics of the list with their units and attributes, and no others.
fn expect_just_the_list(sent: &Sent) {
    let known: BTreeSet<&str> = METRICS.iter().map(|metric| metric.name).collect();
    assert_eq!(sent.metrics.keys().map(String::as_str).collect::<BTreeSet<_>>(), known);
    for metric in METRICS {
        let measured = &sent.metrics[metric.name];
        assert_eq!(measured.unit, metric.unit, "{}", metric.name);
        let used: BTreeSet<&str> = measured.counts.iter().flat_map(|(of, _)| of.keys().map(String::as_str)).collect();
        // An attribute that nothing ever has is a promise of the documentation that nobody keeps.
        let promised: BTreeSet<&str> =
            metric.attributes.iter().copied().filter(|name| *name != "error.type" || used.contains(name)).collect();
        assert_eq!(used, promised, "{}", metric.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_metric_of_the_list_is_sent_with_its_unit_and_no_other_attributes() {
    let collector = Collector::answering(StatusCode::OK).await;
    let running = Running::with(collector.settings()).await;
    whole_life(&running).await;
    let ids = running.azure_devops.with(|state| state.await_check(running.run));
    let function = running.host.function_address("CheckFunction");
    let foreign = a_check().with("PlanUrl", "https://evil.example/").headers(&ids);
    assert_eq!(deliver_with(&function, "", &foreign, "").await.status, 403);
    let is_complete = |sent: &Sent| {
        METRICS.iter().all(|metric| sent.count(metric.name, &[]) > 0)
            && sent.count("checkgate.check.deliveries", &[("http.response.status_code", "403")]) == 1
            && sent.count("checkgate.check.evaluations", &[("checkgate.evaluation.outcome", "decided")]) == 1
    };
    collector.until("every metric", is_complete).await;
    collector.look(|sent| {
        expect_just_the_list(sent);
        let of_the_check = ("checkgate.check.name", "waits");
        for (metric, with, count) in [
            ("checkgate.check.deliveries", vec![of_the_check, ("http.response.status_code", "200")], 1),
            (
                "checkgate.check.decisions",
                vec![
                    of_the_check,
                    ("checkgate.decision", "succeeded"),
                    ("checkgate.decision.reason", "conditions"),
                    ("checkgate.dry_run", "false"),
                ],
                1,
            ),
            ("checkgate.check.duration", vec![of_the_check, ("checkgate.decision", "succeeded")], 1),
            ("checkgate.events", vec![("checkgate.event", "plan_url_refused")], 1),
            (
                "http.client.request.duration",
                vec![("server.address", "127.0.0.1"), ("http.response.status_code", "429"), ("error.type", "429")],
                1,
            ),
            ("checkgate.http.retry_after", vec![("server.address", "127.0.0.1")], 1),
        ] {
            assert_eq!(sent.count(metric, &with), count, "{metric} {with:?}: {:#?}", sent.metrics[metric]);
        }
        assert_eq!(sent.resource["service.name"], "checkgate");
    });
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_takes_nothing_is_one_line_for_each_signal_and_changes_no_decision() {
    let collector = Collector::answering(StatusCode::SERVICE_UNAVAILABLE).await;
    let running = Running::with(collector.settings()).await;
    let ids = running.deliver(&a_check().named("passes")).await;
    running.decide(&ids).await;
    // Many more than are needed to report it.
    collector.until("many requests", |sent| sent.requests.len() > 24).await;
    assert!((1..=2).contains(&running.lines("telemetry_not_sent")), "{:#?}", running.host.output());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_sent_is_sent_when_the_handler_ends() {
    let collector = Collector::answering(StatusCode::OK).await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let storage = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;QueueEndpoint=http://127.0.0.1:9/a;";
    let mut handler = Command::new(env!("CARGO_BIN_EXE_checkgate"))
        .env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string())
        .env("FUNCTIONS_APP_ROOT_PATH", app_root())
        .env("AzureWebJobsStorage", storage)
        .env("TokenSealingKey", "Y2hlY2tnYXRlLWxvY2FsLWRldmVsb3BtZW50LWtleS4=")
        .envs(collector.settings())
        .env("OTEL_METRIC_EXPORT_INTERVAL", "3600000")
        .env("OTEL_BSP_SCHEDULE_DELAY", "3600000")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the executable");
    let mut look = tokio::time::interval(Duration::from_millis(20));
    let delivered = async {
        loop {
            look.tick().await;
            let url = format!("http://127.0.0.1:{port}/api/CheckFunction");
            if let Ok(answer) = reqwest::Client::new().post(url).send().await {
                return answer.status();
            }
        }
    };
    assert_eq!(tokio::time::timeout(Duration::from_secs(20), delivered).await.expect("an answer"), 400);
    assert_eq!(collector.look(|sent| sent.requests.len()), 0);

    let process = handler.id().expect("it runs").to_string();
    assert!(Command::new("kill").args(["-INT", &process]).status().await.expect("kill").success());
    assert_eq!(handler.wait().await.expect("a status").code(), Some(130));
    collector.look(|sent| {
        assert_eq!(sent.named("POST checkfunction").len(), 1, "{:#?}", sent.spans);
        assert_eq!(sent.count("checkgate.check.deliveries", &[("http.response.status_code", "400")]), 1);
    });
}
