//! What the fuzz targets share.

use std::collections::BTreeMap;

use checkgate::check::Check;
use checkgate::task::TaskProperties;
use checkgate::check::CheckDefinition;
use checkgate::checks_file::ChecksFile;
use checkgate::evaluation::{Memory, judge};
use checkgate::facts::Facts;
use checkgate::task_log;
use chrono::{DateTime, Utc};

/// The value of every input.
pub const CHANGE: &str = "CHG0030001";

/// The time of every first evaluation.
pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_600_000, 0).expect("a time")
}

/// A valid `checks.yaml`.
pub fn file(text: &str) -> ChecksFile {
    ChecksFile::parse(text).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// The check that was delivered with this definition.
pub fn check(definition: CheckDefinition) -> Check {
    let properties: TaskProperties = serde_json::from_value(serde_json::json!({
        "planUrl": "https://dev.azure.com/fabrikam/",
        "projectId": "00000000-0000-4000-8000-000000000001",
        "hubName": "checks",
        "planId": "00000000-0000-4000-8000-000000000002",
        "jobId": "00000000-0000-4000-8000-000000000003",
        "timelineId": "00000000-0000-4000-8000-000000000002",
        "taskInstanceId": "00000000-0000-4000-8000-000000000004",
        "buildId": 101,
    }))
    .expect("properties");
    let inputs: BTreeMap<String, String> =
        definition.inputs.keys().map(|name| (name.clone(), CHANGE.to_owned())).collect();
    let (delivered_at, deadline) = (now(), definition.deadline(now()));
    Check { name: "inline".to_owned(), properties, definition, inputs, delivered_at, deadline, trace: None }
}

/// Evaluates a check now and at its deadline: never panics, always with the same result, told in printable lines.
pub fn evaluate(check: &Check, facts: &Facts) {
    let first = judge(check, facts, &Memory::default(), now());
    assert_eq!(first, judge(check, facts, &Memory::default(), now()));
    let later = judge(check, facts, &first.memory, check.deadline);
    for verdict in [&first, &later] {
        let rendered = task_log::render(&task_log::conditions(verdict), now());
        assert!(rendered.chars().all(|c| c == '\n' || !c.is_control()), "{rendered}");
        assert!(!rendered.contains("##"), "{rendered}");
    }
}

/// An answer: two bytes of status, a line that stands for a header, a body.
pub fn answer(data: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (status, rest) = data.split_first_chunk()?;
    let (line, body) = rest.split_at(rest.iter().position(|byte| *byte == b'\n').unwrap_or(0));
    Some((u16::from_be_bytes(*status), line, body))
}

/// Whether facts may follow from a body. Without any, every evaluation is the same.
pub fn is_json(body: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok()
}

/// The CEL library works on a thread of its own, whose panics are answers. All others are findings.
pub fn let_cel_panic() {
    let abort = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() != Some("cel") {
            abort(panic);
        }
    }));
}
