//! The checks on resources, as administrators read and write them.

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::answers::{Answer, Refusal};
use super::ask::{Ask, project};
use crate::azure_devops::state::{CheckConfiguration, Resource, State, TASK_CHECK};
use http::StatusCode;

/// The longest `timeout`, in minutes: 30 days.
const LONGEST_TIMEOUT: u64 = 43_200;

/// The most resources of one query. The service's own limit is not documented.
const AT_ONCE: usize = 100;

/// A resource, as a client names it.
#[derive(Deserialize)]
struct Reference {
    #[serde(rename = "type")]
    kind: String,
    id: String,
}

/// A configuration, as a client writes it. What the service sets itself is ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    #[serde(rename = "type")]
    kind: CheckType,
    resource: Reference,
    settings: Value,
    #[serde(default)]
    timeout: Option<u64>,
    #[serde(default)]
    is_disabled: bool,
}

#[derive(Deserialize)]
struct CheckType {
    id: Uuid,
    #[serde(default)]
    name: String,
}

fn refused(resource: &str) -> Refusal {
    let message = format!("User does not have required permissions to view assignment on the resource {resource}.");
    Refusal::exception(StatusCode::FORBIDDEN, "AccessDeniedException", message)
}

/// The resource, if it exists and its checks may be seen. If not, the service answers the same for both.
fn find<'a>(state: &'a State, ask: &Ask<'_>, named: &Reference) -> Result<&'a Resource, Refusal> {
    let project = project(state, ask)?;
    let is_named = |it: &&Resource| {
        it.project_id == project.id && it.kind.word() == named.kind && it.check_id().eq_ignore_ascii_case(&named.id)
    };
    let found = state.resources.iter().find(is_named);
    let seen = found.filter(|it| !state.hidden_resources.contains(&(it.kind, it.check_id())));
    seen.ok_or_else(|| refused(&named.id))
}

fn expands_settings(ask: &Ask<'_>) -> Result<bool, Refusal> {
    match ask.query("$expand").map(str::to_lowercase).as_deref() {
        Some("settings") => Ok(true),
        None | Some("none") => Ok(false),
        Some(other) => Err(Refusal::model(format!("The value '{other}' is not valid for $expand."))),
    }
}

fn of<'a>(state: &'a State, resource: &Resource) -> impl Iterator<Item = &'a CheckConfiguration> {
    let (kind, id) = (resource.kind, resource.check_id());
    state.check_configurations.values().filter(move |it| it.resource.kind == kind && it.resource.check_id() == id)
}

pub(super) fn of_resource(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let with_settings = expands_settings(ask)?;
    let named = Reference {
        kind: ask.query("resourceType").unwrap_or_default().to_lowercase(),
        id: ask.query("resourceId").unwrap_or_default().to_owned(),
    };
    let resource = find(state, ask, &named)?;
    let shown = of(state, resource).map(|it| it.to_json(state.url(), with_settings, state.key_answer));
    Ok(Answer::List(shown.collect()))
}

pub(super) fn query(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let with_settings = expands_settings(ask)?;
    let named: Vec<Reference> = ask.json()?;
    if named.len() > AT_ONCE {
        return Err(Refusal::model(format!("{} resources were named. The limit is {AT_ONCE}.", named.len())));
    }
    let mut shown = Vec::new();
    for named in &named {
        let resource = find(state, ask, named)?;
        shown.extend(of(state, resource).map(|it| it.to_json(state.url(), with_settings, state.key_answer)));
    }
    Ok(Answer::List(shown))
}

fn known<'a>(state: &'a State, ask: &Ask<'_>) -> Result<&'a CheckConfiguration, Refusal> {
    let project = project(state, ask)?;
    let id: u64 = ask.number(ask.path("id"))?;
    let found = state.check_configurations.get(&id).filter(|it| it.resource.project_id == project.id);
    found.ok_or_else(|| {
        Refusal::not_found(
            "CheckConfigurationNotFoundException",
            format!("Check configuration with id {id} does not exist."),
        )
    })
}

pub(super) fn get(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let with_settings = expands_settings(ask)?;
    Ok(Answer::Json(known(state, ask)?.to_json(state.url(), with_settings, state.key_answer)))
}

/// Reads and checks what a client wrote.
fn written(state: &State, ask: &Ask<'_>) -> Result<(Written, Resource), Refusal> {
    let written: Written = ask.json()?;
    let resource = find(state, ask, &written.resource)?.clone();
    let invalid = |message: String| Refusal::bad_request("InvalidCheckConfigurationException", message);
    if written.timeout.is_some_and(|timeout| timeout == 0 || timeout > LONGEST_TIMEOUT) {
        return Err(invalid(format!("The timeout must be between 1 and {LONGEST_TIMEOUT} minutes.")));
    }
    if written.kind.id == TASK_CHECK {
        let inputs = written.settings["inputs"].as_object();
        let texts = inputs.is_some_and(|inputs| inputs.values().all(Value::is_string));
        if !texts {
            return Err(invalid("The inputs of a task check are texts.".to_owned()));
        }
        if !written.settings["retryInterval"].is_u64() {
            return Err(invalid("The retryInterval of a task check is a number.".to_owned()));
        }
        if !written.settings.get("linkedVariableGroup").is_none_or(Value::is_string) {
            return Err(invalid("The linkedVariableGroup is the name of a variable group.".to_owned()));
        }
    }
    Ok((written, resource))
}

pub(super) fn create(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let (written, resource) = written(state, ask)?;
    let check = state.add_check((written.kind.id, &written.kind.name), resource, written.settings);
    check.timeout = written.timeout.unwrap_or(check.timeout);
    check.is_disabled = written.is_disabled;
    let check = check.clone();
    Ok(Answer::Json(check.to_json(state.url(), true, state.key_answer)))
}

/// Replaces the whole configuration.
pub(super) fn update(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let id = known(state, ask)?.id;
    let (written, resource) = written(state, ask)?;
    let now = state.clock.now();
    let (url, key) = (state.url().to_owned(), state.key_answer);
    let Some(check) = state.check_configurations.get_mut(&id) else { return Ok(Answer::NoContent) };
    if check.resource != resource {
        return Err(Refusal::bad_request("InvalidCheckConfigurationException", "A check stays on its resource."));
    }
    check.settings = written.settings;
    check.timeout = written.timeout.unwrap_or(1440);
    check.is_disabled = written.is_disabled;
    check.version += 1;
    check.modified_on = now;
    Ok(Answer::Json(check.to_json(&url, true, key)))
}

pub(super) fn delete(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let id = known(state, ask)?.id;
    state.check_configurations.remove(&id);
    Ok(Answer::NoContent)
}
