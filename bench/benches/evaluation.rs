//! What an evaluation takes apart from its calls: decoding a timeline, and judging.

#![expect(clippy::expect_used, reason = "a benchmark that cannot begin has no other way to say so")]

use std::collections::BTreeMap;
use std::hint::black_box;

use bench::timeline::timeline;
use checkgate::azure_devops::timeline::Timeline;
use checkgate::check::DecidedWith;
use checkgate::checks_file::ChecksFile;
use checkgate::evaluation::replay::Replay;
use checkgate::evaluation::{Memory, Status};
use checkgate::facts::RecordedFact;
use chrono::{DateTime, TimeDelta, Utc};
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};

/// The smallest run, and the largest.
const RECORDS: [usize; 2] = [200, 5_000];

fn decoding(criterion: &mut Criterion) {
    for records in RECORDS {
        let text = timeline(records, false);
        criterion.bench_function(&format!("decode a timeline of {records} records"), |bencher| {
            bencher.iter(|| serde_json::from_slice::<Timeline>(black_box(text.as_bytes())).expect("a timeline"));
        });
    }
}

/// A condition of a kind, and what its evaluation sees.
fn kinds() -> Vec<(&'static str, Value, Value)> {
    let run = json!({ "fact": "run", "value": { "id": 101, "reason": "manual", "sourceBranch": "refs/heads/main",
        "sourceVersion": "1f3a5c7e9b2d4f6a8c0e1f3a5c7e9b2d4f6a8c0e", "definition": { "id": 7, "name": "Web" } } });
    let state = json!({ "fact": "runState", "value": { "status": "inProgress", "tags": ["go", "canary"] } });
    let items: Vec<Value> =
        (0..50).map(|id| json!({ "id": id, "type": "Bug", "state": "Closed", "category": "Completed" })).collect();
    let records: Value = serde_json::from_str(&timeline(200, false)).expect("JSON");
    let answer = json!({ "status": 200, "body": { "branches": [
        { "name": "main", "commit": { "sha": "1f3a5c7e9b2d4f6a8c0e1f3a5c7e9b2d4f6a8c0e" }, "status": { "gate": "OK" } },
    ] } });
    let cel = "response.body.branches.exists(b, 'refs/heads/' + b.name == run.sourceBranch && b.commit.sha == run.sourceVersion && b.status.gate == 'OK')";
    vec![
        ("branch", json!({ "branch": { "in": ["refs/heads/main", "refs/heads/release/*"] } }), json!([run])),
        ("buildReason", json!({ "buildReason": { "in": ["Manual"] } }), json!([run])),
        ("tag", json!({ "tag": { "in": ["go"] } }), json!([run, state])),
        (
            "expression",
            json!({ "expression": "run.tags.exists(tag, tag == 'go') && run.sourceBranch.startsWith('refs/heads/')" }),
            json!([run, state]),
        ),
        (
            "taskExecuted",
            json!({ "taskExecuted": { "task": "CmdLine" } }),
            json!([{ "fact": "timeline", "value": records }]),
        ),
        (
            "workItems",
            json!({ "workItems": { "state": "Completed" } }),
            json!([run, { "fact": "workItems", "value": items }]),
        ),
        (
            "window",
            json!({ "window": { "timeZone": "Europe/Berlin", "allow": [{ "days": ["Mon-Fri"], "from": "08:00", "to": "18:00" }] } }),
            json!([]),
        ),
        (
            "http",
            json!({ "http": { "connection": "sonar", "path": "gate", "successCondition": cel } }),
            json!([run, { "fact": "http", "value": answer }]),
        ),
    ]
}

fn judging(criterion: &mut Criterion) {
    let at: DateTime<Utc> = DateTime::from_timestamp(1_767_607_200, 0).expect("Monday, 10:00");
    for (kind, condition, facts) in kinds() {
        let file = json!({
            "connections": { "sonar": { "http": { "url": "https://sonar.example.com" } } },
            "checks": { "c": { "timeout": "1h", "conditions": [condition] } },
        });
        let checks = ChecksFile::parse_for(&file.to_string(), DecidedWith::Token)
            .unwrap_or_else(|problems| panic!("{kind}: {problems:?}"));
        let facts: Vec<RecordedFact> = serde_json::from_value(facts).expect("facts");
        let (inputs, memory) = (BTreeMap::new(), Memory::default());
        let (definition, deadline) = (&checks.checks["c"], at + TimeDelta::hours(1));
        let replay =
            Replay { definition, inputs: &inputs, delivered_at: at, deadline, at, read_at: at, memory: &memory };
        let (verdict, mismatches) = replay.judge(&facts);
        assert_eq!((verdict.status(), mismatches), (Status::Passed, Vec::new()), "{kind}: {verdict:?}");
        criterion.bench_function(&format!("judge {kind}"), |bencher| {
            bencher.iter(|| black_box(replay).judge(&facts));
        });
    }
}

criterion_group!(benches, decoding, judging);
criterion_main!(benches);
