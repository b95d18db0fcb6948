//! An inline definition, decoded and evaluated without any facts.
#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use checkgate::check::CheckDefinition;
use checkgate::sources::Connection;
use checkgate::facts::Facts;
use checkgate_fuzz as fuzz;
use libfuzzer_sys::fuzz_target;

static CONNECTIONS: LazyLock<BTreeMap<String, Connection>> = LazyLock::new(|| {
    let file = fuzz::file(
        "connections:
  servicenow: { serviceNow: { instance: 'https://x.example', user: u, password: p } }
  prometheus: { prometheus: { url: 'https://x.example' } }
  azure-monitor: { azureMonitor: {} }
  sonar: { http: { url: 'https://x.example' } }
  jira: { http: { url: 'https://x.example' } }
  advanced-security: { http: { url: 'https://x.example' } }
  calendar: { http: { url: 'https://x.example' } }
checks: { a: { conditions: [ taskExecuted: { task: CmdLine } ] } }",
    );
    file.connections
});

fuzz_target!(
    init: fuzz::let_cel_panic(),
    |text: &str| {
        if let Ok(definition) = CheckDefinition::parse(text, &CONNECTIONS) {
            fuzz::evaluate(&fuzz::check(definition), &Facts::default());
        }
    }
);
