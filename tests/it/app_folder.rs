//! A function app whose files or settings are other than those that ship: followed, or refused with the setting's name.

use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;
use serde_json::Value;

use crate::support::evening::Evening;
use crate::support::{app_root, docs};

const CHECKS: &str = "checks: { c: { conditions: [ taskExecuted: { task: CmdLine } ] } }";

/// A copy of the app's files in a folder of their own, with these texts in place of others.
struct Folder(PathBuf);

impl Folder {
    fn with(changes: &[(&str, &str)], names: [&str; 2]) -> Self {
        let folder = std::env::temp_dir().join(format!("checkgate-{}", uuid::Uuid::new_v4()));
        for (from, to) in [
            ("host.json", "host.json".to_owned()),
            ("CheckFunction/function.json", format!("{}/function.json", names[0])),
            ("ReevaluateFunction/function.json", format!("{}/function.json", names[1])),
            ("checks.yaml", "checks.yaml".to_owned()),
        ] {
            let text = std::fs::read_to_string(app_root().join(from)).expect(from);
            let text = changes.iter().fold(text, |text, (old, new)| text.replace(old, new));
            let path = folder.join(to);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a temporary folder");
            std::fs::write(path, text).expect("a temporary file");
        }
        Self(folder)
    }

    fn changed(old: &str, new: &str) -> Self {
        Self::with(&[(old, new)], ["CheckFunction", "ReevaluateFunction"])
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that stays harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The problems of a refusal, in one text.
async fn refusal(app: &Path, settings: &[(&str, &str)]) -> String {
    let evening = Evening::begins_in(app, CHECKS, settings).await;
    let (_, delivered) = evening.deliver_to("CheckFunction", "c").await;
    assert_eq!(delivered.status, 503, "{delivered:?}");
    evening.log_with("delivery refused").await;
    let answer: Value = serde_json::from_str(&delivered.body).expect("JSON");
    assert_eq!(answer["status"], "refused");
    answer["problems"].to_string()
}

#[tokio::test]
async fn names_and_numbers_of_the_hosts_files_are_followed() {
    let changes = [
        ("check-evaluations", "Gate-Evaluations"),
        ("\"methods\"", "\"route\": \"v1/gate\", \"methods\""),
        ("\"check\"", "\"item\""),
        ("\"response\"", "\"res\""),
        ("\"maxDequeueCount\": 10", "\"maxDequeueCount\": 4"),
    ];
    let folder = Folder::with(&changes, ["Deliver", "Evaluate"]);
    let evening = Evening::begins_in(&folder.0, CHECKS, &[]).await;
    let (ids, delivered) = evening.deliver_to("Deliver", "c").await;
    assert!(delivered.accepted(), "{delivered:?}");
    assert_eq!(evening.host.run_due_messages().await, 1);
    assert_eq!(evening.decision(&ids).as_deref(), Some("succeeded"));
}

#[tokio::test]
async fn an_app_that_would_lose_checks_refuses_them_with_the_name_of_the_setting() {
    let shipped = app_root();
    let without_encoding = Folder::changed(",\n      \"messageEncoding\": \"none\"", "");
    let problems = refusal(&without_encoding.0, &[]).await;
    assert!(problems.contains("extensions.queues.messageEncoding in host.json is missing"), "{problems}");
    for (setting, value, says) in [
        ("AzureFunctionsJobHost__extensions__queues__messageEncoding", "base64", "is base64"),
        ("AzureWebJobs_ReevaluateFunction_Disabled", "true", "so that no check is evaluated"),
        ("AzureWebJobs.ReevaluateFunction.Disabled", "1", "so that no check is evaluated"),
        ("azurefunctionsjobhost__FUNCTIONTIMEOUT", "00:01:00", "is 60 s"),
        ("TokenSealingKey", "", "TokenSealingKey is missing"),
        ("AllowedPlanUrls", "ftp://fabrikam", "AllowedPlanUrls is wrong"),
        ("ExtraRootCertificates", "nowhere.pem", "ExtraRootCertificates: nowhere.pem"),
        ("AzureDevOpsApiVersion", "latest", "is not a version"),
        ("WEBSITE_SITE_NAME", "fabrikam-checks", "TokenSealingKey is the development key"),
    ] {
        let problems = refusal(&shipped, &[(setting, value)]).await;
        assert!(problems.contains(says), "{setting}: {problems}");
        let name = if setting == "WEBSITE_SITE_NAME" { "TokenSealingKey" } else { setting };
        assert!(problems.to_lowercase().contains(&name.to_lowercase()), "{setting}: {problems}");
    }
}

#[tokio::test]
async fn a_storage_that_is_not_named_refuses_deliveries_and_the_process_stays() {
    let problems = refusal(&app_root(), &[("AzureWebJobsStorage", "AccountKey=c2VjcmV0")]).await;
    assert!(problems.contains("AzureWebJobsStorage is wrong") && !problems.contains("c2VjcmV0"), "{problems}");
}

#[test]
fn validate_says_the_same_of_a_folder() {
    let validate = |app: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_checkgate"));
        let output = command.args(["validate", "--app"]).arg(app).output().expect("the executable");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, output) = validate(&app_root());
    assert_eq!(code, Some(0), "{output}");
    let folder = Folder::changed("\"messageEncoding\": \"none\"", "\"batchSize\": 8");
    let (code, output) = validate(&folder.0);
    assert_eq!(code, Some(1));
    assert!(output.contains("extensions.queues.messageEncoding in host.json is missing"), "{output}");
}

/// Where the sentences about settings stand.
const SENTENCES: [&str; 9] = [
    "src/checks_file/current.rs",
    "src/cli/serve.rs",
    "src/config/mod.rs",
    "src/decision_log/container.rs",
    "src/host/functions.rs",
    "src/host/host_json.rs",
    "src/host/mod.rs",
    "src/queue/storage.rs",
    "src/task/sealer.rs",
];

#[test]
fn what_the_docs_quote_about_each_setting_is_what_the_handler_says() {
    let code = SENTENCES.map(docs::page).concat();
    let code = Regex::new(r"\\\n\s*").expect("a pattern").replace_all(&code, "");
    let page = docs::page("docs/operations.md");
    let rows: Vec<&str> = page
        .lines()
        .skip_while(|line| !line.starts_with("| file or setting |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect();
    assert!(rows.len() > 30, "the table was not found");
    for row in rows {
        let says = row.split('|').nth(3).expect("three cells");
        let quoted: Vec<&str> = says.split('"').skip(1).step_by(2).collect();
        assert!(!quoted.is_empty() || says.trim().starts_with("nothing"), "{row}");
        for sentence in quoted {
            assert!(code.contains(sentence), "the handler does not say {sentence:?}: {row}");
        }
    }
}
