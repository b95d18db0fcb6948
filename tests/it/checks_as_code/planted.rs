//! The kinds of misconfiguration, each planted on a resource of its own.

use simulator::azure_devops::{CheckConfiguration, ResourceKind};

use super::{KEY, Person, with_headers};

/// A misconfiguration.
pub(super) struct Planted {
    /// The rule that finds it.
    pub(super) rule: &'static str,
    /// What the report says.
    pub(super) says: &'static str,
    pub(super) kind: ResourceKind,
    check: &'static str,
    plant: fn(&mut CheckConfiguration),
    /// Whether `--fix` mends it.
    pub(super) is_mended: bool,
}

fn polled(check: &mut CheckConfiguration) {
    check.input("waitForCompletion", "false").input("successCriteria", "eq(root['status'], 'successful')");
    let headers = with_headers(&[("Check", "manual-run"), ("BuildReason", "$(Build.Reason)")]);
    check.input("headers", &headers);
}

fn headers(check: &mut CheckConfiguration, changes: &[(&str, &str)]) {
    let name = [("Check", "work-item-completed")];
    check.input("headers", &with_headers(&[&name, changes].concat()));
}

/// Every kind. The names of the resources are those of the rules.
#[rustfmt::skip]
pub(super) fn all() -> Vec<Planted> {
    use ResourceKind::{Endpoint, Environment, Queue, Repository, SecureFile, VariableGroup};
    let kind = |rule, says, kind, check, plant, is_mended| Planted { rule, says, kind, check, plant, is_mended };
    vec![
        kind("callback-interval", "Set *Time between evaluations* to 0.", Environment, "work-item-completed", |it| { it.every(5); }, true),
        kind("poll-ratio", "1440 divided by *Time between evaluations* 5 is more than 10", Environment, "manual-run", |it| { polled(it); it.every(5); }, true),
        kind("no-success-criteria", "every answer with status 200 lets the stage pass", Endpoint, "manual-run", |it| { polled(it); it.input("successCriteria", ""); }, true),
        kind("criteria-accept-failure", "accept the answer {\"status\":\"failed\"}", Endpoint, "manual-run", |it| { polled(it); it.input("successCriteria", "ne(root['status'], 'error')"); }, true),
        kind("completion-event", "checks.yaml says `completionEvent: Callback`", Repository, "work-item-completed", |it| { it.input("waitForCompletion", "false").input("successCriteria", "eq(root['status'], 'successful')"); }, true),
        kind("header-missing", "Write `\"PlanId\": \"$(system.PlanId)\"` in *Headers*.", VariableGroup, "work-item-completed", |it| headers(it, &[("PlanId", "")]), true),
        kind("header-wrong", "The header `JobId` is `$(system.PlanId)`, not `$(system.JobId)`.", SecureFile, "work-item-completed", |it| headers(it, &[("JobId", "$(system.PlanId)")]), true),
        kind("header-unexpanded", "Azure Pipelines sends it as it stands", Queue, "work-item-completed", |it| headers(it, &[("PlanId", "${{ variables['system.PlanId'] }}")]), true),
        kind("headers-unreadable", "*Headers* cannot be read: it is not a JSON object (line 1, column 1)", Repository, "work-item-completed", |it| { it.input("headers", "PlanId: $(system.PlanId)"); }, false),
        kind("input-missing", "The check reads the header `ChangeNumber`, which is missing.", Environment, "change-approved", |_| {}, false),
        kind("key-in-url", "The URL holds a function key (`code=***`).", Endpoint, "work-item-completed", |it| { it.input("key", "").input("function", &format!("{}?code={KEY}", super::FUNCTION)); }, true),
        kind("key-in-query", "*Query parameters* hold a function key", VariableGroup, "work-item-completed", |it| { it.input("key", "").input("queryParameters", &format!("a=b&code={KEY}")); }, true),
        kind("key-in-header", "The header `x-functions-key` holds a function key.", SecureFile, "work-item-completed", |it| { it.input("key", ""); headers(it, &[("x-functions-key", KEY)]); }, true),
        kind("timeout-too-short", "*Timeout* is 60 minutes, but the check may take 1440", Queue, "work-item-completed", |it| it.timeout = 60, true),
        kind("timeout-too-long", "the token of the delivery is valid for 2880", Environment, "work-item-completed", |it| it.timeout = 43_200, true),
        kind("check-unknown", "checks.yaml has no check `work-item-complete`; did you mean `work-item-completed`?", Repository, "work-item-complete", |_| {}, false),
        kind("check-ambiguous", "Header and query name different checks: `work-item-completed`, `manual-run`.", Queue, "work-item-completed", |it| { it.input("queryParameters", "check=manual-run"); }, false),
        kind("method", "*Method* is GET: the function answers only POST.", SecureFile, "work-item-completed", |it| { it.input("method", "GET"); }, true),
        kind("check-disabled", "The check is disabled: it protects nothing.", VariableGroup, "work-item-completed", |it| it.is_disabled = true, false),
        kind("platform-issue", "Azure DevOps says: the task is deprecated", Environment, "work-item-completed", |it| it.issue = Some(serde_json::json!({"type": "warning", "message": "the task is deprecated"})), false),
        kind("address-without-tls", "travel in the clear", Endpoint, "work-item-completed", |it| { it.input("function", "http://checks.example.com/api/CheckFunction"); }, false),
    ]
}

/// Plants all of them, and what is about a resource as a whole: several checks, and none. Returns how many.
pub(super) fn plant(person: &Person) -> usize {
    let planted = all();
    for it in &planted {
        let resource = person.resource(it.kind, it.rule);
        person.check(&resource, it.check, it.plant);
    }
    let several = person.resource(ResourceKind::Environment, "several-checks");
    person.check(&several, "work-item-completed", |_| {});
    person.check(&several, "code-coverage", |_| {});
    person.resource(ResourceKind::SecureFile, "unprotected");
    planted.len() + 2
}
