//! The check's own side of Azure DevOps: its plan, its timeline record, its log, its decision.
//!
//! With these calls a check shows what it does, and reports its decision. See
//! <https://learn.microsoft.com/rest/api/azure/devops/distributedtask/>.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

pub use super::record_update::{NewRecord, RecordUpdate};
use super::session::{Body, Call, Wrapped, encode};
use super::{Error, Session, error};
use crate::task::Decision;

/// The check's own record, as far as checkgate reads it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckRecord {
    #[serde(default)]
    state: Option<String>,
    /// How it ended, once it did: `succeeded`, `failed`, `canceled`, `skipped` …
    #[serde(default)]
    pub result: Option<String>,
    #[serde(default)]
    variables: Option<BTreeMap<String, Value>>,
}

impl CheckRecord {
    /// Whether the check was decided, cancelled, bypassed or timed out. The result shows it too: a write of the state that was
    /// on its way when the check ended may have replaced the state.
    #[must_use]
    pub fn is_completed(&self) -> bool {
        self.is_in("completed") || self.result.as_deref().is_some_and(|result| !result.is_empty())
    }

    /// Whether nobody has said yet that it has begun.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.state.is_none() || self.is_in("pending")
    }

    fn is_in(&self, state: &str) -> bool {
        self.state.as_deref().is_some_and(|found| found.eq_ignore_ascii_case(state))
    }

    /// A variable that an earlier evaluation wrote: a text. Azure DevOps compares names without regard to case.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        let variables = self.variables.as_ref()?;
        let (_, variable) = variables.iter().find(|(found, _)| found.eq_ignore_ascii_case(name))?;
        variable.get("value")?.as_str()
    }

    /// The same without a variable.
    #[must_use]
    pub fn without_variable(&self, name: &str) -> Self {
        let mut record = self.clone();
        if let Some(variables) = &mut record.variables {
            variables.retain(|found, _| !found.eq_ignore_ascii_case(name));
        }
        record
    }

    /// The variables whose names begin so and that are not empty, with their names in lower case.
    pub fn variables_of(&self, prefix: &'static str) -> impl Iterator<Item = (String, &str)> {
        let all = self.variables.iter().flatten().map(|(name, variable)| (name.to_ascii_lowercase(), variable));
        let own = all.filter(move |(name, _)| name.starts_with(prefix));
        let texts = own.filter_map(|(name, variable)| Some((name, variable.get("value")?.as_str()?)));
        texts.filter(|(_, text)| !text.is_empty())
    }
}

/// The check's orchestration plan, as far as checkgate reads it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    timeline: Option<TimelineReference>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct TimelineReference {
    id: Uuid,
}

impl Plan {
    /// Whether the plan is over, so that nobody waits for the check any more.
    #[must_use]
    pub fn is_completed(&self) -> bool {
        self.state.as_deref().is_some_and(|state| state.eq_ignore_ascii_case("completed"))
    }

    /// The timeline that holds the check's record.
    #[must_use]
    pub fn timeline_id(&self) -> Option<Uuid> {
        self.timeline.as_ref().map(|timeline| timeline.id)
    }
}

#[derive(Debug, Deserialize)]
struct TaskLog {
    id: u64,
}

impl Session<'_> {
    /// Reads the check's plan, which proves that the token belongs to it.
    ///
    /// # Errors
    ///
    /// As any call; `NotVisible` when the token cannot see such a plan.
    pub async fn plan(&self) -> Result<Plan, Error> {
        let plan = self.in_plan("");
        self.get_preview("read the check's plan", plan.trim_end_matches('/')).await
    }

    /// Reads the check's own record. `None` when the timeline has no such record.
    ///
    /// # Errors
    ///
    /// As any call; `Gone` when the plan or its timeline does not exist any more.
    pub async fn record(&self) -> Result<Option<CheckRecord>, Error> {
        let what = "read the check's record";
        let records: Wrapped<Value> = self.get_preview(what, &self.records_path()).await?;
        // Only the own record must have the expected shape: anybody may write the others.
        self.own(records.value).map(CheckRecord::deserialize).transpose().map_err(|_| error::unexpected_shape(what))
    }

    /// Writes into the check's own record. Returns the record as it is then, where Azure DevOps answers with it: its reference
    /// shows whole records there, but does not promise their variables.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn update_record(&self, update: &RecordUpdate) -> Result<Option<CheckRecord>, Error> {
        let what = "update the check's record";
        let mut record = encode(what, update)?;
        record["id"] = json!(self.properties.task_instance_id);
        let body = Body::Json(json!({ "count": 1, "value": [record] }));
        let path = self.records_path();
        let call = Call { what, method: Method::PATCH, path: &path, body, version: None };
        let answer: Value = self.write(call).await?;
        let records = Wrapped::<Value>::deserialize(answer).map(|records| records.value).unwrap_or_default();
        Ok(self.own(records).and_then(|record| CheckRecord::deserialize(record).ok()))
    }

    /// The check's own record among these.
    fn own(&self, records: Vec<Value>) -> Option<Value> {
        let own = self.properties.task_instance_id.to_string();
        records.into_iter().find(|record| record["id"].as_str().is_some_and(|id| id.eq_ignore_ascii_case(&own)))
    }

    /// Creates the check's log, or finds the one that has its path already. Returns its id.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn create_log(&self) -> Result<u64, Error> {
        let body = Body::Json(json!({ "path": format!("logs\\{}", self.properties.task_instance_id) }));
        let (what, path) = ("create the check's log", self.in_plan("logs"));
        let log: TaskLog = self.write(Call { what, method: Method::POST, path: &path, body, version: None }).await?;
        Ok(log.id)
    }

    /// Appends lines to the check's log.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn append_log(&self, log_id: u64, text: &str) -> Result<(), Error> {
        let path = self.in_plan(&format!("logs/{log_id}"));
        let (what, body) = ("append to the check's log", Body::Text(text));
        let call = Call { what, method: Method::POST, path: &path, body, version: None };
        let _: serde::de::IgnoredAny = self.write(call).await?;
        Ok(())
    }

    /// Tells Azure Pipelines the decision: Post Event with `TaskCompleted`.
    ///
    /// # Errors
    ///
    /// As any call; `Gone` when the check was decided already, or its run is over.
    pub async fn report_decision(&self, decision: &Decision) -> Result<(), Error> {
        let event = TaskCompletedEvent {
            name: "TaskCompleted",
            task_id: self.properties.task_instance_id,
            job_id: self.properties.job_id,
            result: decision.task_result(),
        };
        let (what, path) = ("report the decision", self.in_plan("events"));
        let body = Body::Json(encode(what, &event)?);
        let call = Call { what, method: Method::POST, path: &path, body, version: None };
        let _: serde::de::IgnoredAny = self.write(call).await?;
        Ok(())
    }

    fn records_path(&self) -> String {
        self.in_plan(&format!("timelines/{}/records", self.properties.timeline_id))
    }

    fn in_plan(&self, rest: &str) -> String {
        let properties = &self.properties;
        let (hub, plan) = (properties.hub_name.as_str(), properties.plan_id);
        self.in_project(&format!("distributedtask/hubs/{hub}/plans/{plan}/{rest}"))
    }
}

/// The body of the decision. `result` is never optional: Azure DevOps reads a missing one as success.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TaskCompletedEvent {
    name: &'static str,
    task_id: Uuid,
    job_id: Uuid,
    result: &'static str,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_with_a_result_is_completed_whatever_its_state() {
        for (state, result, is_completed, is_pending) in [
            (json!("completed"), json!(null), true, false),
            (json!("inProgress"), json!("canceled"), true, false),
            (json!("inProgress"), json!(null), false, false),
            (json!("pending"), json!(""), false, true),
            (json!(null), json!(null), false, true),
        ] {
            let record = json!({ "id": "x", "state": state, "result": result });
            let read = CheckRecord::deserialize(&record).expect("a record");
            assert_eq!((read.is_completed(), read.is_pending()), (is_completed, is_pending), "{record}");
        }
    }

    #[test]
    fn odd_variables_of_others_do_not_hide_our_own() {
        let variables = json!({
            "null": null, "noValue": {}, "flag": { "value": true }, "list": [1],
            "Checkgate.Claim": { "value": "1.a", "isSecret": false },
        });
        let record = json!({ "id": "x", "state": "inProgress", "result": null, "variables": variables });
        let record = CheckRecord::deserialize(record).expect("a record");
        assert_eq!(record.variable("checkgate.claim"), Some("1.a"));
        for odd in ["null", "noValue", "flag", "list", "none"] {
            assert_eq!(record.variable(odd), None, "{odd}");
        }
    }
}
