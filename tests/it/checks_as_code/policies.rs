//! `checkgate evaluate --record` and `checkgate test`, run as a person runs them.

use std::path::PathBuf;

use serde_json::{Value, json};
use simulator::Clock;
use simulator::sources::Sources;

use super::kinds::{CASES, Case, checks_of, give_all};
use super::{Person, Printed};
use crate::support::app_root;
use crate::support::schema::Schema;

/// A folder that is gone with the test.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("checkgate-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).expect("a file");
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("a plain path").to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// YAML as JSON.
fn read(path: &str) -> Value {
    serde_saphyr::from_str(&std::fs::read_to_string(path).expect(path)).expect(path)
}

/// A person, and outside systems with their credentials in the environment.
async fn person_with_sources() -> (Person, Sources) {
    let mut person = Person::new().await;
    let sources = Sources::start(Clock::system()).await.expect("a port");
    let (user, password) = sources.with(|state| (state.service_now.user.clone(), state.service_now.password.clone()));
    let settings = [("SERVICENOW_USER", user), ("SERVICENOW_PASSWORD", password)];
    person.environment.extend(settings);
    person.environment.push(("SONAR_TOKEN", "sonar-token".to_owned()));
    (person, sources)
}

/// The name of the recording of a case. One is JSON, so that both forms are read.
fn recording(case: &Case) -> String {
    format!("{}.test.{}", case.kind, if case.kind == "metric" { "json" } else { "yaml" })
}

pub(super) async fn test(folder: &Folder, more: &[&str]) -> Printed {
    let place = folder.path("");
    Person::new().await.run(&[&["test", &place][..], more].concat()).await
}

#[tokio::test]
async fn the_recorded_evaluation_of_each_kind_passes_as_a_test_and_fails_with_one_fact_flipped() {
    let (person, sources) = person_with_sources().await;
    let run = person.azure_devops.with(|state| state.run().id);
    person.azure_devops.with(|state| give_all(state, run, &sources));
    let commit = person.azure_devops.with(|state| state.runs[&run].source_version.clone());
    let folder = Folder::new("recorded");
    folder.write("checks.yaml", &checks_of(CASES, &sources));
    let (checks, address) = (folder.path("checks.yaml"), format!("{}/_build?buildId={run}", person.project()));
    let schema = Schema::read("tests.schema.json");
    for case in CASES {
        let file = folder.path(&recording(case));
        let arguments = ["evaluate", "--check", case.kind, "--file", &checks, "--record", &file, &address];
        let printed = person.run(&arguments).await;
        assert_eq!(printed.code, 0, "{}: {printed:?}", case.kind);
        let text = std::fs::read_to_string(&file).expect("the recording");
        for secret in [person.token.as_str(), "sonar-token"] {
            assert!(!text.contains(secret), "a secret in {text}");
        }
        assert_eq!(text.contains("***"), case.kind == "http", "{text}");
        let recorded = read(&file)["tests"][0]["facts"].clone();
        let gate = recorded.as_array().expect("facts").iter().find(|fact| fact["fact"] == "sonarQualityGate");
        if let Some(gate) = gate {
            assert_eq!(gate["of"]["run"], json!({ "sourceVersion": commit, "sourceBranch": "refs/heads/main" }));
        }
        schema.expect(&read(&file));
        // What is there may have been edited.
        let again = person.run(&arguments).await;
        assert!(again.code == 1 && again.err.contains("cannot be written"), "{again:?}");
    }
    let passed = test(&folder, &[]).await;
    assert!(passed.code == 0 && passed.out.contains(&format!("{} tests, 0 failed.", CASES.len())), "{passed:?}");

    for case in CASES {
        let file = folder.path(&recording(case));
        let mut recorded = read(&file);
        let test = &mut recorded["tests"][0];
        if !case.flip(&mut test["facts"]) {
            test["at"] = "2020-02-01T12:00:00Z".into();
        }
        std::fs::write(&file, recorded.to_string()).expect("the recording");
    }
    let failed = test(&folder, &[]).await;
    assert!(failed.code == 1 && failed.out.contains(&format!("{0} tests, {0} failed.", CASES.len())), "{failed:?}");
    assert_eq!(failed.out.matches("outcome: expected succeeded, found ").count(), CASES.len(), "{failed:?}");
}

const CHECKS: &str = "
checks:
  release:
    timeout: 1h
    inputs: { Ticket: { pattern: 'CHG[0-9]+', default: CHG1 } }
    conditions:
      - name: the branch
        branch: { in: [refs/heads/main] }
      - name: the work items
        workItems: { state: Completed }
      - http: { connection: sonar, path: gate, successCondition: response.body.ok }
      - http: { connection: sonar, path: other, successCondition: response.body.ok }
  untested:
    conditions: [ { tag: { in: [go] } } ]
connections:
  sonar: { http: { url: 'https://sonar.example.com', headers: { Authorization: 'Bearer ${SONAR_TOKEN}' } } }
";

/// A fact with which the check waits.
const OPEN_BUG: &str =
    "facts: [ { fact: workItems, value: [ { id: 42, type: Bug, state: Active, category: InProgress } ] } ]";

/// A recording that passes.
const BASE: &str = "
at: 2026-01-05T09:00:00Z
tests:
  - name: everything is as it should be
    check: release
    facts:
      - fact: run
        value: { id: 7, sourceBranch: refs/heads/main }
      - fact: workItems
        value: [ { id: 42, type: Bug, state: Closed, category: Completed } ]
      - fact: http
        of: { path: gate }
        value: { status: 200, body: { ok: true } }
      - fact: http
        of: { path: other }
        value: { status: 200, body: { ok: true } }
    expect: { outcome: succeeded, blocking: [] }
";

#[tokio::test]
async fn tests_begin_with_a_recording_and_change_what_they_are_about() {
    let folder = Folder::new("written");
    folder.write("checks.yaml", CHECKS);
    folder.write("base.test.yaml", BASE);
    folder.write(
        "release.test.yaml",
        "
check: release
tests:
  - name: an open bug is awaited
    recorded: base.test.yaml
    facts: [ { fact: workItems, value: [ { id: 42, type: Bug, state: Active, category: InProgress } ] } ]
    expect: { outcome: waiting, blocking: [ the work items ], text: [ 'Bug 42' ] }
  - name: the bug is still open at the deadline
    recorded: base.test.yaml
    at: 2026-01-05T10:00:00Z
    delivered: 2026-01-05T09:00:00Z
    facts: [ { fact: workItems, value: [ { id: 42, type: Bug, state: Active, category: InProgress } ] } ]
    expect: { outcome: failed }
  - name: another branch is refused
    recorded: base.test.yaml
    facts: [ { fact: run, value: { id: 7, sourceBranch: refs/heads/topic } } ]
    expect: { outcome: failed, blocking: [ the branch ] }
  - name: an outage of one system is no answer
    recorded: base.test.yaml
    facts: [ { fact: http, of: { path: gate }, error: connection `sonar` did not answer } ]
    expect: { outcome: unknown, text: [ did not answer ] }
  - name: what is not given is not known
    at: 2026-01-05T09:00:00Z
    expect: { outcome: unknown, text: [ the fact `workItems` is not given ] }
",
    );
    let printed = test(&folder, &[]).await;
    assert!(printed.code == 0 && printed.out.contains("6 tests, 0 failed."), "{printed:?}");
    let (_, one_sided) = printed.out.split_once("Not seen both ways:\n").expect("a summary");
    assert_eq!(one_sided.lines().count(), 3, "{one_sided}");
    assert_eq!(one_sided.matches("no test sees it block: ").count(), 2, "the two answers: {one_sided}");
    assert!(one_sided.contains("untested: no test"), "{one_sided}");
}

const NOT_ASKED_FOR: &str =
    "line 15: tests[0].facts[3].of: no condition of the check asks for that; it asks for `http` of {";

#[tokio::test]
async fn each_mistake_in_a_file_of_tests_is_said_with_its_line() {
    for (from, to, says) in [
        ("fact: workItems", "fact: workItem", "line 9: tests[0].facts[1].fact: `workItem` is not a fact; did you mean"),
        ("fact: workItems", "fact: workItem", "did you mean `workItems`? Known are `run`, "),
        ("state: Closed", "stat: Closed", "missing field `state`; there is no `stat`; did you mean `state`? Or see"),
        ("type: Bug, state: Closed", "title: T", "line 10: tests[0].facts[1].value[0]: missing fields `type`, `state`"),
        ("sourceBranch", "sourcebranch", "line 8: tests[0].facts[0].value.sourcebranch: the fact has no member"),
        ("sourceBranch", "sourceBranh", "no member `sourceBranh` here; did you mean `sourceBranch`? Known are `build"),
        ("status: 200, body", "status: fine, body", "tests[0].facts[2].value.status"),
        ("of: { path: other }", "of: { path: gate }", "tests[0].facts[3].of: answers the same question as fact 2"),
        ("of: { path: other }", "of: { path: othr }", NOT_ASKED_FOR),
        ("of: { path: other }", "of: { pth: other }", NOT_ASKED_FOR),
        ("blocking: []", "blocking: [ the brnch ]", "did you mean `the branch`?"),
        ("blocking: []", "blocking: [ the branch ]", "nothing blocks a check that succeeds"),
        ("outcome: succeeded, blocking", "outcome: failed, blocking", "some condition blocks a check that is failed"),
        ("outcome: succeeded", "outcome: passed", "unknown variant `passed`"),
        ("outcome: succeeded, blocking: []", "", "line 17: tests[0].expect: expects nothing"),
        ("blocking: []", "text: ['']", "every log holds that"),
        (
            "check: release",
            "check: relase",
            "line 5: tests[0].check: there is no check `relase` in checks.yaml; did you",
        ),
        ("check: release", "{}", "names no check"),
        ("check: release", "check: release\n    inputs: { Tiket: CHG1 }", "no input `Tiket`; did you mean `Ticket`?"),
        ("check: release", "check: release\n    inputs: { Ticket: X }", "`X` does not match the pattern"),
        ("at: 2026-01-05T09:00:00Z", "at: 2026-01-05", "line 2: at: `2026-01-05` is not a time with its zone"),
        ("at: 2026-01-05T09:00:00Z", "", "says no time"),
        (
            "check: release",
            "check: release\n    delivered: 2026-01-06T09:00:00Z",
            "is after the time of the evaluation",
        ),
        (
            "check: release",
            "check: release\n    recorded: nowhere.yaml",
            "tests[0].recorded: nowhere.yaml: cannot be read: ",
        ),
        ("expect:", "expects:", "unknown field `expects`; did you mean `expect`? Expected one of `name`, `check`"),
        ("tests:", "tests: [", "line "),
    ] {
        let folder = Folder::new("mistakes");
        folder.write("checks.yaml", CHECKS);
        let broken = BASE.replacen(from, if to == "{}" { "inputs: {}" } else { to }, 1);
        assert_ne!(broken, BASE, "{from}");
        folder.write("base.test.yaml", &broken);
        let printed = test(&folder, &[]).await;
        assert!(printed.code == 2 && printed.out.contains(says), "{says}: {printed:?}");
        assert!(printed.out.contains("cannot run: base.test.yaml: line "), "{says}: {printed:?}");
    }
}

#[tokio::test]
async fn what_nothing_asks_for_is_said_and_does_not_fail_a_test() {
    let folder = Folder::new("unused");
    folder.write("checks.yaml", CHECKS);
    let more = "    facts:\n      - { fact: artifacts, value: [drop] }\n";
    folder.write("base.test.yaml", &BASE.replace("    facts:\n", more));
    let printed = test(&folder, &[]).await;
    assert_eq!(printed.code, 0, "{printed:?}");
    let says =
        "line 7: tests[0].facts[0].fact: no condition of the check asks for `artifacts`; it asks for `http`, `run`";
    assert!(printed.out.contains(says), "{says}: {printed:?}");
}

#[tokio::test]
async fn a_recording_may_hold_facts_that_the_check_does_not_ask_for_any_more() {
    let folder = Folder::new("outdated");
    folder.write("checks.yaml", &CHECKS.replace("path: other", "path: another"));
    folder
        .write("base.json", &serde_json::to_string(&serde_saphyr::from_str::<Value>(BASE).expect("YAML")).expect("it"));
    let again = "
tests:
  - name: what is not asked for any more does not matter
    recorded: base.json
    facts: [ { fact: http, of: { path: another }, value: { status: 200, body: { ok: true } } } ]
    expect: { outcome: succeeded }
";
    folder.write("again.test.yaml", again);
    let printed = test(&folder, &[]).await;
    assert!(printed.code == 0 && !printed.out.contains("warning"), "{printed:?}");
}

#[tokio::test]
async fn a_fact_that_says_a_part_inside_of_replaces_the_recorded_one() {
    let folder = Folder::new("nested");
    let condition = |metric: &str, holds: &str| {
        let site = "/subscriptions/1/resourceGroups/web/providers/Microsoft.Web/sites/web";
        let asked = format!("connection: azure, resource: '{site}', metric: {metric}, aggregation: Total, window: 15m");
        format!("      - metric: {{ {asked}, successCondition: result {holds} }}\n")
    };
    let conditions = [condition("Http5xx", "< 3.0"), condition("Requests", "> 3.0")].concat();
    let checks = format!(
        "connections: {{ azure: {{ azureMonitor: {{}} }} }}\nchecks:\n  release:\n    conditions:\n{conditions}"
    );
    folder.write("checks.yaml", &checks);
    folder.write(
        "base.test.yaml",
        "
at: 2026-01-05T09:00:00Z
tests:
  - name: few errors
    facts:
      - { fact: metric, of: { query: { metric: Http5xx, aggregation: Total } }, value: { values: [1.0] } }
      - { fact: metric, of: { query: { metric: Requests, aggregation: Total } }, value: { values: [9.0] } }
    expect: { outcome: succeeded }
",
    );
    let more = "
tests:
  - name: an outage
    recorded: base.test.yaml
    facts: [ { fact: metric, of: { query: { metric: Http5xx } }, error: no answer } ]
    expect: { outcome: unknown, text: [ no answer ] }
";
    folder.write("more.test.yaml", more);
    let printed = test(&folder, &[]).await;
    assert!(printed.code == 0 && printed.out.contains("2 tests, 0 failed."), "{printed:?}");
}

#[tokio::test]
async fn the_top_of_a_file_counts_before_what_a_recording_says_and_after_what_a_test_says() {
    let folder = Folder::new("top");
    folder.write("checks.yaml", CHECKS);
    folder.write("base.test.yaml", BASE);
    let of = |top: &str, own: &str, expect: &str| {
        format!(
            "{top}\ntests:\n  - {{ name: n, recorded: base.test.yaml, {own} delivered: '2026-01-05T09:00:00Z', {OPEN_BUG}, expect: {expect} }}\n"
        )
    };
    for (top, own, expect) in [
        ("", "", "{ outcome: waiting }"),
        ("at: 2026-01-05T10:00:00Z", "", "{ outcome: failed }"),
        ("at: 2026-01-05T10:00:00Z", "at: '2026-01-05T09:30:00Z',", "{ outcome: waiting }"),
        ("check: untested", "", "{ outcome: unknown, text: [ the fact `runState` is not given ] }"),
        ("check: untested", "check: release,", "{ outcome: waiting }"),
    ] {
        folder.write("top.test.yaml", &of(top, own, expect));
        let printed = test(&folder, &[]).await;
        assert_eq!(printed.code, 0, "{top} {own}: {printed:?}");
    }
}

#[tokio::test]
async fn the_log_of_a_test_ends_as_that_of_the_check() {
    let folder = Folder::new("last-lines");
    folder.write("base.test.yaml", BASE);
    let over = "at: '2026-01-05T10:00:00Z', delivered: '2026-01-05T09:00:00Z',";
    let missing = "facts: [ { fact: workItems, error: no answer } ]";
    let since = "memory: { '1': { erroredSince: '2026-01-05T08:00:00Z' } }, delivered: '2026-01-05T08:30:00Z',";
    let topic = "facts: [ { fact: run, value: { id: 7, sourceBranch: refs/heads/topic } } ]";
    for (more, test_says, facts, says) in [
        ("", "", "facts: []", "Decision: succeeded. The stage may use the resource."),
        ("", "", topic, "Decision: failed. Not met: the branch: "),
        ("", over, OPEN_BUG, "Decision: failed. The check's time is over (1h). Still missing: the work items: "),
        ("", since, missing, "Decision: failed. the work items could not be measured for 30m: no answer."),
        ("onTimeout: skip", over, OPEN_BUG, "The check's time is over, and it does not decide then. Still missing: "),
        ("onTimeout: skip", over, missing, "The check's time is over, and it does not decide then. Still missing: "),
        ("dryRun: true", "", topic, "Dry run: the decision would have been failed. Not met: the branch: "),
        ("dryRun: true", "", topic, "Decision: succeeded, because this is a dry run."),
    ] {
        folder.write("checks.yaml", &CHECKS.replace("timeout: 1h", &format!("timeout: 1h\n    {more}")));
        let of = |text: &str| {
            let text = serde_json::to_string(text).expect("a text");
            format!(
                "tests:\n  - {{ name: n, recorded: base.test.yaml, {test_says} {facts}, expect: {{ text: [ {text} ] }} }}\n"
            )
        };
        folder.write("last.test.yaml", &of(says));
        let printed = test(&folder, &[]).await;
        assert_eq!(printed.code, 0, "{says}: {printed:?}");
        folder.write("last.test.yaml", &of("Decision: another"));
        let printed = test(&folder, &[]).await;
        assert!(printed.code == 1 && printed.out.contains(says), "it shows the last lines: {printed:?}");
    }
}

#[test]
fn the_page_names_every_fact() {
    let page = crate::support::docs::page("docs/testing-policies.md");
    let rows = page.lines().skip_while(|line| !line.starts_with("| fact |")).skip(2);
    let cells = rows.take_while(|row| row.starts_with('|')).filter_map(|row| row.split('|').nth(1));
    let mut shown: Vec<String> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect();
    shown.sort();
    assert_eq!(shown, names_of_facts());
}

/// The names of all facts, sorted.
fn names_of_facts() -> Vec<String> {
    let schema = std::fs::read_to_string(app_root().join("tests.schema.json")).expect("tests.schema.json");
    let schema: Value = serde_json::from_str(&schema).expect("JSON");
    let known = schema["$defs"]["RecordedFact"]["properties"]["fact"]["enum"].clone();
    let mut known: Vec<String> = serde_json::from_value(known).expect("the names of the facts");
    known.sort();
    known
}

#[tokio::test]
async fn nothing_to_run_is_not_a_success() {
    let folder = Folder::new("empty");
    let printed = test(&folder, &[]).await;
    assert!(printed.code == 2 && printed.err.contains("checks.yaml cannot be read"), "{printed:?}");
    assert!(printed.err.contains("; name it with --file"), "{printed:?}");
    let printed = Person::new().await.run(&["validate", &folder.path("checks.yaml")]).await;
    assert!(printed.code == 1 && printed.err.contains("; name it: `checkgate validate FILE`"), "{printed:?}");
    folder.write("checks.yaml", CHECKS);
    let printed = test(&folder, &[]).await;
    assert!(printed.code == 2 && printed.err.contains("there are no tests in"), "{printed:?}");
    folder.write("base.test.yaml", "tests: []");
    let printed = test(&folder, &[]).await;
    assert!(printed.code == 2 && printed.out.contains("a file of tests has at least one"), "{printed:?}");
}

#[tokio::test]
async fn junit_has_a_case_for_each_test_and_each_mistake_and_escapes_what_people_write() {
    let folder = Folder::new("junit");
    folder.write("checks.yaml", CHECKS);
    let name = "name: \"a <b> & \\\"c\\\" \\u0001\"";
    let failing = BASE.replace("Completed", "InProgress").replace("name: everything is as it should be", name);
    folder.write("a.test.yaml", &failing);
    folder.write("b.test.yaml", &BASE.replace("fact: workItems", "fact: nothing"));
    folder.write("c.test.yaml", BASE);
    let printed = test(&folder, &["--format", "junit"]).await;
    assert_eq!(printed.code, 2, "{printed:?}");
    let xml = &printed.out;
    assert!(xml.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"checkgate\" tests=\"3\" failures=\"1\" errors=\"1\""), "{xml}");
    assert!(xml.contains("<testcase name=\"a &lt;b&gt; &amp; &quot;c&quot;  \" classname=\"release\""), "{xml}");
    assert!(xml.contains("<failure message=\"outcome: expected succeeded, found waiting; blocking:"), "{xml}");
    assert_eq!(xml.matches("<testcase ").count(), 3);
    assert_eq!(xml.matches("</testsuite>").count(), 3);
    assert!(!printed.err.contains("not seen both ways"), "one test was not run: {}", printed.err);
    folder.write("b.test.yaml", BASE);
    let printed = test(&folder, &["--format", "junit"]).await;
    assert!(printed.err.contains("not seen both ways: untested: no test"), "{}", printed.err);
}

#[test]
fn the_committed_schema_of_tests_is_current_and_knows_the_facts() {
    let committed = std::fs::read_to_string(app_root().join("tests.schema.json")).expect("tests.schema.json");
    assert!(committed.trim() == checkgate::cli::tests_schema(), "run `cargo run -- schema tests > tests.schema.json`");
    let schema = Schema::read("tests.schema.json");
    let with =
        |fact: Value| json!({ "tests": [ { "name": "n", "facts": [fact], "expect": { "outcome": "failed" } } ] });
    let bug = json!({ "id": 42, "type": "Bug", "state": "Active" });
    schema.expect(&with(json!({ "fact": "workItems", "value": [bug] })));
    for wrong in [
        json!({ "fact": "workItem", "value": [] }),
        json!({ "fact": "workItems", "value": [{ "id": "42" }] }),
        json!({ "fact": "http", "value": { "status": "fine" } }),
        json!({ "fact": "http", "values": {} }),
    ] {
        assert!(schema.complaints(&with(wrong.clone())).is_some(), "{wrong} is accepted");
    }
}

/// A check that asks for every fact.
const EVERY_FACT: &str = "
connections:
  web: { http: { url: 'https://web.example.com' } }
  snow: { serviceNow: { instance: 'https://example.service-now.com', user: u, password: p } }
  prom: { prometheus: { url: 'https://prom.example.com' } }
checks:
  every-fact:
    inputs: { ChangeNumber: { default: CHG0030001 } }
    conditions:
      - branch: { in: [refs/heads/main] }
      - tag: { in: [qa-approved] }
      - taskExecuted: { task: CmdLine }
      - workItems: { state: Completed }
      - query: { wiql: 'SELECT [System.Id] FROM WorkItems', max: 3 }
      - codeCoverage: { above: 80, maxDrop: 1 }
      - testResults: { maxFailed: 2 }
      - pullRequest: { approvals: 1 }
      - newestRun: {}
      - pipelineRun: { pipeline: 7 }
      - artifact: { name: 'sbom-*' }
      - sonarQualityGate: { connection: web, project: web }
      - jiraIssues: { connection: web, projects: [WEB], statusCategory: Done }
      - advancedSecurityAlerts: { connection: web, types: [secret] }
      - freezeCalendar: { connection: web, path: freezes.ics }
      - serviceNowChange: { connection: snow, number: ChangeNumber, fields: { category: Hardware } }
      - metric: { connection: prom, query: up, successCondition: result < 0.05 }
      - http: { connection: web, path: gate, successCondition: response.body.open }
";

/// The page has an example of every fact, and each can be read and holds what its condition looks for.
#[tokio::test]
async fn every_fact_of_the_page_passes_as_written() {
    let facts = crate::support::docs::blocks("docs/testing-policies.md", "yaml").pop().expect("the facts");
    assert_eq!(facts.matches("- fact: ").count(), names_of_facts().len(), "each once");
    let folder = Folder::new("every-fact");
    folder.write("checks.yaml", EVERY_FACT);
    let facts: String = facts.lines().map(|line| format!("    {line}\n")).collect();
    folder.write(
        "every.test.yaml",
        &format!(
            "at: 2026-01-05T09:00:00Z\ntests:\n  - name: every fact\n    expect: {{ outcome: succeeded }}\n{facts}"
        ),
    );
    let printed = test(&folder, &[]).await;
    assert!(printed.code == 0 && !printed.out.contains("warning"), "{printed:?}");
    Schema::read("tests.schema.json").expect(&read(&folder.path("every.test.yaml")));
}

/// The pages' examples of tests run as they stand.
#[tokio::test]
async fn the_example_of_the_docs_passes_as_written() {
    let page = "docs/testing-policies.md";
    let blocks = crate::support::docs::blocks(page, "yaml");
    let [checks, first, more, _] = <[String; 4]>::try_from(blocks).expect("four blocks");
    let folder = Folder::new("docs");
    folder.write("checks.yaml", &checks);
    folder.write("quality-gate.test.yaml", &first);
    let printed = test(&folder, &[]).await;
    assert_eq!(printed.code, 0, "{printed:?}");
    folder.write("more.test.yaml", &more);
    let printed = test(&folder, &[]).await;
    assert_eq!(printed.code, 0, "{printed:?}");
    assert!(!printed.out.contains("Not seen both ways"), "{printed:?}");
}
