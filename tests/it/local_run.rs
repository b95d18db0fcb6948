//! What `cargo local` shows a person works.

use std::process::Command;

use serde_json::Value;
use xtask::local::greeting::{curl, header_block};

use crate::support::docs;
use crate::support::evening::{DEVELOPMENT, Evening};

/// The words of a command, as a shell reads them.
fn words(command: &str) -> Vec<String> {
    // In this shell `curl` is a function, so that nobody needs the program.
    let script = format!("curl() {{ printf '%s\\n' curl \"$@\"; }}\n{command}");
    let shell = Command::new("sh").args(["-e", "-c", &script]).output().expect("a shell");
    assert!(shell.status.success(), "{command}: {}", String::from_utf8_lossy(&shell.stderr));
    String::from_utf8(shell.stdout).expect("UTF-8").lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn the_curl_that_is_printed_gets_a_decision() {
    let shipped = crate::support::shipped();
    // Where Core Tools would send decisions by default: the command names an organisation there.
    let settings = [DEVELOPMENT, ("AllowedPlanUrls", "https://dev.azure.com/")];
    let evening = Evening::begins(&shipped, &settings).await;
    let words = words(&curl(&evening.host.function_url("CheckFunction"), "manual-run"));
    let [program, method, post, address, headers @ ..] = words.as_slice() else { panic!("{words:?}") };
    assert_eq!([program.as_str(), method, post], ["curl", "-X", "POST"]);
    // The simulated host wants a key, which Core Tools does not.
    let mut request = reqwest::Client::new().post(address).header("x-functions-key", evening.host.function_key());
    for header in headers.chunks(2) {
        let (name, value) = header[1].split_once(": ").expect("a header");
        assert_eq!(header[0], "-H");
        request = request.header(name, value);
    }
    let answer = request.body("").send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let decision: Value = answer.json().await.expect("JSON");
    assert_eq!((&decision["check"], &decision["status"]), (&"manual-run".into(), &"successful".into()), "{decision}");
}

#[test]
fn the_header_block_that_is_printed_is_the_documented_one() {
    let mut documented: Value = serde_json::from_str(&docs::blocks(docs::CHECKS, "json")[0]).expect("JSON");
    documented["Check"] = "manual-run".into();
    assert_eq!(serde_json::from_str::<Value>(&header_block("manual-run")).expect("JSON"), documented);
}
