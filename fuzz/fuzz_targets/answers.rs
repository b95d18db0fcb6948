//! What Azure DevOps answers, read as the answer to every call, and what follows for every kind that asks it.
#![no_main]

use std::sync::LazyLock;

use checkgate::check::Check;
use checkgate::facts::fuzzing::of_azure_devops;
use checkgate_fuzz as fuzz;
use libfuzzer_sys::fuzz_target;

const WIQL: &str = "SELECT [System.Id] FROM WorkItems";

static CHECK: LazyLock<Check> = LazyLock::new(|| {
    let definition = format!(
        "checks:
  a:
    conditions:
      - taskExecuted: {{ task: CmdLine }}
      - workItems: {{ states: [ Done ] }}
      - workItems: {{ state: Completed }}
      - query: {{ wiql: '{WIQL}', min: 2 }}
      - codeCoverage: {{ above: 80, maxDrop: 1 }}
      - testResults: {{ passRate: {{ atLeast: 95 }}, maxFailed: 1 }}
      - buildReason: {{ in: [ manual ] }}
      - branch: {{ in: [ refs/heads/main, refs/heads/release/* ] }}
      - pullRequest: {{ approvals: 2 }}
      - artifact: {{ name: drop* }}
      - tag: {{ in: [ beta ] }}
      - pipelineRun: {{ pipeline: 7 }}
      - newestRun: {{}}
      - newestRun: {{ stage: Deploy }}"
    );
    fuzz::check(fuzz::file(&definition).checks.remove("a").expect("the check"))
});

fuzz_target!(|data: &[u8]| {
    let Some((status, line, body)) = fuzz::answer(data) else { return };
    let facts = of_azure_devops(status, line, body, WIQL);
    if fuzz::is_json(body) {
        fuzz::evaluate(&CHECK, &facts);
    }
});
