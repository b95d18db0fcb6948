//! Checks that could not be worked on: what becomes of them, and what an operator does.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use checkgate::clock::Clock;
use checkgate::host::Host;
use checkgate::queue::QUEUE_NAME;
use simulator::faults::Fault;
use simulator::storage_queue::NewMessage;
use tokio::process::Command;

use crate::support::{MONDAY_MORNING, Setup, World, a_check, minutes};

/// Runs `checkgate poison` with the settings of the world's handler.
async fn poison(world: &World, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_checkgate"))
        .arg("poison")
        .args(arguments)
        .env_clear()
        .envs(world.settings())
        .output()
        .await
        .expect("the executable");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// A world with one check in the poison queue that nothing is wrong with, and the message's id.
async fn a_poisoned_check() -> (World, String) {
    let mut world = World::given(|_, _| {}).await;
    world.accept(a_check()).await;
    world.queue.with(|state| {
        let text = state.messages(QUEUE_NAME).remove(0).text;
        state.queues.remove(QUEUE_NAME);
        for queue in [QUEUE_NAME, "check-evaluations-poison"] {
            state.create(queue, [].into()).expect("a queue");
        }
        state.put("check-evaluations-poison", &NewMessage::now(&text)).expect("a message");
    });
    let id = world.queue.poison(QUEUE_NAME)[0].id.clone();
    (world, id)
}

#[tokio::test]
async fn a_list_shows_the_run_of_each_poisoned_check_and_no_token() {
    let (world, id) = a_poisoned_check().await;
    let ids = world.ids().clone();

    let list = poison(&world, &["list"]).await.expect("a list");

    let run = format!("{}{}/_build/results?buildId={}", ids.plan_url, ids.project_id, ids.build_id);
    for part in [id.as_str(), "cmdline-executed", &run, &ids.plan_id.to_string(), "delivered  2026-01-05T09:00:00Z"] {
        assert!(list.contains(part), "{part} is not in {list}");
    }
    let message = &world.queue.poison(QUEUE_NAME)[0];
    assert!(!list.contains(&ids.auth_token));
    let sealed: serde_json::Value = serde_json::from_str(&message.text).expect("JSON");
    assert!(!list.contains(sealed["sealedToken"].as_str().expect("a sealed token")));
    assert_eq!(message.dequeue_count, 0, "looking is not taking");
}

#[cfg(unix)]
#[tokio::test]
async fn a_person_needs_no_key_of_the_account_but_a_token_of_the_environment_or_the_azure_cli() {
    let (world, id) = a_poisoned_check().await;
    world.queue.with(|state| state.bearer_tokens.insert("a-persons-token".to_owned()));
    let endpoint = world.queue.connection_string();
    let endpoint = endpoint.split("QueueEndpoint=").nth(1).and_then(|rest| rest.split(';').next()).expect("a URL");
    let folder = std::env::temp_dir().join(format!("checkgate-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir(&folder).expect("a temporary folder");
    let az = folder.join("az");
    let script = "#!/bin/sh\ncase \"$*\" in *'--resource https://storage.azure.com'*) echo a-persons-token;; esac\n";
    std::fs::write(&az, script).expect("a script");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&az, executable).expect("an executable script");
    let nowhere = std::path::Path::new("/nowhere");
    for (token, path, works) in [
        ("", folder.as_path(), true),
        ("a-persons-token", nowhere, true),
        ("another", nowhere, false),
        ("", nowhere, false),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_checkgate"))
            .args(["poison", "list"])
            .env_clear()
            .envs(world.settings().into_iter().filter(|(name, _)| *name != "AzureWebJobsStorage"))
            .env("AzureWebJobsStorage__queueServiceUri", endpoint)
            .env("CHECKGATE_STORAGE_TOKEN", token)
            .env("PATH", path)
            .output()
            .await
            .expect("the executable");
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(text.contains(&id), works, "{token} {path:?}: {output:?}");
    }
    std::fs::remove_dir_all(&folder).expect("it was there");
}

#[tokio::test]
async fn an_empty_poison_queue_is_said_to_be_empty_even_before_it_exists() {
    let world = World::given(|_, _| {}).await;
    assert_eq!(poison(&world, &["list"]).await, Ok("No check is poisoned.".to_owned()));
    let error = poison(&world, &["requeue", "d4c3"]).await.expect_err("no such message");
    assert!(error.contains("there is no message d4c3") && error.contains("checkgate poison list"), "{error}");
}

#[tokio::test]
async fn dcoapp_162_a_check_that_is_queued_again_is_decided() {
    let (world, id) = a_poisoned_check().await;
    // The chain that was given up has written its claim, and nobody of it lives.
    let ids = world.ids().clone();
    world.claim_record("ffffffffffff0000.gone").await;

    let said = poison(&world, &["requeue", &id]).await.expect("queued again");
    assert_eq!(said, "Check `cmdline-executed` is queued again.");
    assert_eq!(world.queue.poison(QUEUE_NAME).len(), 0);
    assert_eq!(world.messages()[0].dequeue_count, 0);

    world.run_due_messages().await;
    assert_eq!(world.ids(), &ids);
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn a_check_that_an_operator_fails_is_failed_with_a_reason_in_its_log() {
    let (world, id) = a_poisoned_check().await;

    let said = poison(&world, &["fail", &id]).await.expect("failed");

    assert_eq!(said, "Check `cmdline-executed` is failed.");
    world.expect_decision("failed");
    world.expect_log("Decision: failed. checkgate could not evaluate the check, and an operator has ended it.");
    assert_eq!(world.queue.poison(QUEUE_NAME).len(), 0);
}

#[tokio::test]
async fn an_operator_does_not_contradict_a_decision_that_was_made_already() {
    let (world, id) = a_poisoned_check().await;
    // A try of it made the decision, kept it in the record, and died before it was delivered.
    world.azure_devops_server().fail(Fault::drop_connection()).on("POST", "/events?").forever();
    let text = world.queue.poison(QUEUE_NAME)[0].text.clone();
    world.host.invoke_manually("ReevaluateFunction", &text).await.expect("the function");
    world.queue.with(|state| state.queues.get_mut(QUEUE_NAME).expect("the queue").messages.clear());
    world.azure_devops_server().heal();

    let said = poison(&world, &["fail", &id]).await.expect("decided");

    assert_eq!(said, "Check `cmdline-executed` is succeeded.");
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn a_check_that_cannot_be_failed_now_stays_in_the_poison_queue() {
    let (world, id) = a_poisoned_check().await;
    world.azure_devops_server().fail(Fault::status(503)).forever();

    let error = poison(&world, &["fail", &id]).await.expect_err("Azure DevOps is down");

    assert!(error.contains("stays in the poison queue"), "{error}");
    assert_eq!(world.queue.poison(QUEUE_NAME).len(), 1);
}

#[tokio::test]
async fn an_unreadable_message_is_poisoned_and_its_run_is_still_found() {
    let mut world = World::given(|_, _| {}).await;
    world.accept(a_check()).await;
    let ids = world.ids().clone();
    world.queue.with(|state| {
        let message = &mut state.queues.get_mut(QUEUE_NAME).expect("the queue").messages[0];
        message.text = message.text.replace("\"version\":1", "\"version\":9");
    });

    world.advance(minutes(5)).await;

    let dequeues = world.host.invocations().iter().filter(|invocation| invocation.message_id.is_some()).count();
    assert_eq!(dequeues, usize::try_from(Host::shipped().max_dequeue_count).expect("a few"));
    assert_eq!(world.queue.poison(QUEUE_NAME).len(), 1);
    let list = poison(&world, &["list"]).await.expect("a list");
    assert!(list.contains("version 9") && list.contains(&format!("build {}, plan {}", ids.build_id, ids.plan_id)));
}

#[tokio::test]
async fn a_message_whose_token_does_not_open_is_poisoned_and_decides_nothing() {
    let mut world = World::given(|_, _| {}).await;
    world.accept(a_check()).await;
    world.queue.with(|state| {
        let message = &mut state.queues.get_mut(QUEUE_NAME).expect("the queue").messages[0];
        message.text = message.text.replace("\"buildId\":101", "\"buildId\":102");
    });

    world.advance(minutes(5)).await;

    world.expect_no_decision();
    assert_eq!(world.queue.poison(QUEUE_NAME).len(), 1);
}

#[tokio::test]
async fn a_body_that_is_not_an_envelope_is_an_error_and_nothing_else_happens() {
    let world = World::given(|_, _| {}).await;
    for body in ["", "{}", "null", "{\"Data\":{\"check\":\"\\\"x\\\"\"},\"Metadata\":{}}"] {
        let invocation = world.host.invoke_raw("ReevaluateFunction", body).await.expect("the function");
        assert_eq!(invocation.status, 500, "{body}");
    }
    assert_eq!(world.azure_devops_server().take_calls().len(), 0);
}

#[tokio::test]
async fn watchflow_26_an_evaluation_that_always_panics_is_failed_once_and_its_log_says_so() {
    let hand = simulator::Clock::starting_at(MONDAY_MORNING.parse().expect("a time"));
    let azure_devops = simulator::azure_devops::AzureDevOps::start(hand.clone()).await.expect("a port");
    // A clock that cannot be read right after the run's timeline was, which every evaluation reads.
    let clock = {
        let (hand, azure_devops, seen) = (hand.clone(), azure_devops.clone(), AtomicU64::new(0));
        Clock::from_fn(move || {
            let counts = azure_devops.counts();
            let count = counts.iter().filter(|(route, _)| route.ends_with("{build}/timeline")).map(|(_, n)| *n).sum();
            assert!(seen.swap(count, Ordering::Relaxed) >= count, "the clock is broken");
            hand.now()
        })
    };
    let setup = Setup { clock: Some(clock), ..Setup::default() };
    let mut world = World::around_with(azure_devops, setup).await;
    // Each attempt has to see the broken clock, those of early successors too.
    world.host.switch(|switches| switches.one_at_a_time = true);
    world.accept(a_check()).await;

    world.advance(Duration::from_secs(300)).await;

    world.expect_decision("failed");
    world.expect_log("checkgate could not evaluate the check, although it tried several times");
    assert_eq!(world.queue.poison(QUEUE_NAME).len(), 0);
    assert!(world.host.invocations().iter().filter(|invocation| invocation.status == 500).count() >= 8);
}
