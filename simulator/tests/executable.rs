//! The host starts, probes, kills and restarts a real process: this very program, run as a handler.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "the whole program is a test")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use chrono::DateTime;
use serde_json::Value;
use simulator::Clock;
use simulator::functions_host::{FunctionsHost, Handler, QueueSource};
use simulator::storage_queue::{NewMessage, StorageQueue};

const QUEUE: &str = "check-evaluations";

fn main() {
    match std::env::var("FUNCTIONS_CUSTOMHANDLER_PORT") {
        Ok(port) => handle(&port),
        Err(_) => tokio::runtime::Runtime::new().unwrap().block_on(test()),
    }
}

/// Answers one connection after the other; a body that says `exit N` ends the process in the middle of a request.
fn handle(port: &str) {
    println!("handler in {}", std::env::var("FUNCTIONS_APP_ROOT_PATH").unwrap());
    let socket = TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
    for stream in socket.incoming() {
        let mut stream = stream.unwrap();
        let mut buffer = [0; 8192];
        let length = stream.read(&mut buffer).unwrap();
        let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if request.starts_with("GET ") {
            println!("probe {request:?}");
        }
        if let Some((_, code)) = request.split_once("exit ") {
            let code: String = code.chars().take_while(char::is_ascii_digit).collect();
            std::process::exit(code.parse().unwrap());
        }
        if request.contains("hang") {
            println!("hangs");
            loop {
                std::thread::park();
            }
        }
        let answer =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
        stream.write_all(answer.as_bytes()).unwrap();
    }
}

async fn start(storage: &StorageQueue, clock: &Clock) -> FunctionsHost {
    let app = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/app");
    let handler = Handler::Executable {
        path: std::env::current_exe().unwrap(),
        environment: Vec::new(),
        stop_after_errors: Some(3),
    };
    let queues = QueueSource::Simulated(storage.clone());
    let host = FunctionsHost::start(app, handler, queues, clock.clone()).await.unwrap();
    // With a length, so that one read gets the whole request.
    host.switch(|switches| switches.chunked = false);
    host
}

/// The readiness probe is the one that was recorded from a real host, on another port.
fn expect_recorded_probe(found: &str) {
    let file: Value = serde_json::from_str(include_str!("fixtures/functions-host.json")).unwrap();
    let recorded = &file["captures"][0]["received"];
    let mut expected =
        format!("{} {} HTTP/1.1\r\n", recorded["method"].as_str().unwrap(), recorded["target"].as_str().unwrap());
    for header in recorded["headers"].as_array().unwrap() {
        expected += &format!("{}: {}\r\n", header[0].as_str().unwrap(), header[1].as_str().unwrap());
    }
    expected += &format!("\r\n{}", recorded["body"].as_str().unwrap());
    let without_port = |text: &str| {
        text.to_lowercase()
            .split("127.0.0.1:")
            .map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned())
            .collect::<Vec<_>>()
    };
    let found: String = serde_json::from_str(found).unwrap();
    assert_eq!(without_port(&found), without_port(&expected));
}

async fn test() {
    let clock = Clock::starting_at(DateTime::UNIX_EPOCH);
    let storage = StorageQueue::start(clock.clone()).await.unwrap();
    storage.with(|state| state.create(QUEUE, [].into()).unwrap());
    let put = |text: &str| storage.with(|state| state.put(QUEUE, &NewMessage::now(text)).unwrap());
    let host = start(&storage, &clock).await;

    put("hello");
    assert_eq!(host.run_due_messages().await, 1);
    assert!(host.invocations()[0].succeeded());
    assert!(host.output()[0].ends_with("tests/app"), "{:?}", host.output());

    let probe = host.output().into_iter().find_map(|line| Some(line.strip_prefix("probe ")?.to_owned()));
    expect_recorded_probe(&probe.unwrap());

    host.kill_handler().await;
    put("hello again");
    assert_eq!(host.run_due_messages().await, 1);
    assert!(host.invocations()[1].succeeded(), "{:?}", host.invocations());

    // Each death is an error; the first was the kill above, and the third one stops the host.
    put("exit 3");
    assert_eq!(host.run_due_messages().await, 2);
    assert!(host.why_down().is_some());
    assert_eq!(storage.messages(QUEUE)[0].dequeue_count, 2);
    host.stop().await;

    let host = start(&storage, &clock).await;
    storage.with(|state| state.queues.clear());
    storage.with(|state| state.create(QUEUE, [].into()).unwrap());
    put("exit 0");
    assert_eq!(host.run_due_messages().await, 5, "a handler that exits with 0 is not started again");
    assert_eq!(host.why_down(), None);
    assert_eq!(storage.poison(QUEUE).len(), 1);
    host.stop().await;

    a_third_crash_counts_if_each_is_within_half_an_hour_of_the_one_before(&storage, &clock).await;
    a_function_that_takes_too_long_costs_a_restart_each_time(&storage, &clock).await;
    println!("test executable ... ok");
}

async fn a_third_crash_counts_if_each_is_within_half_an_hour_of_the_one_before(storage: &StorageQueue, clock: &Clock) {
    let host = start(storage, clock).await;
    for minutes in [29, 31, 29, 29] {
        assert!(host.handler_ready().await);
        host.kill_handler().await;
        assert_eq!(host.why_down(), None);
        clock.advance(Duration::from_secs(minutes * 60));
    }
    // After the pause of 31 minutes the count began anew.
    assert!(host.handler_ready().await);
    host.kill_handler().await;
    assert!(host.why_down().is_some());
    assert!(host.output().iter().any(|line| line.contains("Exceeded http worker restart retry count")));
}

async fn a_function_that_takes_too_long_costs_a_restart_each_time(storage: &StorageQueue, clock: &Clock) {
    storage.with(|state| state.queues.clear());
    storage.with(|state| state.create(QUEUE, [].into()).unwrap());
    storage.with(|state| state.put(QUEUE, &NewMessage::now("hang")).unwrap());
    let host = start(storage, clock).await;
    let running = tokio::spawn({
        let host = host.clone();
        async move { host.run_due_messages().await }
    });
    let count = |what: &str| host.output().iter().filter(|line| line.starts_with(what)).count();
    for tries in 1..=5 {
        while count("hangs") < tries {
            tokio::task::yield_now().await;
        }
        assert_eq!(count("handler in"), tries, "it is started again for each try");
        clock.advance(Duration::from_secs(30 * 60));
    }
    assert_eq!(running.await.unwrap(), 5);
    assert_eq!(host.why_down(), None, "those are no crashes");
    assert_eq!(storage.poison(QUEUE).len(), 1);
    host.stop().await;
}
