//! Every kind of condition, in a world in which it passes, with one fact that decides it.

use serde_json::{Value, json};
use simulator::azure_devops::{Artifact, BuildReason, BuildResult, Coverage, Run, State, TaskResult, TestResults};
use simulator::sources::{self, Page, Samples, Sources};

/// The change request of the world.
pub(super) const CHANGE: &str = "CHG0030001";

/// A token of Azure DevOps.
const ADVSEC: &str = "advsec-token";

/// A calendar with an event that is over.
const CALENDAR: &str = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:20200101\nEND:VEVENT\nEND:VCALENDAR\n";

const WIQL: &str = "SELECT [System.Id] FROM WorkItems WHERE [System.WorkItemType] = 'Bug'";

/// A run that replaces the one of the check.
const NEWER_RUN: &str = r#"{"run":{"id":999,"buildNumber":"","status":"inProgress","result":"","sourceBranch":"refs/heads/main","sourceVersion":"","definition":{"id":12,"name":""}},"progress":null,"link":""}"#;

/// A kind of condition that passes.
pub(super) struct Case {
    /// The kind's name in checks.yaml.
    pub(super) kind: &'static str,
    condition: &'static str,
    given: fn(&mut State, u64),
    /// The fact that decides it. Without one, the time does.
    pub(super) fact: Option<&'static str>,
    /// A part of the fact's JSON, and another in its place with which the condition does not pass.
    flip: (&'static str, &'static str),
}

const ON_MAIN: Case = Case {
    kind: "branch",
    condition: "branch: { in: [refs/heads/main] }",
    given: |_, _| {},
    fact: Some("run"),
    flip: ("refs/heads/main", "refs/heads/topic"),
};

/// A kind that the other kinds do without: the time decides.
const WINDOW: Case = Case {
    kind: "window",
    condition: "window: { freezes: [ { from: 2020-02-01, to: 2020-02-02, reason: a release } ] }",
    fact: None,
    flip: ("", ""),
    ..ON_MAIN
};

/// One for each kind.
pub(super) const CASES: &[Case] = &[
    ON_MAIN,
    WINDOW,
    Case {
        kind: "taskExecuted",
        condition: "taskExecuted: { task: CmdLine }",
        fact: Some("timeline"),
        flip: (r#""result":"succeeded""#, r#""result":"failed""#),
        ..ON_MAIN
    },
    Case {
        kind: "workItems",
        condition: "workItems: { state: Completed }",
        given: |state, run| {
            state.work_item(42, "Closed");
            the_run(state, run).links_work_item(42);
        },
        fact: Some("workItems"),
        flip: ("Completed", "Proposed"),
    },
    Case {
        kind: "query",
        condition: "query: { wiql: \"SELECT [System.Id] FROM WorkItems WHERE [System.WorkItemType] = 'Bug'\", max: 0 }",
        given: |state, _| drop(state.queries.insert(WIQL.to_owned(), Vec::new())),
        fact: Some("query"),
        flip: ("[]", "[7]"),
    },
    Case {
        kind: "codeCoverage",
        condition: "codeCoverage: { above: 80 }",
        given: |state, run| {
            the_run(state, run).covers(Coverage::of_lines(81, 100));
        },
        fact: Some("codeCoverage"),
        flip: (r#""covered":81"#, r#""covered":79"#),
    },
    Case {
        kind: "testResults",
        condition: "testResults: { maxFailed: 5 }",
        given: |state, run| {
            the_run(state, run).tested(TestResults { passed: 95, failed: 5, not_executed: 0 });
        },
        fact: Some("testResults"),
        flip: (r#""failed":5"#, r#""failed":6"#),
    },
    Case {
        kind: "buildReason",
        condition: "buildReason: { in: [Manual] }",
        given: |state, run| {
            the_run(state, run).because_of(BuildReason::Manual);
        },
        flip: (r#""reason":"manual""#, r#""reason":"schedule""#),
        ..ON_MAIN
    },
    Case {
        kind: "pullRequest",
        condition: "pullRequest: { approvals: 1 }",
        given: |state, run| {
            let commit = the_run(state, run).source_version.clone();
            let request = state.pull_request(12, &commit);
            "completed".clone_into(&mut request.status);
            request.vote("Chuck Reinhart", 10);
        },
        fact: Some("pullRequests"),
        flip: (r#""vote":10"#, r#""vote":0"#),
    },
    Case {
        kind: "newestRun",
        condition: "newestRun: {}",
        fact: Some("supersedingRun"),
        flip: ("null", NEWER_RUN),
        ..ON_MAIN
    },
    Case {
        kind: "pipelineRun",
        condition: "pipelineRun: { pipeline: 7 }",
        given: |state, _| state.run().completed(BuildResult::Succeeded).definition_id = 7,
        fact: Some("pipelineRun"),
        flip: (r#""result":"succeeded""#, r#""result":"failed""#),
    },
    Case {
        kind: "sonarQualityGate",
        condition: "sonarQualityGate: { connection: sonarqube, project: web }",
        fact: Some("sonarQualityGate"),
        flip: ("OK", "ERROR"),
        ..ON_MAIN
    },
    Case {
        kind: "jiraIssues",
        condition: "jiraIssues: { connection: jira, jql: 'project = WEB', statusCategory: Done }",
        fact: Some("jiraIssues"),
        flip: (r#""category":"done""#, r#""category":"new""#),
        ..ON_MAIN
    },
    Case {
        kind: "advancedSecurityAlerts",
        condition: "advancedSecurityAlerts: { connection: advsec, types: [dependency], processedWithin: 1s }",
        given: |state, run| {
            let task = uuid::Uuid::from_u128(1);
            the_run(state, run).task(task, "AdvancedSecurity-Dependency-Scanning", TaskResult::Succeeded);
        },
        fact: Some("advancedSecurityAlerts"),
        flip: (r#""alerts":[]"#, r#""alerts":[{"alertId":1,"severity":"high","alertType":"dependency"}]"#),
    },
    Case {
        kind: "freezeCalendar",
        condition: "freezeCalendar: { connection: calendar, path: a.ics }",
        fact: Some("calendar"),
        flip: (r#""days":1,"#, r#""days":9999,"#),
        ..ON_MAIN
    },
    Case {
        kind: "artifact",
        condition: "artifact: { name: 'sbom-*' }",
        given: |state, run| {
            let artifact = Artifact { id: 1, name: "sbom-x64".to_owned(), kind: "PipelineArtifact".to_owned() };
            the_run(state, run).artifacts.push(artifact);
        },
        fact: Some("artifacts"),
        flip: ("sbom-x64", "drop"),
    },
    Case {
        kind: "tag",
        condition: "tag: { in: [qa-approved] }",
        given: |state, run| the_run(state, run).tags.push("qa-approved".to_owned()),
        fact: Some("runState"),
        flip: ("qa-approved", "qa-refused"),
    },
    Case {
        kind: "serviceNowChange",
        condition: "serviceNowChange: { connection: snow, number: ChangeNumber, fields: { category: Hardware } }",
        fact: Some("serviceNowChange"),
        flip: ("Hardware", "Software"),
        ..ON_MAIN
    },
    Case {
        kind: "metric",
        condition: "metric: { connection: prom, query: canary_error_rate, successCondition: result < 0.05 }",
        fact: Some("metric"),
        flip: ("0.01", "0.2"),
        ..ON_MAIN
    },
    Case {
        kind: "http",
        condition: "http: { connection: sonar, path: 'api/gate?project=web', successCondition: \"response.body.status == 'OK'\" }",
        fact: Some("http"),
        flip: ("OK", "ERROR"),
        ..ON_MAIN
    },
    Case {
        kind: "expression",
        condition: "expression: 'run.sourceBranch == \"refs/heads/main\" && timeline.records.size() > 0'",
        ..ON_MAIN
    },
    Case { kind: "all", condition: "all: [ { branch: { in: [refs/heads/main] } } ]", ..ON_MAIN },
    Case {
        kind: "any",
        condition: "any: [ { tag: { in: [no-such-tag] } }, { branch: { in: [refs/heads/main] } } ]",
        ..ON_MAIN
    },
    Case { kind: "not", condition: "not: { branch: { in: [refs/heads/topic] } }", ..ON_MAIN },
    Case {
        kind: "atLeast",
        condition: "atLeast: { count: 1, of: [ { artifact: { name: none } }, { branch: { in: [refs/heads/main] } } ] }",
        ..ON_MAIN
    },
];

fn the_run(state: &mut State, run: u64) -> &mut Run {
    state.runs.get_mut(&run).expect("the run")
}

/// A checks.yaml with a check for each of these, named after its kind. The first is the default.
pub(super) fn checks_of(cases: &[Case], sources: &Sources) -> String {
    let (snow, prom, web) = (sources.url("service-now"), sources.url("prometheus"), sources.url("web"));
    let mut text = format!(
        "connections:
  snow: {{ serviceNow: {{ instance: '{snow}', user: '${{SERVICENOW_USER}}', password: '${{SERVICENOW_PASSWORD}}' }} }}
  prom: {{ prometheus: {{ url: '{prom}' }} }}
  sonarqube: {{ http: {{ url: '{}', headers: {{ Authorization: 'Bearer sonar-token' }} }} }}
  jira: {{ http: {{ url: '{}', headers: {{ Authorization: 'Basic bWFpbDpqaXJhLXRva2Vu' }} }} }}
  advsec: {{ http: {{ url: '{}', headers: {{ Authorization: 'Bearer {ADVSEC}' }} }} }}
  calendar: {{ http: {{ url: '{}' }} }}
  sonar: {{ http: {{ url: '{web}', headers: {{ Authorization: 'Bearer ${{SONAR_TOKEN}}' }} }} }}
default: {}
checks:
",
        sources.url("sonar"),
        sources.url("jira"),
        sources.url("advsec"),
        sources.url("calendar"),
        cases[0].kind
    );
    for Case { kind, condition, .. } in cases {
        text += &format!(
            "  {kind}:
    inputs: {{ ChangeNumber: {{ default: {CHANGE} }} }}
    conditions: [ {{ {condition} }} ]
"
        );
    }
    text
}

/// Sets the world up so that all conditions pass.
pub(super) fn give_all(state: &mut State, run: u64, sources: &Sources) {
    for case in CASES {
        (case.given)(state, run);
    }
    fill(state, run, sources);
}

/// What the outside systems know.
fn fill(state: &State, run: u64, sources: &Sources) {
    let commit = state.runs[&run].source_version.clone();
    sources.with(|state: &mut sources::State| {
        let now = state.clock.now();
        state.sonar.analyse(("web", "main"), now, &commit, "OK");
        state.jira.issue("WEB-1", "Done");
        state.jira.searches.insert("project = WEB".to_owned(), vec!["WEB-1".to_owned()]);
        state.advanced_security.scan("refs/heads/main");
        let audience = "499b84ac-1321-427f-aa17-267ca6975798".to_owned();
        state.identity.tokens.push((ADVSEC.to_owned(), audience, now));
        state.calendars.files.insert("a.ics".to_owned(), CALENDAR.to_owned());
        state.service_now.add_change(CHANGE, &[("category", "Hardware")]);
        state.prometheus.queries.insert("canary_error_rate".to_owned(), Samples::Vector(vec![0.01]));
        state.web.insert("api/gate?project=web".to_owned(), Page::ok(json!({ "status": "OK", "sent": "sonar-token" })));
    });
}

impl Case {
    /// Sets the world up so that the condition passes.
    pub(super) fn give(&self, state: &mut State, run: u64, sources: &Sources) {
        (self.given)(state, run);
        fill(state, run, sources);
    }

    /// Flips the fact that decides among these. `false` if there is none: then the time decides.
    pub(super) fn flip(&self, facts: &mut Value) -> bool {
        let Some(name) = self.fact else { return false };
        let facts = facts.as_array_mut().expect("a list").iter_mut();
        let mut flipped = 0;
        for fact in facts.filter(|fact| fact["fact"] == name) {
            let text = fact["value"].to_string();
            assert!(text.contains(self.flip.0), "{}: {text}", self.kind);
            fact["value"] = serde_json::from_str(&text.replace(self.flip.0, self.flip.1)).expect("JSON");
            flipped += 1;
        }
        assert_eq!(flipped, 1, "{} has one fact `{name}`", self.kind);
        true
    }
}

/// Every kind has a case: a new kind needs a line in [`CASES`].
#[test]
fn every_kind_of_condition_has_a_case() {
    let cases: Vec<&str> = CASES.iter().map(|case| case.kind).collect();
    let missing: Vec<&&str> = checkgate::conditions::Kind::NAMES.iter().filter(|name| !cases.contains(name)).collect();
    assert!(missing.is_empty(), "no case in kinds.rs: {missing:?}");
}
