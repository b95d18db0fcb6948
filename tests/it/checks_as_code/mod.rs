//! The commands for the owner of many protected resources, run as a person runs them.

mod audit;
mod backtest;
mod broken_recordings;
mod changed_runs;
mod container;
mod evaluate;
mod explain;
mod install;
mod kinds;
mod newcomer;
mod planted;
mod policies;
mod records;
mod trouble;

use std::process::{Command, Stdio};

use serde_json::Value;
use simulator::Clock;
use simulator::azure_devops::{AzureDevOps, CheckConfiguration, Resource, ResourceKind};
use simulator::azure_pipelines::HEADERS;

use crate::support::app_root;

/// The address of the function in all of these tests.
pub(super) const FUNCTION: &str = "https://checks.example.com/api/CheckFunction";

/// The key of the function. No output may show it.
pub(super) const KEY: &str = "the-function-key-of-fabrikam";

/// What a command printed, and how it ended.
#[derive(Debug)]
pub(super) struct Printed {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

/// A person with a token at a terminal, and an organisation.
pub(super) struct Person {
    pub(super) azure_devops: AzureDevOps,
    pub(super) token: String,
    /// Further variables of the environment.
    pub(super) environment: Vec<(&'static str, String)>,
}

impl Person {
    pub(super) async fn new() -> Self {
        let azure_devops = AzureDevOps::start(Clock::system()).await.expect("a port");
        let token = azure_devops.with(|state| state.personal_token());
        Self { azure_devops, token, environment: Vec::new() }
    }

    /// The address of the project, as it stands in the browser.
    pub(super) fn project(&self) -> String {
        format!("{}FabrikamFiber", self.azure_devops.url())
    }

    /// Runs the executable in the folder of the app.
    pub(super) async fn run(&self, arguments: &[&str]) -> Printed {
        let mut command = Command::new(env!("CARGO_BIN_EXE_checkgate"));
        command.args(arguments).current_dir(app_root()).stdin(Stdio::null());
        for name in ["CHECKGATE_TOKEN", "AZURE_DEVOPS_EXT_PAT", "CHECKGATE_FUNCTION_KEY"] {
            command.env_remove(name);
        }
        if !self.token.is_empty() {
            command.env("CHECKGATE_TOKEN", &self.token);
        }
        // Nobody is signed in to the Azure CLI.
        command.env("PATH", "/nowhere");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let ran =
            tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("the executable");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        let printed =
            Printed { code: ran.status.code().expect("a code"), out: text(ran.stdout), err: text(ran.stderr) };
        for secret in [KEY, &self.token].into_iter().filter(|secret| !secret.is_empty()) {
            assert!(!printed.out.contains(secret) && !printed.err.contains(secret), "a secret in {printed:?}");
        }
        printed
    }

    /// The calls since the last look that were made with this method.
    pub(super) fn writes(&self) -> usize {
        let is_write = |method: &str, path: &str| method == "PATCH" || method == "POST" && !path.contains("query");
        self.azure_devops.take_calls().iter().filter(|call| is_write(&call.method, &call.path)).count()
    }

    /// Creates a resource.
    pub(super) fn resource(&self, kind: ResourceKind, name: &str) -> Resource {
        self.azure_devops.with(|state| state.resource(kind, name))
    }

    /// Puts a check on a resource that is right in every way, and then changes it.
    pub(super) fn check(&self, resource: &Resource, name: &str, change: impl FnOnce(&mut CheckConfiguration)) -> u64 {
        self.azure_devops.with(|state| {
            let headers = with_headers(&[("Check", name)]);
            let inputs = [
                ("function", FUNCTION),
                ("key", KEY),
                ("method", "POST"),
                ("headers", &headers),
                ("body", ""),
                ("waitForCompletion", "true"),
                ("successCriteria", ""),
            ];
            let check = state.function_check(resource, &inputs);
            change(check);
            check.id
        })
    }

    /// A check, as the service holds it.
    pub(super) fn configuration(&self, id: u64) -> CheckConfiguration {
        self.azure_devops.with(|state| state.check_configurations[&id].clone())
    }
}

/// The headers of the guide with these more. An empty value takes one out.
pub(super) fn with_headers(changes: &[(&str, &str)]) -> String {
    let mut headers: Value = serde_json::from_str(HEADERS).expect("JSON");
    let members = headers.as_object_mut().expect("an object");
    for (name, value) in changes {
        if value.is_empty() {
            members.remove(*name);
        } else {
            members.insert((*name).to_owned(), Value::from(*value));
        }
    }
    headers.to_string()
}
