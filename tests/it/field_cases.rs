//! What other systems really send, beside what their references say. Each test has the control that must stay as it is.

use std::time::Duration;

use serde_json::json;
use simulator::azure_devops::{AzureDevOps, BuildReason, CMD_LINE, Change, Coverage, Run, State, TaskResult};
use simulator::faults::Fault;
use simulator::sources::{Page, Samples, Sources};

use crate::support::azurite::Azurite;
use crate::support::{World, a_check, an_active_work_item, executable, minutes};

/// One check with one condition, and these connections.
fn one_check(connections: &str, condition: &str) -> String {
    format!("connections: {{ {connections} }}\nchecks: {{ c: {{ conditions: [ {condition} ] }} }}\ndefault: c\n")
}

/// A world in which the default check was evaluated once.
async fn evaluated(checks: impl FnOnce(&Sources) -> String, given: impl FnOnce(&Sources)) -> World {
    let mut world = World::with_sources(checks).await;
    given(world.sources());
    world.accept(a_check()).await;
    world.run_due_messages().await;
    world
}

/// What the check came to: it passed, it failed, or it could not be measured, with these words in the log.
#[track_caller]
fn expect(mut world: World, decision: Option<&str>, says: &str) {
    world.expect_log(says);
    match decision {
        Some(decision) => world.expect_decision(decision),
        None => {
            world.expect_no_decision();
            world.expect_log("[error  ]");
            world.still_waits();
        }
    }
}

fn prometheus(sources: &Sources) -> String {
    let connection = format!("p: {{ prometheus: {{ url: '{}' }} }}", sources.url("prometheus"));
    one_check(&connection, "metric: { connection: p, query: errors, successCondition: result < 0.05 }")
}

async fn measured(samples: Samples) -> World {
    evaluated(prometheus, |sources| {
        sources.with(|state| state.prometheus.queries.insert("errors".to_owned(), samples));
    })
    .await
}

#[tokio::test]
async fn partial_data_of_victoria_metrics_is_an_error_as_partial_data_is_everywhere() {
    expect(measured(Samples::PartialFlag(vec![0.01])).await, None, "answered `isPartial`, so not everything was read");
    expect(measured(Samples::Partial(vec![0.01])).await, None, "answered with a warning, so not everything was read");
    expect(measured(Samples::Vector(vec![0.01])).await, Some("succeeded"), "the last was 0.01");
}

#[tokio::test]
async fn a_hint_about_the_query_is_logged_once_and_the_data_are_judged() {
    expect(measured(Samples::Hinted(vec![0.01])).await, Some("succeeded"), "`p` notes: PromQL info: metric might not");
    expect(measured(Samples::Hinted(vec![0.2])).await, Some("failed"), "`p` notes: PromQL info: metric might not");
    let three = |sources: &Sources| prometheus(sources).replace("errors,", "errors, interval: 1m, count: 3,");
    let world = evaluated(three, |sources| {
        let samples = Samples::Hinted(vec![0.01]);
        sources.with(|state| state.prometheus.queries.insert("errors".to_owned(), samples));
    })
    .await;
    world.advance(minutes(2)).await;
    world.expect_decision("succeeded");
    assert_eq!(world.log().matches("PromQL info").count(), 1, "{}", world.log());
}

#[tokio::test]
async fn the_error_text_of_a_server_that_writes_null_for_nothing_is_shown() {
    let shows = "refused the query: parse error: unexpected end (bad_data)";
    expect(measured(Samples::BadQueryWithNulls("parse error: unexpected end".to_owned())).await, None, shows);
    expect(measured(Samples::BadQuery("parse error: unexpected end".to_owned())).await, None, shows);
    let nulls = json!({
        "status": "success", "errorType": null, "error": null, "warnings": null, "infos": null, "isPartial": null,
        "data": { "resultType": "vector", "result": [{ "metric": {}, "value": [1, "0.01"] }] },
    });
    let world = evaluated(prometheus, |sources| {
        sources.fail(Fault::answer(200, "application/json", &nulls.to_string())).forever();
    })
    .await;
    expect(world, Some("succeeded"), "the last was 0.01");
}

const CHANGE: &str = "CHG0030001";

fn service_now(sources: &Sources) -> String {
    let url = sources.url("service-now");
    let user = "user: '${SERVICENOW_USER}', password: '${SERVICENOW_PASSWORD}'";
    let condition =
        "serviceNowChange: { connection: s, number: N, fields: { on_hold: false, risk: 4 }, state: Implement }";
    one_check(&format!("s: {{ serviceNow: {{ instance: '{url}', {user} }} }}"), condition)
        .replace("conditions:", &format!("inputs: {{ N: {{ default: {CHANGE} }} }}, conditions:"))
}

#[tokio::test]
async fn booleans_and_numbers_of_service_now_are_compared_by_their_text() {
    for native_types in [true, false] {
        for (on_hold, decision, says) in [
            ("false", "succeeded", "CHG0030001 has all expected values"),
            ("true", "failed", "on_hold is true (expected false)"),
        ] {
            let world = evaluated(service_now, |sources| {
                sources.with(|state| {
                    state.service_now.native_types = native_types;
                    state.service_now.add_change(CHANGE, &[("on_hold", on_hold), ("state", "-1")]);
                });
            })
            .await;
            expect(world, Some(decision), says);
        }
    }
}

#[tokio::test]
async fn an_answer_of_service_now_that_broke_off_is_no_answer_and_is_tried_again() {
    let mut world = evaluated(service_now, |sources| {
        sources.with(|state| {
            state.service_now.add_change(CHANGE, &[("state", "-1")]);
            state.service_now.breaks_off = true;
        });
    })
    .await;
    world.expect_no_decision();
    world.expect_log("broke off with an error: Transaction cancelled: maximum execution time exceeded");
    world.sources().with(|state| state.service_now.breaks_off = false);
    world.advance(minutes(3)).await;
    world.expect_decision("succeeded");

    // The control: an empty result without an error is an answer, and final.
    world.sources().with(|state| state.service_now.changes.clear());
    world.accept(a_check()).await;
    world.run_due_messages().await;
    expect(world, Some("failed"), "there is no change request CHG0030001");
}

fn web(condition: &str) -> impl FnOnce(&Sources) -> String {
    let condition = format!("http: {{ connection: w, path: status, successCondition: \"{condition}\" }}");
    move |sources| one_check(&format!("w: {{ http: {{ url: '{}' }} }}", sources.url("web")), &condition)
}

async fn answered(condition: &str, status: u16, content_type: &str, body: &str) -> World {
    evaluated(web(condition), |sources| {
        sources.with(|state| state.web.insert("status".to_owned(), Page::ok(json!([]))));
        sources.fail(Fault::answer(status, content_type, body)).forever();
    })
    .await
}

#[tokio::test]
async fn json_behind_a_byte_order_mark_is_read_as_json() {
    const JSON: &str = "application/json";
    let up = "response.body.up";
    expect(answered(up, 200, JSON, "\u{feff}{\"up\":true}").await, Some("succeeded"), "w answered 200");
    expect(answered(up, 200, JSON, "{\"up\":true}").await, Some("succeeded"), "w answered 200");
    expect(answered("size(response.body) == 0", 200, JSON, "\u{feff}").await, None, "w answered 200 without a body");
}

#[tokio::test]
async fn a_body_that_is_none_is_an_error_and_an_empty_list_is_an_answer() {
    const JSON: &str = "application/json; charset=utf-8";
    let empty = "size(response.body) == 0";
    for (status, content_type, body, says) in [
        (200, JSON, "", "w answered 200 without a body"),
        (200, JSON, " \r\n", "w answered 200 without a body"),
        (200, JSON, "{\"blocked\":tr", "w answered 200 with a body that claims to be JSON and is not"),
        (200, "application/problem+json", "[", "w answered 200 with a body that claims to be JSON and is not"),
        (204, "", "", "w answered 204 without a body"),
        (200, "text/plain", "", "w answered 200 without a body"),
    ] {
        for condition in [empty, "!string(response['body']).contains('blocked')", "size(response) < 9"] {
            expect(answered(condition, status, content_type, body).await, None, says);
        }
        // The control: a condition about the status does not ask for a body.
        let about_status = format!("response.status == {status}");
        expect(answered(&about_status, status, content_type, body).await, Some("succeeded"), "w answered");
    }
    expect(answered(empty, 200, JSON, "[]").await, Some("succeeded"), "w answered 200");
    expect(answered("response.body == 'up'", 200, "text/plain", "up").await, Some("succeeded"), "w answered 200");
}

#[tokio::test]
async fn half_a_character_does_not_make_an_answer_unreadable() {
    let broken = r#"{"up":true,"by":"cut \ud83d"}"#;
    expect(answered("response.body.up", 200, "application/json", broken).await, Some("succeeded"), "w answered 200");
}

#[tokio::test]
async fn a_window_in_several_points_is_an_error_and_in_one_it_is_judged() {
    const SITE: &str = "/subscriptions/1/resourceGroups/web/providers/Microsoft.Web/sites/web";
    for (splits_windows, failures, decision, says) in [
        (true, 0.0, None, "answered 2 points for one window"),
        (true, 9.0, None, "answered 2 points for one window"),
        (false, 0.0, Some("succeeded"), "the last was 0"),
        (false, 9.0, Some("failed"), "the last was 9"),
    ] {
        let checks = |sources: &Sources| {
            let connection = format!("a: {{ azureMonitor: {{ url: '{}' }} }}", sources.url("azure-monitor"));
            let metric = format!("resource: {SITE}, metric: Http5xx, aggregation: Total, onNoData: pass");
            one_check(&connection, &format!("metric: {{ connection: a, {metric}, successCondition: result < 3.0 }}"))
        };
        let world = evaluated(checks, |sources| {
            sources.with(|state| {
                let at = state.clock.now() - chrono::TimeDelta::minutes(5);
                state.azure.splits_windows = splits_windows;
                state.azure.points.insert((SITE.to_owned(), "Http5xx".to_owned()), vec![(at, failures)]);
            });
        })
        .await;
        expect(world, decision, says);
    }
}

/// A file with one check, its default, of one condition.
fn one(condition: &str) -> String {
    format!("default: it\nchecks: {{ it: {{ conditions: [ {{ {condition} }} ] }} }}")
}

fn the_run(state: &mut State, run: u64) -> &mut Run {
    state.runs.get_mut(&run).expect("the run")
}

/// Delivers a check of one condition to a run, and evaluates it once.
async fn looked_at(condition: &str, given: impl FnOnce(&mut State, u64)) -> World {
    let mut world = World::with_checks(&one(condition), given).await;
    world.accept(a_check()).await;
    world.run_due_messages().await;
    world
}

#[tokio::test]
async fn no_work_items_of_a_repository_elsewhere_are_not_known_to_be_none() {
    let elsewhere = |kind: &'static str| {
        move |state: &mut State, run: u64| kind.clone_into(&mut the_run(state, run).repository_type)
    };
    for condition in [
        "workItems: { state: Completed, whenNone: pass }",
        "workItems: { state: Completed, source: run, whenNone: pass }",
        "expression: size(workItems) == 0",
        "not: { expression: size(workItems) > 0 }",
    ] {
        for kind in ["GitHub", "Bitbucket", "Git"] {
            let says =
                format!("the run's repository is of type {kind}: for such a run Azure DevOps lists no work items");
            expect(looked_at(condition, elsewhere(kind)).await, None, &says);
        }
        expect(looked_at(condition, elsewhere("TfsGit")).await, Some("succeeded"), "[passed ]");
    }
    // What a list does contain is judged everywhere.
    let mut world = World::with_checks(&one("workItems: { state: Completed, whenNone: pass }"), |state, run| {
        elsewhere("GitHub")(state, run);
        state.work_item(42, "Closed");
    })
    .await;
    let links = json!({ "count": 1, "value": [{ "id": "42" }] });
    let fault = Fault::answer(200, "application/json", &links.to_string());
    world.azure_devops_server().fail(fault).on("POST", "/workitems?").forever();
    world.accept(a_check()).await;
    world.run_due_messages().await;
    expect(world, Some("succeeded"), "User Story 42");
}

#[tokio::test]
async fn a_run_that_validates_a_pull_request_is_judged_by_the_work_items_of_the_pull_request() {
    for (state_of_item, decision) in [("Closed", Some("succeeded")), ("Active", None)] {
        let world = looked_at("workItems: { state: Completed, whenNone: pass }", |state, run| {
            state.work_item(42, state_of_item);
            let run = the_run(state, run);
            run.because_of(BuildReason::PullRequest).source_branch = "refs/pull/12/merge".to_owned();
            let merge = run.source_version.clone();
            state.pull_request(12, &merge).work_items = vec![42];
        })
        .await;
        world.expect_log("User Story 42");
        match decision {
            Some(decision) => world.expect_decision(decision),
            None => expect_waiting(world),
        }
    }
}

fn expect_waiting(mut world: World) {
    world.expect_no_decision();
    world.expect_log("[waiting]");
    world.still_waits();
}

#[tokio::test]
async fn work_items_that_only_the_completed_pull_request_links_count_where_the_check_says_so() {
    let given = |state: &mut State, run: u64| {
        state.work_item(42, "Closed");
        let commit = the_run(state, run).source_version.clone();
        let request = state.pull_request(12, &commit);
        "completed".clone_into(&mut request.status);
        request.work_items = vec![42];
    };
    let by_commit = looked_at("workItems: { state: Completed }", given).await;
    let says = "no work item is linked to the run's commit; work items that only its pull request links count with";
    expect(by_commit, Some("failed"), says);
    let by_request = looked_at("workItems: { state: Completed, source: pullRequest }", given).await;
    expect(by_request, Some("succeeded"), "User Story 42");
}

#[tokio::test]
async fn a_list_of_work_items_that_the_platform_may_have_cut_never_passes() {
    for (commits, decision, says) in [
        (201, None, "the run has 200 or more commits"),
        (200, None, "the run has 200 or more commits"),
        (199, Some("failed"), "User Story 43"),
    ] {
        let world = looked_at("workItems: { state: Completed, source: run }, whenNotMet: fail", |state, run| {
            state.work_item(42, "Closed");
            state.work_item(43, "Active");
            state.commit_work_items.insert("0".to_owned(), vec![42]);
            state.commit_work_items.insert((commits - 1).to_string(), vec![43]);
            let timestamp = state.clock.now();
            let change =
                |id: i32| Change { id: id.to_string(), message: String::new(), author: String::new(), timestamp };
            the_run(state, run).changes = (0..commits).map(change).collect();
        })
        .await;
        expect(world, decision, says);
    }
}

#[tokio::test]
async fn a_list_that_azure_devops_answers_in_pages_never_decides() {
    let given = |state: &mut State, run: u64| {
        state.work_item(42, "Closed");
        let commit = the_run(state, run).links_work_item(42).source_version.clone();
        let request = state.pull_request(12, &commit);
        "completed".clone_into(&mut request.status);
        request.work_items = vec![42];
        request.vote("Chuck Reinhart", 10);
    };
    for (condition, list) in [
        ("workItems: { state: Completed }", "/101/workitems?"),
        ("workItems: { state: Completed, source: run }", "/101/workitems?"),
        ("workItems: { state: Completed, source: run }", "/101/changes?"),
        ("workItems: { state: Completed, source: pullRequest }", "/pullrequests/12/workitems?"),
        ("pullRequest: { approvals: 1 }", "/pullrequests/12/reviewers?"),
        ("not: { artifact: { name: broken } }", "/101/artifacts?"),
    ] {
        // The same answer, whole and as a first page.
        let whole = looked_at(condition, given).await;
        let calls = whole.azure_devops_server().calls();
        let asked = |call: &simulator::calls::Call| format!("{}?{}", call.path, call.query).contains(list);
        let answer = calls.into_iter().rev().find(asked).expect(list).response;
        expect(whole, Some("succeeded"), "[passed ]");
        let mut world = World::with_checks(&one(condition), given).await;
        let page = Fault::answer(200, "application/json", &answer).with_header("x-ms-continuationtoken", "2");
        world.azure_devops_server().fail(page).on("", list).forever();
        world.accept(a_check()).await;
        world.run_due_messages().await;
        let says = if list.contains("changes") { "200 or more commits" } else { "lists one page of it only" };
        expect(world, None, says);
    }
}

#[tokio::test]
async fn many_pull_requests_that_brought_a_commit_are_all_read_or_none() {
    for (count, says) in [(20, "User Story 43"), (21, "more than the 20 that are read")] {
        let world = looked_at("workItems: { state: Completed, source: pullRequest }", |state, run| {
            state.work_item(42, "Closed");
            state.work_item(43, "Active");
            let commit = the_run(state, run).source_version.clone();
            for number in 1..=count {
                let request = state.pull_request(number, &commit);
                "completed".clone_into(&mut request.status);
                request.work_items = vec![if number == 1 { 43 } else { 42 }];
            }
        })
        .await;
        match count {
            20 => {
                world.expect_log(says);
                expect_waiting(world);
            }
            _ => expect(world, None, says),
        }
    }
}

#[tokio::test]
async fn members_of_a_run_that_are_null_are_absent() {
    let nulls = ["buildNumber", "result", "requestedFor", "repository", "sourceVersion", "triggerInfo", "startTime"];
    let world = looked_at("branch: { in: [refs/heads/main] }", |state, run| {
        the_run(state, run).nulls = nulls.map(str::to_owned).to_vec();
    })
    .await;
    expect(world, Some("succeeded"), "refs/heads/main");
    let world = looked_at("branch: { in: ['**'] }", |state, run| {
        the_run(state, run).nulls = vec!["sourceBranch".to_owned()];
    })
    .await;
    expect(world, None, "Azure DevOps does not give the run's branch");
}

#[tokio::test]
async fn coverage_of_a_job_that_was_run_again_is_not_added_up() {
    let mixed = || Coverage::of_lines(90, 100).and("Lines", 100, 100, "arm");
    let world = looked_at("codeCoverage: { above: 80 }", |state, run| {
        the_run(state, run).covers(mixed().twice());
    })
    .await;
    expect(
        world,
        None,
        "the run published coverage of Lines twice without a configuration, as a job does that is run again",
    );
    let world = looked_at("codeCoverage: { above: 80 }", |state, run| {
        the_run(state, run).covers(mixed());
    })
    .await;
    expect(world, Some("succeeded"), "Lines 95.00 % (190 of 200)");
}

#[tokio::test]
async fn stage_and_job_are_known_by_their_names_in_yaml_and_on_the_run_page() {
    let given = |state: &mut State, run: u64| {
        let run = the_run(state, run).without_tasks();
        run.in_stage_and_job("Build", "Scan").task(CMD_LINE, "CmdLine", TaskResult::Succeeded);
        run.displays("Stage", "Build", "Build everything")
            .displays("Phase", "Build.Scan", "Scan for viruses")
            .displays("Job", "Build.Scan.__default", "Scan for viruses");
    };
    for (stage, job, decision) in [
        ("Build", "Scan", "succeeded"),
        ("build everything", "scan FOR viruses", "succeeded"),
        ("Build", "__default", "failed"),
        ("Scan", "Scan", "failed"),
        ("Build", "Build", "failed"),
    ] {
        let condition = format!("taskExecuted: {{ task: CmdLine, stage: '{stage}', job: '{job}' }}");
        looked_at(&condition, given).await.expect_decision(decision);
    }
    // A leg of a matrix is not a job.
    let leg = |state: &mut State, run: u64| {
        let run = the_run(state, run).without_tasks();
        run.in_stage_and_job("Build", "Test").task(CMD_LINE, "CmdLine", TaskResult::Succeeded);
        let job = run.timeline.iter_mut().flatten().find(|it| it.identifier.as_deref() == Some("Build.Test.__default"));
        let job = job.expect("the job");
        (job.identifier, job.name) = (Some("Build.Test.Scan".to_owned()), Some("Test Scan".to_owned()));
    };
    for (job, decision) in [("Scan", "failed"), ("Test", "succeeded"), ("Test Scan", "succeeded")] {
        let condition = format!("taskExecuted: {{ task: CmdLine, stage: Build, job: '{job}' }}");
        looked_at(&condition, leg).await.expect_decision(decision);
    }
}

#[tokio::test]
async fn a_task_that_failed_under_continue_on_error_passes_with_a_sentence_that_says_so() {
    let given = |state: &mut State, run: u64| {
        the_run(state, run).without_tasks().task(CMD_LINE, "CmdLine", TaskResult::SucceededWithIssues);
    };
    let says = "a task that fails under continueOnError ends so; `result: succeededWithoutIssues` refuses it";
    expect(looked_at("taskExecuted: { task: CmdLine }", given).await, Some("succeeded"), says);
    let strict = "taskExecuted: { task: CmdLine, result: succeededWithoutIssues }";
    expect(looked_at(strict, given).await, Some("failed"), "CmdLine succeededWithIssues");
    expect(looked_at(strict, |_, _| {}).await, Some("succeeded"), "CmdLine succeeded");
}

#[tokio::test]
async fn the_branch_of_a_run_that_another_run_started_is_named_as_its_own() {
    let own = "refs/heads/main (its own, and not that of the run that started it)";
    for (reason, says) in [
        (BuildReason::BuildCompletion, own),
        (BuildReason::ResourceTrigger, own),
        (BuildReason::Manual, "refs/heads/main\n"),
    ] {
        let world = looked_at("branch: { in: [refs/heads/main] }", |state, run| {
            the_run(state, run).because_of(reason);
        })
        .await;
        expect(world, Some("succeeded"), says);
    }
}

#[tokio::test]
async fn a_deleted_work_item_and_a_query_that_finds_too_many_get_the_advice_that_helps() {
    let world = looked_at("workItems: { state: Completed }", |state, run| {
        an_active_work_item(state, run);
        state.work_items.clear();
    })
    .await;
    expect(world, None, "work item 42 cannot be read: if it was deleted, remove the link or restore it");

    let found = |count: u64| {
        move |state: &mut State, _: u64| {
            state.query_size_limit = 5;
            state.queries.insert("SELECT [System.Id] FROM WorkItems".to_owned(), (1..=count).collect());
        }
    };
    let query = |limits: &str| format!("query: {{ wiql: 'SELECT [System.Id] FROM WorkItems', {limits} }}");
    let world = looked_at(&query("max: 0"), found(6)).await;
    world.expect_log("the query finds more than 5 work items, the most that Azure DevOps lists");
    expect_waiting(world);
    expect(looked_at(&query("max: 9"), found(6)).await, None, "write a query that finds fewer");
    expect(looked_at(&query("max: 9"), found(5)).await, Some("succeeded"), "the query finds 5 work items");
}

#[tokio::test]
async fn what_triggered_a_run_is_there_as_it_was_sent() {
    let given = |state: &mut State, run: u64| {
        let info = &mut the_run(state, run).trigger_info;
        info.insert("scheduleName".to_owned(), "nightly".to_owned());
        info.insert("ci.message".to_owned(), format!("{}[skip]", "x".repeat(300)));
    };
    for (expression, decision) in [
        ("run.triggerInfo.scheduleName == 'nightly'", "succeeded"),
        ("!has(run.triggerInfo.scheduleName)", "failed"),
        ("!run.triggerInfo['ci.message'].endsWith('[skip]')", "failed"),
    ] {
        looked_at(&format!("expression: \"{expression}\""), given).await.expect_decision(decision);
    }
}

/// Characters that XML cannot carry, or changes, and half a character.
const ODD: &str = "a\u{fffe}b\u{ffff}c\u{1}d\u{85}e\u{7f}f\u{2028}g";

/// Characters that a JSON may carry as they are, and YAML may not.
const RAW: &str = "\u{fffe}\u{ffff}\u{85}\u{7f}\u{2028}";

/// A definition with such texts. They are escaped, because a definition is YAML, which cannot carry them either.
fn odd_definition() -> String {
    let escaped: String = ODD
        .chars()
        .map(|c| if c.is_ascii_alphabetic() { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) })
        .collect();
    format!(
        r#"{{"description":"{escaped}","conditions":[{{"taskExecuted":{{"task":"CmdLine"}},"name":"{escaped}"}}]}}"#
    )
}

#[tokio::test]
async fn any_text_can_be_queued_and_read_back() {
    let mut world = World::given(|state, run| {
        an_active_work_item(state, run);
        let run = the_run(state, run);
        for name in [&mut run.number, &mut run.definition_name, &mut run.requested_for] {
            *name = ODD.to_owned();
        }
        run.source_branch = format!("refs/heads/{ODD}");
    })
    .await;
    world.accept(a_check().named("work-item-completed")).await;
    world.run_due_messages().await;
    world.expect_no_decision();
    assert_eq!(world.messages().len(), 1, "{}", world.log());
    world.close_work_item();
    world.advance(minutes(1)).await;
    world.expect_decision("succeeded");

    // A definition in the body, and what people read about it: with escapes, as it is, behind a byte order mark, and with
    // characters in two escapes or in half of them.
    let raw = format!(r#"{{"description":"{}","conditions":[{{"taskExecuted":{{"task":"CmdLine"}}}}]}}"#, RAW);
    for body in
        [odd_definition(), raw.clone(), format!("\u{feff}{raw}"), raw.replace('\u{2028}', r"\ud83d\ude00 \ud83d")]
    {
        world.accept(a_check().with_body(&body)).await;
        world.run_due_messages().await;
        world.expect_decision("succeeded");
    }
}

#[tokio::test]
async fn a_run_whose_name_was_cut_inside_a_character_is_read() {
    let mut world = World::with_checks(&one("branch: { in: [refs/heads/main] }"), |_, _| {}).await;
    let run = r#"{"id":101,"buildNumber":"cut \ud83d","reason":"manual","sourceBranch":"refs/heads/main","sourceVersion":"1"}"#;
    world.azure_devops_server().fail(Fault::answer(200, "application/json", run)).on("GET", "/builds/101?").forever();
    world.accept(a_check()).await;
    world.run_due_messages().await;
    expect(world, Some("succeeded"), "refs/heads/main");
}

/// The same against a real storage service.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_text_can_be_queued_in_azurite_and_read_back() {
    let azurite = Azurite::start();
    let azure_devops = AzureDevOps::start(simulator::Clock::system()).await.expect("a port");
    let ids = azure_devops.with(|state| {
        let run = state.run().id;
        state.await_check(run)
    });
    let host = executable::host(&azure_devops, &azurite).await;
    host.listen();
    let body = odd_definition();
    let headers = a_check().headers(&ids);
    let function = host.function_address("CheckFunction");
    let delivered = simulator::azure_pipelines::deliver_with(&function, "", &headers, &body).await;
    assert!(delivered.accepted(), "{delivered:?}");
    let decided = async {
        let mut look = tokio::time::interval(Duration::from_millis(50));
        while azure_devops.with(|state| state.decision(&ids)).is_none() {
            look.tick().await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(60), decided).await;
    assert!(in_time.is_ok(), "{:#?}", host.output());
    assert_eq!(azure_devops.with(|state| state.decision(&ids)).as_deref(), Some("succeeded"));
}

#[tokio::test]
async fn a_collection_with_a_name_beyond_ascii_is_served() {
    let clock = simulator::Clock::starting_at(crate::support::MONDAY_MORNING.parse().expect("a time"));
    let azure_devops = AzureDevOps::start_at_path(clock, "tfs/Gr%C3%B6sse").await.expect("a port");
    let mut world = World::around(azure_devops).await;
    world.accept(a_check()).await;
    world.run_due_messages().await;
    world.expect_decision("succeeded");
}
