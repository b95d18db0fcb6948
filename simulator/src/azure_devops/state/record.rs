//! One line of the run page: a timeline record, and how an update changes it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::record_members::{Issue, LogReference, RecordState, TaskReference, TaskResult, Variable};

/// A timeline record. A member that an update leaves out keeps its stored value.
///
/// Members that the simulator does not know are refused.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TimelineRecord {
    /// Identifies the record in its timeline; for a task, the task instance.
    pub id: Uuid,
    /// The record that this one is shown under.
    pub parent_id: Option<Uuid>,
    /// `Stage`, `Phase`, `Job`, `Task`, `Checkpoint` and others.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// What the run page shows.
    pub name: Option<String>,
    /// Reference name in YAML.
    pub ref_name: Option<String>,
    /// Dotted path of reference names.
    pub identifier: Option<String>,
    /// When it began.
    pub start_time: Option<DateTime<Utc>>,
    /// When it ended.
    pub finish_time: Option<DateTime<Utc>>,
    /// What it is doing now, for people.
    pub current_operation: Option<String>,
    /// 0 to 100.
    pub percent_complete: Option<u8>,
    /// Whether it is pending, in progress or completed.
    pub state: Option<RecordState>,
    /// How it ended.
    pub result: Option<TaskResult>,
    /// A code that explains the result.
    pub result_code: Option<String>,
    /// Set by the service: the number of the last change to the record.
    pub change_id: Option<i64>,
    /// Set by the service. Text, because clients send year 1 for "not set".
    pub last_modified: Option<String>,
    /// The agent, or the server, that does the work.
    pub worker_name: Option<String>,
    /// The agent queue.
    pub queue_id: Option<i64>,
    /// Position among its siblings.
    pub order: Option<i64>,
    /// The log that the run page opens.
    pub log: Option<LogReference>,
    /// The record's own timeline, if it has one.
    pub details: Option<Value>,
    /// Number of errors, shown beside the name.
    pub error_count: Option<u32>,
    /// Number of warnings, shown beside the name.
    pub warning_count: Option<u32>,
    /// Errors and warnings, shown under the name.
    pub issues: Option<Vec<Issue>>,
    /// Output variables; names are case-insensitive.
    pub variables: Option<BTreeMap<String, Variable>>,
    /// The task that runs here.
    pub task: Option<TaskReference>,
    /// Address of the record.
    pub location: Option<String>,
    /// Set by the service: 1 for the first attempt.
    pub attempt: Option<u32>,
    /// Earlier attempts, as references.
    pub previous_attempts: Option<Vec<Value>>,
    /// Which agent was required.
    pub agent_specification: Option<Value>,
    /// Links.
    #[serde(rename = "_links")]
    pub links: Option<Value>,
}

impl TimelineRecord {
    /// Copies the members of `update`. A member that is missing or null keeps its stored value. Only the service sets
    /// `attempt`, `changeId` and `lastModified`.
    pub(crate) fn merge(&mut self, update: Self) {
        fn keep<T>(stored: &mut Option<T>, update: Option<T>) {
            if update.is_some() {
                *stored = update;
            }
        }
        keep(&mut self.parent_id, update.parent_id);
        keep(&mut self.kind, update.kind);
        keep(&mut self.name, update.name);
        keep(&mut self.ref_name, update.ref_name);
        keep(&mut self.identifier, update.identifier);
        keep(&mut self.start_time, update.start_time);
        keep(&mut self.finish_time, update.finish_time);
        keep(&mut self.current_operation, update.current_operation);
        keep(&mut self.percent_complete, update.percent_complete);
        keep(&mut self.state, update.state);
        keep(&mut self.result, update.result);
        keep(&mut self.result_code, update.result_code);
        keep(&mut self.worker_name, update.worker_name);
        keep(&mut self.queue_id, update.queue_id);
        keep(&mut self.order, update.order);
        keep(&mut self.log, update.log);
        keep(&mut self.details, update.details);
        keep(&mut self.error_count, update.error_count);
        keep(&mut self.warning_count, update.warning_count);
        keep(&mut self.issues, update.issues);
        keep(&mut self.task, update.task);
        keep(&mut self.location, update.location);
        keep(&mut self.agent_specification, update.agent_specification);
        for (name, variable) in update.variables.unwrap_or_default() {
            self.set_variable(name, variable);
        }
    }

    /// The names of its variables.
    pub(crate) fn variable_names(&self) -> Vec<String> {
        self.variables.iter().flat_map(BTreeMap::keys).cloned().collect()
    }

    /// A variable keeps the casing of its first name.
    fn set_variable(&mut self, name: String, variable: Variable) {
        let variables = self.variables.get_or_insert_default();
        let known = variables.keys().find(|known| known.eq_ignore_ascii_case(&name)).cloned();
        variables.insert(known.unwrap_or(name), variable);
    }

    /// The record as readers get it, with null for secrets.
    pub(crate) fn shown(&self) -> Self {
        let mut shown = self.clone();
        let variables = shown.variables.iter_mut().flat_map(BTreeMap::values_mut);
        variables.filter(|it| it.is_secret).for_each(|it| it.value = None);
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(json: &str) -> TimelineRecord {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_member_that_an_update_leaves_out_keeps_its_value() {
        let mut stored = record(
            r#"{"id":"00000000-0000-0000-0000-000000000001","name":"Check","state":"pending","attempt":1,
                "variables":{"Claim":{"value":"a"},"Key":{"value":"s","isSecret":true}}}"#,
        );
        stored.merge(record(
            r#"{"id":"00000000-0000-0000-0000-000000000001","name":null,"state":"inProgress","attempt":7,
                "variables":{"CLAIM":{"value":"b"}}}"#,
        ));

        assert_eq!((stored.name.as_deref(), stored.attempt), (Some("Check"), Some(1)));
        assert_eq!(stored.state, Some(RecordState::InProgress));
        let shown = stored.shown().variables.unwrap();
        assert_eq!(shown["Claim"].value.as_deref(), Some("b"));
        assert_eq!(shown["Key"].value, None);
        assert_eq!(shown.len(), 2);
    }
}
