//! The simulated host sends what a real host was seen to send.

#![expect(clippy::unwrap_used, reason = "the whole file is a test")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, NaiveDateTime};
use serde_json::{Map, Value, json};
use simulator::Clock;
use simulator::functions_host::{FunctionsHost, Handler, QueueSource};
use simulator::storage_queue::{NewMessage, StorageQueue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const QUEUE: &str = "check-evaluations";

/// The recordings; the first one, the probe, is of a process, which `executable.rs` has.
fn captures() -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("fixtures/functions-host.json")).unwrap();
    file["captures"].as_array().unwrap().iter().filter(|capture| capture["name"] != "probe").cloned().collect()
}

/// The app under which a recording was made.
fn app(capture: &str) -> PathBuf {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/app");
    let app = std::env::temp_dir().join(uuid::Uuid::new_v4().to_string());
    let read = |path: &str| -> Value { serde_json::from_slice(&std::fs::read(shipped.join(path)).unwrap()).unwrap() };
    let mut host = read("host.json");
    let mut reevaluate = read("ReevaluateFunction/function.json");
    if capture.starts_with("json-") {
        host["customHandler"]["enableForwardingHttpRequest"] = json!(false);
    }
    if capture.contains("-traced") {
        host["telemetryMode"] = json!("OpenTelemetry");
    }
    if capture == "queue-binary" {
        reevaluate["bindings"][0]["dataType"] = json!("binary");
    }
    for (path, content) in [
        ("host.json", host),
        ("CheckFunction/function.json", read("CheckFunction/function.json")),
        ("ReevaluateFunction/function.json", reevaluate),
    ] {
        std::fs::create_dir_all(app.join(path).parent().unwrap()).unwrap();
        std::fs::write(app.join(path), content.to_string()).unwrap();
    }
    app
}

/// One request as it came over the wire.
#[derive(Clone)]
struct Received {
    head: String,
    framing: &'static str,
    body: String,
}

/// A handler that keeps every byte, and fails so often.
async fn handler(failures: usize) -> (String, Arc<Mutex<Vec<Received>>>) {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let received: Arc<Mutex<Vec<Received>>> = Arc::default();
    let kept = Arc::clone(&received);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = socket.accept().await {
            let request = read_request(&mut stream).await;
            let count = {
                let mut kept = kept.lock().unwrap();
                kept.push(request);
                kept.len()
            };
            let status = if count <= failures { "500 Internal Server Error" } else { "200 OK" };
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}"
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, received)
}

async fn read_request(stream: &mut TcpStream) -> Received {
    let mut bytes = Vec::new();
    let head = loop {
        stream.read_buf(&mut bytes).await.unwrap();
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break String::from_utf8(bytes.drain(..end + 4).collect()).unwrap();
        }
    };
    let header = |name: &str| headers(&head).find(|(known, _)| known == name).map(|(_, value)| value);
    if header("transfer-encoding").as_deref() == Some("chunked") {
        while !bytes.ends_with(b"0\r\n\r\n") {
            stream.read_buf(&mut bytes).await.unwrap();
        }
        return Received { head, framing: "chunked", body: String::from_utf8(joined(&bytes)).unwrap() };
    }
    let length = header("content-length").map_or(0, |length| length.parse().unwrap());
    while bytes.len() < length {
        stream.read_buf(&mut bytes).await.unwrap();
    }
    Received { head, framing: "length", body: String::from_utf8(bytes).unwrap() }
}

/// The chunks of a body, without their sizes.
fn joined(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = chunks.windows(2).position(|window| window == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&chunks[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&chunks[end + 2..end + 2 + size]);
        chunks = &chunks[end + 2 + size + 2..];
    }
}

/// Names in small letters: they have no casing on the wire.
fn headers(head: &str) -> impl Iterator<Item = (String, String)> {
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    lines.map(|(name, value)| (name.to_lowercase(), value.to_owned()))
}

/// Sends what the host was sent, and returns what its handler got in the end.
async fn replay(capture: &Value) -> Received {
    let name = capture["name"].as_str().unwrap();
    let failures = if name == "queue-third-dequeue" { 2 } else { 0 };
    let (url, received) = handler(failures).await;
    let clock = Clock::starting_at("2026-11-26T15:07:24.673914Z".parse().unwrap());
    let storage = StorageQueue::start(clock.clone()).await.unwrap();
    storage.with(|state| state.create(QUEUE, [].into()).unwrap());
    let app = app(name);
    let queues = QueueSource::Simulated(storage.clone());
    let host = FunctionsHost::start(&app, Handler::Url(url), queues, clock).await.unwrap();
    std::fs::remove_dir_all(app).unwrap();
    host.switch(|switches| "function-key".clone_into(&mut switches.function_key));
    let sent = &capture["sent"];
    if let Some(text) = sent["message"].as_str() {
        storage.with(|state| state.put(QUEUE, &NewMessage::now(text)).unwrap());
        assert_eq!(host.run_due_messages().await, failures + 1, "{name}");
    } else if let Some(text) = sent["admin"].as_str() {
        assert!(host.invoke_manually("ReevaluateFunction", text).await.unwrap().succeeded());
    } else {
        call(&host, sent).await;
    }
    let received = received.lock().unwrap().last().cloned();
    received.unwrap_or_else(|| panic!("{name}: nothing arrived"))
}

/// Writes a request as it was written then, and waits for the answer.
async fn call(host: &FunctionsHost, sent: &Value) {
    let url = host.function_url("CheckFunction");
    let address = url.trim_start_matches("http://").split('/').next().unwrap();
    let mut request = format!("POST {} HTTP/1.1\r\n", sent["target"].as_str().unwrap());
    for header in sent["headers"].as_array().unwrap() {
        let value = header[1].as_str().unwrap().replace("<host's own address>", address);
        request += &format!("{}: {value}\r\n", header[0].as_str().unwrap());
    }
    request += &format!("\r\n{}", sent["body"].as_str().unwrap());
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 11];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 20");
}

/// A recording in the form of what arrives over the wire.
fn recorded(received: &Value) -> Received {
    let text = |member: &str| received[member].as_str().unwrap().to_owned();
    let mut head = format!("{} {} HTTP/1.1\r\n", text("method"), text("target"));
    for header in received["headers"].as_array().unwrap() {
        head += &format!("{}: {}\r\n", header[0].as_str().unwrap(), header[1].as_str().unwrap());
    }
    let framing = if received["framing"] == "chunked" { "chunked" } else { "length" };
    Received { head, framing, body: text("body") }
}

/// A request without what differs from run to run: ids, times, ports, and the order of headers.
fn tidy(received: &Received, sent: &Value) -> Value {
    let mut named: Map<String, Value> = Map::new();
    for (name, value) in headers(&received.head) {
        let value = if name == "traceparent" { trace(&value, sent) } else { without_ids(&value) };
        let values = named.entry(name).or_insert_with(|| json!([]));
        values.as_array_mut().unwrap().push(json!(value));
    }
    let mut body = serde_json::from_str(&received.body).unwrap_or_else(|_| json!(received.body));
    if let Some(metadata) = body.get_mut("Metadata").and_then(Value::as_object_mut) {
        tidy_times(metadata);
        if let Some(receipt) = metadata.get_mut("PopReceipt").filter(|receipt| *receipt != r#""mine""#) {
            let text: String = serde_json::from_str(receipt.as_str().unwrap()).unwrap();
            assert!(!text.is_empty());
            *receipt = json!("\"<receipt>\"");
        }
    }
    let first_line = received.head.lines().next().unwrap();
    json!({"first line": first_line, "headers": named, "framing": received.framing, "body": tidied(body)})
}

/// Times relative to each other: a message lives for 7 days, and is leased for 10 minutes from now on.
fn tidy_times(metadata: &mut Map<String, Value>) {
    let date = |value: Option<&Value>| {
        let text = value?.as_str()?;
        let date = DateTime::parse_from_rfc3339(text).ok().filter(|date| date.timestamp() < 253_402_300_799)?;
        assert_eq!(date.format("%Y-%m-%dT%H:%M:%S+00:00").to_string(), text, "whole seconds in UTC");
        Some(date.timestamp())
    };
    let now = metadata.get("sys").and_then(|sys| sys["UtcNow"].as_str()).map(|text| {
        let now = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.fZ").unwrap();
        assert!(text.len() <= 28 && !text.ends_with("0Z"), "up to seven digits: {text}");
        now.and_utc().timestamp()
    });
    let inserted = date(metadata.get("InsertionTime"));
    let (expires, visible) = (date(metadata.get("ExpirationTime")), date(metadata.get("NextVisibleTime")));
    let mut set = |name: &str, from: Option<i64>, at: Option<i64>| {
        if let (Some(from), Some(at)) = (from, at) {
            metadata.insert(name.to_owned(), json!(format!("{} s later", at - from)));
        }
    };
    set("ExpirationTime", inserted, expires);
    set("NextVisibleTime", now, visible);
    set("InsertionTime", inserted, inserted);
    if let Some(now) = metadata.get_mut("sys").and_then(|sys| sys.get_mut("UtcNow")) {
        *now = json!("<now>");
    }
}

fn tidied(value: Value) -> Value {
    match value {
        Value::String(text) => json!(without_ids(&text)),
        Value::Array(items) => items.into_iter().map(tidied).collect(),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, tidied(value))).collect(),
        other => other,
    }
}

/// Ids of the run and its ports; the ids of the delivery stay, they were sent.
fn without_ids(text: &str) -> String {
    let inner = text.trim_matches('"');
    let is_repeated = inner.bytes().filter(|byte| *byte == inner.as_bytes()[0]).count() > 20;
    if uuid::Uuid::parse_str(inner).is_ok() && !is_repeated {
        return text.replace(inner, "<id>");
    }
    let mut parts = text.split("127.0.0.1:");
    let mut tidied = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        tidied += &format!("127.0.0.1:<port>{}", part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    tidied
}

/// Whose trace it is; the span is always the host's own.
fn trace(value: &str, sent: &Value) -> String {
    let parts: Vec<&str> = value.split('-').collect();
    assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [2, 32, 16, 2], "{value}");
    let of_caller = sent["headers"].as_array().into_iter().flatten().find(|header| header[0] == "traceparent");
    let of_caller = of_caller.and_then(|header| header[1].as_str()).unwrap_or_default();
    assert!(!of_caller.contains(parts[2]), "the caller's span");
    let whose = if of_caller.contains(parts[1]) { "caller's" } else { "new" };
    format!("{}-{whose} trace-new span-{}", parts[0], parts[3])
}

#[tokio::test]
async fn the_simulated_host_sends_what_the_real_one_sent() {
    let captures = captures();
    assert_eq!(captures.len(), 21);
    let mut differences = Vec::new();
    for capture in captures {
        let expected = tidy(&recorded(&capture["received"]), &capture["sent"]);
        let found = tidy(&replay(&capture).await, &capture["sent"]);
        if found != expected {
            differences.push(format!("{}:\nexpected {expected:#}\nfound {found:#}", capture["name"]));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
