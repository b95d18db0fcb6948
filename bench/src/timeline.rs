//! A run's timeline, with the members that Azure DevOps writes.

use serde_json::{Value, json};

use crate::ids::TASK;

/// The records of a run whose timeline has 159 kB.
pub const RECORDS: usize = 184;

/// How many tasks a job has.
const TASKS_OF_A_JOB: usize = 20;

/// The task of most records.
const OTHER_TASK: &str = "e213ff0f-5d5c-4791-802d-52ea3e7be1f1";

/// A timeline with so many records: a stage, and in it jobs with their tasks. The last record executes the task that the check
/// asks for, unless the check waits.
#[must_use]
pub fn timeline(records: usize, waits: bool) -> String {
    let mut all = vec![record(0, None, "Stage", "Build")];
    for number in 1..records {
        let job = number - (number - 1) % TASKS_OF_A_JOB;
        all.push(if number == job {
            record(number, Some(0), "Job", &format!("Build {number}"))
        } else {
            let is_asked_for = number == records - 1 && !waits;
            let (task, name) = if is_asked_for { (TASK, "CmdLine") } else { (OTHER_TASK, "PowerShell") };
            let mut record = record(number, Some(job), "Task", &format!("Run step {number} of the build"));
            record["task"] = json!({ "id": task, "name": name, "version": "2.246.1" });
            record
        });
    }
    json!({ "records": all, "lastChangedBy": "00000002-0000-8888-8000-000000000000", "changeId": 412, "id": id(9_999) })
        .to_string()
}

fn record(number: usize, parent: Option<usize>, kind: &str, name: &str) -> Value {
    json!({
        "previousAttempts": [], "id": id(number), "parentId": parent.map(id), "type": kind, "name": name,
        "startTime": "2026-01-05T08:01:02.5533333Z", "finishTime": "2026-01-05T08:02:03.6633333Z",
        "currentOperation": null, "percentComplete": null, "state": "completed", "result": "succeeded",
        "resultCode": null, "changeId": 30 + number, "lastModified": "0001-01-01T00:00:00",
        "workerName": "Hosted Agent", "queueId": 9, "order": number, "details": null, "errorCount": 0, "warningCount": 0,
        "url": null, "attempt": 1, "identifier": format!("Build.Job{number}.__default"), "task": null,
        "log": {
            "id": number, "type": "Container",
            "url": format!("https://dev.azure.com/fabrikam/8a0c7d1e-2f3b-4c5d-9e6f-7a8b9c0d1e2f/_apis/build/builds/101/logs/{number}"),
        },
    })
}

fn id(number: usize) -> String {
    format!("96ac2280-8cb4-5df5-99de-{number:012x}")
}
