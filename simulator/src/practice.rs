//! An organization to practise on: resources whose checks are configured as people often do it, and runs that are over.

use serde_json::{Value, json};

use crate::azure_devops::{BuildResult, CheckConfiguration, Resource, ResourceKind, State, TaskResult};
use crate::azure_pipelines::HEADERS;

/// The address of the function in the checks.
const FUNCTION: &str = "https://fabrikam-checks.azurewebsites.net/api/CheckFunction";

/// The key of the function.
pub const KEY: &str = "the-key-of-the-function";

/// How many runs are over.
const RUNS: usize = 6;

/// Fills an organization. The checks ask for the check with this name.
pub fn fill(state: &mut State, check: &str) {
    let resource = state.resource(ResourceKind::Environment, "test");
    function_check(state, &resource, check).every(5);
    let resource = state.resource(ResourceKind::Environment, "prod");
    // The platform's defaults.
    function_check(state, &resource, check).input("waitForCompletion", "false");
    let resource = state.resource(ResourceKind::VariableGroup, "secrets");
    function_check(state, &resource, check).input("key", "").input("function", &format!("{FUNCTION}?code={KEY}"));
    let resource = state.resource(ResourceKind::Repository, "shop");
    let mut headers = headers(check);
    headers["JobId"] = "$(system.PlanId)".into();
    function_check(state, &resource, check).input("headers", &headers.to_string());
    state.resource(ResourceKind::Endpoint, "azure-prod");
    for number in 0..RUNS {
        past_run(state, number);
    }
}

fn headers(check: &str) -> Value {
    let mut headers: Value = serde_json::from_str(HEADERS).unwrap_or_else(|_| json!({}));
    headers["Check"] = check.into();
    headers
}

/// A check with the settings that the guide recommends.
fn function_check<'a>(state: &'a mut State, resource: &Resource, check: &str) -> &'a mut CheckConfiguration {
    let inputs = [
        ("function", FUNCTION),
        ("key", KEY),
        ("method", "POST"),
        ("headers", &headers(check).to_string()),
        ("waitForCompletion", "true"),
        ("successCriteria", ""),
    ];
    state.function_check(resource, &inputs)
}

/// A run whose stage waited for a check. Every third one executed no task, and was stopped.
fn past_run(state: &mut State, number: usize) {
    let run = state.run();
    let (build, stops) = (run.id, number % 3 == 2);
    if stops {
        run.without_tasks();
    }
    let ids = state.await_check(build);
    state.end_check(&ids, if stops { TaskResult::Failed } else { TaskResult::Succeeded });
    if let Some(run) = state.runs.get_mut(&build) {
        run.completed(if stops { BuildResult::Failed } else { BuildResult::Succeeded });
    }
}
