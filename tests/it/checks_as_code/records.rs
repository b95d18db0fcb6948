//! The records of decisions in the handler's log, and `checkgate verify-record`.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::kinds::{CASES, Case, checks_of};
use super::{Person, Printed};
use crate::support::{LogLines, World, a_check, minutes, shipped};

/// A file that is gone with the test.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("checkgate-{}-{name}", std::process::id()));
        std::fs::write(&path, text).expect("a temporary file");
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

pub(super) async fn verify(name: &str, text: &str, more: &[&str]) -> Printed {
    let file = File::new(name, text);
    let path = file.0.to_str().expect("a plain path");
    Person::new().await.run(&[&["verify-record", path][..], more].concat()).await
}

/// The records among the lines of a log, as they stand there.
pub(super) fn records(log: &[String]) -> Vec<String> {
    log.iter().filter(|line| line.starts_with("{\"specversion\"")).cloned().collect()
}

fn parsed(record: &str) -> Value {
    serde_json::from_str(record).expect("one line of JSON")
}

/// Writes the digest of each fact again, as somebody would who forges a record.
fn with_digests(mut record: Value) -> String {
    for fact in record["data"]["facts"].as_array_mut().expect("facts") {
        let digest = Sha256::digest(fact["value"].to_string());
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        fact["digest"] = format!("sha256:{hex}").into();
    }
    record.to_string()
}

/// The record as it was written before facts said for which run they were read.
fn as_before(record: &str) -> String {
    let mut record = parsed(record);
    for fact in record["data"]["facts"].as_array_mut().expect("facts") {
        if let Some(of) = fact.get_mut("of").and_then(Value::as_object_mut) {
            of.remove("run");
        }
    }
    record.to_string()
}

/// The record of a check of this kind, and what else the handler wrote.
async fn decided(case: &Case) -> (String, Vec<String>) {
    let mut world = World::with_sources(|sources| checks_of(std::slice::from_ref(case), sources)).await;
    let (run, sources) = (world.run, world.sources().clone());
    world.azure_devops(|state| case.give(state, run, &sources));
    let log = LogLines::capture();
    world.accept(a_check()).await;
    world.run_due_messages().await;
    world.expect_decision("succeeded");
    let lines = log.take();
    let token = world.ids().auth_token.clone();
    assert!(lines.iter().all(|line| !line.contains(&token)), "the token is in the log");
    let [record] = records(&lines).try_into().expect("one record");
    (record, lines)
}

#[tokio::test]
async fn each_kind_of_condition_leaves_a_record_that_verifies_and_does_not_with_another_fact() {
    let (mut as_written, mut older, mut forged) = (Vec::new(), Vec::new(), Vec::new());
    for case in CASES {
        let (record, _) = decided(case).await;
        let mut flipped = parsed(&record);
        if !case.flip(&mut flipped["data"]["facts"]) {
            flipped["data"]["evaluated_now"] = "2020-02-01T12:00:00Z".into();
            flipped["data"]["read_at"] = "2020-02-01T12:00:00Z".into();
        }
        older.push(as_before(&record));
        as_written.push(record);
        forged.push(with_digests(flipped));
    }
    let printed = verify("records.log", &as_written.join("\n"), &[]).await;
    assert!(printed.code == 0 && printed.out.matches("verified  ").count() == CASES.len(), "{printed:?}");
    let printed = verify("older.log", &older.join("\n"), &[]).await;
    assert!(printed.code == 0 && printed.out.matches("verified  ").count() == CASES.len(), "{printed:?}");
    let printed = verify("forged.log", &forged.join("\n"), &[]).await;
    assert!(printed.code == 1 && printed.out.matches("DISAGREES").count() == CASES.len(), "{printed:?}");
    assert!(printed.out.contains("the decision was succeeded, and by the recorded facts it is"), "{}", printed.out);
}

#[tokio::test]
async fn the_gate_of_another_commit_than_the_runs_does_not_verify() {
    let case = CASES.iter().find(|case| case.kind == "sonarQualityGate").expect("the case");
    let mut record = parsed(&decided(case).await.0);
    let facts = record["data"]["facts"].as_array_mut().expect("facts");
    let run = facts.iter_mut().find(|fact| fact["fact"] == "run").expect("the run");
    run["value"]["sourceVersion"] = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567".into();
    let printed = verify("other-commit.log", &with_digests(record), &[]).await;
    assert!(printed.code == 1 && printed.out.contains("DISAGREES"), "{printed:?}");
    assert!(printed.out.contains("the fact is for sourceVersion 0"), "{printed:?}");
    assert!(printed.out.contains("that of the run is 0a1b2c3d4e5f"), "{printed:?}");
}

#[tokio::test]
async fn the_record_of_a_check_that_waited_has_the_run_that_its_facts_are_for() {
    let world = World::with_a_waiting_check().await;
    let log = LogLines::capture();
    world.close_work_item();
    world.advance(minutes(1)).await;
    let [record] = records(&log.take()).try_into().expect("one record");
    let facts = parsed(&record)["data"]["facts"].clone();
    let of = |name: &str| facts.as_array().expect("facts").iter().find(|fact| fact["fact"] == name).cloned();
    let (run, items) = (of("run").expect("the run"), of("workItems").expect("the work items"));
    assert_eq!(items["of"]["run"], json!({ "sourceVersion": run["value"]["sourceVersion"] }));
    let printed = verify("waited.log", &record, &[]).await;
    assert_eq!(printed.code, 0, "{printed:?}");
}

#[tokio::test]
async fn a_decision_because_time_was_over_once_the_facts_were_read_verifies() {
    // The second evaluation begins 5 s before the deadline.
    let checks = "default: it\nchecks: { it: { timeout: 1h, reevaluateEvery: 3415s, \
                  conditions: [ { workItems: { state: Completed } } ] } }";
    let mut world = World::with_checks(checks, crate::support::an_active_work_item).await;
    world.accept(a_check()).await;
    world.run_due_messages().await;
    world.expect_next_evaluation_in(Duration::from_secs(3415));
    world.latency("POST", "/workitemsbatch", Duration::from_secs(8));
    let log = LogLines::capture();
    world.advance(Duration::from_secs(3415)).await;
    world.expect_decision("failed");
    world.expect_log("The check's time is over");
    let [record] = records(&log.take()).try_into().expect("one record");
    let printed = verify("over.log", &record, &[]).await;
    assert_eq!(printed.code, 0, "{printed:?}");
}

#[tokio::test]
async fn a_record_says_what_was_judged_and_how_the_decision_was_delivered() {
    let world = World::with_a_waiting_check().await;
    world.azure_devops_server().take_calls();
    let log = LogLines::capture();
    world.advance(minutes(3)).await;
    assert_eq!(records(&log.take()), Vec::<String>::new(), "nothing is decided");
    world.close_work_item();
    world.advance(minutes(1)).await;
    world.expect_decision("succeeded");
    let [record] = records(&log.take()).try_into().expect("one record");
    let record = parsed(&record);
    let data = &record["data"];
    let delivery = &data["delivery"];
    assert_eq!((&delivery["evaluations"], &delivery["duration_seconds"]), (&json!(5), &json!(240)), "{record}");
    assert_eq!(delivery["told"], json!({ "azurePipelines": "confirmed" }));
    assert!(delivery["calls"].as_u64().is_some_and(|calls| (15..60).contains(&calls)), "{delivery}");
    assert_eq!((&data["path"], &data["result"]["decision"]), (&json!("work-item-completed"), &json!("succeeded")));
    let facts = data["facts"].as_array().expect("facts");
    let of_condition = &data["result"]["conditions"][0]["facts"][0];
    let judged_by = &facts[usize::try_from(of_condition.as_u64().expect("a position")).expect("small")];
    assert_eq!((&judged_by["fact"], &judged_by["value"][0]["id"]), (&json!("workItems"), &json!(42)));
}

#[tokio::test]
async fn decisions_at_the_deadline_of_a_dry_run_and_in_a_response_are_recorded_and_verify() {
    let log = LogLines::capture();
    for (mode, told) in [("", "failed"), ("dryRun: true, ", "succeeded")] {
        let check = format!("{mode}timeout: 1h, conditions: [ {{ workItems: {{ state: Completed }} }} ]");
        let checks = format!("default: it\nchecks: {{ it: {{ {check} }} }}");
        let mut world = World::with_checks(&checks, crate::support::an_active_work_item).await;
        world.accept(a_check()).await;
        world.advance(minutes(60)).await;
        world.expect_decision(told);
    }
    let mut world = World::given(|_, _| {}).await;
    for reason in ["Manual", "IndividualCI"] {
        world.deliver(a_check().named("manual-run").with("BuildReason", reason)).await;
    }
    let found = records(&log.take());
    let decisions: Vec<Value> =
        found.iter().map(|record| parsed(record)["data"]["result"]["decision"].clone()).collect();
    assert_eq!(decisions, ["failed", "failed", "succeeded", "failed"]);
    assert_eq!(parsed(&found[1])["data"]["delivery"]["dry_run"], true);
    let printed = verify("ends.log", &found.join("\n"), &[]).await;
    assert_eq!(printed.code, 0, "{printed:?}");
}

#[tokio::test]
async fn a_record_that_would_be_too_long_keeps_the_digest_of_what_is_left_out_and_cannot_be_judged_again() {
    let mut world = World::given(|state, run| {
        let run = state.runs.get_mut(&run).expect("the run");
        let records = run.timeline.as_mut().expect("a timeline");
        let record = records[0].clone();
        records.extend((0..500).map(|_| record.clone()));
    })
    .await;
    let log = LogLines::capture();
    world.accept(a_check()).await;
    world.run_due_messages().await;
    let [record] = records(&log.take()).try_into().expect("one record");
    assert!(record.len() <= 30 * 1024, "{}", record.len());
    let facts = parsed(&record)["data"]["facts"].as_array().expect("facts").clone();
    let timeline = facts.iter().find(|fact| fact["fact"] == "timeline").expect("the timeline");
    assert!(timeline.get("value").is_none() && timeline["digest"].as_str().is_some_and(|it| it.len() == 71));
    let printed = verify("long.log", &record, &[]).await;
    assert!(printed.code == 2 && printed.out.contains("cannot judge"), "{printed:?}");
}

#[tokio::test]
async fn what_was_changed_after_the_decision_is_found_whatever_stands_around_the_record() {
    let (record, lines) = decided(&CASES[0]).await;
    let in_portal = json!([{ "message": record, "severity": 1 }]).to_string();
    let in_log = lines.iter().map(|line| format!("[2026-11-26T10:00:00Z] {line}\n")).collect::<String>();
    for text in [&record, &in_portal, &in_log] {
        let printed = verify("around.log", text, &[]).await;
        assert!(printed.code == 0 && printed.err.contains("1 record: 1 verified"), "{printed:?}");
    }
    let other = record.replace("\"buildNumber\":\"", "\"buildNumber\":\"9");
    assert_ne!(other, record);
    let definition = record.replace("refs/heads/main", "refs/heads/trunk");
    let decision = record.replace("\"decision\":\"succeeded\"", "\"decision\":\"failed\"");
    for (text, says) in [
        (other, "the fact `run` is not the one that its digest is of"),
        (definition, "is not the one that was applied"),
        (decision, "the decision was failed, and by the recorded facts it is succeeded"),
        (record[..record.len() - 9].to_owned(), "was it cut?"),
        ("nothing here".to_owned(), "there is no decision record"),
    ] {
        let printed = verify("changed.log", &text, &[]).await;
        assert!(printed.code != 0 && format!("{}{}", printed.out, printed.err).contains(says), "{says}: {printed:?}");
    }
}

#[tokio::test]
async fn a_definition_that_is_not_in_the_record_is_taken_from_the_file_if_it_is_the_same() {
    let mut world = World::given(|_, _| {}).await;
    let log = LogLines::capture();
    world.accept(a_check()).await;
    world.run_due_messages().await;
    let [record] = records(&log.take()).try_into().expect("one record");
    let mut record = parsed(&record);
    record["data"]["policy"].as_object_mut().expect("the policy").remove("definition");
    let text = record.to_string();
    let printed = verify("without.log", &text, &[]).await;
    assert!(printed.code == 2 && printed.out.contains("--file"), "{printed:?}");
    let printed = verify("without.log", &text, &["--file", "checks.yaml"]).await;
    assert_eq!(printed.code, 0, "{printed:?}");
    let other = File::new("other.yaml", &shipped().replace("task: CmdLine", "task: Bash"));
    let printed = verify("without.log", &text, &["--file", other.0.to_str().expect("a plain path")]).await;
    assert!(printed.code == 1 && printed.out.contains("is not the one that was applied"), "{printed:?}");
}
