//! Records of decisions in a container of the operator's: appended in the background, never in the way of a decision.

use std::time::Duration;

use checkgate::decision_log::Patience;
use serde_json::Value;
use simulator::azure_devops::AzureDevOps;
use simulator::faults::Fault;
use simulator::sources::Sources;
use simulator::storage_blob::StorageBlob;
use tokio::time::{interval, timeout};

use super::records::{records, verify};
use crate::support::{LogLines, MONDAY_MORNING, Setup, World, a_check};

const CONTAINER: &str = "decisions";

/// How long an append may take before it counts as stuck.
const STUCK: Duration = Duration::from_secs(60);

/// A storage account with the container.
async fn an_account() -> (simulator::Clock, StorageBlob) {
    let clock = simulator::Clock::starting_at(MONDAY_MORNING.parse().expect("a time"));
    let account = StorageBlob::start(clock.clone()).await.expect("a port");
    account.with(|state| state.create_container(CONTAINER));
    (clock, account)
}

/// A world on this clock, whose handler appends to this address.
async fn a_world_that_appends(clock: &simulator::Clock, address: String) -> World {
    let azure_devops = AzureDevOps::start(clock.clone()).await.expect("a port");
    World::around_with(azure_devops, Setup { decision_records: Some(address), ..Setup::default() }).await
}

/// The address of the container, with a signature that allows this.
fn signed(account: &StorageBlob, permissions: &str) -> String {
    format!("{}?{}", account.container(CONTAINER), account.signature(CONTAINER, permissions))
}

/// A world whose handler may add to the container, and the account.
async fn a_world() -> (World, StorageBlob) {
    let (clock, account) = an_account().await;
    (a_world_that_appends(&clock, signed(&account, "ac")).await, account)
}

/// A check is delivered and decided.
async fn decide(world: &mut World) {
    world.accept(a_check()).await;
    world.run_due_messages().await;
    world.expect_decision("succeeded");
}

/// Waits until no record is being appended.
async fn settled(world: &World) {
    let mut look = interval(Duration::from_millis(2));
    let ended = async {
        while world.app.decision_log.is_appending() {
            look.tick().await;
        }
    };
    timeout(STUCK, ended).await.expect("a record is being appended for ever");
}

/// The lines that say that a record was not appended.
fn failures(log: &[String]) -> Vec<Value> {
    let lines = log.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["event"] == "record_not_appended").collect()
}

#[tokio::test]
async fn each_record_is_appended_to_the_blob_of_its_day_as_it_stands_in_the_log() {
    let (mut world, account) = a_world().await;
    let log = LogLines::capture();
    decide(&mut world).await;
    settled(&world).await;
    world.deliver(a_check().named("manual-run").with("BuildReason", "Manual")).await;
    settled(&world).await;
    world.advance(Duration::from_secs(15 * 3_600)).await;
    decide(&mut world).await;
    settled(&world).await;

    assert_eq!(account.blobs(CONTAINER), ["2026/01/05.jsonl", "2026/01/06.jsonl"]);
    let lines: Vec<String> = ["2026/01/05.jsonl", "2026/01/06.jsonl"]
        .iter()
        .flat_map(|blob| account.text(CONTAINER, blob).lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let log = log.take();
    assert_eq!(lines, records(&log));
    assert_eq!((lines.len(), failures(&log).len()), (3, 0));
    let kind = account.with(|state| state.blob(CONTAINER, "2026/01/05.jsonl").map(|blob| blob.content_type.clone()));
    assert_eq!(kind.as_deref(), Some("application/x-ndjson"));
    let printed = verify("container.jsonl", &lines.join("\n"), &[]).await;
    assert!(printed.code == 0 && printed.out.matches("verified  ").count() == 3, "{printed:?}");
}

#[tokio::test]
async fn two_instances_append_to_one_blob() {
    let (clock, account) = an_account().await;
    let address = signed(&account, "ac");
    let mut one = a_world_that_appends(&clock, address.clone()).await;
    let mut other = a_world_that_appends(&clock, address).await;
    tokio::join!(decide(&mut one), decide(&mut other));
    tokio::join!(settled(&one), settled(&other));
    assert_eq!(account.blobs(CONTAINER), ["2026/01/05.jsonl"]);
    assert_eq!(account.text(CONTAINER, "2026/01/05.jsonl").lines().count(), 2);
}

#[tokio::test]
async fn a_blob_that_another_instance_creates_at_the_same_time_is_taken() {
    let (mut world, account) = a_world().await;
    account.with(|state| state.lose_next_create = true);
    let log = LogLines::capture();
    decide(&mut world).await;
    settled(&world).await;
    assert_eq!(account.text(CONTAINER, "2026/01/05.jsonl").lines().count(), 1);
    assert_eq!(failures(&log.take()), Vec::<Value>::new());
}

#[tokio::test]
async fn a_blob_that_is_full_has_a_next_part() {
    let (mut world, account) = a_world().await;
    account.with(|state| state.max_blocks = 2);
    for _ in 0..5 {
        decide(&mut world).await;
        settled(&world).await;
    }
    let counts: Vec<(String, usize)> = account
        .blobs(CONTAINER)
        .into_iter()
        .map(|blob| (blob.clone(), account.text(CONTAINER, &blob).lines().count()))
        .collect();
    let expected = [("2026/01/05-2.jsonl", 2), ("2026/01/05-3.jsonl", 1), ("2026/01/05.jsonl", 2)];
    assert_eq!(counts, expected.map(|(blob, count)| (blob.to_owned(), count)));
}

#[tokio::test]
async fn whatever_the_account_does_the_decision_is_made_and_one_line_says_what_to_do() {
    let denied = "<?xml version=\"1.0\"?><Error><Code>AuthorizationFailure</Code></Error>";
    let denied = Fault::answer(403, "application/xml", denied).with_header("x-ms-error-code", "AuthorizationFailure");
    for (name, fault, says) in [
        ("an outage", Fault::status(503), "503"),
        ("silence", Fault::hang(), "did not answer in time"),
        ("a broken connection", Fault::drop_connection(), "cannot be reached"),
        ("a firewall", denied, "`sp=ac`"),
    ] {
        let (clock, account) = an_account().await;
        let address = signed(&account, "ac");
        let signature = address.split("sig=").nth(1).expect("a signature").to_owned();
        let azure_devops = AzureDevOps::start(clock.clone()).await.expect("a port");
        let patience = Patience { request: Duration::from_millis(100), pause: Duration::from_millis(1) };
        let setup = Setup { decision_records: Some(address), append_patience: patience, ..Setup::default() };
        let mut world = World::around_with(azure_devops, setup).await;
        account.fail(fault).forever();
        let log = LogLines::capture();
        decide(&mut world).await;
        settled(&world).await;
        let log = log.take();
        let shown = format!("{:?}\n{}", world.app.decision_log, log.join("\n"));
        assert!(!shown.contains(&signature) && !shown.contains("sig="), "{name}: the signature is in the log");
        let [failure] = failures(&log).try_into().unwrap_or_else(|all| panic!("{name}: {all:?}"));
        let why = failure["error"].as_str().expect("a reason");
        assert!(why.contains(says) && why.contains(CONTAINER), "{name}: {why}");
        assert_eq!(account.blobs(CONTAINER), Vec::<String>::new(), "{name}");
    }
}

#[tokio::test]
async fn a_container_that_is_missing_and_a_signature_that_may_not_create_are_said() {
    for (container, permissions, says) in
        [(None, "ac", "create the container"), (Some(CONTAINER), "a", "`sp=ac`"), (Some(CONTAINER), "r", "`sp=ac`")]
    {
        let (clock, account) = an_account().await;
        if container.is_none() {
            account.with(|state| state.containers.clear());
        }
        let mut world = a_world_that_appends(&clock, signed(&account, permissions)).await;
        let log = LogLines::capture();
        decide(&mut world).await;
        settled(&world).await;
        let log = log.take();
        let [failure] = failures(&log).try_into().unwrap_or_else(|all| panic!("{permissions}: {all:?}"));
        assert!(failure["error"].as_str().is_some_and(|why| why.contains(says)), "{permissions}: {failure}");
        let [record] = records(&log).try_into().expect("the record stands in the log");
        let id = serde_json::from_str::<Value>(&record).expect("JSON")["id"].clone();
        assert!(failure["error"].as_str().is_some_and(|why| why.contains(id.as_str().expect("an id"))), "{failure}");
    }
}

#[tokio::test]
async fn a_short_outage_passes_and_a_lost_answer_leaves_the_record_twice() {
    for (fault, times, lines) in [(Fault::status(503), 3, 1), (Fault::drop_after(), 1, 2)] {
        let (mut world, account) = a_world().await;
        decide(&mut world).await;
        settled(&world).await;
        account.fail(fault).on("PUT", "comp=appendblock").times(times);
        let log = LogLines::capture();
        decide(&mut world).await;
        settled(&world).await;
        let log = log.take();
        assert_eq!(failures(&log), Vec::<Value>::new());
        let text = account.text(CONTAINER, "2026/01/05.jsonl");
        let second: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(second, vec![records(&log)[0].as_str(); lines]);
    }
}

#[tokio::test]
async fn the_managed_identity_opens_a_container_for_which_it_has_the_role() {
    for has_role in [true, false] {
        let (clock, account) = an_account().await;
        account.with(|state| state.identity_has_role = has_role);
        let azure_devops = AzureDevOps::start(clock.clone()).await.expect("a port");
        let sources = Sources::start(clock.clone()).await.expect("a port");
        let decision_records = Some(account.container(CONTAINER));
        let setup = Setup { decision_records, sources: Some(sources), ..Setup::default() };
        let mut world = World::around_with(azure_devops, setup).await;
        let log = LogLines::capture();
        decide(&mut world).await;
        settled(&world).await;
        let failures = failures(&log.take());
        let appended = account.text(CONTAINER, "2026/01/05.jsonl").lines().count();
        assert_eq!((appended, failures.len()), if has_role { (1, 0) } else { (0, 1) }, "{failures:?}");
        let asks = |why: &Value| why["error"].as_str().is_some_and(|it| it.contains("Storage Blob Data Contributor"));
        assert!(failures.iter().all(asks), "{failures:?}");
        let resources = world.sources().with(|state| state.identity.tokens.clone());
        assert!(resources.iter().all(|token| token.1 == "https://storage.azure.com/"), "{resources:?}");
    }
}
