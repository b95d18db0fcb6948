//! What the tests of this room share.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::check::Check;
use crate::conditions::Combinator;
use crate::evaluation::{Explanation, Memory, Status, Verdict};
use crate::queue::message::MessageV1;

/// So many minutes after the delivery.
pub(super) fn minute(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_600_000, 0).expect("a time") + TimeDelta::minutes(minutes)
}

/// A check that was just delivered, and whose time is over after an hour. `more` goes into its definition.
pub(super) fn a_message(more: &[(&str, &str)]) -> MessageV1 {
    let mut check = json!({
        "name": "work-item-completed",
        "properties": {
            "planUrl": "https://dev.azure.com/fabrikam/",
            "projectId": "00000000-0000-4000-8000-000000000001",
            "hubName": "checks",
            "planId": "00000000-0000-4000-8000-000000000002",
            "jobId": "00000000-0000-4000-8000-000000000003",
            "timelineId": "00000000-0000-4000-8000-000000000002",
            "taskInstanceId": "00000000-0000-4000-8000-000000000004",
        },
        "definition": { "timeout": "1h", "conditions": [{ "workItems": { "state": "Completed" } }] },
        "deliveredAt": minute(0),
        "deadline": minute(60),
    });
    for (key, value) in more {
        check["definition"][key] = json!(value);
    }
    MessageV1::new(serde_json::from_value::<Check>(check).expect("a check"))
}

/// An evaluation whose one condition came to this, and which could not be measured since the delivery if it is an error.
pub(super) fn a_verdict(status: Status) -> Verdict {
    let leaf = Explanation {
        condition: "the work item".to_owned(),
        status,
        found: "Active".to_owned(),
        expected: "Completed".to_owned(),
        remedy: String::new(),
        details: Vec::new(),
        conditions: Vec::new(),
        errored_since: (status == Status::Errored).then(|| minute(0)),
        has_evidence: true,
        combined: Combinator::Leaf,
    };
    let whole = Explanation {
        condition: String::new(),
        conditions: vec![leaf.clone()],
        combined: Combinator::AtLeast(1),
        errored_since: None,
        ..leaf
    };
    Verdict { explanation: whole, look_again_at: minute(5), stay_away_until: None, memory: Memory::default() }
}
