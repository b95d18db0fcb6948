//! Whatever happens to one member of an answer that does not pass, the condition does not pass: the member is dropped, is
//! null, has another type, or is there twice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use checkgate::azure_devops::{AzureDevOps as Client, Options};
use checkgate::check::{Check, CheckDefinition};
use checkgate::checks_file::ChecksFile;
use checkgate::clock::Clock;
use checkgate::evaluation::evaluator::{Evaluator, ReadRun};
use checkgate::evaluation::{Memory, Status};
use checkgate::facts::ReadingTime;
use checkgate::http::managed_identity::ManagedIdentity;
use checkgate::sources::Sources as Connections;
use checkgate::task::TaskProperties;
use checkgate::task::token::AuthToken;
use serde_json::{Value, json};
use simulator::azure_devops::{
    Artifact, AzureDevOps, BuildResult, CMD_LINE, CheckIds, Coverage, Run, State, TaskResult, TestResults,
};
use simulator::calls::Call;
use simulator::faults::Fault;
use simulator::sources::{Page, Samples, Sources, Table};

use crate::support::MONDAY_MORNING;

const CHANGE: &str = "CHG0030001";
const SITE: &str = "/subscriptions/1/resourceGroups/web/providers/Microsoft.Web/sites/web";

/// Nothing here is slow.
const READING_TIME: ReadingTime = ReadingTime { usual: Duration::from_secs(60), most: Duration::from_secs(60) };

/// Members whose absence no reader can notice, each with the reason. Every other member is mutated.
pub(crate) type Excluded<'a> = &'a [(&'a str, &'a str)];

/// The systems around one check.
pub(crate) struct World {
    clock: simulator::Clock,
    azure_devops: AzureDevOps,
    pub(crate) sources: Sources,
    ids: CheckIds,
    check: Check,
    client: Client,
    connections: Connections,
}

impl World {
    async fn with(condition: &str, given: impl FnOnce(&mut State, u64), outside: impl FnOnce(&Sources)) -> Self {
        let read = |sources: &Sources| {
            let file = connections(sources);
            let text = format!("inputs: {{ N: {{ default: {CHANGE} }} }}\nconditions: [ {{ {condition} }} ]");
            let definition = CheckDefinition::parse(&text, &file.connections);
            (definition.unwrap_or_else(|problems| panic!("{problems:?}")), file)
        };
        Self::around(read, given, outside).await
    }

    /// The same with the check and the connections that `read` finds when it knows the addresses.
    pub(crate) async fn around(
        read: impl FnOnce(&Sources) -> (CheckDefinition, ChecksFile),
        given: impl FnOnce(&mut State, u64),
        outside: impl FnOnce(&Sources),
    ) -> Self {
        let clock = simulator::Clock::starting_at(MONDAY_MORNING.parse().expect("a time"));
        let azure_devops = AzureDevOps::start(clock.clone()).await.expect("a port");
        let sources = Sources::start(clock.clone()).await.expect("a port");
        outside(&sources);
        let ids = azure_devops.with(|state| {
            let run = state.run().id;
            given(state, run);
            state.await_check(run)
        });
        let (definition, file) = read(&sources);
        let check = check(definition, &ids);
        let settings = sources.identity_settings();
        let setting = |name: &str| settings.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let identity = ManagedIdentity::of_process(&setting, None).map(Arc::new);
        let connections =
            Connections::new(&file.connections, &setting, identity, reqwest::Client::builder()).expect("a client");
        let client = client(&clock);
        Self { clock, azure_devops, sources, ids, check, client, connections }
    }

    /// The same with the check of this name in a file whose text is known when the addresses are.
    pub(crate) async fn around_file(
        check: &str,
        text: impl FnOnce(&Sources) -> String,
        given: impl FnOnce(&mut State, u64),
        outside: impl FnOnce(&Sources),
    ) -> Self {
        let read = |sources: &Sources| {
            let mut file = ChecksFile::parse(&text(sources)).unwrap_or_else(|problems| panic!("{problems:?}"));
            (file.checks.remove(check).expect("the check"), file)
        };
        Self::around(read, given, outside).await
    }

    /// One evaluation.
    async fn evaluate(&self) -> (Status, String) {
        self.evaluate_by(&self.client).await
    }

    async fn evaluate_by(&self, client: &Client) -> (Status, String) {
        let token = AuthToken::new(self.ids.auth_token.clone());
        let session = client.session(&self.check.properties, &token);
        let evaluator = Evaluator {
            check: &self.check,
            azure_devops: &session,
            sources: &self.connections,
            memory: &Memory::default(),
            run: None,
            read_run: ReadRun::Never,
            now: self.clock.now(),
            waits: None,
            limit: READING_TIME,
        };
        let verdict = evaluator.evaluate().await.expect("the token is good").verdict;
        (verdict.status(), format!("{:?}", verdict.explanation))
    }

    fn heal(&self) {
        self.azure_devops.heal();
        self.sources.heal();
    }

    /// Answers this to calls whose target contains `part`.
    fn answer(&self, part: &str, body: &str) {
        self.heal();
        let fault = || Fault::answer(200, "application/json", body);
        self.azure_devops.fail(fault()).on("", part).forever();
        self.sources.fail(fault()).on("", part).forever();
    }

    /// Mutates each member of the answer to the call whose target contains `part`, after `prepare` has changed the answer.
    pub(crate) async fn never_passes(&self, part: &str, prepare: impl FnOnce(&mut Value), excluded: Excluded<'_>) {
        self.heal();
        self.evaluate().await;
        let target = |call: &Call| format!("{}?{}", call.path, call.query);
        let calls = self.azure_devops.calls().into_iter().chain(self.sources.calls());
        let call = calls.rev().find(|call| target(call).contains(part)).unwrap_or_else(|| panic!("nobody asks {part}"));
        let mut answer: Value = serde_json::from_str(&call.response).expect("JSON");
        prepare(&mut answer);
        self.answer(part, &answer.to_string());
        let (status, explanation) = self.evaluate().await;
        assert_ne!(status, Status::Passed, "{part}: the answer itself passes: {answer}\n{explanation}");
        assert_ne!(status, Status::Errored, "{part}: the answer itself cannot be read: {answer}\n{explanation}");
        let mutations = mutations(&answer);
        assert!(mutations.len() > 4, "{part}: {answer}");
        for (member, body) in mutations {
            if excluded.iter().any(|(name, _)| member.contains(name)) {
                continue;
            }
            self.answer(part, &body);
            // A process keeps the states of work item types for a while.
            let (status, explanation) = match part {
                "/states?" => self.evaluate_by(&client(&self.clock)).await,
                _ => self.evaluate().await,
            };
            assert_ne!(status, Status::Passed, "{part}, {member}: {body}\n{explanation}");
        }
    }
}

/// The client of a fresh process.
fn client(clock: &simulator::Clock) -> Client {
    let hand = clock.clone();
    let clock = Clock::from_fn(move || hand.now());
    Client::new(reqwest::Client::builder(), Options::default(), clock).expect("a client")
}

fn connections(sources: &Sources) -> ChecksFile {
    let url = |system: &str| sources.url(system);
    let file = format!(
        "connections:
  snow: {{ serviceNow: {{ instance: '{}', user: checkgate, password: service-now-password }} }}
  prometheus: {{ prometheus: {{ url: '{}' }} }}
  monitor: {{ azureMonitor: {{ url: '{}' }} }}
  logs: {{ logAnalytics: {{ workspaceId: w, url: '{}' }} }}
  web: {{ http: {{ url: '{}' }} }}
checks: {{ unused: {{ conditions: [ taskExecuted: {{ task: CmdLine }} ] }} }}",
        url("service-now"),
        url("prometheus"),
        url("azure-monitor"),
        url("logs"),
        url("web"),
    );
    ChecksFile::parse(&file).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn check(definition: CheckDefinition, ids: &CheckIds) -> Check {
    let properties: TaskProperties = serde_json::from_value(json!({
        "planUrl": ids.plan_url, "projectId": ids.project_id, "hubName": ids.hub_name, "planId": ids.plan_id,
        "jobId": ids.job_id, "timelineId": ids.timeline_id, "taskInstanceId": ids.task_instance_id,
        "buildId": ids.build_id,
    }))
    .expect("properties");
    let delivered_at = MONDAY_MORNING.parse().expect("a time");
    let inputs = BTreeMap::from([("N".to_owned(), CHANGE.to_owned())]);
    let deadline = definition.deadline(delivered_at);
    Check { name: "it".to_owned(), properties, definition, inputs, delivered_at, deadline, trace: None }
}

/// The paths of all members, inner ones too.
fn members(value: &Value, at: &str, found: &mut Vec<String>) {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.replace('/', "~1"), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect(),
        _ => return,
    };
    for (name, value) in inner {
        let path = format!("{at}/{name}");
        members(value, &path, found);
        found.push(path);
    }
}

fn other_types(value: &Value) -> Vec<Value> {
    let all = [json!("x"), json!(1), json!(true), json!([]), json!({})];
    all.into_iter().filter(|other| std::mem::discriminant(other) != std::mem::discriminant(value)).collect()
}

/// Stands in front of the name of a member that is there twice.
const TWICE: &str = "twice:";

/// Every answer in which one member is different, by what was done to which.
fn mutations(answer: &Value) -> Vec<(String, String)> {
    let mut paths = Vec::new();
    members(answer, "", &mut paths);
    let mut mutations = Vec::new();
    for path in paths {
        let original = answer.pointer(&path).expect("a member").clone();
        let replaced = [Value::Null].into_iter().filter(|_| !original.is_null()).chain(other_types(&original));
        for other in replaced {
            let mut mutated = answer.clone();
            *mutated.pointer_mut(&path).expect("a member") = other.clone();
            mutations.push((format!("{path} = {other}"), mutated.to_string()));
        }
        let (parent, name) = path.rsplit_once('/').expect("a path");
        let name = name.replace("~1", "/");
        let mut twice = answer.clone();
        match twice.pointer_mut(parent).expect("a parent") {
            Value::Object(members) => {
                members.insert(format!("{TWICE}{name}"), original);
                let mut dropped = answer.clone();
                let members = dropped.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
                members.remove(&name);
                mutations.push((format!("{path} dropped"), dropped.to_string()));
            }
            Value::Array(items) => items.push(original),
            _ => {}
        }
        mutations.push((format!("{path} twice"), twice.to_string().replace(TWICE, "")));
    }
    mutations
}

fn the_run(state: &mut State, run: u64) -> &mut Run {
    state.runs.get_mut(&run).expect("the run")
}

fn as_it_is(_: &mut Value) {}

#[tokio::test]
async fn no_mutated_timeline_passes() {
    let given = |state: &mut State, run: u64| {
        the_run(state, run).without_tasks().task(CMD_LINE, "CmdLine", TaskResult::Failed);
    };
    let world = World::with("taskExecuted: { task: CmdLine, stage: Build, job: Build }", given, |_| {}).await;
    world.never_passes("/timeline?", as_it_is, &[]).await;
}

#[tokio::test]
async fn no_mutated_run_passes() {
    let given = |state: &mut State, run: u64| the_run(state, run).tags = vec!["held".to_owned()];
    for condition in [
        "branch: { in: [refs/heads/release/*] }",
        "buildReason: { in: [Manual] }",
        "tag: { in: [released] }",
        "expression: \"run.sourceBranch != 'refs/heads/main'\"",
        "expression: \"!('held' in run.tags)\"",
    ] {
        let world = World::with(condition, given, |_| {}).await;
        world.never_passes("/build/builds/101?", as_it_is, &[]).await;
    }
}

#[tokio::test]
async fn no_mutated_list_of_work_items_passes() {
    let given = |state: &mut State, run: u64| {
        state.work_item(42, "Active").of_type("Bug");
        state.work_item(43, "Closed").of_type("Bug");
        the_run(state, run).links_work_item(42).links_work_item(43);
        state.queries.insert("SELECT [System.Id] FROM WorkItems".to_owned(), vec![42]);
    };
    for source in ["commit", "run"] {
        let parameters = format!("state: Completed, types: [Bug], whenNone: pass, source: {source}");
        let world = World::with(&format!("workItems: {{ {parameters} }}"), given, |_| {}).await;
        for part in ["/workitems?", "/workitemsbatch?", "/states?"] {
            world.never_passes(part, as_it_is, &[]).await;
        }
    }
    let query = "query: { wiql: 'SELECT [System.Id] FROM WorkItems', max: 0 }";
    World::with(query, given, |_| {}).await.never_passes("/wiql?", as_it_is, &[]).await;
}

#[tokio::test]
async fn no_mutated_coverage_passes() {
    let given = |state: &mut State, run: u64| {
        the_run(state, run).covers(Coverage::of_lines(90, 100).and("Lines", 10, 100, "arm"));
        state.run().covers(Coverage::of_lines(91, 100)).completed(BuildResult::Succeeded);
    };
    let world = World::with("codeCoverage: { above: 80 }", given, |_| {}).await;
    world.never_passes("/codecoverage?buildId=101", as_it_is, &[]).await;
    let world = World::with("codeCoverage: { maxDrop: 1 }", given, |_| {}).await;
    world.never_passes("/codecoverage?buildId=102", as_it_is, &[]).await;
    world.never_passes("/build/builds?definitions", as_it_is, &[]).await;
}

#[tokio::test]
async fn no_mutated_test_results_pass() {
    let given = |state: &mut State, run: u64| {
        the_run(state, run).tested(TestResults { passed: 9, failed: 1, not_executed: 2 });
    };
    let world = World::with("testResults: { maxFailed: 0 }", given, |_| {}).await;
    world.never_passes("/resultsummarybybuild?", as_it_is, &[]).await;
    let world = World::with("testResults: { maxFailed: 1 }", given, |_| {}).await;
    let unfinished = |answer: &mut Value| {
        answer["aggregatedResultsAnalysis"]["runSummaryByState"]["InProgress"] = json!({ "runsCount": 1 });
    };
    let reason =
        "marks results as incomplete; Azure DevOps leaves it out where there is nothing to say, and a zero too";
    world.never_passes("/resultsummarybybuild?", unfinished, &[("/runSummaryByState", reason)]).await;
}

#[tokio::test]
async fn no_mutated_pull_request_passes() {
    let given = |state: &mut State, run: u64| {
        let commit = the_run(state, run).source_version.clone();
        let merged = state.pull_request(12, &commit);
        "completed".clone_into(&mut merged.status);
        merged.vote("Johnnie McLeod", 10).vote("Chuck Reinhart", -10).vote("[Fabrikam]\\Team", 0);
        let elsewhere = state.pull_request(13, &commit);
        "completed".clone_into(&mut elsewhere.status);
        "refs/heads/develop".clone_into(&mut elsewhere.target_branch);
        elsewhere.vote("Chuck Reinhart", 10);
    };
    let world = World::with("pullRequest: { approvals: 1 }", given, |_| {}).await;
    world.never_passes("/pullrequestquery?", as_it_is, &[]).await;
    let team = |answer: &mut Value| {
        answer["value"][2]["isContainer"] = json!(true);
        answer["value"][2]["vote"] = json!(10);
    };
    let reason = "Azure DevOps leaves it out for people, so that nobody notices where it lacks for a group";
    world.never_passes("/pullrequests/12/reviewers?", team, &[("/isContainer", reason)]).await;
    let two = |state: &mut State, run: u64| {
        given(state, run);
        state.pull_requests[0].vote("Chuck Reinhart", 10);
    };
    let world = World::with("pullRequest: { approvals: 2 }", two, |_| {}).await;
    world.never_passes("/pullrequests/12/reviewers?", as_it_is, &[]).await;
}

#[tokio::test]
async fn no_mutated_list_of_newer_runs_passes() {
    let newer = |state: &mut State, _: u64| {
        state.run().awaits_stage("Deploy", true);
    };
    let world = World::with("newestRun: {}", newer, |_| {}).await;
    world.never_passes("/build/builds?definitions", as_it_is, &[]).await;
    let reason = "in place of a whole record: others write records too, and what is not one counts as absent";
    let world = World::with("newestRun: { stage: Deploy }", newer, |_| {}).await;
    world.never_passes("/build/builds?definitions", as_it_is, &[]).await;
    world.never_passes("/build/builds/102/timeline?", as_it_is, &[("/records/5 = ", reason)]).await;
    let begun = |state: &mut State, _: u64| {
        state.run().in_stage_and_job("Deploy", "Deploy").completed(BuildResult::Failed);
    };
    let world = World::with("newestRun: { stage: Deploy }", begun, |_| {}).await;
    world.never_passes("/build/builds/102/timeline?", as_it_is, &[("/records/6 = ", reason)]).await;
}

#[tokio::test]
async fn no_mutated_list_of_runs_of_another_pipeline_passes() {
    let condition = "pipelineRun: { pipeline: 7, branch: refs/heads/main }";
    let failed = |state: &mut State, _: u64| {
        let earlier = state.run().completed(BuildResult::Succeeded);
        earlier.definition_id = 7;
        let latest = state.run().completed(BuildResult::Failed);
        latest.definition_id = 7;
    };
    let world = World::with(condition, failed, |_| {}).await;
    world.never_passes("/build/builds?definitions=7", as_it_is, &[]).await;
    let running = |state: &mut State, _: u64| state.run().definition_id = 7;
    let world = World::with(condition, running, |_| {}).await;
    world.never_passes("/build/builds?definitions=7", as_it_is, &[]).await;
    // Of another commit, and long ago.
    let of_another = |state: &mut State, _: u64| {
        state.run().completed(BuildResult::Succeeded).definition_id = 7;
    };
    let world = World::with("pipelineRun: { pipeline: 7, sameCommit: true }", of_another, |_| {}).await;
    world.never_passes("/build/builds?definitions=7", as_it_is, &[]).await;
    let stale = |state: &mut State, _: u64| {
        let now = state.clock.now();
        let run = state.run().completed(BuildResult::Succeeded);
        (run.definition_id, run.finish_time) = (7, Some(now - chrono::TimeDelta::hours(25)));
    };
    let world = World::with("pipelineRun: { pipeline: 7 }", stale, |_| {}).await;
    world.never_passes("/build/builds?definitions=7", as_it_is, &[]).await;
}

#[tokio::test]
async fn no_mutated_list_of_artifacts_passes() {
    let given = |state: &mut State, run: u64| {
        the_run(state, run).artifacts =
            vec![Artifact { id: 1, name: "drop".to_owned(), kind: "PipelineArtifact".to_owned() }];
    };
    let world = World::with("artifact: { name: 'sbom-*' }", given, |_| {}).await;
    world.never_passes("/artifacts?", as_it_is, &[]).await;
}

#[tokio::test]
async fn no_mutated_answer_of_prometheus_passes() {
    for (samples, condition, excluded) in [
        (Samples::Vector(vec![0.9]), "result < 0.05", &[][..]),
        (Samples::Vector(vec![0.9, 0.01]), "result.all(r, r < 0.05)", &[]),
        (Samples::Scalar(0.9), "result < 0.05", &[]),
    ] {
        let condition = format!("metric: {{ connection: prometheus, query: q, successCondition: '{condition}' }}");
        let outside = |sources: &Sources| {
            sources.with(|state| state.prometheus.queries.insert("q".to_owned(), samples));
        };
        let world = World::with(&condition, |_, _| {}, outside).await;
        world.never_passes("/api/v1/query?", as_it_is, excluded).await;
    }
}

#[tokio::test]
async fn no_mutated_answer_of_azure_monitor_or_of_a_log_passes() {
    let metric = format!(
        "metric: {{ connection: monitor, resource: {SITE}, metric: Http5xx, aggregation: Total, successCondition: result < 3.0 }}"
    );
    let query = "metric: { connection: logs, query: q, successCondition: result < 0.05 }".to_owned();
    for (condition, part) in [(metric, "/providers/microsoft.insights/metrics?"), (query, "/query")] {
        let outside = |sources: &Sources| {
            sources.with(|state| {
                let at = state.clock.now() - chrono::TimeDelta::minutes(5);
                state.azure.points.insert((SITE.to_owned(), "Http5xx".to_owned()), vec![(at, 9.0)]);
                state.azure.queries.insert("q".to_owned(), Table::numbers(&[0.9]));
            });
        };
        World::with(&condition, |_, _| {}, outside).await.never_passes(part, as_it_is, &[]).await;
    }
}

#[tokio::test]
async fn no_mutated_change_request_passes() {
    for (parameters, fields) in [
        ("fields: { on_hold: false, risk: 4 }", &[("on_hold", "true")][..]),
        ("approval: approved, rejected: [Canceled]", &[("approval", "approved"), ("state", "4")]),
        ("state: Implement", &[("state", "-5")]),
        ("withinWindow: true", &[("start_date", "2026-01-05 10:00:00"), ("end_date", "2026-01-05 11:00:00")]),
    ] {
        let condition = format!("serviceNowChange: {{ connection: snow, number: N, {parameters} }}");
        let outside = |sources: &Sources| sources.with(|state| state.service_now.add_change(CHANGE, fields));
        let world = World::with(&condition, |_, _| {}, outside).await;
        world.never_passes("/table/change_request?", as_it_is, &[]).await;
    }
}

#[tokio::test]
async fn no_mutated_answer_of_another_system_passes() {
    for condition in
        ["response.body.gate.status == 'OK'", "!response.body.gate.blocked", "response.body.gate.open == 0"]
    {
        let outside = |sources: &Sources| {
            let page = Page::ok(json!({ "gate": { "status": "ERROR", "blocked": true, "open": 2 } }));
            sources.with(|state| state.web.insert("gate".to_owned(), page));
        };
        let condition = format!("http: {{ connection: web, path: gate, successCondition: \"{condition}\" }}");
        World::with(&condition, |_, _| {}, outside).await.never_passes("/web/gate", as_it_is, &[]).await;
    }
}
