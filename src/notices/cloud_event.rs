//! A notice as a CloudEvent 1.0 in JSON: <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md>.

use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Body, Length, Notice, name};
use crate::check::Occasion;
use crate::task::Decision;

/// The largest event that everybody on its way must take.
const MAX_EVENT: usize = 64 * 1024;

pub(super) fn write(notice: &Notice<'_>, length: Length) -> Body {
    let (check, properties) = (notice.check, &notice.check.properties);
    let occasion = match notice.occasion {
        Occasion::Waiting => "waiting",
        Occasion::Expiring => "expiring",
        Occasion::Decided => "decided",
    };
    let source = format!("{}{}", properties.plan_url, properties.project_id);
    let known_by = format!("{source}\n{}\n{}\n{occasion}", properties.plan_id, properties.task_instance_id);
    let digest = Sha256::digest(known_by);
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    let is_decided = notice.decision.is_some();
    let event = json!({
        "specversion": "1.0",
        "type": format!("dev.checkgate.check.{occasion}.v1"),
        "source": source,
        "id": Uuid::from_bytes(id),
        "time": notice.at,
        "subject": name(&check.name),
        "datacontenttype": "application/json",
        "data": {
            "check": name(&check.name),
            "run": { "id": properties.build_id, "number": name(&notice.run), "pipeline": name(&notice.pipeline) },
            "url": notice.link(),
            "deliveredAt": check.delivered_at,
            "deadline": check.deadline,
            "decision": notice.decision.map(Decision::task_result),
            "dryRun": check.definition.dry_run,
            "awaited": if is_decided { Vec::new() } else { notice.lines(length) },
            "reason": if is_decided { notice.lines(length) } else { Vec::new() },
        },
    });
    let text = event.to_string();
    Body { fits: text.len() <= MAX_EVENT, text }
}
