//! The official client of Azure DevOps for Node drives the simulated service. The calls are in `tests/clients`.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use simulator::Clock;
use simulator::azure_devops::{Artifact, AzureDevOps, Change, Coverage, State, TestResults};

/// What the calls expect to find, with its ids.
fn set_up(state: &mut State) -> Value {
    let now = state.clock.now();
    state.work_item(42, "Active");
    state.queries.insert("SELECT [System.Id] FROM WorkItems".to_owned(), vec![42]);
    let run = state.run();
    run.links_work_item(42).covers(Coverage::of_lines(81, 100));
    run.tested(TestResults { passed: 2, failed: 1, not_executed: 0 });
    run.tags.push("release".to_owned());
    run.artifacts.push(Artifact { id: 1, name: "drop".to_owned(), kind: "PipelineArtifact".to_owned() });
    let (id, commit, repository) = (run.id, run.source_version.clone(), run.repository_id);
    let (message, author) = ("Close the order form".to_owned(), "Johnnie McLeod".to_owned());
    run.changes.push(Change { id: commit.clone(), message, author, timestamp: now });
    let request = state.pull_request(7, &commit);
    request.vote("Ana Bowman", 10).work_items.push(42);
    let ids = state.await_check(id);
    json!({
        "url": ids.plan_url, "token": ids.auth_token, "project": ids.project_id, "hub": ids.hub_name,
        "plan": ids.plan_id, "timeline": ids.timeline_id, "job": ids.job_id, "task": ids.task_instance_id,
        "run": id, "commit": commit, "repository": repository,
    })
}

#[tokio::test]
async fn the_official_client_works_with_the_simulated_service() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clients").canonicalize().unwrap();
    xtask::npm::install(&folder, "the client of Azure DevOps").unwrap_or_else(|why| panic!("{why}"));
    let azure_devops = AzureDevOps::start(Clock::system()).await.unwrap();
    let given = azure_devops.with(set_up);
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=spec", "--test-timeout=60000"])
        .current_dir(folder)
        .env("GIVEN", given.to_string());
    let run = tokio::task::spawn_blocking(move || node.output()).await.unwrap().unwrap();
    println!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "the client and the simulated service do not agree");
    azure_devops.with(|state| {
        assert_eq!(state.unknown_requests, Vec::<String>::new());
        assert_eq!(state.plans.values().next().unwrap().feed, ["a line"]);
    });
}
