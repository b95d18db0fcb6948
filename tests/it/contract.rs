//! Frozen bytes: what other programs, and later versions of this one, rely on.

use checkgate::check::CheckDefinition;
use checkgate::checks_file::ChecksFile;
use checkgate::host::Host;
use checkgate::queue::QUEUE_NAME;
use checkgate::queue::message::CheckMessage;
use checkgate::reevaluate_function::envelope::Invocation;
use checkgate::task::sealer::Sealer;
use checkgate::task::token::AuthToken;
use serde_json::{Value, json};

use crate::support::{World, a_check, app_root, docs};

fn file(path: &str) -> Value {
    let text = std::fs::read_to_string(app_root().join(path)).expect(path);
    serde_json::from_str(&text).expect(path)
}

/// The key of `local.settings.json`.
fn development_sealer() -> Sealer {
    let settings = file("local.settings.json");
    Sealer::new(settings["Values"]["TokenSealingKey"].as_str().expect("text"), None).expect("a key")
}

/// The decision's body in the guide.
const GUIDE: &str = r#"{
    "name": "TaskCompleted",
    "taskId": "{TaskInstanceId}",
    "jobId": "{JobId}",
    "result": "succeeded|failed"
}"#;

#[tokio::test]
async fn the_decision_has_the_field_names_and_values_of_the_guide() {
    for (check, result) in [("cmdline-executed", "succeeded"), ("work-item-completed", "failed")] {
        let mut world = World::given(|_, _| {}).await;
        world.accept(a_check().named(check)).await;
        world.run_due_messages().await;

        let ids = world.ids().clone();
        let calls = world.azure_devops_server().take_calls();
        let event = calls.iter().find(|call| call.path.ends_with("/events")).expect("a decision");
        let expected = GUIDE
            .replace("{TaskInstanceId}", &ids.task_instance_id.to_string())
            .replace("{JobId}", &ids.job_id.to_string())
            .replace("succeeded|failed", result);
        let compact = expected.lines().map(str::trim).collect::<String>().replace("\": \"", "\":\"");
        let sorted: Value = serde_json::from_str(&compact).expect("JSON");
        assert_eq!(serde_json::from_str::<Value>(&event.body).expect("JSON"), sorted);
        for member in compact.trim_matches(['{', '}']).split(',') {
            assert!(event.body.contains(member), "{member} is not in {}", event.body);
        }
        assert_eq!(event.authorization.as_deref(), Some(format!("Bearer {}", ids.auth_token).as_str()));
        world.expect_decision(result);
    }
}

#[test]
fn version_1_of_the_message_is_read_as_it_was_first_written() {
    let text = include_str!("fixtures/message-v1.json");
    let CheckMessage::V1(message, sealed) = CheckMessage::parse(text).expect("version 1");
    let sealer = development_sealer();
    let anew = message.seal(&AuthToken::new("the token".to_owned()), &sealer);
    let token = sealed.open(&sealer).unwrap_or_else(|error| panic!("{error}; before any release, write\n{anew}"));
    assert_eq!(token.expose(), "the token");
    let (mut written, mut frozen): (Value, Value) =
        (serde_json::from_str(&anew).expect("JSON"), serde_json::from_str(text).expect("JSON"));
    // The one member that differs every time.
    assert_ne!(written["sealedToken"].take(), frozen["sealedToken"].take());
    assert_eq!(written, frozen);
    assert_eq!(message.check.name, "work-item-completed");
    assert_eq!(message.progress.evaluations(), 2);
}

#[test]
fn the_hosts_envelopes_are_read_as_recorded() {
    for envelope in [include_str!("fixtures/envelope-string.json"), include_str!("fixtures/envelope-binary.json")] {
        let invocation = Invocation::parse(envelope.as_bytes()).expect("an envelope");
        assert_eq!(invocation.message, r#"{"kind":"x","n":3}"#);
        assert_eq!(invocation.message_id.as_deref(), Some("800ae4b3-bdd2-4c08-badd-f08e5a34b865"));
        assert_eq!(invocation.dequeue_count, 1);
    }
}

#[test]
fn a_message_of_a_later_version_is_refused_with_what_to_do() {
    let error = CheckMessage::parse("{\"version\":2}").expect_err("an unknown version");
    assert!(error.to_string().contains("deploy the later version again"), "{error}");
}

#[test]
fn the_messages_names_cannot_overwrite_the_hosts_metadata() {
    let text = include_str!("fixtures/message-v1.json");
    let CheckMessage::V1(message, _) = CheckMessage::parse(text).expect("version 1");
    let written = message.seal(&AuthToken::new("the token".to_owned()), &development_sealer());
    let written: Value = serde_json::from_str(&written).expect("JSON");
    let reserved = [
        "id",
        "dequeuecount",
        "popreceipt",
        "expirationtime",
        "insertiontime",
        "nextvisibletime",
        "queuetrigger",
        "sys",
    ];
    for name in written.as_object().expect("an object").keys() {
        assert!(!reserved.contains(&name.to_lowercase().as_str()), "{name}");
    }
}

#[test]
fn the_hosts_files_agree_with_the_handler() {
    let host = file("host.json");
    let queues = &host["extensions"]["queues"];
    // The queue client writes the text as it is.
    assert_eq!(queues["messageEncoding"], "none");
    assert_eq!(queues["maxDequeueCount"], Host::shipped().max_dequeue_count);
    assert_eq!(host["customHandler"]["enableForwardingHttpRequest"], true);
    // The zip entry that becomes executable must have exactly this name.
    assert_eq!(host["customHandler"]["description"]["defaultExecutablePath"], "checkgate");

    // The handler's lines, the functions' results and all warnings; not two lines for each call of the storage account.
    let levels = &host["logging"]["logLevel"];
    assert_eq!(levels["default"], "Warning");
    for category in ["Function", "Host.Results", "Host.Function.Console"] {
        assert_eq!(levels[category], "Information", "{category}");
    }

    // A line that an operator must see is not one of those that sampling leaves out.
    let sampling = &host["logging"]["applicationInsights"]["samplingSettings"]["excludedTypes"];
    assert!(sampling.as_str().is_some_and(|types| types.split(';').any(|kind| kind == "Trace")), "{sampling}");

    let check = file("CheckFunction/function.json");
    assert_eq!(
        check["bindings"].as_array().map(Vec::len),
        Some(2),
        "one trigger and one output, or the host does not forward"
    );
    assert_eq!(check["bindings"][0]["methods"], json!(["post"]));
    assert_eq!(check["bindings"][0]["authLevel"], "function");
    assert_eq!(check["bindings"][1]["name"], Host::shipped().http_output);

    let reevaluate = file("ReevaluateFunction/function.json");
    // As a text, the host would parse the message and copy its members over the metadata.
    assert_eq!(reevaluate["bindings"][0]["dataType"], "binary");
    assert_eq!(reevaluate["bindings"][0]["queueName"], QUEUE_NAME);
}

#[test]
fn the_checks_that_ship_are_valid_and_survive_the_queue() {
    let text = std::fs::read_to_string(app_root().join("checks.yaml")).expect("checks.yaml");
    let file = ChecksFile::parse(&text).unwrap_or_else(|problems| panic!("{problems:?}"));
    for (name, check) in file.checks {
        let json = serde_json::to_string(&check).expect("JSON");
        assert_eq!(serde_json::from_str::<CheckDefinition>(&json).expect("JSON"), check, "{name}");
    }
}

#[test]
fn the_demo_tells_of_every_check_that_ships() {
    let read = |path: &str| std::fs::read_to_string(app_root().join(path)).expect(path);
    let (demo, stories) = (read("demo/checks.yaml"), read("demo/src/stories.rs"));
    let demo = ChecksFile::parse(&demo).unwrap_or_else(|problems| panic!("{problems:?}"));
    let shipped = ChecksFile::parse(&crate::support::shipped()).expect("checks.yaml");
    for (name, check) in &shipped.checks {
        let kinds = |check: &CheckDefinition| check.conditions.iter().map(|it| it.kind.name()).collect::<Vec<_>>();
        assert_eq!(demo.checks.get(name).map(kinds), Some(kinds(check)), "{name}");
        assert!(stories.contains(&format!("check: \"{name}\",")), "the demo has no story of {name}");
    }
}

#[test]
fn the_committed_schema_is_current() {
    let committed = std::fs::read_to_string(app_root().join("checks.schema.json")).expect("checks.schema.json");
    assert!(committed.trim() == checkgate::cli::schema(), "run `cargo run -- schema > checks.schema.json`");
}

#[test]
fn every_example_of_the_docs_is_a_checks_file() {
    for (page, at_least) in [(docs::CHECKS, 15), ("docs/notices.md", 1), ("README.md", 1)] {
        let examples = docs::blocks(page, "yaml");
        assert!(examples.len() >= at_least, "{page}: {}", examples.len());
        for example in examples {
            ChecksFile::parse(&example).unwrap_or_else(|problems| panic!("{page}: {example}\n{problems:?}"));
        }
    }
}

#[test]
fn every_kind_has_its_section_in_the_docs() {
    let page = docs::page(docs::CHECKS);
    let sections: Vec<&str> =
        page.lines().filter_map(|line| line.strip_prefix("## ")).flat_map(|title| title.split(", ")).collect();
    for kind in checkgate::conditions::Kind::NAMES {
        assert!(sections.contains(kind), "docs/checks.md has no section on {kind}");
    }
    let (_, evidence) = page.split_once("\n## No evidence\n").expect("the section");
    let (evidence, _) = evidence.split_once("\n## ").expect("another section");
    for kind in
        checkgate::conditions::Kind::NAMES.iter().filter(|kind| !["all", "any", "not", "atLeast"].contains(kind))
    {
        assert!(evidence.contains(&format!("`{kind}`")), "docs/checks.md does not say what is no evidence for {kind}");
    }
}

#[test]
fn the_docs_say_how_to_configure_every_check_that_ships() {
    let blocks = docs::blocks(docs::CHECKS, "json");
    assert_eq!(blocks.len(), 1, "the common headers are shown once");
    let common: Value = serde_json::from_str(&blocks[0]).expect("JSON");
    for name in [
        "PlanUrl",
        "ProjectId",
        "HubName",
        "PlanId",
        "JobId",
        "TimelineId",
        "TaskInstanceId",
        "AuthToken",
        "BuildId",
        "Check",
    ] {
        assert!(common[name].is_string(), "docs/checks.md does not say to send the header {name}");
    }
    let file = ChecksFile::parse(&crate::support::shipped()).expect("checks.yaml");
    let rows = docs::shipped_checks();
    let documented: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(documented.len(), file.checks.len(), "{documented:?}");
    for (name, check) in &file.checks {
        let row = rows.iter().find(|row| row.name == *name).unwrap_or_else(|| panic!("no row for {name}"));
        let headers: Vec<&str> = row.headers.iter().map(|(header, _)| header.as_str()).collect();
        assert_eq!(headers, check.inputs.keys().collect::<Vec<_>>(), "{name}");
        assert_eq!(row.completion_event, format!("{:?}", check.completion_event), "{name}");
        assert_eq!(row.minutes, check.timeout.delta().num_minutes(), "{name}");
    }
}

#[test]
fn every_test_that_the_docs_name_exists() {
    let page = docs::page("docs/reliability.md");
    let named: Vec<(&str, &str)> = page
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|code| !code.contains(' '))
        .filter_map(|code| code.split_once("::"))
        .collect();
    assert!(named.len() >= 20, "{named:?}");
    for (room, name) in named {
        let path = format!("tests/it/{room}.rs");
        assert!(docs::page(&path).contains(&format!("fn {name}(")), "{path} has no test {name}");
    }
}
