//! Checks that ask SonarQube for the quality gate of the run's commit.

use chrono::TimeDelta;
use serde_json::{Value, json};
use simulator::azure_devops::State;
use simulator::faults::Fault;
use simulator::sources::Sources;

use crate::mutations;
use crate::recipes::reachable_at;
use crate::support::{World, a_check, minutes};

const RECIPE: &str = "sonar-quality-gate";
const MAIN: (&str, &str) = ("web", "main");

/// A commit of another run.
const OTHER: &str = "6fb3a7c1d2e4f50918273645a0b1c2d3e4f50617";

fn reachable(sources: &Sources) -> String {
    reachable_at(RECIPE, &sources.url("sonar"))
}

/// A world with the recipe, and with these analyses of project `web` on branch `main`: whether each is of the run's commit,
/// and its gate; oldest first.
async fn analysed(analyses: &[(bool, &str)]) -> World {
    let world = World::with_sources(reachable).await;
    world.sources().with(|state| "secret-of-SONAR_TOKEN".clone_into(&mut state.sonar.token));
    analyses.iter().for_each(|(is_ours, gate)| analyse(&world, *is_ours, gate));
    world
}

fn commit(world: &World) -> String {
    world.azure_devops(|state| state.runs[&world.run].source_version.clone())
}

/// Half an hour ago, one minute after the other.
fn analyse(world: &World, is_ours: bool, gate: &str) {
    let commit = if is_ours { commit(world) } else { OTHER.to_owned() };
    world.sources().with(|state| {
        let count = i64::try_from(state.sonar.analyses.values().map(Vec::len).sum::<usize>()).expect("few");
        let date = state.clock.now() - TimeDelta::minutes(30) + TimeDelta::seconds(count);
        state.sonar.analyse(MAIN, date, &commit, gate);
    });
}

async fn evaluate(world: &mut World) {
    world.accept(a_check().named(RECIPE)).await;
    world.run_due_messages().await;
}

#[tokio::test]
async fn the_gate_of_the_newest_analysis_of_the_commit_decides() {
    for (title, analyses, decision, says) in [
        (
            "passed",
            &[(true, "OK")][..],
            "succeeded",
            "the quality gate has passed the analysis of 2026-01-05 08:30 UTC",
        ),
        (
            "failed",
            &[(true, "ERROR")],
            "failed",
            "says ERROR of the analysis of 2026-01-05 08:30 UTC; new_coverage is 72.5, less than 80",
        ),
        ("no gate", &[(true, "NONE")], "failed", "no quality gate was computed"),
        ("analysed again, and failed", &[(true, "OK"), (true, "ERROR")], "failed", "says ERROR"),
        ("analysed again, and passed", &[(true, "ERROR"), (true, "OK")], "succeeded", "has passed"),
        ("a newer commit has failed", &[(true, "OK"), (false, "ERROR")], "succeeded", "has passed"),
        ("a newer commit has passed", &[(true, "ERROR"), (false, "OK")], "failed", "says ERROR"),
    ] {
        let mut world = analysed(analyses).await;
        evaluate(&mut world).await;
        println!("{title}");
        world.expect_decision(decision);
        world.expect_log(says);
        world.expect_log("/dashboard?id=web&branch=main");
        assert!(!world.log().contains("secret-of-"), "{title}");
    }
}

#[tokio::test]
async fn an_analysis_of_another_commit_does_not_pass_and_that_of_the_commit_is_awaited() {
    for analyses in [&[][..], &[(false, "OK")]] {
        let mut world = analysed(analyses).await;
        evaluate(&mut world).await;
        world.expect_no_decision();
        world.expect_log("sonar has no analysis of commit 00000000 of refs/heads/main yet; awaited for 30m");
        world.expect_log("compare its project and branch with `web` and the run's branch");
        analyse(&world, true, "OK");
        world.advance(minutes(1)).await;
        world.expect_decision("succeeded");
    }
    let mut world = analysed(&[(false, "OK")]).await;
    evaluate(&mut world).await;
    world.advance(minutes(30)).await;
    world.expect_decision("failed");
}

#[tokio::test]
async fn an_analysis_of_the_commit_on_another_branch_does_not_count() {
    let mut world = analysed(&[]).await;
    let commit = commit(&world);
    world.sources().with(|state| {
        let now = state.clock.now();
        state.sonar.analyse(("web", "topic"), now, &commit, "OK");
        state.sonar.analyse(("other", "main"), now, &commit, "OK");
    });
    evaluate(&mut world).await;
    world.expect_no_decision();
    world.expect_log("sonar has no analysis of commit 00000000 of refs/heads/main yet");
    world.still_waits();
}

#[tokio::test]
async fn the_analysis_of_the_commit_may_be_on_page_two() {
    for (gate, decision) in [("OK", "succeeded"), ("ERROR", "failed")] {
        let mut world = analysed(&[(true, gate)]).await;
        (0..120).for_each(|_| analyse(&world, false, "OK"));
        evaluate(&mut world).await;
        world.expect_decision(decision);
        let pages = world.sources().calls().iter().filter(|call| call.path.ends_with("/search")).count();
        assert_eq!(pages, 2);
    }
}

#[tokio::test]
async fn a_newer_analysis_that_does_not_name_its_commit_is_an_error() {
    let mut world = analysed(&[(true, "OK"), (false, "ERROR")]).await;
    world.sources().with(|state| {
        state.sonar.analyses.values_mut().for_each(|analyses| analyses[1].revision = None);
    });
    evaluate(&mut world).await;
    world.expect_no_decision();
    world.expect_log("does not say of which commit the analysis A2 is");
    world.still_waits();
}

#[tokio::test]
async fn without_a_good_answer_the_check_waits() {
    let mut world = analysed(&[(true, "OK")]).await;
    world.sources().with(|state| "another".clone_into(&mut state.sonar.token));
    evaluate(&mut world).await;
    world.expect_no_decision();
    world.expect_log("answered 401 Unauthorized for the analyses of the project; check the connection's credentials");
    world.still_waits();

    let mut world = analysed(&[(true, "OK")]).await;
    world.expect_that_a_wait_is_granted(RECIPE, ("GET", "/sonar/")).await;
}

#[tokio::test]
async fn a_gate_that_says_what_sonarqube_does_not_document_is_an_error() {
    for gate in ["ok", "OK ", "PASSED", ""] {
        let mut world = analysed(&[(true, gate)]).await;
        evaluate(&mut world).await;
        world.expect_no_decision();
        world.expect_log(&format!("answered the status `{gate}` for the quality gate; SonarQube documents OK, WARN"));
        world.still_waits();
    }
}

#[tokio::test]
async fn an_address_where_no_sonarqube_is_is_an_error_that_says_so() {
    for (body, kind) in [
        ("<html>Not Found</html>", "text/html"),
        (r#"{"errors":[{"msg":"Unknown url : /api/project_analyses/search"}]}"#, "application/json"),
    ] {
        let mut world = analysed(&[(true, "OK")]).await;
        world.sources().fail(Fault::answer(404, kind, body)).on("GET", "/sonar/").forever();
        evaluate(&mut world).await;
        world.expect_no_decision();
        world.expect_log("answered 404 Not Found for the analyses of the project; check the connection's URL");
        world.still_waits();
    }
}

#[tokio::test]
async fn a_run_that_validates_a_pull_request_has_no_branch_to_ask_about() {
    let mut world = analysed(&[(true, "OK")]).await;
    let run = world.run;
    world.azure_devops(|state| {
        "refs/pull/7/merge".clone_into(&mut state.runs.get_mut(&run).expect("it").source_branch);
    });
    evaluate(&mut world).await;
    world.expect_no_decision();
    world.expect_log("the run is of refs/pull/7/merge, which is not a branch");
    world.still_waits();
}

#[tokio::test]
async fn no_mutated_answer_passes() {
    for analyses in [&[(true, "ERROR")][..], &[(true, "OK"), (true, "ERROR")], &[(true, "NONE")]] {
        let mut commit = String::new();
        let given = |state: &mut State, run: u64| commit.clone_from(&state.runs[&run].source_version);
        let world = mutations::World::around_file(RECIPE, reachable, given, |_| {}).await;
        world.sources.with(|state| {
            "secret-of-SONAR_TOKEN".clone_into(&mut state.sonar.token);
            for (count, (_, gate)) in (0..).zip(analyses) {
                let date = state.clock.now() - TimeDelta::minutes(30) + TimeDelta::seconds(count);
                state.sonar.analyse(MAIN, date, &commit, gate);
            }
        });
        world.never_passes("/project_analyses/search?", |_| {}, &[]).await;
        world.never_passes("/project_status?", |_| {}, &[]).await;
        // The gate of another commit has passed: a changed list must not lead to it.
        if analyses.len() == 2 {
            let other = |answer: &mut Value| {
                answer["analyses"][0]["revision"] = json!(OTHER);
                answer["analyses"][1]["revision"] = json!(OTHER);
            };
            world.never_passes("/project_analyses/search?", other, &[]).await;
        }
    }
}
