//! Checks about other runs: those of the same pipeline that are newer, and those of another pipeline.

use chrono::TimeDelta;
use simulator::azure_devops::{BuildResult, BuildStatus, Run, State};
use simulator::faults::{Fault, RetryAfter};

use crate::recipes::text;
use crate::support::{World, a_check, minutes};

const WITHOUT_STAGE: &str = "default: it\nchecks: { it: { conditions: [ newestRun: {} ] } }";
const AT_DEPLOY: &str = "default: it\nchecks: { it: { conditions: [ newestRun: { stage: Deploy } ] } }";

/// Delivers the default check of a file to run 101, and evaluates it once.
async fn looked_at(checks: &str, given: impl FnOnce(&mut State)) -> World {
    let mut world = World::with_checks(checks, |state, _| given(state)).await;
    world.accept(a_check()).await;
    world.run_due_messages().await;
    world
}

/// The same with one newer run, 102.
async fn with_a_newer_run(checks: &str, newer: impl FnOnce(&mut Run)) -> World {
    looked_at(checks, |state| newer(state.run())).await
}

#[tokio::test]
async fn the_newest_run_passes_and_an_older_one_fails_naming_the_newer_with_its_page() {
    for checks in [WITHOUT_STAGE, AT_DEPLOY] {
        let newest = looked_at(checks, |_| {}).await;
        newest.expect_decision("succeeded");
        newest.expect_log("is the newest on refs/heads/main");
        let older = with_a_newer_run(checks, |run| {
            run.awaits_stage("Deploy", true);
        })
        .await;
        older.expect_decision("failed");
        older.expect_log("superseded: run 20260105.102 of the same pipeline and branch is newer and ");
        let ids = older.ids();
        older.expect_log(&format!("see {}{}/_build/results?buildId=102", ids.plan_url, ids.project_id));
    }
}

#[tokio::test]
async fn runs_of_another_pipeline_branch_or_project_and_older_ones_do_not_supersede() {
    for checks in [WITHOUT_STAGE, AT_DEPLOY] {
        let world = looked_at(checks, |state| {
            let mut older = state.runs[&101].clone();
            older.id = 99;
            state.runs.insert(99, older);
            state.run().awaits_stage("Deploy", true).source_branch = "refs/heads/topic".to_owned();
            state.run().awaits_stage("Deploy", true).definition_id = 13;
            let elsewhere = state.project("Elsewhere").id;
            state.run_in(elsewhere).awaits_stage("Deploy", true);
        })
        .await;
        world.expect_decision("succeeded");
    }
}

#[tokio::test]
async fn a_newer_run_that_is_over_supersedes_only_if_it_has_succeeded() {
    for (result, decision) in [
        (BuildResult::Failed, "succeeded"),
        (BuildResult::Canceled, "succeeded"),
        (BuildResult::Succeeded, "failed"),
        (BuildResult::PartiallySucceeded, "failed"),
    ] {
        let world = with_a_newer_run(WITHOUT_STAGE, |run| {
            run.completed(result);
        })
        .await;
        world.expect_decision(decision);
    }
    for (status, decision) in [
        (BuildStatus::NotStarted, "failed"),
        (BuildStatus::InProgress, "failed"),
        (BuildStatus::Postponed, "failed"),
        (BuildStatus::Cancelling, "succeeded"),
    ] {
        let world = with_a_newer_run(WITHOUT_STAGE, |run| run.status = status).await;
        world.expect_decision(decision);
    }
}

#[tokio::test]
async fn with_a_stage_a_newer_run_supersedes_once_it_has_come_there() {
    let waits = |run: &mut Run| {
        run.awaits_stage("Deploy", true);
    };
    let on_its_way = |run: &mut Run| {
        run.awaits_stage("Deploy", false);
    };
    let has_run = |run: &mut Run| {
        run.in_stage_and_job("Deploy", "Deploy");
    };
    let failed = |run: &mut Run| {
        run.completed(BuildResult::Failed);
    };
    type Steps<'a> = &'a [&'a dyn Fn(&mut Run)];
    for (title, steps, decision) in [
        ("it waits there", &[&waits as &dyn Fn(&mut Run)] as Steps<'_>, "failed"),
        ("it is on its way", &[&on_its_way], "succeeded"),
        ("it failed before", &[&on_its_way, &failed], "succeeded"),
        ("it was cancelled while it waited", &[&waits, &failed], "succeeded"),
        ("it has begun the stage", &[&has_run], "failed"),
        ("it has failed in the stage", &[&has_run, &failed], "failed"),
        (
            "it is about to be cancelled while it waits",
            &[&waits, &|run| run.status = BuildStatus::Cancelling],
            "succeeded",
        ),
        ("its YAML could not be read", &[&|run| run.timeline = None, &failed], "succeeded"),
    ] {
        let world = with_a_newer_run(AT_DEPLOY, |run| steps.iter().for_each(|step| step(run))).await;
        println!("{title}");
        world.expect_decision(decision);
    }
}

#[tokio::test]
async fn a_run_is_superseded_while_it_waits() {
    let checks = "default: it\nchecks: { it: { conditions: [ newestRun: { stage: Deploy }, { tag: { in: [go] } } ] } }";
    let world = looked_at(checks, |_| {}).await;
    world.expect_no_decision();
    world.azure_devops(|state| {
        state.run().awaits_stage("Deploy", false);
    });
    world.advance(minutes(1)).await;
    world.expect_no_decision();
    world.azure_devops(|state| {
        state.runs.get_mut(&102).expect("it").awaits_stage("Deploy", true);
    });
    world.advance(minutes(1)).await;
    world.expect_decision("failed");
    world.expect_log("run 20260105.102 of the same pipeline and branch is newer and waits at stage Deploy");
}

#[tokio::test]
async fn a_newer_run_on_page_two_supersedes_and_a_list_without_the_run_itself_says_nothing() {
    // 60 newer runs that failed: run 101 itself is on page two.
    let failed = |state: &mut State| {
        (0..60).for_each(|_| {
            state.run().completed(BuildResult::Failed);
        })
    };
    let world = looked_at(WITHOUT_STAGE, failed).await;
    world.expect_decision("succeeded");
    let behind_them = |state: &mut State| {
        state.run();
        failed(state);
    };
    let world = looked_at(WITHOUT_STAGE, behind_them).await;
    world.expect_decision("failed");
    world.expect_log("run 20260105.102 of the same pipeline");
    let failed_before = |state: &mut State| {
        (0..60).for_each(|_| {
            state.run().awaits_stage("Deploy", false).completed(BuildResult::Failed);
        });
    };
    let mut world = looked_at(AT_DEPLOY, failed_before).await;
    world.expect_no_decision();
    world.expect_log("more than 20 newer runs have not come to stage Deploy");
    world.may_leave_messages();
    let empty = Fault::answer(200, "application/json", r#"{"count":0,"value":[]}"#);
    let mut world = World::with_checks(WITHOUT_STAGE, |_, _| {}).await;
    world.azure_devops_server().fail(empty).on("GET", "/build/builds?").once();
    world.accept(a_check()).await;
    world.run_due_messages().await;
    world.expect_no_decision();
    world.expect_log("Azure DevOps does not list run 101 itself among them");
    world.advance(minutes(1)).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn a_stage_that_the_newer_run_does_not_have_is_an_error() {
    let mut world = with_a_newer_run(AT_DEPLOY, |_| {}).await;
    world.expect_no_decision();
    world.expect_log("the timeline of the newer run 20260105.102 does not say how far it has come at a stage Deploy");
    world.still_waits();
}

#[tokio::test]
async fn other_runs_that_cannot_be_read_are_awaited() {
    let unauthorised =
        || Fault::answer(403, "application/json", r#"{"message":"Access denied","typeKey":"AccessDeniedException"}"#);
    for (fault, pause) in [(unauthorised(), 1), (Fault::throttle(RetryAfter::Seconds(240)), 4)] {
        let mut world = World::with_checks(WITHOUT_STAGE, |_, _| {}).await;
        world.azure_devops_server().fail(fault).on("GET", "/build/builds?").once();
        world.accept(a_check()).await;
        world.run_due_messages().await;
        world.expect_no_decision();
        world.advance(minutes(pause + 1)).await;
        world.expect_decision("succeeded");
    }
}

const RECIPE: &str = "pipeline-run";

/// The recipe, and a run of pipeline 7 with the commit of run 101, changed by `other`.
async fn with_another(checks: &str, other: impl FnOnce(&mut Run)) -> World {
    let checks = format!("default: {RECIPE}\n{checks}");
    looked_at(&checks, |state| {
        let commit = state.runs[&101].source_version.clone();
        let run = state.run();
        (run.definition_id, run.source_version) = (7, commit);
        run.completed(BuildResult::Succeeded);
        other(run);
    })
    .await
}

#[tokio::test]
async fn the_newest_run_of_another_pipeline_with_the_commit_decides() {
    let passed = with_another(&text(RECIPE), |_| {}).await;
    passed.expect_decision("succeeded");
    passed.expect_log("run 20260105.102 of FabrikamFiber CD ended at 2026-01-05 09:00 UTC: succeeded");
    let of = |result: BuildResult| {
        Box::new(move |run: &mut Run| {
            run.completed(result);
        })
    };
    type Change = Box<dyn FnOnce(&mut Run)>;
    let cases: [(&str, Change, &str); 8] = [
        ("failed", of(BuildResult::Failed), "ended: failed"),
        ("partially", of(BuildResult::PartiallySucceeded), "ended: partiallySucceeded"),
        (
            "running",
            Box::new(|run| (run.status, run.result) = (BuildStatus::InProgress, None)),
            "has not ended: it is inProgress",
        ),
        ("another commit", Box::new(|run| run.source_version = "f".repeat(40)), "there is no run of pipeline 7"),
        ("another branch", Box::new(|run| run.source_branch += "/topic"), "there is no run of pipeline 7"),
        ("another pipeline", Box::new(|run| run.definition_id = 8), "there is no run of pipeline 7"),
        (
            "long ago",
            Box::new(|run| run.finish_time = run.finish_time.map(|at| at - TimeDelta::hours(25))),
            "which is more than 24h ago",
        ),
        ("no time", Box::new(|run| run.finish_time = None), "Azure DevOps does not say when run 20260105.102"),
    ];
    for (title, change, says) in cases {
        let world = with_another(&text(RECIPE), change).await;
        println!("{title}");
        world.expect_no_decision();
        world.expect_log(says);
        world.azure_devops(|state| {
            let commit = state.runs[&101].source_version.clone();
            let run = state.run().completed(BuildResult::Succeeded);
            (run.definition_id, run.source_version) = (7, commit);
        });
        world.advance(minutes(2)).await;
        world.expect_decision("succeeded");
    }
}

#[tokio::test]
async fn a_newer_run_of_another_commit_counts_only_where_the_commit_does_not() {
    let any = "checks: { pipeline-run: { conditions: [ pipelineRun: { pipeline: 7, branch: refs/heads/main } ] } }";
    for (checks, decides) in [(text(RECIPE), true), (any.to_owned(), false)] {
        let mut world = World::with_checks(&format!("default: {RECIPE}\n{checks}"), |state, run| {
            let commit = state.runs[&run].source_version.clone();
            let of_commit = state.run().completed(BuildResult::Succeeded);
            (of_commit.definition_id, of_commit.source_version) = (7, commit);
            // Enough for a second page.
            for _ in 0..60 {
                state.run().completed(BuildResult::Failed).definition_id = 7;
            }
        })
        .await;
        world.accept(a_check()).await;
        world.run_due_messages().await;
        if decides {
            world.expect_decision("succeeded");
        } else {
            world.expect_no_decision();
            world.still_waits();
        }
    }
}

#[tokio::test]
async fn the_run_itself_is_not_a_run_of_another_pipeline() {
    let own = "default: it\nchecks: { it: { conditions: [ pipelineRun: { pipeline: 12 } ] } }";
    let mut world = World::with_checks(own, |_, _| {}).await;
    world.accept(a_check()).await;
    world.run_due_messages().await;
    world.expect_no_decision();
    world.expect_log("there is no run of pipeline 12");
    world.still_waits();
}
