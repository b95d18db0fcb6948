//! The checks that are shown: those of the demo, or somebody's own, with their connections pointed at the stand-ins.

use std::collections::BTreeMap;
use std::path::Path;

use checkgate::check::CheckDefinition;
use checkgate::checks_file::ChecksFile;
use serde_json::{Value, json};
use simulator::sources::Sources;

/// The demo's own checks.
const OWN: &str = include_str!("../checks.yaml");

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

    /// The file that the handler reads: the same checks, with connections that lead to the simulated systems. No secret
    /// of the file is needed there.
    pub(crate) fn with_stand_ins(&self, sources: &Sources) -> Value {
        let mut file = json!(self.file);
        for (name, connection) in &self.file.connections {
            file["connections"][name] = stand_in(name, connection.kind(), &json!(connection), sources);
        }
        file
    }
}

/// The connection to the system that stands in for another.
fn stand_in(name: &str, kind: &'static str, written: &Value, sources: &Sources) -> Value {
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
        _ => json!({ "url": format!("{}/{name}", sources.url("web")) }),
    };
    json!({ kind: connection })
}
