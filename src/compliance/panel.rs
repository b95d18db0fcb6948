//! A check's configuration, in the words of the panel where people fill it in.

use serde_json::Value;
use url::form_urlencoded;

use super::headers::{self, Headers};
use crate::azure_devops::check_configurations::CheckConfiguration;
use crate::task::CompletionEvent;

/// The id of the server task behind "Invoke Azure Function".
pub const FUNCTION_TASK: &str = "537fdb7a-a601-4537-aa70-92645a2b5ce4";

/// The id of the server task behind "Invoke REST API".
pub const REST_TASK: &str = "9c3e8943-130d-4c78-ac63-8af81df62dfb";

/// The id of the type of entry that only says which pipelines may use a resource: it is not a check.
const AUTHORIZATION: &str = "e1a1fc6c-c278-4492-ae1c-c42f8697612c";

/// The end of the address of checkgate's function.
const CHECK_FUNCTION: &str = "/checkfunction";

/// The server task that makes the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// "Invoke Azure Function".
    Function,
    /// "Invoke REST API".
    Rest,
}

/// What the field *Function key* holds. The key itself is never looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Nothing.
    Empty,
    /// Azure DevOps does not show it.
    Hidden,
    /// Something.
    Set,
}

/// One check, as its panel shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// Its number.
    pub id: u64,
    /// *Display name*.
    pub display_name: String,
    /// Which server task makes the call.
    pub task: Task,
    /// *Completion event*.
    pub completion_event: CompletionEvent,
    /// *Success criteria*.
    pub success_criteria: String,
    /// *Time between evaluations*, in minutes.
    pub time_between_evaluations: u64,
    /// *Timeout*, in minutes.
    pub timeout: u64,
    /// *Method*.
    pub method: String,
    /// *Headers*, or why they cannot be read.
    pub headers: Result<Headers, String>,
    /// *Azure function URL*, or *URL suffix and parameters*.
    pub address: String,
    /// *Query parameters*.
    pub query: String,
    /// *Function key*.
    pub key: Key,
    /// *Body*.
    pub body: String,
    /// Whether it is turned off.
    pub is_disabled: bool,
    /// What Azure DevOps itself says is wrong with it.
    pub issue: Option<String>,
    /// Who changed it last, and when.
    pub modified: Option<(String, String)>,
}

/// Whether a configuration protects its resource. All do but the list of pipelines that may use it.
#[must_use]
pub fn is_protection(check: &CheckConfiguration) -> bool {
    let is_authorization = check.0["type"]["id"].as_str().is_some_and(|id| id.eq_ignore_ascii_case(AUTHORIZATION));
    !is_authorization && check.0["isDisabled"] != Value::Bool(true)
}

impl Panel {
    /// Reads a configuration. `None` for checks of other types.
    #[must_use]
    pub fn read(check: &CheckConfiguration) -> Option<Self> {
        let (check, settings) = (&check.0, &check.0["settings"]);
        let task = task_of(settings)?;
        let input = |name: &str| settings["inputs"][name].as_str().unwrap_or_default().trim().to_owned();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let waits = input("waitForCompletion").eq_ignore_ascii_case("true");
        let modified = text(&check["modifiedBy"]["displayName"]);
        Some(Self {
            id: check["id"].as_u64().unwrap_or_default(),
            display_name: text(&settings["displayName"]),
            task,
            completion_event: if waits { CompletionEvent::Callback } else { CompletionEvent::ApiResponse },
            success_criteria: input("successCriteria"),
            time_between_evaluations: number(&settings["retryInterval"]),
            timeout: number(&check["timeout"]),
            method: Some(input("method")).filter(|method| !method.is_empty()).unwrap_or_else(|| "POST".to_owned()),
            headers: headers::parse(&input("headers")),
            address: input(if task == Task::Function { "function" } else { "urlSuffix" }),
            query: input("queryParameters"),
            key: key(&settings["inputs"]),
            body: input("body"),
            is_disabled: check["isDisabled"] == Value::Bool(true),
            issue: issue(&check["issue"]),
            modified: (!modified.is_empty()).then(|| (modified, text(&check["modifiedOn"]))),
        })
    }

    /// The names of checks that the delivery gives: by the header `Check`, and by the query parameter `check`.
    #[must_use]
    pub fn check_names(&self) -> Vec<String> {
        let in_header = self.headers.as_ref().ok().and_then(|headers| headers.value("Check")).map(str::to_owned);
        let query = self.address.split_once('?').map_or("", |(_, query)| query);
        let in_query = [query, &self.query].into_iter().flat_map(|query| form_urlencoded::parse(query.as_bytes()));
        let in_query = in_query.filter(|(name, _)| name.eq_ignore_ascii_case("check"));
        let mut names: Vec<String> =
            in_header.into_iter().chain(in_query.map(|(_, value)| value.into_owned())).collect();
        names.retain(|name| !name.is_empty());
        names.dedup();
        names
    }

    /// Whether the call goes to checkgate: by the address of its function, or because it names a check.
    /// `connection` is the address behind the service connection of a REST check.
    #[must_use]
    pub fn is_checkgate(&self, connection: Option<&str>) -> bool {
        let path = |address: &str| {
            let path = address.split(['?', '#']).next().unwrap_or_default();
            path.trim_end_matches('/').to_ascii_lowercase()
        };
        let is_ours = |address: &str| path(address).ends_with(CHECK_FUNCTION);
        is_ours(&self.address) || connection.is_some_and(is_ours) || !self.check_names().is_empty()
    }
}

fn task_of(settings: &Value) -> Option<Task> {
    let id = settings["definitionRef"]["id"].as_str()?;
    if id.eq_ignore_ascii_case(FUNCTION_TASK) {
        return Some(Task::Function);
    }
    id.eq_ignore_ascii_case(REST_TASK).then_some(Task::Rest)
}

/// A number, which has also been seen as text.
fn number(value: &Value) -> u64 {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok()).unwrap_or_default()
}

fn key(inputs: &Value) -> Key {
    match inputs.get("key") {
        // A function that is called through a service connection has no key.
        _ if inputs["azureServiceConnection"].as_str().is_some_and(|name| !name.is_empty()) => Key::Empty,
        None | Some(Value::Null) => Key::Hidden,
        Some(key) => match key.as_str().unwrap_or_default() {
            "" => Key::Empty,
            key if key.chars().all(|c| matches!(c, '*' | '\u{2022}')) => Key::Hidden,
            _ => Key::Set,
        },
    }
}

fn issue(issue: &Value) -> Option<String> {
    ["detailedMessage", "message", "description"]
        .iter()
        .find_map(|name| issue[*name].as_str())
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}
