//! Every kind of condition, before a pipeline author who writes hostile headers, and names things in hostile ways.

use std::collections::BTreeSet;

use checkgate::conditions::Kind;
use serde_json::json;
use simulator::azure_devops::Coverage;
use simulator::azure_pipelines::Delivered;
use simulator::calls::Call;
use simulator::sources::{Page, Samples, Sources};

use crate::hostile_authors::{HOSTILE, shape};
use crate::support::{Delivery, World, a_check};

/// Headers that no kind reads, with the names of parameters in `checks.yaml`.
const UNDECLARED: [&str; 12] =
    ["Task", "State", "Label", "Above", "In", "Path", "Method", "Body", "Query", "Resource", "Connection", "Url"];

/// A condition of this kind, and a value of the input `Note` with which it passes. Whatever can read an input reads it.
fn condition(kind: &str) -> (&'static str, &'static str) {
    const ANY: &str = "CHG0030001";
    match kind {
        "taskExecuted" => ("task: CmdLine", ANY),
        "workItems" => ("states: [ Active ]", ANY),
        "query" => ("wiql: 'SELECT [System.Id] FROM WorkItems', max: 9", ANY),
        "codeCoverage" => ("maxDrop: 1", ANY),
        "testResults" => ("maxFailed: 0", ANY),
        "buildReason" => ("in: [ Manual ], input: Note", "Manual"),
        "branch" => ("in: [ refs/heads/* ]", ANY),
        "pullRequest" => ("approvals: 1", ANY),
        "newestRun" => ("", ANY),
        "pipelineRun" => ("pipeline: 7, sameBranch: true", ANY),
        "artifact" => ("name: drop", ANY),
        "tag" => ("in: [ beta ]", ANY),
        "window" => ("days: [ Mon ], from: '09:00', to: '17:00', timeZone: Etc/UTC", ANY),
        "serviceNowChange" => ("connection: snow, number: Note, fields: { category: Software }", ANY),
        "metric" => ("connection: prometheus, query: up, successCondition: result < 1", ANY),
        "sonarQualityGate" => ("connection: sonar, project: web", ANY),
        "jiraIssues" => {
            ("connection: jira, projects: [ WEB ], source: branch, statusCategory: Done, allowNone: true", ANY)
        }
        "advancedSecurityAlerts" => ("connection: advsec", ANY),
        "freezeCalendar" => ("connection: calendar, path: a.ics", ANY),
        "http" => (
            "connection: web, path: 'gate?a=b', method: POST, body: { a: b }, successCondition: response.body == 1",
            ANY,
        ),
        "expression" => (r#""inputs.Note == 'CHG0030001'""#, ANY),
        "all" | "any" => (r#"[ expression: "inputs.Note == 'CHG0030001'" ]"#, ANY),
        "not" => (r#"expression: "inputs.Note != 'CHG0030001'""#, ANY),
        "atLeast" => (r#"count: 1, of: [ expression: "inputs.Note == 'CHG0030001'" ]"#, ANY),
        other => panic!("a new kind, {other}: let it read the input `Note` here, if it can read any"),
    }
}

/// The kinds that read the input `Note`, and those that read none.
fn kinds() -> (Vec<&'static str>, Vec<&'static str>) {
    Kind::NAMES.iter().partition(|kind| condition(kind).0.contains("Note"))
}

/// The check `every` of all kinds, `others` of those that read no input, and one for each that does, under its name.
fn checks(sources: &Sources) -> String {
    let systems = ["service-now", "prometheus", "web", "sonar", "jira", "advsec", "calendar"];
    let [snow, prometheus, web, sonar, jira, advsec, calendar] = systems.map(|system| sources.url(system));
    let check = |name: &str, kinds: &[&str]| {
        let conditions = kinds.iter().map(|kind| match condition(kind).0 {
            whole if whole.starts_with(['[', '"']) => format!("{{ {kind}: {whole} }}"),
            members => format!("{{ {kind}: {{ {members} }} }}"),
        });
        let conditions: Vec<String> = conditions.collect();
        format!("  {name}: {{ inputs: {{ Note: {{}} }}, conditions: [ {} ] }}\n", conditions.join(", "))
    };
    let (reading, others) = kinds();
    let alone: String = reading.iter().map(|kind| check(kind, &[kind])).collect();
    format!(
        "connections:
  snow: {{ serviceNow: {{ instance: '{snow}', user: '${{SERVICENOW_USER}}', password: '${{SERVICENOW_PASSWORD}}' }} }}
  prometheus: {{ prometheus: {{ url: '{prometheus}' }} }}
  web: {{ http: {{ url: '{web}' }} }}
  sonar: {{ http: {{ url: '{sonar}', headers: {{ Authorization: 'Bearer sonar-token' }} }} }}
  jira: {{ http: {{ url: '{jira}' }} }}
  advsec: {{ http: {{ url: '{advsec}' }} }}
  calendar: {{ http: {{ url: '{calendar}' }} }}
checks:
{}{}{alone}",
        check("every", Kind::NAMES),
        check("others", &others),
    )
}

/// A world in which most of the conditions hold.
async fn world() -> World {
    let world = World::with_sources(checks).await;
    world.sources().with(|state| {
        state.service_now.add_change("CHG0030001", &[("category", "Software")]);
        state.prometheus.queries.insert("up".to_owned(), Samples::Vector(vec![0.5]));
        state.web.insert("gate?a=b".to_owned(), Page::ok(json!(1)));
    });
    let id = world.run;
    world.azure_devops(|state| {
        state.work_item(42, "Active");
        let run = state.runs.get_mut(&id).expect("the run");
        run.links_work_item(42).covers(Coverage::of_lines(9, 10));
    });
    world
}

/// What a check did outside: the shapes of its calls to Azure DevOps, and its calls of sources in full.
type Outside = (BTreeSet<String>, Vec<String>);

async fn run(world: &mut World, delivery: Delivery) -> (Delivered, Outside) {
    let delivered = world.deliver(delivery).await;
    world.run_due_messages().await;
    let azure_devops = world.azure_devops_server().take_calls();
    let sources = world.sources().take_calls();
    let in_full = |call: &Call| format!("{} {}?{} {}", call.method, call.path, call.query, call.body);
    (delivered, (azure_devops.iter().map(shape).collect(), sources.iter().map(in_full).collect()))
}

/// Delivers a check with a hostile value in every header that no kind reads.
async fn run_with(world: &mut World, check: &str, note: &str, hostile: &str) -> (Delivered, Outside) {
    let delivery = UNDECLARED.iter().fold(a_check().named(check), |delivery, name| delivery.with(name, hostile));
    run(world, delivery.with("Note", note)).await
}

#[tokio::test]
async fn an_input_is_a_value_to_every_kind_that_reads_one() {
    let mut world = world().await;
    let (reading, _) = kinds();
    for kind in reading {
        let honest = condition(kind).1;
        let (_, outside) = run(&mut world, a_check().named(kind).with("Note", honest)).await;
        world.expect_decision("succeeded");
        for value in HOSTILE {
            let (delivered, read) = run_with(&mut world, kind, value, value).await;
            if delivered.status == 400 {
                assert_eq!(read, Outside::default(), "{kind}, {value}");
                continue;
            }
            // It may end sooner than the honest one: no source is asked for a value that is not a number of a change request.
            assert!(read.0.is_subset(&outside.0), "{kind}, {value}: {:#?}", read.0);
            assert!(read.1.is_empty() || read.1 == outside.1, "{kind}, {value}: {:#?}", read.1);
            assert!(!world.log().contains("Decision: succeeded"), "{kind}, {value}");
        }
    }
    world.may_leave_messages();
}

#[tokio::test]
async fn kinds_that_read_no_header_ignore_all_headers() {
    let mut world = world().await;
    for (check, note) in [("others", None), ("every", Some("CHG0030001"))] {
        let (_, outside) = run(&mut world, a_check().named(check).with("Note", note.unwrap_or_default())).await;
        assert!(outside.1.len() >= 2, "{check}: {outside:#?}");
        let log = world.log();
        for value in HOSTILE {
            let (delivered, read) = run_with(&mut world, check, note.unwrap_or(value), value).await;
            if delivered.accepted() {
                assert_eq!(read, outside, "{check}, {value}");
                assert_eq!(world.log(), log, "{check}, {value}");
            } else {
                assert_eq!((delivered.status, read), (400, Outside::default()), "{check}, {value}");
            }
        }
    }
    world.may_leave_messages();
}

#[tokio::test]
async fn the_name_of_a_run_is_a_value_to_every_kind() {
    let mut world = world().await;
    let id = world.run;
    let delivery = || a_check().named("every").with("Note", "CHG0030001");
    let (_, mut outside) = run(&mut world, delivery()).await;
    // Those that ask about a commit ask nothing about what is not one.
    let asks_about_commit = |call: &String| call.contains("/sonar/");
    let all = outside.1.len();
    outside.1.retain(|call| !asks_about_commit(call));
    assert_eq!(all - outside.1.len(), 1);
    for text in HOSTILE {
        world.azure_devops(|state| {
            let run = state.runs.get_mut(&id).expect("the run");
            run.source_branch = format!("refs/heads/{text}");
            for name in [&mut run.source_version, &mut run.number, &mut run.definition_name, &mut run.requested_for] {
                (*text).clone_into(name);
            }
            run.tags = vec![(*text).to_owned()];
            run.trigger_info.insert("pr.number".to_owned(), (*text).to_owned());
        });
        let (delivered, hostile) = run(&mut world, delivery()).await;
        assert!(delivered.accepted(), "{text}: {delivered:?}");
        assert_eq!(hostile, outside, "{text}");
    }
    world.may_leave_messages();
}
