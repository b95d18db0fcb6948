//! The demo with the real Functions host: the real handler and the real Azurite, with stand-ins for cargo and Core Tools.

#![expect(clippy::unwrap_used, reason = "the helpers of a test are a test")]

mod machine;

use std::fs;

use serde_json::json;
use tokio::process::Command;

use machine::{Demo, Machine, demo, until};

#[tokio::test(flavor = "multi_thread")]
async fn the_real_host_brings_a_click_to_a_decision_and_ctrl_c_ends_everything() {
    let machine = Machine::complete().await;
    let demo = machine.demo().await;

    assert_eq!(demo.act(json!({ "verb": "start", "useCase": "cmdline-task" })).await.0, 204);
    let shown = demo.shows(|shown| shown["run"]["status"] != "waiting" && shown["run"].is_object()).await;
    assert!(["running", "succeeded"].contains(&shown["run"]["status"].as_str().unwrap()), "{shown:#}");
    assert!(shown.to_string().contains("Decision: succeeded"), "{shown:#}");
    assert!(!demo.host.invocations().is_empty(), "the evaluation came from somewhere else");

    assert_eq!((&shown["isRealTime"], &shown["handler"]["canBeKilled"]), (&json!(true), &json!(false)));
    let keys: Vec<_> = shown["useCases"].as_array().unwrap().iter().map(|case| case["key"].as_str().unwrap()).collect();
    assert!(keys.contains(&"workItem:42") && !keys.contains(&"clock") && !keys.contains(&"handler"), "{keys:?}");
    for (action, says) in [
        (json!({ "verb": "killHandler" }), "Kill its process yourself"),
        (json!({ "verb": "setSpeed", "factor": 60 }), "the clock is the real one"),
        (json!({ "verb": "moveClock", "to": "2099-01-01T00:00:00Z" }), "the clock is the real one"),
    ] {
        let (status, why) = demo.act(action).await;
        assert!(status == 409 && why.contains(says), "{status} {why}");
    }

    let group = format!("-{}", demo.process.id().unwrap());
    assert!(Command::new("kill").args(["-INT", "--", &group]).status().await.unwrap().success());
    until("the end of func", || machine.record("ended").is_some()).await;
    demo.host.stop().await;
    let (status, said) = demo.ends().await;
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.contains("The demo has ended.") && said.contains("Azurite has ended."), "{said}");
    assert!(!machine.listens(), "something was left running");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_ends_with_its_host() {
    let machine = Machine::complete().await;
    let demo = machine.demo().await;
    demo.host.stop().await;
    fs::write(machine.folder.join("break"), "").unwrap();
    let (status, said) = demo.ends().await;
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("The Functions host has ended, and so has the demo."), "{said}");
    assert!(!machine.listens(), "something was left running");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_that_nobody_reads_ends_func_too() {
    let machine = Machine::complete().await;
    let Demo { mut process, output, host, .. } = machine.demo().await;
    drop(output);
    let id = process.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().await.unwrap().success());
    until("the end of func", || machine.record("ended").is_some()).await;
    host.stop().await;
    assert_eq!(process.wait().await.unwrap().code(), Some(0));
    assert!(!machine.listens(), "something was left running");
}

#[tokio::test]
async fn what_is_missing_is_said_before_the_page_opens() {
    let nothing = std::env::temp_dir().join("no-programs");
    let said = |arguments: &'static [&'static str]| {
        let mut command = demo();
        command.args(arguments).env("PATH", &nothing);
        async move {
            let output = command.output().await.unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
            (output.status.code(), text)
        }
    };
    let (code, text) = said(&[]).await;
    assert_eq!((code, text.trim().lines().count()), (Some(1), 1), "{text}");
    assert!(text.trim().starts_with("error: func cannot be run"), "{text}");
    assert!(text.contains("install Azure Functions Core Tools 4") && text.contains("`cargo demo` without"), "{text}");

    let (code, text) = said(&["--speed", "60"]).await;
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("cannot be used with"), "{text}");
}
