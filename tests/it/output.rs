//! What the handler prints, and how the host ranks each line.

use serde_json::Value;
use simulator::functions_host::{OutputLine, Severity};

use crate::support::evening::{DEVELOPMENT, Evening};

/// A mistake in a check whose name has the letters by which the host recognizes a warning.
const BROKEN: &str = "checks: { forewarned: { conditions: [] } }";

/// The same mended, with a connection whose app setting is missing.
const MENDED: &str = "
connections: { sonar: { http: { url: 'https://sonar.example.com', headers: { A: '${MISSING}' } } } }
checks: { forewarned: { conditions: [ taskExecuted: { task: CmdLine } ] } }";

/// An evening with an error, a warning and information.
async fn evening(settings: &[(&str, &str)]) -> Vec<OutputLine> {
    let evening = Evening::begins(BROKEN, settings).await;
    assert_eq!(evening.deliver("forewarned").await.status, 503);
    evening.edit(MENDED);
    assert_eq!(evening.deliver("forewarned").await.status, 200);
    evening.log_with("connection").await;
    let log = evening.log_with("delivery accepted").await;
    for severity in [Severity::Information, Severity::Warning, Severity::Error] {
        assert!(log.iter().any(|line| line.severity == severity), "there is no {severity:?}: {log:#?}");
    }
    log
}

/// Each line is JSON, and the host ranks it as its level says.
fn expect_json(log: &[OutputLine]) {
    for line in log {
        let event: Value = serde_json::from_str(&line.text).unwrap_or_else(|error| panic!("{error}: {}", line.text));
        let level = match line.severity {
            Severity::Information => "INFO",
            Severity::Warning => "WARN",
            Severity::Error => "ERROR",
        };
        assert_eq!(event["level"], level, "{}", line.text);
    }
}

fn is_json(line: &OutputLine) -> bool {
    line.text.starts_with('{')
}

#[tokio::test]
async fn in_azure_the_host_ranks_each_line_of_json_by_its_level() {
    let log = evening(&[]).await;
    expect_json(&log);
    let events = log.iter().filter(|line| line.severity == Severity::Error);
    let events: Vec<Value> = events.map(|line| serde_json::from_str(&line.text).expect("JSON")).collect();
    assert!(
        events.iter().any(|event| event["message"].as_str().is_some_and(|message| message.contains("forewarned"))),
        "an error keeps the check's name: {events:#?}"
    );
}

#[tokio::test]
async fn in_development_each_line_is_a_sentence_for_people() {
    let log = evening(&[DEVELOPMENT]).await;
    assert!(!log.iter().any(is_json), "{log:#?}");
    let said = |severity, text: &str| log.iter().any(|line| line.severity == severity && line.text.starts_with(text));
    assert!(said(Severity::Information, "delivery accepted (check.name: forewarned, "), "{log:#?}");
    assert!(
        said(
            Severity::Warning,
            "warning: checks that need this connection are refused (event: connection_unusable, error: "
        ),
        "{log:#?}"
    );
    assert!(
        said(
            Severity::Error,
            "error: checks.yaml has 1 mistake, so it is not used; `checkgate validate` shows the same: (event: checks_file_unusable)"
        ),
        "{log:#?}"
    );
    // The price of plain lines: the host takes the letters in a check's name for a warning.
    assert!(said(Severity::Warning, "error: checks.yaml: line 1: checks.forewarned.conditions"), "{log:#?}");
}

#[tokio::test]
async fn the_setting_log_format_decides_wherever_the_handler_runs() {
    expect_json(&evening(&[DEVELOPMENT, ("LogFormat", "json")]).await);
    assert!(!evening(&[("LogFormat", "text")]).await.iter().any(is_json));
    let log = evening(&[("LogFormat", "xml"), ("LogLevel", "loud")]).await;
    expect_json(&log);
    for problem in
        ["app setting LogFormat is neither text nor json: `xml`", "app setting LogLevel is not a level: `loud`"]
    {
        assert!(log.iter().any(|line| line.severity == Severity::Warning && line.text.contains(problem)), "{log:#?}");
    }
}
