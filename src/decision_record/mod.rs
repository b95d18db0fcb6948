//! The record of one decision: a CloudEvent whose data uses the words of Open Policy Agent's decision log.
//!
//! `decision.schema.json` is its schema. Who reads records can rely on it: members are added, not changed. A record holds
//! the facts as they were judged, so that `verify` can judge them again. `line` is how it stands in a log.

mod data;
mod evidence;
mod line;
mod verify;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::azure_devops::build::Run;
use crate::check::Check;
use crate::evaluation::{Explanation, Memory, Status, Verdict};

use data::{Condition, Data, Decision, Input, Outcome, Policy, RunInput};
pub use data::{Decided, DecisionRecord, Delivery};
pub use line::Line;
pub use verify::Unverified;

/// The type of the event.
const KIND: &str = "dev.checkgate.decision.v1";

impl DecisionRecord {
    /// The record of a check that was judged.
    #[must_use]
    pub fn new(check: &Check, run: Option<&Run>, verdict: Option<&Verdict>, at: DateTime<Utc>) -> Self {
        let explanation = verdict.map(|verdict| &verdict.explanation);
        let decision = explanation.map_or(Decided::Unknown, |explanation| explanation.status.into());
        let properties = &check.properties;
        let digest = digest_of(&check.definition);
        let source = format!("{}{}", properties.plan_url, properties.project_id);
        let known_by = if properties.plan_id.is_nil() {
            format!("{source}\n{}\n{:?}\n{digest}\n{}", check.name, properties.build_id, at.to_rfc3339())
        } else {
            format!("{source}\n{}\n{}\n{}", properties.plan_id, properties.job_id, properties.task_instance_id)
        };
        let id = id_of(&known_by);
        Self {
            specversion: "1.0".to_owned(),
            kind: KIND.to_owned(),
            source,
            id,
            time: at,
            datacontenttype: "application/json".to_owned(),
            dataschema: "decision.schema.json".to_owned(),
            data: Data {
                decision_id: id,
                labels: BTreeMap::from([("version".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]),
                path: check.name.clone(),
                policy: Policy { digest, definition: serde_json::to_value(&check.definition).ok() },
                input: Input { run: run_input(run, properties.build_id), inputs: check.inputs.clone() },
                result: Outcome {
                    decision,
                    reason: explanation.map(crate::task_log::blockers_in_one_line).unwrap_or_default(),
                    conditions: explanation.map(conditions).unwrap_or_default(),
                },
                delivered_at: check.delivered_at,
                evaluated_now: at,
                erased: Vec::new(),
                deadline: Some(check.deadline),
                read_at: None,
                replayable: false,
                facts: Vec::new(),
                memory: Memory::default(),
                delivery: None,
            },
        }
    }

    /// The same with another decision, such as that of the deadline, and the reason.
    #[must_use]
    pub fn decided(mut self, decision: Decided, reason: &str) -> Self {
        self.data.result.decision = decision;
        reason.clone_into(&mut self.data.result.reason);
        self
    }
}

fn run_input(run: Option<&Run>, id: Option<u64>) -> RunInput {
    let Some(run) = run else { return RunInput { id, ..RunInput::default() } };
    RunInput {
        id: Some(run.id),
        definition: run.definition.as_ref().and_then(|definition| definition.id),
        source_version: Some(run.source_version.clone()),
        source_branch: Some(run.source_branch.clone()),
    }
}

fn conditions(explanation: &Explanation) -> Vec<Condition> {
    let status = |status| match status {
        Status::Passed => Decision::Passed,
        Status::Failed => Decision::Failed,
        Status::Waiting => Decision::Waiting,
        Status::Errored => Decision::Errored,
    };
    let all = explanation.flatten().into_iter().skip(1);
    all.map(|(depth, leaf)| Condition {
        condition: leaf.condition.clone(),
        status: status(leaf.status),
        found: leaf.found.clone(),
        expected: leaf.expected.clone(),
        depth,
        facts: Vec::new(),
    })
    .collect()
}

/// The digest of a part in JSON.
fn digest_of(part: &impl Serialize) -> String {
    digest_of_text(&serde_json::to_string(part).unwrap_or_default())
}

fn digest_of_text(text: &str) -> String {
    let digest = Sha256::digest(text);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// An id that the text alone determines.
fn id_of(text: &str) -> Uuid {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Sha256::digest(text)[..16]);
    Uuid::from_bytes(bytes)
}
