//! The services that a handler calls, as far as a measurement needs them: a queue that keeps nothing, and an Azure DevOps with
//! one record for each plan.

use std::collections::HashMap;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{io, thread};

use bench::http::{Connection, Message, response};
use bench::ids::RUN_THAT_WAITS;
use bench::timeline::{RECORDS, timeline};
use serde_json::{Map, Value, json};

/// What the services have seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The text of the message that was put last.
    message: Mutex<String>,
    /// The checks, by plan.
    checks: Mutex<HashMap<String, Check>>,
    /// How often Azure DevOps was called.
    calls: AtomicU64,
}

#[derive(Debug, Default)]
struct Check {
    record: Map<String, Value>,
    is_completed: bool,
}

/// Both services.
pub(crate) struct Services {
    /// Where the queue listens.
    pub(crate) queue: u16,
    /// Where Azure DevOps listens.
    pub(crate) azure_devops: u16,
    seen: Arc<Seen>,
}

impl Services {
    /// Starts both.
    pub(crate) fn start() -> io::Result<Self> {
        let seen = Arc::<Seen>::default();
        let of_queue = Arc::clone(&seen);
        let queue = listen(move |request| of_queue.put(request))?;
        let (of_azure_devops, runs) = (Arc::clone(&seen), Arc::new(Runs::new()));
        let azure_devops = listen(move |request| of_azure_devops.answer(request, &runs))?;
        Ok(Self { queue, azure_devops, seen })
    }

    /// The text of the message that was put last.
    pub(crate) fn last_message(&self) -> String {
        lock(&self.seen.message).clone()
    }

    /// How often Azure DevOps was called so far.
    pub(crate) fn calls(&self) -> u64 {
        self.seen.calls.load(Ordering::Relaxed)
    }

    /// The check of this plan waits, and nothing has happened to it yet.
    pub(crate) fn await_check(&self, plan: &str) {
        lock(&self.seen.checks).insert(plan.to_owned(), Check::default());
    }

    /// Whether the check of this plan was decided.
    pub(crate) fn is_decided(&self, plan: &str) -> bool {
        lock(&self.seen.checks).get(plan).is_some_and(|check| check.is_completed)
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers requests on a port of this machine, each connection in a thread of its own.
fn listen(answer: impl Fn(&Message<'_>) -> Vec<u8> + Clone + Send + 'static) -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            thread::spawn(move || -> io::Result<()> {
                let mut connection = Connection::new(stream)?;
                while let Some(request) = connection.read()? {
                    let answer = answer(&request);
                    connection.write(&answer)?;
                }
                Ok(())
            });
        }
    });
    Ok(port)
}

/// What the queue answers to a put.
const PUT: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?><QueueMessagesList><QueueMessage><MessageId>a1f0c2d4-5b6e-4f70-8192-a3b4c5d6e7f8</MessageId><InsertionTime>Mon, 05 Jan 2026 08:00:00 GMT</InsertionTime><ExpirationTime>Mon, 12 Jan 2026 08:00:00 GMT</ExpirationTime><PopReceipt>AgAAAAMAAAAAAAAAo0Xq3Zp52wE=</PopReceipt><TimeNextVisible>Mon, 05 Jan 2026 08:00:00 GMT</TimeNextVisible></QueueMessage></QueueMessagesList>";

/// The headers of each answer of the queue.
const OF_QUEUE: &str = "x-ms-request-id: 5d6a1f8e-0003-0012-5f0e-7d4f0d000000\r\nx-ms-version: 2021-08-06\r\nDate: Mon, 05 Jan 2026 08:00:00 GMT\r\nServer: Windows-Azure-Queue/1.0 Microsoft-HTTPAPI/2.0\r\n";

/// What the queue adds when a message was changed.
const OF_UPDATE: &str =
    "x-ms-popreceipt: AgAAAAMAAAAAAAAAo0Xq3Zp52wE=\r\nx-ms-time-next-visible: Mon, 05 Jan 2026 08:00:00 GMT\r\n";

impl Seen {
    fn put(&self, request: &Message<'_>) -> Vec<u8> {
        if request.header("authorization").is_none() {
            return response("403 Forbidden", "");
        }
        match request.request() {
            ("PUT", target) if !target.contains("/messages/") => {
                return format!("HTTP/1.1 201 Created\r\n{OF_QUEUE}Content-Length: 0\r\n\r\n").into_bytes();
            }
            ("PUT" | "DELETE", _) => {
                return format!("HTTP/1.1 204 No Content\r\n{OF_QUEUE}{OF_UPDATE}\r\n").into_bytes();
            }
            _ => {}
        }
        let body = String::from_utf8_lossy(request.body);
        let text = body.split_once("<MessageText>").and_then(|(_, rest)| rest.split_once("</MessageText>"));
        text.unwrap_or_default().0.clone_into(&mut lock(&self.message));
        let length = PUT.len();
        format!(
            "HTTP/1.1 201 Created\r\n{OF_QUEUE}Content-Type: application/xml\r\nContent-Length: {length}\r\n\r\n{PUT}"
        )
        .into_bytes()
    }

    fn answer(&self, request: &Message<'_>, runs: &Runs) -> Vec<u8> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let (method, target) = request.request();
        let path = target.split('?').next().unwrap_or_default();
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let body = match (method, parts.as_slice()) {
            ("GET", [_, _, "build", "builds", run, "timeline"]) => return runs.timeline(run),
            ("GET", [_, _, "build", "builds", run]) => build(run),
            (_, [_, _, "distributedtask", "hubs", _, "plans", plan, rest @ ..]) => {
                self.check(plan, (method, rest), request.body)
            }
            _ => return response("404 Not Found", "{}"),
        };
        response("200 OK", &body.to_string())
    }

    fn check(&self, plan: &str, asked: (&str, &[&str]), body: &[u8]) -> Value {
        let mut checks = lock(&self.checks);
        let check = checks.entry(plan.to_owned()).or_default();
        match asked {
            ("GET", []) => {
                let state = if check.is_completed { "completed" } else { "inProgress" };
                json!({ "planId": plan, "planType": "Checks", "state": state, "timeline": { "id": plan } })
            }
            ("POST", ["logs", ..]) => json!({ "id": 1 }),
            ("POST", ["events"]) => {
                check.is_completed = true;
                Value::Null
            }
            ("PATCH", _) => {
                check.write(body);
                check.records(plan)
            }
            ("GET", _) => check.records(plan),
            _ => Value::Null,
        }
    }
}

impl Check {
    /// Writes the members of an update into the record, and adds its variables.
    fn write(&mut self, body: &[u8]) {
        let mut update: Value = serde_json::from_slice(body).unwrap_or_default();
        let Some(members) = update["value"][0].as_object_mut() else { return };
        for (name, value) in std::mem::take(members) {
            match (self.record.get_mut(&name), value) {
                (Some(Value::Object(known)), Value::Object(new)) => known.extend(new),
                (_, value) => drop(self.record.insert(name, value)),
            }
        }
    }

    /// The records of the check's timeline: its own, and the one above it.
    fn records(&self, plan: &str) -> Value {
        let mut own = self.record.clone();
        own.insert("id".to_owned(), plan.into());
        own.insert("type".to_owned(), "Task".into());
        let (state, result) =
            if self.is_completed { ("completed", "succeeded".into()) } else { ("inProgress", Value::Null) };
        own.insert("state".to_owned(), state.into());
        own.insert("result".to_owned(), result);
        let above = json!({ "id": "aa11b2c3-d4e5-4f60-8172-93a4b5c6d7e8", "type": "Checkpoint", "name": "Checkpoint",
            "state": "inProgress", "result": null, "attempt": 1, "variables": {} });
        json!({ "count": 2, "value": [above, own] })
    }
}

/// The timelines of the two runs, as they are sent.
struct Runs {
    passes: Vec<u8>,
    waits: Vec<u8>,
}

impl Runs {
    fn new() -> Self {
        let sent = |waits| response("200 OK", &timeline(RECORDS, waits));
        Self { passes: sent(false), waits: sent(true) }
    }

    fn timeline(&self, run: &str) -> Vec<u8> {
        if run == RUN_THAT_WAITS.to_string() { self.waits.clone() } else { self.passes.clone() }
    }
}

fn build(run: &str) -> Value {
    json!({
        "id": run.parse::<u64>().unwrap_or_default(), "buildNumber": "20260105.1", "status": "inProgress", "result": null,
        "reason": "manual", "sourceBranch": "refs/heads/main", "sourceVersion": "3f786850e387550fdab836ed7e6dc881de23001b",
        "queueTime": "2026-01-05T08:00:00Z", "startTime": "2026-01-05T08:01:00Z", "tags": [], "triggerInfo": {},
        "requestedFor": { "id": "b5f7c1f0-4d2a-4f0e-9f57-1f0c2b3a4d5e", "displayName": "Norman Paulk" },
        "definition": { "id": 7, "name": "Fabrikam.Web" },
        "repository": { "id": "c9e1d2f3-0a1b-4c2d-8e3f-405162738495", "type": "TfsGit" },
        "project": { "id": bench::ids::PROJECT, "name": "Fabrikam" },
    })
}
