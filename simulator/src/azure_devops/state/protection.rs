//! What an administrator does to resources and their checks.

use serde_json::{Value, json};
use uuid::Uuid;

use super::check_configuration::{APPROVAL, CheckConfiguration, TASK_CHECK};
use super::organization::State;
use super::resource::{Resource, ResourceKind};

impl State {
    /// Creates a resource in the first project.
    pub fn resource(&mut self, kind: ResourceKind, name: &str) -> Resource {
        let project = self.projects[0].id;
        self.resource_in(project, kind, name)
    }

    /// Creates a resource in this project.
    pub fn resource_in(&mut self, project_id: Uuid, kind: ResourceKind, name: &str) -> Resource {
        let id = if kind.has_guid() { Uuid::new_v4().to_string() } else { (self.resources.len() + 1).to_string() };
        let url = (kind == ResourceKind::Endpoint).then(|| "https://checks.example.com/".to_owned());
        let resource = Resource { kind, project_id, id, name: name.to_owned(), url };
        self.resources.push(resource.clone());
        resource
    }

    /// Deletes a resource. Its checks stay behind, as in the service.
    pub fn delete_resource(&mut self, resource: &Resource) {
        self.resources.retain(|known| known != resource);
    }

    /// Somebody deletes the resource as soon as it was listed: it disappears while a client reads one after the other.
    pub fn delete_once_listed(&mut self, resource: &Resource) {
        self.deleted_once_listed.insert((resource.kind, resource.check_id()));
    }

    /// The checks of this resource may not be seen by anybody.
    pub fn hide_checks_of(&mut self, resource: &Resource) {
        self.hidden_resources.insert((resource.kind, resource.check_id()));
    }

    /// Adds an "Invoke Azure Function" check with these inputs.
    pub fn function_check(&mut self, resource: &Resource, inputs: &[(&str, &str)]) -> &mut CheckConfiguration {
        self.task_check(resource, ("537fdb7a-a601-4537-aa70-92645a2b5ce4", "AzureFunction"), inputs)
    }

    /// Adds an "Invoke REST API" check with these inputs.
    pub fn rest_check(&mut self, resource: &Resource, inputs: &[(&str, &str)]) -> &mut CheckConfiguration {
        self.task_check(resource, ("9c3e8943-130d-4c78-ac63-8af81df62dfb", "InvokeRESTAPI"), inputs)
    }

    fn task_check(
        &mut self,
        resource: &Resource,
        task: (&str, &str),
        inputs: &[(&str, &str)],
    ) -> &mut CheckConfiguration {
        let inputs: serde_json::Map<String, Value> =
            inputs.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let settings = json!({
            "displayName": "Invoke Azure Function",
            "definitionRef": {"id": task.0, "name": task.1, "version": "1.274.0"},
            "inputs": inputs,
            "retryInterval": 0,
        });
        self.add_check((TASK_CHECK, "Task Check"), resource.clone(), settings)
    }

    /// Adds an approval.
    pub fn approval(&mut self, resource: &Resource) -> &mut CheckConfiguration {
        let settings =
            json!({"approvers": [{"displayName": "Johnnie McLeod", "id": Uuid::nil()}], "minRequiredApprovers": 1});
        self.add_check((APPROVAL, "Approval"), resource.clone(), settings)
    }

    /// Adds a check of this type.
    pub(crate) fn add_check(
        &mut self,
        kind: (Uuid, &str),
        resource: Resource,
        settings: Value,
    ) -> &mut CheckConfiguration {
        let id = self.check_configurations.last_key_value().map_or(1, |(last, _)| last + 1);
        let now = self.clock.now();
        let check = CheckConfiguration {
            id,
            version: 1,
            kind: (kind.0, kind.1.to_owned()),
            resource,
            settings,
            timeout: 1440,
            is_disabled: false,
            issue: None,
            modified_by: "Johnnie McLeod".to_owned(),
            created_on: now,
            modified_on: now,
        };
        self.check_configurations.entry(id).or_insert(check)
    }
}
