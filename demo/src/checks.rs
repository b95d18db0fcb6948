//! The checks that are shown: those of the demo, or somebody's own, with their connections pointed at the stand-ins.

use std::collections::BTreeMap;
use std::path::Path;

use checkgate::check::CheckDefinition;
use checkgate::checks_file::ChecksFile;
use serde_json::{Value, json};
use simulator::sources::Sources;

/// The demo's own checks.
const OWN: &str = include_str!("../checks.yaml");

/// The managed identity's audience for the Azure DevOps of all organizations.
const AZURE_DEVOPS: &str = "499b84ac-1321-427f-aa17-267ca6975798";

/// The checks, as the file has them.
pub(crate) struct Checks {
    /// The name of somebody's own file.
    pub(crate) own_file: Option<String>,
    file: ChecksFile,
}

impl Checks {
    /// The demo's own checks.
    ///
    /// # Errors
    ///
    /// The mistakes in them.
    pub(crate) fn of_demo() -> Result<Self, Vec<String>> {
        Self::parse(OWN, "demo/checks.yaml").map(|file| Self { own_file: None, file })
    }

    /// Reads somebody's own file.
    ///
    /// # Errors
    ///
    /// What `checkgate validate` prints: a line for each mistake.
    pub(crate) fn read(path: &Path) -> Result<Self, Vec<String>> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| vec![format!("{name} cannot be read: {error}")])?;
        Self::parse(&text, &name).map(|file| Self { own_file: Some(name), file })
    }

    fn parse(text: &str, name: &str) -> Result<ChecksFile, Vec<String>> {
        ChecksFile::parse(text).map_err(|problems| {
            let mut lines: Vec<String> = problems.iter().map(|problem| format!("{name}: {problem}")).collect();
            lines.push(format!("error: {name} has {}", checkgate::text::count(problems.len(), "mistake")));
            lines
        })
    }

    /// The checks by name.
    pub(crate) fn definitions(&self) -> &BTreeMap<String, CheckDefinition> {
        &self.file.checks
    }

    /// The kind of a connection, such as `prometheus`.
    pub(crate) fn kind_of(&self, connection: &str) -> &'static str {
        self.file.connections.get(connection).map_or("", |connection| connection.kind())
    }

    /// What stands in for a connection of kind `http`: the system that a condition on it asks, or else any pages by the
    /// connection's name.
    pub(crate) fn place_of(&self, connection: &str) -> String {
        let all = self.file.checks.values().flat_map(conditions);
        let mut systems = all.filter_map(|condition| {
            let (kind, parameters) = kind_of(&condition)?;
            system_of(kind).filter(|_| parameters["connection"] == connection)
        });
        systems.next().unwrap_or(connection).to_owned()
    }

    /// The file that the handler reads: the same checks, with connections that lead to the simulated systems. No secret
    /// of the file is needed there.
    pub(crate) fn with_stand_ins(&self, sources: &Sources) -> Value {
        let mut file = json!(self.file);
        for (name, connection) in &self.file.connections {
            let place = self.place_of(name);
            file["connections"][name] = stand_in(&place, connection.kind(), &json!(connection), sources);
        }
        file
    }
}

/// The name and the value of a condition's kind.
pub(crate) fn kind_of(condition: &Value) -> Option<(&str, &Value)> {
    let mut members = condition.as_object()?.iter();
    members.find(|(key, _)| !matches!(key.as_str(), "name" | "whenNotMet")).map(|(key, value)| (key.as_str(), value))
}

/// The conditions of a check, those inside others included.
pub(crate) fn conditions(definition: &CheckDefinition) -> Vec<Value> {
    fn add(condition: &Value, all: &mut Vec<Value>) {
        match kind_of(condition) {
            Some(("all" | "any", Value::Array(inside))) => inside.iter().for_each(|inner| add(inner, all)),
            Some(("not", inner)) => add(inner, all),
            Some(("atLeast", parameters)) => {
                parameters["of"].as_array().into_iter().flatten().for_each(|inner| add(inner, all));
            }
            _ => all.push(condition.clone()),
        }
    }
    let mut all = Vec::new();
    json!(definition.conditions).as_array().into_iter().flatten().for_each(|condition| add(condition, &mut all));
    all
}

/// The simulated system that a kind of condition asks through a connection of kind `http`.
fn system_of(kind: &str) -> Option<&'static str> {
    match kind {
        "sonarQualityGate" => Some("sonar"),
        "jiraIssues" => Some("jira"),
        "advancedSecurityAlerts" => Some("advsec"),
        "freezeCalendar" => Some("calendar"),
        _ => None,
    }
}

/// What the address of a webhook is read from, by what the webhook takes; and the simulated webhook's name.
const WEBHOOKS: [(&str, &str, &str); 3] =
    [("slack", "DEMO_SLACK", "slack"), ("teams", "DEMO_TEAMS", "teams"), ("cloudEvents", "DEMO_EVENTS", "events")];

/// The app settings with the addresses of the webhooks.
pub(crate) fn webhook_settings(sources: &Sources) -> impl Iterator<Item = (String, String)> {
    WEBHOOKS.into_iter().map(|(_, setting, name)| (setting.to_owned(), sources.webhook(name)))
}

/// The connection to the system that stands in for another.
fn stand_in(place: &str, kind: &'static str, written: &Value, sources: &Sources) -> Value {
    let connection = match kind {
        "serviceNow" => {
            let (user, password) =
                sources.with(|state| (state.service_now.user.clone(), state.service_now.password.clone()));
            json!({ "instance": sources.url("service-now"), "user": user, "password": password })
        }
        "prometheus" => json!({ "url": sources.url("prometheus") }),
        "azureMonitor" => json!({ "url": sources.url("azure-monitor") }),
        "applicationInsights" => {
            json!({ "appId": written[kind]["appId"], "url": sources.url("app-insights") })
        }
        "logAnalytics" => json!({ "workspaceId": written[kind]["workspaceId"], "url": sources.url("logs") }),
        "webhook" => {
            let format = &written[kind]["format"];
            let setting = WEBHOOKS.iter().find(|(known, ..)| format == known).map_or("", |(_, setting, _)| setting);
            json!({ "url": format!("${{{setting}}}"), "format": format, "hosts": ["127.0.0.1"] })
        }
        _ => http(place, sources),
    };
    json!({ kind: connection })
}

/// With what the simulated system demands of a request.
fn http(place: &str, sources: &Sources) -> Value {
    let url = sources.url(place);
    match place {
        "sonar" => {
            let token = sources.with(|state| state.sonar.token.clone());
            json!({ "url": url, "headers": { "Authorization": format!("Bearer {token}") } })
        }
        "jira" => {
            let authorization = sources.with(|state| state.jira.authorization.clone());
            json!({ "url": url, "headers": { "Authorization": authorization } })
        }
        "advsec" => json!({ "url": url, "managedIdentityAudience": AZURE_DEVOPS }),
        "calendar" => json!({ "url": url }),
        _ => json!({ "url": format!("{}/{place}", sources.url("web")) }),
    }
}
