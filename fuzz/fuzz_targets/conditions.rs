//! An inline definition, decoded and evaluated without any facts: never panics, always with the same result.
#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use checkgate::check::{Check, TaskProperties};
use checkgate::checks_file::{CheckDefinition, ChecksFile, Connection};
use checkgate::evaluation::{Memory, evaluate};
use checkgate::facts::Facts;
use checkgate::story;
use libfuzzer_sys::fuzz_target;

static CONNECTIONS: LazyLock<BTreeMap<String, Connection>> = LazyLock::new(|| {
    ChecksFile::parse(
        "connections:
  servicenow: { serviceNow: { instance: 'https://x.example', user: u, password: p } }
  prometheus: { prometheus: { url: 'https://x.example' } }
  azure-monitor: { azureMonitor: {} }
  sonar: { http: { url: 'https://x.example' } }
checks: { a: { conditions: [ taskExecuted: { task: CmdLine } ] } }",
    )
    .expect("a valid file")
    .connections
});

static PROPERTIES: LazyLock<TaskProperties> = LazyLock::new(|| {
    serde_json::from_value(serde_json::json!({
        "planUrl": "https://dev.azure.com/fabrikam/",
        "projectId": "00000000-0000-4000-8000-000000000001",
        "hubName": "checks",
        "planId": "00000000-0000-4000-8000-000000000002",
        "jobId": "00000000-0000-4000-8000-000000000003",
        "timelineId": "00000000-0000-4000-8000-000000000002",
        "taskInstanceId": "00000000-0000-4000-8000-000000000004",
        "buildId": 101,
    }))
    .expect("properties")
});

fuzz_target!(
    init: {
        // The CEL library works on a thread of its own, whose panics are answers. All others are findings.
        let abort = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if std::thread::current().name() != Some("cel") {
                abort(panic);
            }
        }));
    },
    |text: &str| {
    let Ok(definition) = CheckDefinition::parse(text, &CONNECTIONS) else { return };
    let now = chrono::DateTime::from_timestamp(1_767_600_000, 0).expect("a time");
    let inputs = definition.inputs.keys().map(|name| (name.clone(), "CHG0030001".to_owned())).collect();
    let deadline = definition.deadline(now);
    let check =
        Check { name: "inline".to_owned(), properties: PROPERTIES.clone(), definition, inputs, delivered_at: now, deadline };
    let first = evaluate(&check, &Facts::default(), &Memory::default(), now);
    assert_eq!(first, evaluate(&check, &Facts::default(), &Memory::default(), now));
    let later = evaluate(&check, &Facts::default(), &first.memory, deadline);
    let rendered = story::render(&story::conditions(&later), now);
    assert!(rendered.chars().all(|c| c == '\n' || !c.is_control()));
}
);
