//! The author of a pipeline can influence header values, and nothing else: not which conditions apply, not which host
//! is called, not the shape of what is sent.

use std::collections::{BTreeMap, BTreeSet};

use checkgate::checks_file::ChecksFile;
use serde_json::Value;
use simulator::azure_pipelines::Delivered;
use simulator::calls::Call;
use simulator::sources::Sources;

use crate::support::{Delivery, LogLines, World, a_check, shipped};

/// Values that would leave a query, a path, a header, a JSON text, an expression or a log line.
pub(crate) const HOSTILE: &[&str] = &[
    "CHG0030001^ORapproval=approved",
    "CHG0030001^NQactive=true",
    "CHG0030001&sysparm_limit=9",
    "CHG0030001?x=y",
    "CHG0030001#x",
    "CHG0030001/../../sys_user",
    "..%2f..%2fsys_user",
    "../../../admin",
    "//evil.example/",
    "http://evil.example/",
    "https://dev.azure.com@evil.example/",
    "@evil.example",
    "127.0.0.1:9",
    "\",\"approval\":\"approved",
    "\"}],\"x\":[{\"y\":\"",
    "{\"$ne\":null}",
    "' || true || '",
    "') || ('' == '",
    "true",
    "1 == 1",
    "\"} or vector(0) or up{x=\"",
    "canary\"}[5m])) * 0 + sum(rate(x{y=\"",
    "| project 0",
    "'; drop table x; --",
    "${SERVICENOW_PASSWORD}",
    "${env:TokenSealingKey}",
    "{{secret}}",
    "<%= secret %>",
    "$(system.AccessToken)",
    "$(Build.Reason)x",
    "%0d%0aX-Evil:%201",
    "a\tb",
    "##vso[task.complete result=Succeeded;]",
    "-1",
    "99999999999999999999999999",
    "null",
    "*",
    ".*",
    "manual,Manual",
    "work-item-completed",
];

/// The shipped checks, with the addresses of the simulated systems.
fn shipped_for(sources: &Sources) -> String {
    shipped()
        .replace("https://example.service-now.com", &sources.url("service-now"))
        .replace("https://prometheus.example.com", &sources.url("prometheus"))
}

/// The shipped checks with their inputs.
fn inputs() -> BTreeMap<String, Vec<String>> {
    let file = ChecksFile::parse(&shipped()).unwrap_or_else(|problems| panic!("{problems:?}"));
    file.checks.iter().map(|(name, check)| (name.clone(), check.inputs.keys().cloned().collect())).collect()
}

/// Values of the shipped inputs that an honest pipeline sends.
fn honest(input: &str) -> &'static str {
    match input {
        "ChangeNumber" => "CHG0030001",
        "BuildReason" => "Manual",
        other => panic!("the shipped checks read a new input, {other}: say here what an honest pipeline sends"),
    }
}

/// A delivery of this check with one input set to `value`, and the others honest.
fn delivery(check: &str, inputs: &[String], changed: &str, value: &str) -> Delivery {
    let complete = inputs.iter().fold(a_check().named(check), |delivery, input| delivery.with(input, honest(input)));
    complete.with(changed, value)
}

/// Where a call went and what shape it had, without the values in it.
pub(crate) fn shape(call: &Call) -> String {
    let names = |query: &str| {
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.map(|(name, _)| name.into_owned()).collect::<Vec<_>>().join("&")
    };
    let path: Vec<&str> =
        call.path.split('/').map(|part| if part.chars().any(|c| c.is_ascii_digit()) { "*" } else { part }).collect();
    let body = serde_json::from_str(&call.body).map_or_else(|_| "text".to_owned(), |body| members(&body));
    let body = if call.body.is_empty() { String::new() } else { body };
    format!("{} {}?{} {body}", call.method, path.join("/"), names(&call.query))
}

/// The name of a member, without the parts that are numbers.
fn fixed(name: &str) -> String {
    let parts = name.split('.').map(|part| if part.chars().any(|c| c.is_ascii_digit()) { "*" } else { part });
    parts.collect::<Vec<_>>().join(".")
}

fn members(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            format!(
                "{{{}}}",
                object
                    .iter()
                    .map(|(name, value)| format!("{}:{}", fixed(name), members(value)))
                    .collect::<Vec<_>>()
                    .join(",")
            )
        }
        Value::Array(items) => format!("[{}]", items.first().map(members).unwrap_or_default()),
        Value::String(_) => "text".to_owned(),
        Value::Number(_) => "number".to_owned(),
        Value::Bool(_) | Value::Null => "word".to_owned(),
    }
}

async fn world() -> World {
    let world = World::with_sources(shipped_for).await;
    world.sources().with(|state| state.service_now.add_change("CHG0030001", &[("approval", "requested")]));
    world
}

fn calls(world: &World) -> (BTreeSet<String>, BTreeSet<String>) {
    let azure_devops = world.azure_devops_server().take_calls();
    let sources = world.sources().take_calls();
    (azure_devops.iter().map(shape).collect(), sources.iter().map(shape).collect())
}

/// Runs a check, and returns the shapes of the calls that it made.
async fn run(world: &mut World, delivery: Delivery) -> (Delivered, (BTreeSet<String>, BTreeSet<String>)) {
    calls(world);
    let delivered = world.deliver(delivery).await;
    world.run_due_messages().await;
    (delivered, calls(world))
}

#[tokio::test]
async fn inputs_of_the_shipped_checks_are_refused_or_only_values() {
    let mut world = world().await;
    let mut tried = 0;
    for (check, inputs) in inputs() {
        for input in &inputs {
            let (delivered, (honest_calls, honest_sources)) =
                run(&mut world, delivery(&check, &inputs, input, honest(input))).await;
            assert_eq!(delivered.status, 200, "{check}");
            for value in HOSTILE {
                let (delivered, (azure_devops, sources)) =
                    run(&mut world, delivery(&check, &inputs, input, value)).await;
                let status = delivered.status;
                assert!([200, 400, 412].contains(&status), "{check}, {input}: {value}");
                assert!(!delivered.body.contains("successful"), "{check}, {input}: {value}: {}", delivered.body);
                let what = format!("{check}, {input}: {value}");
                if status == 400 {
                    assert!(azure_devops.is_empty() && sources.is_empty(), "{what}: {azure_devops:?} {sources:?}");
                }
                // What is sent differs in its values at most: in their number only because a check ended sooner.
                let known: BTreeSet<String> = honest_calls.iter().chain(&decided()).cloned().collect();
                assert!(
                    azure_devops.is_subset(&known),
                    "{what}: {:#?}",
                    azure_devops.difference(&known).collect::<Vec<_>>()
                );
                assert!(sources.is_subset(&honest_sources), "{what}: {sources:#?}");
                if status == 200 {
                    let log = world.log();
                    assert!(!log.contains("Decision: succeeded"), "{what}: {log}");
                }
                tried += 1;
            }
        }
    }
    assert!(tried >= HOSTILE.len() * 3, "{tried}");
    world.may_leave_messages();
}

/// The calls by which a check ends, which an honest one that waits has not made yet.
fn decided() -> Vec<String> {
    let end = "POST /fabrikam/*/_apis/distributedtask/hubs/checks/plans/*/events?api-version {jobId:text,name:text,result:text,taskId:text}";
    vec![end.to_owned()]
}

#[tokio::test]
async fn headers_and_parameters_that_no_check_declares_change_nothing() {
    let mut world = world().await;
    let (delivered, honest) = run(&mut world, a_check()).await;
    assert_eq!(delivered.status, 200);
    world.expect_decision("succeeded");
    for (name, value) in [
        ("Conditions", "[]"),
        ("Definition", "{\"conditions\":[]}"),
        ("Connection-Url", "http://evil.example/"),
        ("Host", "evil.example"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Original-URL", "/admin"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("Forwarded", "host=evil.example"),
        ("Task", "Bash"),
        ("State", "Removed"),
        ("ChangeNumber", "CHG0030001^ORapproval=approved"),
        ("Timeout", "1s"),
        ("DryRun", "true"),
        ("PendingDecision", "{\"decision\":{\"result\":\"approved\"}}"),
        ("Content-Type", "application/x-yaml"),
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Transfer-Encoding", "identity"),
    ] {
        let (delivered, calls) = run(&mut world, a_check().with(name, value)).await;
        if delivered.status == 200 {
            assert_eq!(calls, honest, "{name}: {value}");
            world.expect_decision("succeeded");
        }
    }
    for query in ["conditions=[]", "dryRun=true", "CHECKS=x", "check", "check=", "&&&=", "planUrl=http://evil.example/"]
    {
        let (delivered, calls) = run(&mut world, a_check().with_query(query)).await;
        assert_eq!((delivered.status, &calls), (200, &honest), "{query}");
        world.expect_decision("succeeded");
    }
}

#[tokio::test]
async fn a_delivery_that_names_two_checks_is_refused() {
    let mut world = world().await;
    for (header, query) in [
        (Some("work-item-completed"), "check=cmdline-executed"),
        (Some("cmdline-executed"), "check=work-item-completed"),
        (None, "check=work-item-completed&check=cmdline-executed"),
        (None, "check=work-item-completed&CHECK=cmdline-executed"),
    ] {
        let delivery = header.map_or_else(a_check, |name| a_check().named(name)).with_query(query);
        let delivered = world.deliver(delivery).await;
        assert_eq!(delivered.status, 400, "{query}");
        // The host itself joins parameters of one name with a comma.
        let says =
            if header.is_some() || query.contains("CHECK") { "names more than one check" } else { "there is no check" };
        assert!(delivered.body.contains(says), "{}", delivered.body);
    }
    world.accept(a_check().named("cmdline-executed").with_query("check=cmdline-executed")).await;
    world.run_due_messages().await;
    world.expect_decision("succeeded");
    // A name is a name: no path, no pattern, no other spelling.
    for name in [
        "../checks",
        "*",
        "cmdline-executed ,x",
        "CMDLINE-EXECUTED",
        "cmdline-executed;work-item-completed",
        "__proto__",
    ] {
        let delivered = world.deliver(a_check().named(name)).await;
        assert_eq!(delivered.status, 400, "{name}: {}", delivered.body);
    }
}

#[tokio::test]
async fn names_from_the_pipeline_are_escaped_where_they_are_sent() {
    let log = LogLines::capture();
    for text in HOSTILE {
        let mut world = World::with_sources(shipped_for).await;
        let run_id = world.run;
        world.azure_devops(|state| {
            // The work item's type and project become parts of a path.
            state.project(text);
            state.work_item(42, "Active").of_type(text).in_project(text);
            let run = state.runs.get_mut(&run_id).expect("the run");
            run.links_work_item(42);
        });
        let delivered = world.deliver(a_check().named("work-item-completed")).await;
        assert_eq!(delivered.status, 200);
        world.run_due_messages().await;
        let calls = world.azure_devops_server().take_calls();
        let states: Vec<&Call> = calls.iter().filter(|call| call.path.contains("workitemtypes")).collect();
        for call in states {
            let segments: Vec<&str> = call.path.split('/').collect();
            assert_eq!(segments.len(), 8, "{text}: {}", call.path);
            assert!(call.query.starts_with("api-version=") && !call.query.contains('&'), "{text}: {}", call.query);
        }
        world.expect_no_decision();
        world.azure_devops(|state| state.unknown_requests.clear());
        world.may_leave_messages();
        log.take();
    }
}
