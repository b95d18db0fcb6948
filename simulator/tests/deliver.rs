//! The simulator as a tool: Azure Pipelines is played against a stub that answers as Microsoft's sample does.
//!
//! The sample acknowledges with 200 and an empty body. Later it reads the run, and posts the decision.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::process::{Command, Output};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// What the stub does with a delivery.
#[derive(Clone, Copy)]
enum Stub {
    /// Acknowledges it, then posts this decision.
    Decides(&'static str),
    /// Acknowledges it, and never decides.
    Forgets,
    /// Answers with this body.
    Answers(&'static str),
}

/// The headers of a request, with names in lower case.
async fn headers(stream: &mut tokio::net::TcpStream) -> Vec<(String, String)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    head.lines().filter_map(header).collect()
}

async fn decide(headers: &[(String, String)], result: &str) {
    let header = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap();
    let url = format!(
        "{}{}/_apis/distributedtask/hubs/{}/plans/{}/events?api-version=2.0-preview.1",
        header("planurl"),
        header("projectid"),
        header("hubname"),
        header("planid")
    );
    let body = serde_json::json!({
        "name": "TaskCompleted", "taskId": header("taskinstanceid"), "jobId": header("jobid"), "result": result,
    });
    let request = reqwest::Client::new().post(url).bearer_auth(header("authtoken")).json(&body);
    assert_eq!(request.send().await.unwrap().status().as_u16(), 204);
}

/// Plays Azure Pipelines against the stub with these arguments, a thousand times faster than real time.
async fn deliver(stub: Stub, arguments: &[&str]) -> (Option<i32>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/api/MyBasicAzureFunctionCheck", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let headers = headers(&mut stream).await;
            let body = if let Stub::Answers(body) = stub { body } else { "" };
            let answer =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            if let Stub::Decides(result) = stub {
                decide(&headers, result).await;
            }
        }
    });
    let mut command = Command::new(env!("CARGO_BIN_EXE_simulator"));
    command.args(["deliver", "--to", &address, "--key", "key", "--speed", "1000"]).args(arguments);
    let Output { status, stdout, stderr } =
        tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap())
}

#[track_caller]
fn expect((code, output): (Option<i32>, String), exit: i32, says: &[&str]) {
    let missing: Vec<_> = says.iter().filter(|text| !output.contains(**text)).collect();
    assert!(code == Some(exit) && missing.is_empty(), "exit code {code:?}, missing {missing:?} in:\n{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_decides_the_stage() {
    let callback = ["--completion-event", "callback", "--timeout", "1h"];
    let passed = deliver(Stub::Decides("succeeded"), &callback).await;
    expect(passed, 0, &["Response Code: 200", "The decision is succeeded.", "Azure Pipelines runs the stage."]);
    let failed = deliver(Stub::Decides("failed"), &callback).await;
    expect(failed, 1, &["The decision is failed.", "Azure Pipelines fails the stage.", "the decision is failed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_never_decides_is_skipped_at_its_timeout() {
    let callback = ["--completion-event", "callback", "--timeout", "15m"];
    let skipped = deliver(Stub::Forgets, &callback).await;
    expect(skipped, 1, &["Azure Pipelines skips the stage.", "within its timeout of 15 minutes"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_that_is_asked_again_is_warned_of_and_delivered_again() {
    let recalled = ["--completion-event", "callback", "--timeout", "30m", "--every", "10m"];
    let (code, output) = deliver(Stub::Decides("failed"), &recalled).await;
    let deliveries = output.matches("POST ").count();
    assert!(deliveries >= 2, "{output}");
    expect((code, output), 1, &["Warning: Time between evaluations must be 0 in Callback mode", "skips the stage"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_success_criteria_every_answer_passes() {
    let passed = deliver(Stub::Answers(r#"{"status":"failed"}"#), &[]).await;
    expect(passed, 0, &["Warning: without success criteria, every answer with status 200", "runs the stage"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_measured_by_the_success_criteria() {
    let criteria = ["--success-criteria", "eq(root['status'], 'successful')"];
    let failed = deliver(Stub::Answers(r#"{"status":"failed"}"#), &criteria).await;
    expect(failed, 1, &["fails the stage", "does not meet the success criteria"]);
    let passed = deliver(Stub::Answers(r#"{"status":"successful"}"#), &criteria).await;
    expect(passed, 0, &["runs the stage"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_ten_evaluations_are_warned_of() {
    let often = ["--success-criteria", "eq(root['status'], 'successful')", "--every", "5m", "--timeout", "60m"];
    let (code, output) = deliver(Stub::Answers(r#"{"status":"pending"}"#), &often).await;
    assert!(output.matches("POST ").count() >= 10, "{output}");
    let warning = "Warning: the timeout is 12 times the time between evaluations, and the guide allows 10";
    expect((code, output), 1, &[warning, "Azure Pipelines skips the stage."]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_refused_with_a_sentence() {
    let run = |arguments: &'static [&'static str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_simulator")).args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    expect(run(&["deliver", "--to", "ftp://x"]), 2, &["--to is `ftp://x`; write for instance"]);
    expect(
        run(&["deliver", "--to", "http://127.0.0.1:1", "--headers", "nothing.json"]),
        2,
        &["nothing.json cannot be read"],
    );
    expect(
        run(&["deliver", "--to", "http://127.0.0.1:1", "--every", "soon"]),
        2,
        &["write for instance 90s, 15m or 24h"],
    );
    expect(run(&["deliver", "--to", "http://127.0.0.1:1", "--speed", "0"]), 2, &["--speed is a number from 1 to 3600"]);
}
