//! Checks of what Azure DevOps knows: coverage, tests, reasons, branches, pull requests, artifacts, tags, queries, windows.

use serde_json::Value;
use simulator::azure_devops::{Artifact, BuildResult, Coverage, CoverageStatus, Run, State, TestResults};
use simulator::faults::Fault;

use crate::support::{AN_INTERVAL, Delivery, World, a_check, an_active_work_item, docs, minutes};

/// A delivery with the headers that the docs say to paste for this check.
fn as_documented(check: &str) -> Delivery {
    a_check().with_block(&docs::headers_of(check))
}

/// A file with one check, its default, of one condition.
fn one(condition: &str) -> String {
    format!("default: it\nchecks: {{ it: {{ conditions: [ {{ {condition} }} ] }} }}")
}

fn the_run(state: &mut State, run: u64) -> &mut Run {
    state.runs.get_mut(&run).expect("the run")
}

/// Delivers the default check of a file to a run, and evaluates it once.
async fn looked_at(checks: &str, given: impl FnOnce(&mut State, u64)) -> World {
    let mut world = World::with_checks(checks, given).await;
    world.accept(a_check()).await;
    world.run_due_messages().await;
    world
}

#[tokio::test]
async fn code_coverage_above_80_percent_is_allowed_and_exactly_80_is_not() {
    for (coverage, decision, says) in [
        (Coverage::of_lines(8_001, 10_000), "succeeded", "found: Lines 80.01 % (8001 of 10000)"),
        (Coverage::of_lines(80, 100), "failed", "found: Lines 80.00 % (80 of 100)"),
        (Coverage::of_lines(90, 100).and("line", 60, 100, "arm"), "failed", "found: Lines 75.00 % (150 of 200)"),
        (Coverage::of_lines(0, 0), "failed", "nothing was measured"),
    ] {
        let mut world = World::given(|state, run| {
            the_run(state, run).covers(coverage);
        })
        .await;
        world.accept(as_documented("code-coverage")).await;
        world.run_due_messages().await;
        world.expect_decision(decision);
        world.expect_log(says);
    }
}

#[tokio::test]
async fn code_coverage_that_is_still_merged_is_awaited() {
    let merging = || Coverage::of_lines(9, 10).with_status(CoverageStatus::InProgress);
    let mut world = World::given(|state, run| {
        the_run(state, run).covers(merging());
    })
    .await;
    world.accept(as_documented("code-coverage")).await;
    world.run_due_messages().await;
    world.expect_no_decision();
    world.expect_next_evaluation_in(AN_INTERVAL);
    world.expect_log("code coverage is not merged (inProgress) yet; awaited for 10m");

    let run = world.run;
    world.azure_devops(|state| {
        the_run(state, run).covers(merging().with_status(CoverageStatus::Finalized));
    });
    world.advance(AN_INTERVAL).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn code_coverage_that_is_never_published_is_denied_after_ten_minutes() {
    let mut world = World::given(|_, _| {}).await;
    world.accept(as_documented("code-coverage")).await;
    world.advance(minutes(9)).await;
    world.expect_no_decision();
    world.advance(minutes(1)).await;
    world.expect_decision("failed");
    world.expect_log("the run has not published code coverage, 10m after the check began");
}

#[tokio::test]
async fn coverage_is_compared_with_the_last_successful_run_of_the_same_branch() {
    let checks = one("codeCoverage: { maxDrop: 1 }");
    let earlier = |state: &mut State, covered| {
        let run = state.run().covers(Coverage::of_lines(covered, 1_000)).completed(BuildResult::Succeeded);
        run.number = "earlier".to_owned();
        run.source_branch = "refs/heads/a&b=c".to_owned();
        // Neither a failed run nor one of another branch counts.
        state.run().covers(Coverage::of_lines(1, 1)).completed(BuildResult::Failed).source_branch =
            "refs/heads/a&b=c".to_owned();
        state.run().covers(Coverage::of_lines(1, 1)).completed(BuildResult::Succeeded);
    };
    for (covered, decision) in [(910, "succeeded"), (911, "failed")] {
        let world = looked_at(&checks, |state, run| {
            the_run(state, run).covers(Coverage::of_lines(90, 100)).source_branch = "refs/heads/a&b=c".to_owned();
            earlier(state, covered);
        })
        .await;
        world.expect_decision(decision);
        world.expect_log("the last successful run, earlier, had 91.");
    }
    let first = looked_at(&checks, |state, run| {
        the_run(state, run).covers(Coverage::of_lines(1, 100));
    })
    .await;
    first.expect_decision("succeeded");
    first.expect_log("no earlier successful run of this pipeline on this branch to compare with");
}

#[tokio::test]
async fn test_results_decide_and_a_run_without_any_does_not_pass() {
    let checks = one("testResults: { passRate: { atLeast: 95 }, maxFailed: 5 }");
    for (tests, decision, says) in [
        (TestResults { passed: 95, failed: 5, not_executed: 40 }, "succeeded", "95.00 % (95 of 100) tests passed"),
        (TestResults { passed: 94, failed: 6, not_executed: 0 }, "failed", "6 failed"),
        (TestResults { passed: 0, failed: 0, not_executed: 3 }, "failed", "none of 3 tests was run"),
    ] {
        let world = looked_at(&checks, |state, run| {
            the_run(state, run).tested(tests);
        })
        .await;
        world.expect_decision(decision);
        world.expect_log(says);
    }
    let world = looked_at(&checks, |_, _| {}).await;
    world.expect_no_decision();
    world.expect_log("the run has not published test results yet");
    world.advance(minutes(10)).await;
    world.expect_decision("failed");
}

#[tokio::test]
async fn manual_run_is_allowed_only_when_queued_by_hand_and_needs_no_call() {
    for (reason, status, says) in [
        ("Manual", "successful", "passed"),
        ("manual", "successful", "passed"),
        ("IndividualCI", "failed", "IndividualCI"),
    ] {
        let mut world = World::given(|_, _| {}).await;
        let delivered = world.deliver(as_documented("manual-run").with("BuildReason", reason)).await;
        let code = if status == "successful" { 200 } else { 412 };
        assert_eq!(delivered.status, code, "{}", delivered.body);
        let answer: Value = serde_json::from_str(&delivered.body).expect("JSON");
        assert_eq!(answer["status"], status, "{answer}");
        assert!(answer["reasons"][0].as_str().is_some_and(|reason| reason.contains(says)), "{answer}");
        assert_eq!(world.azure_devops_server().calls().len(), 0);
        assert!(world.messages().is_empty());
    }
    let mut world = World::given(|_, _| {}).await;
    let delivered = world.deliver(as_documented("manual-run")).await;
    assert_eq!(delivered.status, 400, "$(Build.Reason) was not expanded: {}", delivered.body);
}

#[tokio::test]
async fn without_a_header_the_reason_is_read_from_the_run() {
    use simulator::azure_devops::BuildReason;

    let checks = one("buildReason: { in: [Manual, Schedule] }");
    for (reason, decision) in [(BuildReason::Manual, "succeeded"), (BuildReason::PullRequest, "failed")] {
        let world = looked_at(&checks, |state, run| {
            the_run(state, run).because_of(reason);
        })
        .await;
        world.expect_decision(decision);
    }
}

#[tokio::test]
async fn branches_are_matched_by_patterns() {
    let checks = one("branch: { in: [refs/heads/main, 'refs/heads/release/*'] }");
    for (branch, decision) in [
        ("refs/heads/release/1.0", "succeeded"),
        ("refs/heads/release/1.0/fix", "failed"),
        ("refs/heads/topic", "failed"),
    ] {
        let world = looked_at(&checks, |state, run| branch.clone_into(&mut the_run(state, run).source_branch)).await;
        world.expect_decision(decision);
        world.expect_log(&format!("found: {branch}"));
    }
}

#[tokio::test]
async fn a_pull_request_waits_for_the_approval_of_somebody_else() {
    let checks = one("pullRequest: { approvals: 1 }");
    let world = looked_at(&checks, |_, _| {}).await;
    world.expect_no_decision();
    world.expect_log("no pull request brought commit 00000000 of refs/heads/main");

    let run = world.run;
    world.azure_devops(|state| {
        let commit = the_run(state, run).source_version.clone();
        let request = state.pull_request(12, &commit);
        "completed".clone_into(&mut request.status);
        request.vote("Johnnie McLeod", 10).vote("Chuck Reinhart", -10);
    });
    world.advance(AN_INTERVAL).await;
    world.expect_no_decision();
    world.expect_log("Johnnie McLeod approved, but opened the pull request; Chuck Reinhart rejected");

    world.azure_devops(|state| {
        state.pull_requests[0].vote("Chuck Reinhart", 5);
    });
    world.advance(AN_INTERVAL).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn a_validating_run_asks_for_its_own_pull_request() {
    let checks = one("pullRequest: { approvals: 1 }");
    let world = looked_at(&checks, |state, run| {
        "refs/pull/12/merge".clone_into(&mut the_run(state, run).source_branch);
        state.pull_request(12, "another commit").vote("Chuck Reinhart", 10);
    })
    .await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn an_artifact_must_have_been_published() {
    let checks = one("artifact: { name: 'sbom-*' }");
    for (name, decision) in [("sbom-x64", "succeeded"), ("drop", "failed")] {
        let artifact = Artifact { id: 1, name: name.to_owned(), kind: "PipelineArtifact".to_owned() };
        let world = looked_at(&checks, |state, run| the_run(state, run).artifacts.push(artifact)).await;
        world.expect_decision(decision);
        world.expect_log(name);
    }
}

#[tokio::test]
async fn a_tag_may_be_added_while_the_check_waits() {
    let world = looked_at(&one("tag: { in: [qa-approved] }"), |_, _| {}).await;
    world.expect_no_decision();
    world.expect_log("found: no tags");
    let run = world.run;
    world.azure_devops(|state| the_run(state, run).tags.push("QA-approved".to_owned()));
    world.advance(AN_INTERVAL).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn a_query_counts_work_items_and_a_refused_query_is_an_error() {
    const WIQL: &str = "SELECT [System.Id] FROM WorkItems WHERE [System.WorkItemType] = \"Bug\"";
    let world = looked_at(&one(&format!("query: {{ wiql: '{WIQL}', max: 0 }}")), |_, _| {}).await;
    world.expect_no_decision();
    world.expect_log("[error  ] the work item query finds no work item");
    world.expect_log("TF51005");

    world.azure_devops(|state| drop(state.queries.insert(WIQL.to_owned(), vec![7, 8])));
    world.advance(minutes(2)).await;
    world.expect_no_decision();
    world.expect_log("the query finds 2 work items: 7, 8");

    world.azure_devops(|state| drop(state.queries.insert(WIQL.to_owned(), Vec::new())));
    world.advance(AN_INTERVAL).await;
    world.expect_decision("succeeded");
}

/// Now is Monday, 09:00 UTC.
#[tokio::test]
async fn a_closed_window_says_when_it_opens_and_is_evaluated_then() {
    let window = "window: { days: [Mon], from: '12:30', to: '13:00', timeZone: Europe/Berlin }";
    let world = looked_at(&one(window), |_, _| {}).await;
    world.expect_no_decision();
    world.expect_log("closed at Mon 2026-01-05 10:00 Europe/Berlin");
    world.expect_log("Next open: Mon 2026-01-05 12:30 Europe/Berlin (2026-01-05 11:30 UTC)");
    world.expect_next_evaluation_in(minutes(150));
    world.advance(minutes(149)).await;
    world.expect_no_decision();
    world.advance(minutes(1)).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn steward_279_a_window_that_has_closed_meanwhile_is_not_allowed() {
    let checks = "default: it\nchecks: { it: { conditions: [ { window: { from: '08:00', to: '09:30' } }, { tag: { in: [go] } } ] } }";
    let mut world = looked_at(checks, |_, _| {}).await;
    world.expect_log("[passed ] the window is open");
    world.advance(minutes(30)).await;
    let run = world.run;
    world.azure_devops(|state| the_run(state, run).tags.push("go".to_owned()));
    world.advance(minutes(60)).await;
    world.expect_no_decision();
    world.expect_log("closed at Mon 2026-01-05 09:30 UTC");
    world.still_waits();
}

#[tokio::test]
async fn a_run_without_a_timeline_is_not_a_run_without_the_task() {
    let mut world =
        looked_at(&one("taskExecuted: { task: CmdLine }"), |state, run| the_run(state, run).timeline = None).await;
    world.expect_no_decision();
    world.expect_log("[error  ] the run has executed task CmdLine");
    world.expect_log("Azure DevOps answered an empty timeline for the run");
    world.still_waits();
}

#[tokio::test]
async fn a_run_without_a_commit_is_not_a_run_without_work_items() {
    let checks = one("workItems: { state: Completed, whenNone: pass }");
    let world = looked_at(&checks, |state, run| the_run(state, run).source_version.clear()).await;
    world.expect_no_decision();
    world.expect_log("Azure DevOps does not give the run's commit");

    let run = world.run;
    world.azure_devops(|state| "c0ffee".clone_into(&mut the_run(state, run).source_version));
    world.advance(AN_INTERVAL).await;
    world.expect_decision("succeeded");
    world.expect_log("no work item is linked to the run's commit");
}

#[tokio::test]
async fn states_that_were_missing_are_read_again_at_the_next_evaluation() {
    let mut world = World::given(an_active_work_item).await;
    world.close_work_item();
    let none = Fault::answer(200, "application/json", r#"{"count":0,"value":[]}"#);
    world.azure_devops_server().fail(none).on("GET", "/states?").once();
    world.accept(as_documented("work-item-completed")).await;
    world.run_due_messages().await;
    world.expect_no_decision();
    world.advance(AN_INTERVAL).await;
    world.expect_decision("succeeded");
}
