//! What the tests of this room share.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::check::testing::a_check;
use crate::conditions::Combinator;
use crate::evaluation::{Explanation, Memory, Status, Verdict};
use crate::queue::message::MessageV1;

/// So many minutes after the delivery.
pub(super) fn minute(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_600_000, 0).expect("a time") + TimeDelta::minutes(minutes)
}

/// A check that was just delivered, and whose time is over after an hour. `more` goes into its definition.
pub(super) fn a_message(more: &[(&str, &str)]) -> MessageV1 {
    let mut definition = json!({ "timeout": "1h", "conditions": [{ "workItems": { "state": "Completed" } }] });
    for (key, value) in more {
        definition[key] = json!(value);
    }
    let (name, delivered_at, deadline) = ("work-item-completed", minute(0), minute(60));
    MessageV1::new(a_check(json!({
        "name": name, "definition": definition, "deliveredAt": delivered_at, "deadline": deadline,
    })))
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
