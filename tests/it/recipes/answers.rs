//! What the systems of the recipes answer, as their makers document it.

use serde_json::{Value, json};

/// The commit of the simulated run.
const COMMIT: &str = "0000000000000000000000000000000000000065";

/// A commit of another run.
pub(super) const OTHER: &str = "6fb3a7c1d2e4f50918273645a0b1c2d3e4f50617";

/// A minute before the worlds begin, half an hour before, and a day later.
const JUST_NOW: &str = "2026-01-05T08:59:00Z";
const STALE: &str = "2026-01-05T08:30:00Z";
const TOMORROW: &str = "2026-01-06T09:00:00Z";

/// One recipe, and what its system answers.
pub(super) struct Recipe {
    /// Its file and its check.
    pub(super) name: &'static str,
    /// The branch of the run.
    pub(super) branch: &'static str,
    /// The header that its requests have; an empty name for none.
    pub(super) credential: (&'static str, &'static str),
    /// Whom a token of the managed identity is for.
    pub(super) audience: Option<&'static str>,
    /// The answers that pass, one for each call.
    pub(super) passes: Vec<Value>,
    /// Answers that must not pass: what is wrong, in which call.
    pub(super) refused: Vec<(&'static str, usize, Value)>,
    /// Complete answers that do not pass, whose members are mutated.
    pub(super) mutated: Vec<(usize, Value)>,
    /// Good answers about another commit or branch.
    pub(super) about_another: Option<Vec<Value>>,
    /// What compares the answer with the run, and what accepts any.
    pub(super) comparison: (&'static str, &'static str),
    /// What the system answers to this path, if it holds all of this.
    pub(super) filtered: fn(&str, &Value) -> Value,
}

pub(super) fn recipes() -> Vec<Recipe> {
    vec![
        github(),
        argo_cd(),
        alertmanager(),
        grafana(),
        datadog(),
        pagerduty(),
        statuspage(),
        azure_monitor(),
        freeze_calendar(),
    ]
}

fn recipe(name: &'static str, credential: (&'static str, &'static str), passes: Vec<Value>) -> Recipe {
    Recipe {
        name,
        branch: "refs/heads/main",
        credential,
        audience: None,
        passes,
        refused: Vec::new(),
        mutated: Vec::new(),
        about_another: None,
        comparison: ("== run.sourceVersion", "!= ''"),
        filtered: |_, held| held.clone(),
    }
}

fn check_run(name: &str, commit: &str, status: &str, conclusion: &Value) -> Value {
    json!({ "id": 4, "name": name, "head_sha": commit, "status": status, "conclusion": conclusion,
            "started_at": JUST_NOW, "app": { "slug": "github-actions" } })
}

pub(super) fn github() -> Recipe {
    let of = |total: usize, runs: Vec<Value>| json!({ "total_count": total, "check_runs": runs });
    let good = |name: &str| check_run(name, COMMIT, "completed", &json!("success"));
    let test = |status: &str, conclusion: Value| vec![good("build"), check_run("test", COMMIT, status, &conclusion)];
    let other = |name: &str| check_run(name, OTHER, "completed", &json!("success"));
    let failing = of(2, test("completed", json!("failure")));
    let mut twice = test("completed", json!("failure"));
    twice.push(good("test"));
    Recipe {
        refused: vec![
            ("failing", 0, failing.clone()),
            ("still running", 0, of(2, test("in_progress", Value::Null))),
            ("skipped", 0, of(2, test("completed", json!("skipped")))),
            ("one of two with the same name failing", 0, of(3, twice)),
            ("one check is missing", 0, of(1, vec![good("build")])),
            ("none", 0, of(0, vec![])),
            ("more on page two", 0, of(101, vec![good("build"), good("test")])),
            ("another commit", 0, of(2, vec![other("build"), other("test")])),
        ],
        mutated: vec![(0, failing)],
        about_another: Some(vec![of(2, vec![other("build"), other("test")])]),
        ..recipe(
            "github-commit-checks",
            ("Authorization", "Bearer secret-of-GITHUB_TOKEN"),
            vec![of(3, vec![good("build"), good("test"), check_run("docs", COMMIT, "queued", &Value::Null)])],
        )
    }
}

fn argo_cd() -> Recipe {
    let application = |sync: &str, revision: &str, health: &str, phase: &str, at: &str| {
        json!({ "metadata": { "name": "web-staging", "namespace": "argocd" }, "status": {
            "sync": { "status": sync, "revision": revision }, "health": { "status": health },
            "operationState": { "phase": phase, "finishedAt": at }, "reconciledAt": at,
        } })
    };
    let mut another = application("Synced", COMMIT, "Healthy", "Succeeded", JUST_NOW);
    another["metadata"]["name"] = json!("web-production");
    let degraded = application("Synced", COMMIT, "Degraded", "Succeeded", JUST_NOW);
    Recipe {
        refused: vec![
            ("failing", 0, degraded.clone()),
            ("still syncing", 0, application("Synced", COMMIT, "Healthy", "Running", JUST_NOW)),
            ("progressing", 0, application("Synced", COMMIT, "Progressing", "Succeeded", JUST_NOW)),
            ("out of sync", 0, application("OutOfSync", COMMIT, "Healthy", "Succeeded", JUST_NOW)),
            ("another commit", 0, application("Synced", OTHER, "Healthy", "Succeeded", JUST_NOW)),
            ("stale", 0, application("Synced", COMMIT, "Healthy", "Succeeded", STALE)),
            ("another application", 0, another),
        ],
        mutated: vec![
            (0, degraded),
            (0, application("Synced", OTHER, "Healthy", "Succeeded", JUST_NOW)),
            (0, application("Synced", COMMIT, "Healthy", "Succeeded", STALE)),
        ],
        about_another: Some(vec![application("Synced", OTHER, "Healthy", "Succeeded", JUST_NOW)]),
        ..recipe(
            "argo-cd-application",
            ("Authorization", "Bearer secret-of-ARGOCD_TOKEN"),
            vec![application("Synced", COMMIT, "Healthy", "Succeeded", JUST_NOW)],
        )
    }
}

fn alertmanager() -> Recipe {
    let alert = |name: &str, env: &str, severity: &str, at: &str| {
        json!({ "labels": { "alertname": name, "env": env, "severity": severity }, "status": { "state": "active" },
                "fingerprint": "f1", "startsAt": STALE, "updatedAt": at })
    };
    let watchdog = |at: &str| alert("Watchdog", "production", "none", at);
    let firing = json!([watchdog(JUST_NOW), alert("WebErrors", "production", "critical", JUST_NOW)]);
    Recipe {
        refused: vec![
            ("failing", 0, firing.clone()),
            ("none: Prometheus does not report", 0, json!([])),
            ("Prometheus stopped reporting", 0, json!([watchdog(STALE)])),
            ("the Prometheus of another environment", 0, json!([alert("Watchdog", "staging", "none", JUST_NOW)])),
        ],
        mutated: vec![(0, firing), (0, json!([watchdog(STALE)]))],
        ..recipe(
            "alertmanager",
            ("Authorization", "Bearer secret-of-ALERTMANAGER_TOKEN"),
            vec![json!([watchdog(JUST_NOW)])],
        )
    }
}

fn grafana() -> Recipe {
    let in_folder = |folder: &str, group: &str, state: &str, health: &str, at: &str| {
        let rule = |name: &str, state: &str, health: &str| json!({ "name": name, "state": state, "health": health, "type": "alerting", "lastEvaluation": at });
        json!({ "status": "success", "data": { "groups": [
            { "name": "billing", "file": folder, "folderUid": folder, "rules": [rule("late", "firing", "ok")] },
            { "name": group, "file": folder, "folderUid": folder, "interval": 60,
              "rules": [rule("errors", "inactive", "ok"), rule("latency", state, health)] },
        ] } })
    };
    let groups = |group: &str, state: &str, health: &str, at: &str| in_folder("production", group, state, health, at);
    // A server that does not know `folder_uid` answers all folders.
    let mut unfiltered = groups("web", "firing", "ok", JUST_NOW);
    let staging = in_folder("staging", "web", "inactive", "ok", JUST_NOW);
    unfiltered["data"]["groups"][0] = staging["data"]["groups"][1].clone();
    let mut one_rule = groups("web", "inactive", "ok", JUST_NOW);
    one_rule["data"]["groups"][1]["rules"] = json!([one_rule["data"]["groups"][1]["rules"][0]]);
    let firing = groups("web", "firing", "ok", JUST_NOW);
    Recipe {
        refused: vec![
            ("failing", 0, firing.clone()),
            ("about to fire", 0, groups("web", "pending", "ok", JUST_NOW)),
            ("a rule without data", 0, groups("web", "inactive", "nodata", JUST_NOW)),
            ("a rule that cannot be evaluated", 0, groups("web", "inactive", "error", JUST_NOW)),
            ("stale", 0, groups("web", "inactive", "ok", STALE)),
            ("a rule is gone, or hidden", 0, one_rule),
            ("the group is gone, hidden, or on page two", 0, groups("other", "inactive", "ok", JUST_NOW)),
            ("none", 0, json!({ "status": "success", "data": { "groups": [] } })),
            ("the group of another folder, from a server that does not filter", 0, staging),
            ("both groups, from a server that does not filter", 0, unfiltered.clone()),
        ],
        mutated: vec![(0, firing), (0, unfiltered), (0, groups("web", "inactive", "ok", STALE))],
        ..recipe(
            "grafana-alert-rules",
            ("Authorization", "Bearer secret-of-GRAFANA_TOKEN"),
            vec![groups("web", "inactive", "ok", JUST_NOW)],
        )
    }
}

fn datadog() -> Recipe {
    let tagged = |tags: [&str; 2], states: &[&str]| -> Value {
        let monitor = |state: &&str| {
            json!({ "id": 91_879_684, "name": "web", "type": "query alert", "tags": tags,
                    "overall_state": state, "options": { "notify_no_data": true } })
        };
        states.iter().map(monitor).collect()
    };
    let monitors = |states: &[&str]| tagged(["service:web", "env:production"], states);
    Recipe {
        refused: vec![
            ("failing", 0, monitors(&["OK", "Alert"])),
            ("warning", 0, monitors(&["Warn", "OK"])),
            ("no data", 0, monitors(&["OK", "No Data"])),
            ("none", 0, monitors(&[])),
            ("a monitor is gone, or hidden", 0, monitors(&["OK"])),
            ("a monitor that the recipe does not know", 0, monitors(&["OK", "OK", "OK"])),
            (
                "the monitors of another environment, from a server that does not filter",
                0,
                tagged(["service:web", "env:staging"], &["OK", "OK"]),
            ),
            (
                "the monitors of another service, from a server that does not filter",
                0,
                tagged(["service:billing", "env:production"], &["OK", "OK"]),
            ),
        ],
        mutated: vec![(0, monitors(&["OK", "Alert"]))],
        ..recipe(
            "datadog-monitors",
            ("DD-APPLICATION-KEY", "secret-of-DATADOG_APPLICATION_KEY"),
            vec![monitors(&["OK", "OK"])],
        )
    }
}

fn pagerduty() -> Recipe {
    let service = |id: &str, status: &str| {
        json!({ "service": { "id": id, "type": "service", "name": "web", "status": status,
                "last_incident_timestamp": STALE } })
    };
    Recipe {
        refused: vec![
            ("failing", 0, service("PIJ90N7", "critical")),
            ("acknowledged, and still open", 0, service("PIJ90N7", "warning")),
            ("silenced by a maintenance", 0, service("PIJ90N7", "maintenance")),
            ("disabled", 0, service("PIJ90N7", "disabled")),
            ("another service", 0, service("PABC123", "active")),
        ],
        mutated: vec![(0, service("PIJ90N7", "critical"))],
        ..recipe(
            "pagerduty-service",
            ("Authorization", "Token token=secret-of-PAGERDUTY_TOKEN"),
            vec![service("PIJ90N7", "active")],
        )
    }
}

fn statuspage() -> Recipe {
    let summary = |page: &str, api: &str, webhooks: &str| {
        json!({ "page": { "id": page, "name": "Example", "updated_at": JUST_NOW }, "components": [
            { "id": "b13yz5g2cw10", "name": "API", "status": api },
            { "id": "3b2x9k7hq1pl", "name": webhooks, "status": "operational" },
            { "id": "8kbf7d35c070", "name": "Docs", "status": "major_outage" },
        ], "incidents": [], "status": { "indicator": "minor" } })
    };
    let outage = summary("kctbh9vrtdwd", "partial_outage", "Webhooks");
    Recipe {
        refused: vec![
            ("failing", 0, outage.clone()),
            ("maintenance", 0, summary("kctbh9vrtdwd", "under_maintenance", "Webhooks")),
            ("a component is gone", 0, summary("kctbh9vrtdwd", "operational", "Hooks")),
            ("another page", 0, summary("1k1k1k1k1k1k", "operational", "Webhooks")),
        ],
        mutated: vec![(0, outage)],
        ..recipe("statuspage", ("", ""), vec![summary("kctbh9vrtdwd", "operational", "Webhooks")])
    }
}

/// Azure lists the alerts of the rule with this id, in whatever case. Nothing is an alert of a name.
fn of_rule(path: &str, held: &Value) -> Value {
    let (_, filter) = path.split_once("alertRule=").unwrap_or_default();
    let rule = filter.split('&').next().unwrap_or_default();
    let is_of_rule = |alert: &Value| {
        let id = alert["properties"]["essentials"]["alertRule"].as_str().unwrap_or_default();
        rule.is_empty() || id.eq_ignore_ascii_case(rule)
    };
    let mut answer = held.clone();
    if let Some(alerts) = answer.get_mut("value").and_then(Value::as_array_mut) {
        alerts.retain(is_of_rule);
    }
    answer
}

pub(super) fn azure_monitor() -> Recipe {
    let rule = |enabled: bool| {
        json!({ "name": "web-errors", "type": "Microsoft.Insights/metricAlerts",
                "properties": { "enabled": enabled, "severity": 1, "evaluationFrequency": "PT1M" } })
    };
    let id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/web/providers/microsoft.insights/metricalerts/web-errors";
    let alert = json!({ "name": "web-errors", "properties": { "essentials": {
        "severity": "Sev1", "monitorCondition": "Fired", "alertState": "New", "alertRule": id,
        "targetResourceGroup": "web-data" } } });
    Recipe {
        audience: Some("https://management.azure.com"),
        refused: vec![
            ("failing", 1, json!({ "value": [alert] })),
            ("the rule is off, so that nothing can fire", 0, rule(false)),
            ("more on page two", 1, json!({ "value": [], "nextLink": "https://management.azure.com/next" })),
            ("the rule is gone", 0, json!({ "error": { "code": "ResourceNotFound" } })),
        ],
        mutated: vec![(1, json!({ "value": [alert] })), (0, rule(false))],
        filtered: of_rule,
        ..recipe(
            "azure-monitor-alerts",
            ("Authorization", "Bearer identity-token-1"),
            vec![rule(true), json!({ "value": [] })],
        )
    }
}

fn freeze_calendar() -> Recipe {
    let calendar = |from: &str, to: &str, valid_until: &str| {
        json!({ "environment": "production", "validUntil": valid_until, "count": 1,
                "freezes": [{ "from": from, "to": to, "reason": "Year-end" }] })
    };
    let frozen = calendar(STALE, TOMORROW, TOMORROW);
    let mut cut_short = calendar(STALE, TOMORROW, TOMORROW);
    cut_short["freezes"] = json!([]);
    let mut staging = calendar(TOMORROW, "2026-01-07T09:00:00Z", TOMORROW);
    staging["environment"] = json!("staging");
    Recipe {
        refused: vec![
            ("failing", 0, frozen.clone()),
            ("out of date", 0, calendar(TOMORROW, "2026-01-07T09:00:00Z", STALE)),
            ("a freeze is missing", 0, cut_short),
            ("a freeze that ends before it starts", 0, calendar(JUST_NOW, STALE, TOMORROW)),
            ("another environment", 0, staging),
        ],
        mutated: vec![(0, frozen)],
        ..recipe(
            "freeze-calendar",
            ("Authorization", "Bearer secret-of-CALENDAR_TOKEN"),
            vec![calendar(TOMORROW, "2026-01-07T09:00:00Z", TOMORROW)],
        )
    }
}
