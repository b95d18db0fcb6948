//! A check for the tests of every room.

use serde_json::{Value, json};

use super::Check;

/// A check without conditions, delivered on a Monday at 9. `members` replace its own.
pub(crate) fn a_check(members: Value) -> Check {
    let mut check = json!({
        "name": "release",
        "properties": {
            "planUrl": "https://dev.azure.com/fabrikam/",
            "projectId": "00000000-0000-4000-8000-000000000001",
            "hubName": "checks",
            "planId": "00000000-0000-4000-8000-000000000002",
            "jobId": "00000000-0000-4000-8000-000000000003",
            "timelineId": "00000000-0000-4000-8000-000000000002",
            "taskInstanceId": "00000000-0000-4000-8000-000000000004",
            "buildId": 7,
        },
        "definition": { "conditions": [] },
        "deliveredAt": "2026-01-05T09:00:00Z",
        "deadline": "2026-01-06T08:45:00Z",
    });
    if let (Some(check), Value::Object(members)) = (check.as_object_mut(), members) {
        check.extend(members);
    }
    serde_json::from_value(check).expect("a check")
}
