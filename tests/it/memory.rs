//! The memory of the real executable does not grow with what it has done.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use simulator::azure_devops::AzureDevOps;
use simulator::azure_pipelines::{FunctionAddress, HEADERS, deliver_with, expand};
use simulator::storage_queue::{Message, NewMessage, StorageQueue};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};

use checkgate::host::Host;
use checkgate::queue::QUEUE_NAME;
use chrono::TimeDelta;

use crate::support::{Setup, app_root};

/// How many evaluations run at a time, as the host has it.
const CONCURRENCY: usize = 16;

/// The real executable around a check that waits, on simulated services.
struct Waiting {
    process: Child,
    url: String,
    azure_devops: AzureDevOps,
    queue: StorageQueue,
    client: reqwest::Client,
}

impl Waiting {
    async fn start() -> Self {
        let clock = simulator::Clock::system();
        let azure_devops = AzureDevOps::start(clock.clone()).await.expect("a port");
        let queue = StorageQueue::start(clock).await.expect("a port");
        azure_devops.record_calls(false);
        queue.record_calls(false);
        let port =
            std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port();
        let process = Command::new(env!("CARGO_BIN_EXE_checkgate"))
            .env_clear()
            .envs(Setup::default().settings(&queue, &azure_devops))
            .env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string())
            .env("LogLevel", "error")
            .current_dir(app_root())
            .kill_on_drop(true)
            .spawn()
            .expect("the executable");
        let (url, client) = (format!("http://127.0.0.1:{port}"), reqwest::Client::new());
        let ready = async {
            let mut look = interval(Duration::from_millis(20));
            while client.get(format!("{url}/")).send().await.is_err() {
                look.tick().await;
            }
        };
        timeout(Duration::from_secs(20), ready).await.expect("it listens");
        Self { process, url, azure_devops, queue, client }
    }

    /// The envelope of a check that waits for its work item.
    async fn envelope(&self) -> String {
        let ids = self.azure_devops.with(|state| {
            state.work_item(42, "Active");
            let run = state.run().links_work_item(42).id;
            state.await_check(run)
        });
        let mut headers = expand(HEADERS, &ids, &[]);
        headers.push(("Check".to_owned(), "work-item-completed".to_owned()));
        let function = FunctionAddress::new(format!("{}/CheckFunction", self.url), "");
        let delivered = deliver_with(&function, "", &headers, "").await;
        assert!(delivered.accepted(), "{delivered:?}");
        let message = self.queue.with(|state| state.queues.get_mut(QUEUE_NAME).expect("the queue").messages.remove(0));
        let twice = Value::String(message.text).to_string();
        json!({ "Data": { "check": twice }, "Metadata": { "DequeueCount": "1", "Id": format!("\"{}\"", message.id) } })
            .to_string()
    }

    /// Evaluates checks so many times, as many at a time as there are envelopes. Returns how long each took, shortest first.
    async fn evaluate(&self, envelopes: &[String], times: usize) -> Vec<Duration> {
        let (mut running, mut took) = (JoinSet::new(), Vec::new());
        for number in 0..times {
            if running.len() == envelopes.len() {
                took.push(running.join_next().await.expect("one runs").expect("no panic"));
            }
            if number % 1_000 == 0 {
                let sleeps = |message: &Message| message.text == SLEEPING;
                self.queue.with(|state| state.queues.values_mut().for_each(|queue| queue.messages.retain(sleeps)));
            }
            let request = self
                .client
                .post(format!("{}/ReevaluateFunction", self.url))
                .body(envelopes[number % envelopes.len()].clone());
            running.spawn(async move {
                let begun = Instant::now();
                let answer = request.send().await.expect("an answer");
                assert_eq!(answer.status(), 200);
                assert!(answer.text().await.expect("a body").contains("queued again: next evaluation"));
                begun.elapsed()
            });
        }
        while let Some(ended) = running.join_next().await {
            took.push(ended.expect("no panic"));
        }
        took.sort();
        took
    }

    /// The resident memory, in KiB.
    fn resident(&self) -> u64 {
        let id = self.process.id().expect("it runs");
        let statm = std::fs::read_to_string(format!("/proc/{id}/statm")).expect("Linux");
        statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("a number") * 4
    }
}

/// The text of a message that is not due for hours.
const SLEEPING: &str = "a check that sleeps";

/// The most memory and time that this may take in a release build.
const MOST_MEMORY: u64 = 128;
const LONGEST_EVALUATION: Duration = Duration::from_secs(2);

/// As many evaluations as `host.json` lets one instance run, while ten thousand checks sleep, and Azure DevOps takes 200 ms
/// for each answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures; run it with `cargo test --release --test it -- --ignored --nocapture one_instance`"]
async fn one_instance_runs_256_evaluations_at_a_time_while_10_000_checks_sleep() {
    let waiting = Waiting::start().await;
    let mut envelopes = Vec::new();
    for _ in 0..Host::shipped().max_evaluations {
        envelopes.push(waiting.envelope().await);
    }
    waiting.queue.with(|state| {
        for _ in 0..10_000 {
            let sleeping = NewMessage { delay: TimeDelta::hours(9), ..NewMessage::now(SLEEPING) };
            state.put(QUEUE_NAME, &sleeping).expect("a message");
        }
    });
    for method in ["GET", "POST", "PATCH"] {
        waiting.azure_devops.latency(method, "", Duration::from_millis(200));
    }
    let took = waiting.evaluate(&envelopes, 5 * envelopes.len()).await;
    let (median, p99) = (took[took.len() / 2], took[took.len() * 99 / 100]);
    let resident = waiting.resident() / 1024;
    println!("{} at a time: median {median:?}, p99 {p99:?}, {resident} MiB resident", envelopes.len());
    if !cfg!(debug_assertions) {
        assert!(resident <= MOST_MEMORY, "{resident} MiB");
        assert!(p99 <= LONGEST_EVALUATION, "{p99:?}");
    }
}

/// Compares the memory after a fifth of the evaluations with that after all.
async fn stays_flat(evaluations: usize) {
    let waiting = Waiting::start().await;
    let mut envelopes = Vec::new();
    for _ in 0..CONCURRENCY {
        envelopes.push(waiting.envelope().await);
    }
    waiting.evaluate(&envelopes, evaluations / 5).await;
    let early = waiting.resident();
    waiting.evaluate(&envelopes, evaluations - evaluations / 5).await;
    let late = waiting.resident();
    println!("resident: {early} KiB after {} evaluations, {late} KiB after {evaluations}", evaluations / 5);
    assert!(late * 100 <= early * 110, "from {early} to {late} KiB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_flat_over_thousands_of_evaluations() {
    stays_flat(5_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes; run it with `cargo test --release -- --ignored soak`"]
async fn soak_memory_is_flat_over_a_hundred_thousand_evaluations() {
    stays_flat(100_000).await;
}
