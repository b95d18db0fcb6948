//! The handler understands what a real Functions host was seen to send, byte for byte.

use std::collections::BTreeMap;

use checkgate::queue::QUEUE_NAME;
use checkgate::queue::message::CheckMessage;
use checkgate::reevaluate_function::envelope::Invocation;
use serde_json::{Value, json};
use simulator::azure_pipelines::{HEADERS, deliver};
use simulator::functions_host::{FunctionsHost, Handler, QueueSource};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{LogLines, World, app_root};

/// How a body goes over the wire: the host leaves the length open on Azure, and declares it under Core Tools.
#[derive(Clone, Copy, Debug)]
enum Framing {
    Length,
    Chunked,
}

const FRAMINGS: [Framing; 2] = [Framing::Length, Framing::Chunked];

/// The recordings whose name begins like this.
fn captures(prefix: &str) -> Vec<Value> {
    let text = include_str!("../../simulator/tests/fixtures/functions-host.json");
    let file: Value = serde_json::from_str(text).expect("JSON");
    let captures = file["captures"].as_array().expect("a list");
    let begins = |capture: &&Value| capture["name"].as_str().is_some_and(|name| name.starts_with(prefix));
    captures.iter().filter(begins).cloned().collect()
}

fn text(value: &Value, member: impl serde_json::value::Index) -> &str {
    value[member].as_str().expect("a text")
}

/// A recorded request as it came over the wire.
fn wire(received: &Value, framing: Framing) -> String {
    let body = text(received, "body");
    let mut request = format!("{} {} HTTP/1.1\r\n", text(received, "method"), text(received, "target"));
    for header in received["headers"].as_array().expect("a list") {
        let [name, value] = [&header[0], &header[1]].map(|part| part.as_str().expect("a text"));
        if !["content-length", "transfer-encoding"].contains(&name.to_lowercase().as_str()) {
            request += &format!("{name}: {value}\r\n");
        }
    }
    match framing {
        Framing::Length => request += &format!("Content-Length: {}\r\n\r\n{body}", body.len()),
        Framing::Chunked => {
            request += "Transfer-Encoding: chunked\r\n\r\n";
            // Two chunks, so that a body has to be put together.
            let half = (body.len() / 2..=body.len()).find(|at| body.is_char_boundary(*at)).expect("a boundary");
            for part in [&body[..half], &body[half..]].into_iter().filter(|part| !part.is_empty()) {
                request += &format!("{:x}\r\n{part}\r\n", part.len());
            }
            request += "0\r\n\r\n";
        }
    }
    request
}

/// The status, the content type and the body of the handler's answer.
async fn send(handler_url: &str, request: &str) -> (u16, String, Value) {
    let address = handler_url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.expect("the handler listens");
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = Vec::new();
    loop {
        assert_ne!(stream.read_buf(&mut answer).await.expect("it answers"), 0, "the answer is cut off");
        let text = String::from_utf8_lossy(&answer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let headers: BTreeMap<_, _> = lines.map(|(name, value)| (name.to_lowercase(), value)).collect();
        if body.len() == headers["content-length"].parse::<usize>().expect("a number") {
            let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
            return (status, headers["content-type"].to_owned(), serde_json::from_str(body).expect("JSON"));
        }
    }
}

#[tokio::test]
async fn the_recorded_probe_is_answered() {
    let world = World::given(|_, _| {}).await;
    let [probe] = &captures("probe")[..] else { panic!("one probe") };
    let (status, ..) = send(&world.handler_url, &wire(&probe["received"], Framing::Length)).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn recorded_deliveries_are_understood_in_both_framings() {
    let captures = captures("forwarded-");
    assert_eq!(captures.len(), 8);
    for (capture, framing) in captures.iter().flat_map(|capture| FRAMINGS.map(|framing| (capture, framing))) {
        let mut world = World::given(|_, _| {}).await;
        world.may_leave_messages();
        let (name, received) = (text(capture, "name"), &capture["received"]);
        let (status, _, answer) = send(&world.handler_url, &wire(received, framing)).await;
        if ["forwarded-not-json", "forwarded-delivery-with-body"].contains(&name) {
            // The body arrived, and it is one definition too many.
            assert_eq!(status, 400, "{answer}");
            let problem = text(&answer["problems"], 0);
            assert!(problem.contains("`work-item-completed` and brings a definition in its body"), "{problem}");
            continue;
        }
        assert_eq!((status, &answer["status"]), (200, &json!("accepted")), "{name} {framing:?}: {answer}");
        let [message] = &world.messages()[..] else { panic!("{name}: one message") };
        let CheckMessage::V1(message, sealed) = CheckMessage::parse(&message.text).expect("a message");
        let ids = &message.check.properties;
        assert_eq!(ids.plan_id.to_string(), "22222222-2222-4222-8222-222222222222");
        assert_eq!(ids.job_id.to_string(), "33333333-3333-4333-8333-333333333333");
        assert_eq!(ids.task_instance_id.to_string(), "44444444-4444-4444-8444-444444444444");
        assert_eq!(ids.build_id, Some(4711));
        assert_eq!(sealed.open(&world.sealer()).expect("our key").expose(), "a-token-of-a-job");
        let kinds: Vec<_> = message.check.definition.conditions.iter().map(|it| it.kind.name()).collect();
        assert_eq!(kinds, ["workItems"], "{name}");
    }
}

#[tokio::test]
async fn recorded_queue_messages_are_understood_in_both_framings() {
    let captures = captures("queue-");
    assert_eq!(captures.len(), 10);
    let world = World::given(|_, _| {}).await;
    let log_lines = LogLines::capture();
    for (capture, framing) in captures.iter().flat_map(|capture| FRAMINGS.map(|framing| (capture, framing))) {
        let (name, received) = (text(capture, "name"), &capture["received"]);
        let invocation = Invocation::parse(text(received, "body").as_bytes()).expect(name);
        let sent = capture["sent"].as_object().and_then(|sent| sent.values().next()).expect("what was sent");
        assert_eq!(json!(invocation.message), *sent, "{name}");
        let dequeue_count = match name {
            "queue-third-dequeue" => 3,
            "queue-by-hand" => 0,
            // The message says so.
            "queue-object-with-names-of-the-host" => 77,
            _ => 1,
        };
        assert_eq!(invocation.dequeue_count, dequeue_count, "{name}");

        // None of them is a check, so the host is to hand it out again, and the log says which message it was.
        log_lines.take();
        let (status, content_type, _) = send(&world.handler_url, &wire(received, framing)).await;
        assert_eq!((status, content_type.as_str()), (500, "application/json"), "{name} {framing:?}");
        let lines = log_lines.take();
        let line = lines.iter().find(|line| line.contains("evaluation failed")).expect("a line");
        let line: Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(line["span"]["invocation.dequeue_count"], dequeue_count, "{line}");
        assert_eq!(line["span"]["message_id"], invocation.message_id.unwrap_or_default(), "{line}");
    }
}

#[tokio::test]
async fn recorded_deliveries_in_json_are_refused_with_the_setting_to_change() {
    let captures = captures("json-");
    assert_eq!(captures.len(), 3);
    let world = World::given(|_, _| {}).await;
    for (capture, framing) in captures.iter().flat_map(|capture| FRAMINGS.map(|framing| (capture, framing))) {
        let (status, content_type, answer) = send(&world.handler_url, &wire(&capture["received"], framing)).await;
        assert_eq!((status, content_type.as_str()), (200, "application/json"), "the host takes nothing else");
        let response = &answer["Outputs"]["response"];
        assert_eq!(response["statusCode"], 400, "{answer}");
        assert!(text(response, "body").contains("enableForwardingHttpRequest"), "{answer}");
    }
    assert_eq!(world.messages(), []);
}

#[tokio::test]
async fn without_forwarding_the_pipelines_log_names_the_setting() {
    let world = World::given(|_, _| {}).await;
    let app = std::env::temp_dir().join(uuid::Uuid::new_v4().to_string());
    for path in ["host.json", "CheckFunction/function.json", "ReevaluateFunction/function.json"] {
        let shipped = std::fs::read_to_string(app_root().join(path)).expect(path);
        let changed =
            shipped.replace("\"enableForwardingHttpRequest\": true", "\"enableForwardingHttpRequest\": false");
        assert_eq!(changed == shipped, path != "host.json");
        std::fs::create_dir_all(app.join(path).parent().expect("a folder")).expect("a folder");
        std::fs::write(app.join(path), changed).expect("a file");
    }
    let (handler, queues) = (Handler::Url(world.handler_url.clone()), QueueSource::Simulated(world.queue.clone()));
    let host = FunctionsHost::start(&app, handler, queues, world.clock.clone()).await.expect("a host");
    std::fs::remove_dir_all(app).expect("removed");

    let ids = world.azure_devops_server().with(|state| state.await_check(world.run));
    let delivered = deliver(&host.function_address("CheckFunction"), HEADERS, "", &ids).await;

    assert_eq!(delivered.status, 400, "{delivered:?}");
    assert!(delivered.body.contains("customHandler.enableForwardingHttpRequest"), "{delivered:?}");
    assert_eq!(world.queue.messages(QUEUE_NAME), []);
}
