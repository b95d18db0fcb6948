//! The least that a handler must do: signs and puts the message of a delivery, and decides a check with five calls. It
//! validates nothing, seals nothing, remembers nothing, and survives nothing.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bench::http::{Connection, Message, request, response};
use bench::ids::TASK;
use hmac::{Hmac, Mac as _};
use memchr::memmem;
use serde_json::{Value, json};
use sha2::Sha256;

/// The headers that the message carries on.
const KEPT: [&str; 9] =
    ["PlanUrl", "ProjectId", "HubName", "PlanId", "JobId", "TimelineId", "TaskInstanceId", "AuthToken", "BuildId"];

/// Where messages are put.
const MESSAGES: &str = "/devstoreaccount1/check-evaluations/messages";

fn main() -> ExitCode {
    let port = std::env::var("FUNCTIONS_CUSTOMHANDLER_PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(0);
    let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) else { return ExitCode::FAILURE };
    for stream in listener.incoming().flatten() {
        std::thread::spawn(move || serve(stream));
    }
    ExitCode::SUCCESS
}

fn serve(stream: TcpStream) -> io::Result<()> {
    let mut host = Connection::new(stream)?;
    let (mut queue, mut azure_devops) = (None, None);
    while let Some(message) = host.read()? {
        let answer = match message.request() {
            ("POST", target) if target.ends_with("/CheckFunction") => deliver(&message, &mut queue)?,
            ("POST", _) => evaluate(&message, &mut azure_devops)?,
            _ => response("200 OK", "{}"),
        };
        host.write(&answer)?;
    }
    Ok(())
}

/// The connection to a service on this machine, opened where it is not.
fn connection(kept: &mut Option<Connection>, port: u16) -> io::Result<&mut Connection> {
    let connection = match kept.take() {
        Some(connection) => connection,
        None => Connection::open(port)?,
    };
    Ok(kept.insert(connection))
}

/// What stands behind a name in the connection string.
fn setting(name: &str) -> String {
    let text = std::env::var("AzureWebJobsStorage").unwrap_or_default();
    text.split(';').find_map(|part| part.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default().to_owned()
}

/// The port in the URL of a service on this machine.
fn port(url: &str) -> u16 {
    let port = url.split(':').nth(2).and_then(|rest| rest.split('/').next());
    port.and_then(|port| port.parse().ok()).unwrap_or_default()
}

fn deliver(delivery: &Message<'_>, queue: &mut Option<Connection>) -> io::Result<Vec<u8>> {
    let kept: serde_json::Map<String, Value> =
        KEPT.iter().map(|name| ((*name).to_owned(), delivery.header(name).into())).collect();
    let text = Value::Object(kept).to_string().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let body = format!("<QueueMessage><MessageText>{text}</MessageText></QueueMessage>");
    let date = httpdate::fmt_http_date(SystemTime::now());
    let signature = sign(&format!(
        "POST\n\n\n{}\n\napplication/xml\n\n\n\n\n\n\nx-ms-date:{date}\nx-ms-version:2021-08-06\n/devstoreaccount1{MESSAGES}\nvisibilitytimeout:0",
        body.len()
    ));
    let headers = format!(
        "Content-Type: application/xml\r\nx-ms-date: {date}\r\nx-ms-version: 2021-08-06\r\nAuthorization: SharedKey devstoreaccount1:{signature}\r\n"
    );
    let put = request(&format!("POST {MESSAGES}?visibilitytimeout=0"), &headers, &body);
    match connection(queue, port(&setting("QueueEndpoint")))?.ask(&put)?.status() {
        201 => Ok(response("200 OK", r#"{"status":"accepted"}"#)),
        _ => Ok(response("503 Service Unavailable", "{}")),
    }
}

fn sign(text: &str) -> String {
    let key = STANDARD.decode(setting("AccountKey")).unwrap_or_default();
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { return String::new() };
    mac.update(text.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

fn evaluate(invocation: &Message<'_>, azure_devops: &mut Option<Connection>) -> io::Result<Vec<u8>> {
    let envelope: Value = serde_json::from_slice(invocation.body)?;
    let text: String = serde_json::from_str(envelope["Data"]["check"].as_str().unwrap_or_default())?;
    let check: Value = serde_json::from_str(&text)?;
    let of = |name: &str| check[name].as_str().unwrap_or_default().to_owned();
    let service = connection(azure_devops, port(&of("PlanUrl")))?;
    let project = format!("/{}/_apis", of("ProjectId"));
    let plan = format!("{project}/distributedtask/hubs/{}/plans/{}", of("HubName"), of("PlanId"));
    let records = format!("{plan}/timelines/{}/records", of("TimelineId"));
    let id = of("TaskInstanceId");
    let headers = format!("Authorization: Bearer {}\r\nContent-Type: application/json\r\n", of("AuthToken"));
    let mut ask = |line: String, body: Value| {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        service.ask(&request(&line, &headers, &body)).map(|answer| memmem::find(answer.body, TASK.as_bytes()).is_some())
    };
    ask(format!("GET {records}"), Value::Null)?;
    let passes = ask(format!("GET {project}/build/builds/{}/timeline", of("BuildId")), Value::Null)?;
    let line = if passes { "The check passed." } else { "The check failed." };
    ask(format!("POST {records}/{id}/feed"), json!({ "count": 1, "value": [line] }))?;
    ask(format!("PATCH {records}"), json!({ "count": 1, "value": [{ "id": id, "currentOperation": line }] }))?;
    let result = if passes { "succeeded" } else { "failed" };
    let event = json!({ "name": "TaskCompleted", "taskId": id, "jobId": of("JobId"), "result": result });
    ask(format!("POST {plan}/events"), event)?;
    Ok(response("200 OK", r#"{"Outputs":{},"Logs":[],"ReturnValue":null}"#))
}
