//! Messages that somebody else wrote, or that are handed over again: never a request with a token, one clear line each.

use checkgate::queue::QUEUE_NAME;
use checkgate::queue::message::CheckMessage;
use checkgate::task::sealer::Sealer;
use serde_json::{Value, json};
use simulator::storage_queue::NewMessage;
use uuid::Uuid;

use crate::support::{AN_INTERVAL, LogLines, World, a_check};

/// A check that waits, and the text of its message.
async fn a_waiting_check() -> (World, String) {
    let world = World::with_a_waiting_check().await;
    let text = world.messages()[0].text.clone();
    world.azure_devops_server().take_calls();
    (world, text)
}

/// Hands a text over as a queue message, and returns the log lines. No token may have been used.
async fn expect_unusable(world: &World, log: &LogLines, text: &str, what: &str) -> String {
    let invocation = world.host.invoke_manually("ReevaluateFunction", text).await.expect("the function");
    assert_eq!(invocation.status, 500, "{what}: {}", invocation.body);
    let calls = world.azure_devops_server().take_calls();
    assert!(calls.is_empty(), "{what}: {calls:#?}");
    let lines = log.take();
    assert_eq!(lines.len(), 1, "{what}: {lines:#?}");
    assert!(
        lines[0].contains("\"ERROR\"") && lines[0].contains("the queue message cannot be used"),
        "{what}: {lines:?}"
    );
    lines[0].clone()
}

fn edited(genuine: &str, edit: impl FnOnce(&mut Value)) -> String {
    let mut value: Value = serde_json::from_str(genuine).expect("JSON");
    edit(&mut value);
    value.to_string()
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of all that can be changed")]
async fn a_message_with_anything_changed_does_not_open() {
    let (mut world, genuine) = a_waiting_check().await;
    let log = LogLines::capture();
    let id = || json!(Uuid::new_v4());
    type Edit = Box<dyn Fn(&mut Value)>;
    let edits: Vec<(&str, Edit)> = vec![
        ("another project", Box::new(move |it| it["check"]["properties"]["projectId"] = id())),
        ("another plan", Box::new(move |it| it["check"]["properties"]["planId"] = id())),
        ("another job", Box::new(move |it| it["check"]["properties"]["jobId"] = id())),
        ("another timeline", Box::new(move |it| it["check"]["properties"]["timelineId"] = id())),
        ("another task", Box::new(move |it| it["check"]["properties"]["taskInstanceId"] = id())),
        ("another run", Box::new(|it| it["check"]["properties"]["buildId"] = json!(102))),
        ("no run", Box::new(|it| drop(it["check"]["properties"].as_object_mut().expect("").remove("buildId")))),
        ("another hub", Box::new(|it| it["check"]["properties"]["hubName"] = json!("build"))),
        (
            "another allowed PlanUrl",
            Box::new(|it| it["check"]["properties"]["planUrl"] = json!("https://dev.azure.com/evil/")),
        ),
        ("another name", Box::new(|it| it["check"]["name"] = json!("cmdline-executed"))),
        (
            "other conditions",
            Box::new(|it| it["check"]["definition"]["conditions"] = json!([{ "taskExecuted": { "task": "CmdLine" } }])),
        ),
        (
            "a laxer condition",
            Box::new(|it| it["check"]["definition"]["conditions"][0]["workItems"]["whenNone"] = json!("pass")),
        ),
        ("a dry run", Box::new(|it| it["check"]["definition"]["dryRun"] = json!(true))),
        ("a skipped timeout", Box::new(|it| it["check"]["definition"]["onTimeout"] = json!("skip"))),
        ("other inputs", Box::new(|it| it["check"]["inputs"] = json!({ "ChangeNumber": "CHG0030002" }))),
        ("an earlier delivery", Box::new(|it| it["check"]["deliveredAt"] = json!("2026-01-01T00:00:00Z"))),
        ("a later deadline", Box::new(|it| it["check"]["deadline"] = json!("2036-01-01T00:00:00Z"))),
        ("a decision", Box::new(|it| it["pendingDecision"] = json!({ "decision": { "result": "approved" } }))),
        ("a measured memory", Box::new(|it| it["progress"]["memory"] = json!({ "0": { "state": [1, 2, 3] } }))),
        ("another run's facts", Box::new(|it| it["progress"]["run"] = json!({ "id": 102, "reason": "manual" }))),
        ("another log", Box::new(|it| it["progress"]["logId"] = json!(99))),
        ("another claim", Box::new(|it| it["progress"]["claims"] = json!(["ffffffffffff0000.stolen"]))),
        ("a doubted claim", Box::new(|it| it["progress"]["doubtedClaim"] = json!("0000000000000001.stale"))),
        ("a fresh start", Box::new(|it| it["progress"] = json!({}))),
        ("another correlation", Box::new(move |it| it["correlationId"] = id())),
        ("an unknown member", Box::new(|it| it["note"] = json!("hello"))),
        ("no token", Box::new(|it| drop(it.as_object_mut().expect("").remove("sealedToken")))),
        ("an empty token", Box::new(|it| it["sealedToken"] = json!(""))),
        ("a token in the clear", Box::new(|it| it["sealedToken"] = json!("eyJ0eXAiOiJKV1QifQ.e30.x"))),
        ("a token that is not a text", Box::new(|it| it["sealedToken"] = json!({ "token": "x" }))),
        ("another version", Box::new(|it| it["version"] = json!(2))),
        ("no version", Box::new(|it| drop(it.as_object_mut().expect("").remove("version")))),
        ("a version that is text", Box::new(|it| it["version"] = json!("1"))),
    ];
    for (what, edit) in edits {
        expect_unusable(&world, &log, &edited(&genuine, edit), what).await;
    }
    assert_eq!(world.messages().len(), 1, "nothing was queued");
    world.expect_no_decision();
    world.still_waits();
}

#[tokio::test]
async fn a_message_that_was_cut_or_flipped_does_not_open() {
    let (mut world, genuine) = a_waiting_check().await;
    let log = LogLines::capture();
    for keep in [0, 1, 20, genuine.len() / 2, genuine.len() - 1] {
        expect_unusable(&world, &log, &genuine[..keep], &format!("{keep} bytes")).await;
    }
    // One bit of each character of the seal; those that base64 ignores are caught by its strictness.
    // The id of the key stands in front: another id is another app's, whose messages are put back.
    let start = genuine.find("sealedToken").expect("a seal") + "sealedToken\":\"01234567".len();
    let end = start + genuine[start..].find('"').expect("the seal's end");
    for at in (start..end).step_by(3) {
        let mut bytes = genuine.clone().into_bytes();
        bytes[at] ^= 1;
        let flipped = String::from_utf8(bytes).expect("ASCII");
        expect_unusable(&world, &log, &flipped, &format!("bit {at}")).await;
    }
    world.still_waits();
}

#[tokio::test]
async fn duplicate_members_cannot_hide_behind_the_seal() {
    let (mut world, genuine) = a_waiting_check().await;
    let log = LogLines::capture();
    for extra in [
        r#""pendingDecision":{"decision":{"result":"approved"}},"#,
        r#""progress":{"evaluations":0},"#,
        r#""version":1,"pendingDecision":{"decision":{"result":"approved"},"accepted":true},"#,
    ] {
        let behind = format!(
            "{},{}}}",
            genuine.trim_end_matches('}').to_owned() + &"}".repeat(depth(&genuine)),
            extra.trim_end_matches(',')
        );
        expect_unusable(&world, &log, &behind, extra).await;
    }
    // In front of the genuine member, where the last one counts: either it opens as it was sealed, or not at all.
    let front = genuine.replacen('{', r#"{"progress":{"evaluations":0},"#, 1);
    world.host.invoke_manually("ReevaluateFunction", &front).await.expect("the function");
    world.expect_no_decision();
    world.still_waits();
}

/// How many braces of the message's end are not its own.
fn depth(text: &str) -> usize {
    text.len() - text.trim_end_matches('}').len() - 1
}

#[tokio::test]
async fn a_token_of_another_check_or_another_key_does_not_open() {
    let (mut world, genuine) = a_waiting_check().await;
    world.deliver(a_check()).await;
    let messages = world.messages();
    let other = messages.iter().find(|message| message.text != genuine).expect("another message").text.clone();
    let log = LogLines::capture();
    let theirs: Value = serde_json::from_str(&other).expect("JSON");
    let swapped = edited(&genuine, |it| it["sealedToken"] = theirs["sealedToken"].clone());
    let line = expect_unusable(&world, &log, &swapped, "another check's token").await;
    assert!(line.contains("does not belong to this check and message"), "{line}");

    let CheckMessage::V1(message, sealed) = CheckMessage::parse(&genuine).expect("a message");
    let token = sealed.open(&world.sealer()).expect("a token");
    let stranger = Sealer::new(&Sealer::generate_key().expect("random numbers"), None).expect("a key");
    // The stranger's seal under the name of our key.
    let ours: Value = serde_json::from_str(&genuine).expect("JSON");
    let key_id = ours["sealedToken"].as_str().expect("text").split('.').next().expect("an id").to_owned();
    let disguised = edited(&message.seal(&token, &stranger), |it| {
        let (_, body) = it["sealedToken"].as_str().expect("text").split_once('.').expect("a dot");
        it["sealedToken"] = json!(format!("{key_id}.{body}"));
    });
    let line = expect_unusable(&world, &log, &disguised, "a disguised key").await;
    assert!(line.contains("does not belong to this check and message"), "{line}");
    world.may_leave_messages();
}

#[tokio::test]
async fn a_replaced_key_opens_as_long_as_it_is_kept_and_waiting_checks_move_to_the_new_one() {
    let (mut world, genuine) = a_waiting_check().await;
    let (old, new) = (world.setup.sealing_key.clone(), Sealer::generate_key().expect("random numbers"));

    // Without the former key the check cannot go on, and nobody is called.
    world.change_keys(&new, None).await;
    world.azure_devops_server().take_calls();
    let log = LogLines::capture();
    world.advance(AN_INTERVAL * 10).await;
    assert_eq!(world.messages()[0].text, genuine);
    assert!(world.azure_devops_server().take_calls().is_empty(), "a token was used");
    let lines = log.take().concat();
    assert!(lines.contains("set TokenSealingKeyPrevious to the former key"), "{lines}");

    // With it, it does, and its next message needs the former key no more.
    world.change_keys(&new, Some(&old)).await;
    world.advance(AN_INTERVAL).await;
    let CheckMessage::V1(_, sealed) = CheckMessage::parse(&world.messages()[0].text).expect("a message");
    assert!(sealed.open(&Sealer::new(&new, None).expect("a key")).is_ok());
    world.change_keys(&new, None).await;
    world.close_work_item();
    world.advance(AN_INTERVAL).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn a_check_that_waits_survives_a_missing_key_and_goes_on_once_it_is_there() {
    let (mut world, _) = a_waiting_check().await;
    let key = world.setup.sealing_key.clone();
    world.change_keys("", None).await;
    assert_eq!(world.deliver_again(a_check()).await.status, 503);
    world.advance(AN_INTERVAL * 30).await;
    assert!(world.queue.poison(QUEUE_NAME).is_empty(), "the tries are used up");
    world.expect_no_decision();
    world.change_keys(&key, None).await;
    world.close_work_item();
    world.advance(AN_INTERVAL).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn names_of_the_host_in_a_message_do_not_replace_what_the_host_says() {
    let (mut world, _) = a_waiting_check().await;
    let log = LogLines::capture();
    let forged = json!({ "Id": "stolen", "dequeueCount": 77, "sys": 5, "version": 1 }).to_string();
    let queued = world.queue.with(|state| state.put(QUEUE_NAME, &NewMessage::now(&forged)).expect("a message"));
    world.run_due_messages().await;
    let lines = log.take();
    let line: Value = serde_json::from_str(lines.last().expect("a line")).expect("JSON");
    let span = &line["span"];
    assert_eq!((&span["invocation.dequeue_count"], &span["message_id"]), (&json!(1), &json!(queued.id)), "{lines:#?}");
    world.still_waits();
}

#[tokio::test]
async fn a_genuine_message_that_is_handed_over_again_ends_at_the_claim() {
    let (world, genuine) = a_waiting_check().await;
    let log = LogLines::capture();
    // The present message under another id: the record holds a claim that it carries, so it may go on - once.
    world.host.invoke_manually("ReevaluateFunction", &genuine).await.expect("the function");
    let lines = log.take();
    assert!(lines.concat().contains("next evaluation at"), "{lines:#?}");
    for _ in 0..3 {
        let replayed = world.host.invoke_manually("ReevaluateFunction", &genuine).await.expect("the function");
        assert!(replayed.body.contains("another chain of messages takes care of the check"), "{}", replayed.body);
        let lines = log.take();
        assert!(lines.len() == 1 && lines[0].contains("another chain"), "{lines:#?}");
    }
    world.close_work_item();
    world.advance(AN_INTERVAL).await;
    world.expect_decision("succeeded");

    // After the decision there is nothing left to win.
    log.take();
    world.azure_devops_server().take_calls();
    world.host.invoke_manually("ReevaluateFunction", &genuine).await.expect("the function");
    let lines = log.take();
    assert!(lines.len() == 1 && lines[0].contains("decided: succeeded"), "{lines:#?}");
    world.expect_decision("succeeded");
    let calls = world.azure_devops_server().take_calls();
    assert!(calls.iter().all(|call| call.method == "GET"), "{calls:#?}");
}

#[tokio::test]
async fn a_text_that_is_not_a_message_is_one_line_without_its_content() {
    let (mut world, _) = a_waiting_check().await;
    let log = LogLines::capture();
    for text in [
        "",
        "hello canary",
        "{}",
        "[]",
        "null",
        "5",
        "{\"version\":1}",
        "{\"version\":1,\"sealedToken\":\"canary.x\"}",
        "\u{feff}{}",
    ] {
        let line = expect_unusable(&world, &log, text, text).await;
        assert!(!line.contains("canary"), "{line}");
    }
    let deep = "[".repeat(20_000);
    expect_unusable(&world, &log, &deep, "deep").await;
    expect_unusable(&world, &log, &format!("{{\"version\":1,\"x\":\"{}\"}}", "x".repeat(70_000)), "large").await;
    world.still_waits();
}
