//! A check on a resource, as an administrator configured it.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::date::date;
use super::resource::Resource;

/// A check on a resource.
#[derive(Clone, Debug)]
pub struct CheckConfiguration {
    /// Its number in the organization.
    pub id: u64,
    /// The number of changes.
    pub version: u64,
    /// The type: id and name.
    pub kind: (Uuid, String),
    /// What it protects.
    pub resource: Resource,
    /// What depends on the type.
    pub settings: Value,
    /// *Timeout*, in minutes.
    pub timeout: u64,
    /// Whether it is turned off.
    pub is_disabled: bool,
    /// What the service itself finds wrong with it.
    pub issue: Option<Value>,
    /// Who created it, and who changed it last.
    pub modified_by: String,
    /// When it was created.
    pub created_on: DateTime<Utc>,
    /// When it was changed last.
    pub modified_on: DateTime<Utc>,
}

/// How the service shows the function key of a check. It is not documented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyAnswer {
    /// As it was written.
    #[default]
    Clear,
    /// As three stars.
    Masked,
    /// As null.
    Null,
}

/// The type of a check that a server task decides.
pub const TASK_CHECK: Uuid = uuid::uuid!("fe1de3ee-a436-41b4-bb20-f6eb4cb879a7");

/// The type of an approval.
pub const APPROVAL: Uuid = uuid::uuid!("8c6f20a7-a545-4486-9777-f762fafe0d4d");

impl CheckConfiguration {
    /// The check in JSON. Its settings are left out unless they are asked for.
    pub(crate) fn to_json(&self, collection: &str, with_settings: bool, key: KeyAnswer) -> Value {
        let url = format!("{collection}{}/_apis/pipelines/checks/configurations/{}", self.resource.project_id, self.id);
        let person = json!({"displayName": self.modified_by, "uniqueName": self.modified_by, "id": Uuid::nil()});
        let mut check = json!({
            "createdBy": person,
            "createdOn": date(self.created_on),
            "modifiedBy": person,
            "modifiedOn": date(self.modified_on),
            "timeout": self.timeout,
            "id": self.id,
            "version": self.version,
            "type": {"id": self.kind.0, "name": self.kind.1},
            "url": url,
            "resource": self.resource.reference(),
            "_links": {"self": {"href": url}},
        });
        if self.is_disabled {
            check["isDisabled"] = json!(true);
        }
        if let Some(issue) = &self.issue {
            check["issue"] = issue.clone();
        }
        if with_settings {
            check["settings"] = self.shown_settings(key);
        }
        check
    }

    fn shown_settings(&self, key: KeyAnswer) -> Value {
        let mut settings = self.settings.clone();
        if let Some(shown) =
            settings.pointer_mut("/inputs/key").filter(|key| key.as_str().is_some_and(|key| !key.is_empty()))
        {
            match key {
                KeyAnswer::Clear => {}
                KeyAnswer::Masked => *shown = json!("***"),
                KeyAnswer::Null => *shown = Value::Null,
            }
        }
        settings
    }

    /// An input of the task.
    pub fn input(&mut self, name: &str, value: &str) -> &mut Self {
        self.settings["inputs"][name] = json!(value);
        self
    }

    /// The value of an input of the task. Empty if it is not there.
    pub fn input_value(&self, name: &str) -> &str {
        self.settings["inputs"][name].as_str().unwrap_or_default()
    }

    /// *Time between evaluations*, in minutes.
    pub fn every(&mut self, minutes: u64) -> &mut Self {
        self.settings["retryInterval"] = json!(minutes);
        self
    }
}
