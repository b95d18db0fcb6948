//! The record of one decision: a CloudEvent whose data uses the words of Open Policy Agent's decision log.
//!
//! `decision.schema.json` is its schema. Whoever reads records can rely on it: members are added, not changed.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::azure_devops::build::Run;
use crate::check::Check;
use crate::evaluation::{Explanation, Status, Verdict};

/// One decision, as a CloudEvent 1.0 in JSON.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "Decision record of checkgate")]
pub struct DecisionRecord {
    /// The version of CloudEvents: `1.0`.
    specversion: &'static str,
    /// `dev.checkgate.decision.v1`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The organisation and the project that the decision is about.
    source: String,
    /// The same for the same check, run and moment: a record that is written twice is one event.
    #[schemars(with = "String", extend("format" = "uuid"))]
    id: Uuid,
    /// When the check was evaluated.
    #[schemars(with = "String", extend("format" = "date-time"))]
    time: DateTime<Utc>,
    /// `application/json`.
    datacontenttype: &'static str,
    /// `decision.schema.json`.
    dataschema: &'static str,
    /// The decision.
    data: Data,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
struct Data {
    /// As `id`.
    #[schemars(with = "String", extend("format" = "uuid"))]
    decision_id: Uuid,
    /// Which checkgate decided: `version`.
    labels: BTreeMap<&'static str, String>,
    /// The name of the check in checks.yaml.
    path: String,
    /// Which policy was applied.
    policy: Policy,
    /// What was asked.
    input: Input,
    /// What follows.
    result: Outcome,
    /// When the check was delivered, or would have been.
    #[schemars(with = "String", extend("format" = "date-time"))]
    delivered_at: DateTime<Utc>,
    /// The moment that the conditions were judged for.
    #[schemars(with = "String", extend("format" = "date-time"))]
    evaluated_now: DateTime<Utc>,
    /// Where the values of secrets were left out, as JSON pointers.
    erased: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
struct Policy {
    /// The digest of the check's definition in JSON: `sha256:` and hexadecimal digits.
    digest: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Input {
    /// The run.
    run: RunInput,
    /// The headers that the check reads, with their values.
    inputs: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RunInput {
    /// The run's id.
    id: Option<u64>,
    /// The pipeline's id.
    definition: Option<u64>,
    /// The commit.
    source_version: Option<String>,
    /// The branch.
    source_branch: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
struct Outcome {
    /// What is decided.
    decision: Decided,
    /// What blocks the check, in words. Empty if nothing does.
    reason: String,
    /// Every condition, outermost first.
    conditions: Vec<Condition>,
}

/// What is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Decided {
    /// The stage may use the resource.
    Succeeded,
    /// It may not.
    Failed,
    /// Not decided yet.
    Waiting,
    /// It cannot be known.
    Unknown,
}

impl From<Status> for Decided {
    fn from(status: Status) -> Self {
        match status {
            Status::Passed => Self::Succeeded,
            Status::Failed => Self::Failed,
            Status::Waiting => Self::Waiting,
            Status::Errored => Self::Unknown,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
struct Condition {
    /// What the log calls it.
    condition: String,
    /// `passed`, `failed`, `waiting` or `errored`.
    status: Decision,
    /// What was found.
    found: String,
    /// What was expected.
    expected: String,
    /// How deep it is inside other conditions; 1 is the outermost.
    depth: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum Decision {
    Passed,
    Failed,
    Waiting,
    Errored,
}

impl DecisionRecord {
    /// The record of a check that was judged.
    #[must_use]
    pub fn new(check: &Check, run: Option<&Run>, verdict: Option<&Verdict>, at: DateTime<Utc>) -> Self {
        let explanation = verdict.map(|verdict| &verdict.explanation);
        let decision = explanation.map_or(Decided::Unknown, |explanation| explanation.status.into());
        let properties = &check.properties;
        let policy = serde_json::to_string(&check.definition).unwrap_or_default();
        let digest = hex(&Sha256::digest(&policy));
        let source = format!("{}{}", properties.plan_url, properties.project_id);
        let known_by = format!("{source}\n{}\n{:?}\n{digest}\n{}", check.name, properties.build_id, at.to_rfc3339());
        let id = id_of(&known_by);
        Self {
            specversion: "1.0",
            kind: "dev.checkgate.decision.v1",
            source,
            id,
            time: at,
            datacontenttype: "application/json",
            dataschema: "decision.schema.json",
            data: Data {
                decision_id: id,
                labels: BTreeMap::from([("version", env!("CARGO_PKG_VERSION").to_owned())]),
                path: check.name.clone(),
                policy: Policy { digest: format!("sha256:{digest}") },
                input: Input { run: run_input(run, properties.build_id), inputs: check.inputs.clone() },
                result: Outcome {
                    decision,
                    reason: explanation.map(crate::task_log::blockers_in_one_line).unwrap_or_default(),
                    conditions: explanation.map(conditions).unwrap_or_default(),
                },
                delivered_at: check.delivered_at,
                evaluated_now: at,
                erased: Vec::new(),
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
    })
    .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An id that the text alone determines.
fn id_of(text: &str) -> Uuid {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Sha256::digest(text)[..16]);
    Uuid::from_bytes(bytes)
}
