//! `checkgate backtest`: what it says of the past is what was posted then.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Instant;

use serde_json::Value;
use simulator::azure_devops::{BuildResult, CheckIds, ResourceKind, TaskResult};

use super::{Person, Printed};
use crate::support::schema::Schema;
use crate::support::{World, a_check, minutes};

const RUNS: usize = 200;

const POLICY: &str = "
default: release
checks:
  release:
    timeout: 1h
    reevaluateEvery: 15m
    conditions:
      - taskExecuted: { task: CmdLine }
      - workItems: { state: Completed }
";

/// The same, and a branch.
const STRICTER: &str = "
      - branch: { in: [refs/heads/main] }
";

/// A policy with a condition that nobody can ask of the past.
const TODAY_ONLY: &str = "
      - tag: { in: [approved] }
";

fn work_item(index: usize) -> u64 {
    1000 + index as u64
}

/// Files that are gone with the test.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("checkgate-{}-{name}.yaml", std::process::id()));
        std::fs::write(&path, text).expect("a temporary file");
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("a plain path")
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A world in which 200 runs were decided: at once and later, by a passed and by a failed decision, and at the deadline.
async fn a_history() -> (World, Vec<CheckIds>) {
    let mut world = World::with_checks(POLICY, |_, _| {}).await;
    let mut delivered = Vec::new();
    for index in 0..RUNS {
        world.run = world.azure_devops(|state| {
            let run = state.run();
            let id = run.id;
            if index % 4 == 2 {
                run.without_tasks();
            }
            if index % 10 == 0 {
                "refs/heads/topic".clone_into(&mut run.source_branch);
            }
            let commit = run.source_version.clone();
            state.commit_work_items.insert(commit, vec![work_item(index)]);
            state.work_item(work_item(index), if index % 4 == 0 { "Closed" } else { "Active" });
            id
        });
        world.accept(a_check()).await;
        delivered.push(world.ids().clone());
    }
    world.advance(minutes(12)).await;
    world.azure_devops(|state| {
        for index in (0..RUNS).filter(|index| index % 4 == 1) {
            state.work_item(work_item(index), "Closed");
        }
    });
    world.advance(minutes(60)).await;
    (world, delivered)
}

/// Everything that a check looked at becomes something else.
fn change_the_world(world: &World, delivered: &[CheckIds]) {
    world.azure_devops(|state| {
        state.clock.advance(minutes(60));
        for index in 0..RUNS {
            let id = work_item(index);
            let closed = state.work_items[&id].state == "Closed";
            state.work_item(id, if closed { "Active" } else { "Closed" });
        }
        for ids in delivered {
            state.runs.get_mut(&ids.build_id).expect("the run").completed(BuildResult::Succeeded);
        }
    });
}

fn person(world: &World) -> Person {
    let azure_devops = world.azure_devops_server().clone();
    let token = azure_devops.with(|state| state.personal_token());
    Person { azure_devops, token, environment: Vec::new() }
}

async fn backtest(person: &Person, more: &[&str]) -> Printed {
    let project = format!("{}/_build?definitionId=12", person.project());
    let arguments = ["backtest", "--check", "release", "--pipeline", "12", "--last", "200", &project];
    person.run(&[&arguments[..], more].concat()).await
}

/// The decision of each run, by the records. Each is as its schema says.
fn decisions(printed: &Printed) -> BTreeMap<u64, String> {
    let schema = Schema::read("decision.schema.json");
    let records = printed.out.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
    let decision = |record: Value| {
        schema.expect(&record);
        let run = record["data"]["input"]["run"]["id"].as_u64().expect("a run");
        (run, record["data"]["result"]["decision"].as_str().expect("a decision").to_owned())
    };
    records.map(decision).collect()
}

#[tokio::test]
async fn two_hundred_runs_are_judged_as_they_were_and_another_policy_differs_where_it_should() {
    let (world, delivered) = a_history().await;
    change_the_world(&world, &delivered);
    let person = person(&world);
    let own = File::new("backtest-own", POLICY);
    let posted = world.azure_devops(|state| {
        let decision = |ids: &CheckIds| (ids.build_id, state.decision(ids).expect("a decision"));
        delivered.iter().map(decision).collect::<BTreeMap<_, _>>()
    });
    let passed = posted.values().filter(|decision| *decision == "succeeded").count();
    assert_eq!((posted.len(), passed), (RUNS, RUNS / 2), "half of the runs passed at the time");

    person.azure_devops.take_calls();
    let begun = Instant::now();
    let printed = backtest(&person, &["--file", own.path(), "--format", "json"]).await;
    let (took, calls) = (begun.elapsed(), person.azure_devops.take_calls().len());
    println!("{RUNS} runs: {calls} calls, {} ms", took.as_millis());
    assert_eq!(printed.code, 0, "{}", printed.err);
    assert_eq!(decisions(&printed), posted);
    assert!(printed.err.contains(&format!("{calls} calls of Azure DevOps in ")), "{}", printed.err);

    let stricter = File::new("backtest-stricter", &format!("{}{}", POLICY.trim_end(), STRICTER));
    person.azure_devops.take_calls();
    let printed = backtest(&person, &["--file", own.path(), "--against", stricter.path()]).await;
    assert_eq!(printed.code, 1, "{}", printed.err);
    let totals = format!("\n{} calls of Azure DevOps in ", person.azure_devops.take_calls().len());
    assert!(printed.out.contains(&totals), "{totals} is not in\n{}", printed.out);
    let shown = printed.out.lines().filter_map(|line| line.strip_prefix('#')?.split(' ').next()?.parse().ok());
    let expected =
        delivered.iter().enumerate().filter(|(index, ids)| index % 10 == 0 && posted[&ids.build_id] == "succeeded");
    assert_eq!(shown.collect::<BTreeSet<u64>>(), expected.map(|(_, ids)| ids.build_id).collect());
    assert!(printed.out.contains("10 decided differently, 10 of them more strictly."), "{}", printed.out);
    let same = backtest(&person, &["--file", own.path(), "--against", own.path()]).await;
    assert!(same.code == 0 && same.out.contains("0 decided differently"), "{same:?}");
}

#[tokio::test]
async fn what_cannot_be_asked_of_the_past_is_unknown_and_not_guessed() {
    let mut world = World::with_checks(POLICY, |_, _| {}).await;
    for has_task in [true, false] {
        world.run = world.azure_devops(|state| {
            let run = state.run();
            if !has_task {
                run.without_tasks();
            }
            run.tags.push("approved".to_owned());
            let (id, commit) = (run.id, run.source_version.clone());
            state.commit_work_items.insert(commit, vec![42]);
            state.work_item(42, "Closed");
            id
        });
        world.accept(a_check()).await;
        world.advance(minutes(1)).await;
        let build = world.run;
        world.azure_devops(|state| {
            state.runs.get_mut(&build).expect("the run").completed(BuildResult::Succeeded);
        });
    }
    let file = File::new("backtest-today", &format!("{}{}", POLICY.trim_end(), TODAY_ONLY));
    let printed = backtest(&person(&world), &["--file", file.path()]).await;
    assert_eq!(printed.code, 0, "{printed:?}");
    assert!(printed.out.contains("2 runs, 0 passed, 1 failed, 0 waiting, 1 unknown."), "{}", printed.out);
    assert!(printed.err.contains("tags are known only as they are today"), "{}", printed.err);
}

#[tokio::test]
async fn a_pipeline_without_runs_is_said_to_have_none() {
    let (own, person) = (File::new("backtest-none", POLICY), Person::new().await);
    let printed = backtest(&person, &["--file", own.path()]).await;
    assert!(printed.code == 0 && printed.err.contains("pipeline 12 has no run that is over"), "{printed:?}");
}

#[tokio::test]
async fn a_run_that_cannot_be_read_is_reported_and_makes_the_exit_code_2() {
    let (own, person) = (File::new("backtest-unread", POLICY), Person::new().await);
    person.resource(ResourceKind::Environment, "prod");
    let build = person.azure_devops.with(|state| {
        let build = state.run().completed(BuildResult::Succeeded).id;
        state.await_check(build);
        build
    });
    let fault = simulator::faults::Fault::exception(404, "TimelineNotFoundException", "No timeline found.");
    person.azure_devops.fail(fault).on("GET", &format!("{build}/timeline")).forever();
    let printed = backtest(&person, &["--file", own.path()]).await;
    assert!(printed.code == 2 && printed.out.contains("1 could not be read"), "{printed:?}");
}

/// A policy that is decided as soon as it is judged.
const AT_ONCE: &str = "
checks:
  release:
    timeout: 1h
    conditions:
      - workItems: { state: Completed }
        whenNotMet: fail
";

#[tokio::test]
async fn a_stage_is_named_as_in_yaml_or_as_on_the_page_and_the_last_one_counts_unless_named() {
    let world = World::with_checks(POLICY, |_, _| {}).await;
    world.azure_devops(|state| {
        let run = state.run();
        run.in_stage_and_job("Test", "t");
        run.in_stage_and_job("Deploy", "d").displays("Stage", "Deploy", "Deploy to production");
        let (build, commit) = (run.id, run.source_version.clone());
        state.commit_work_items.insert(commit, vec![42]);
        for (stage, item, result) in
            [("Test", "Active", TaskResult::Failed), ("Deploy", "Closed", TaskResult::Succeeded)]
        {
            state.work_item(42, item);
            state.clock.advance(minutes(1));
            let ids = state.await_check_in(build, stage);
            state.clock.advance(minutes(1));
            state.end_check(&ids, result);
        }
        state.runs.get_mut(&build).expect("the run").completed(BuildResult::Succeeded);
        state.clock.advance(minutes(120));
    });
    let (file, person) = (File::new("backtest-stage", AT_ONCE), person(&world));
    for (stage, then, decision) in [
        (None, "succeeded", "passed"),
        (Some("Test"), "failed", "failed"),
        (Some("deploy"), "succeeded", "passed"),
        (Some("Deploy to production"), "succeeded", "passed"),
        (Some("Release"), "-", "unknown"),
    ] {
        let named: Vec<&str> = stage.iter().flat_map(|stage| ["--stage", *stage]).collect();
        let printed = backtest(&person, &[&["--file", file.path()], &named[..]].concat()).await;
        let row = printed.out.lines().find(|line| line.starts_with('#')).unwrap_or_default();
        let words: Vec<&str> = row.split_whitespace().collect();
        assert_eq!((printed.code, &words[2..4]), (0, &[then, decision][..]), "{stage:?}: {printed:?}");
        assert_eq!(row.contains("no stage `Release` of it waited for checks"), stage == Some("Release"), "{row}");
    }
}
