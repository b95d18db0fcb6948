//! Records of other kinds, whose members are odd in every way that the service allows.

use serde_json::{Value, json};
use uuid::Uuid;

/// One record for each oddity. Each has an id, as every record has.
pub fn odd_records() -> Vec<Value> {
    let members = [
        json!({}),
        json!({"type": null, "name": null, "state": null, "result": null, "attempt": null, "log": null}),
        json!({"type": "Checkpoint.Authorization", "name": "Checkpoint", "state": "delayed"}),
        json!({"type": "Task", "state": "completed", "result": "manuallyQueued"}),
        json!({"type": "Task", "name": "Plugin", "task": {"id": "vstest", "name": "VSTest", "version": "2.0.0"}}),
        json!({"type": "Task", "task": null, "issues": null, "previousAttempts": null}),
        json!({"type": "Task", "task": {"id": null, "name": null, "version": null}}),
        json!({"type": "Task", "task": {"name": "NoId"}}),
        json!({"type": "Job", "variables": null}),
        json!({"type": "Job", "variables": {"null": null, "noValue": {}, "nullValue": {"value": null}}}),
        json!({"type": "Job", "variables": {"number": {"value": 3}, "flag": {"value": true, "isSecret": null}}}),
        json!({"type": "Job", "variables": {"list": {"value": [1]}, "object": {"value": {"a": 1}}, "bare": "text"}}),
        json!({"type": "Task", "percentComplete": 33.5, "order": "1", "queueId": "7", "errorCount": null}),
        json!({"type": "Phase", "startTime": "0001-01-01T00:00:00", "finishTime": null, "parentId": null}),
        json!({"type": "Task", "issues": [{"type": "notice", "message": null}], "log": {"id": null}}),
        json!({"type": "Stage", "identifier": null, "aNewMember": {"of": ["the", "service"]}}),
    ];
    members.into_iter().map(with_id).collect()
}

fn with_id(mut record: Value) -> Value {
    record["id"] = json!(Uuid::new_v4());
    record
}
