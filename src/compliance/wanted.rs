//! The configuration that is right for a check of `checks.yaml`: what `install` writes, and `audit --fix` restores.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::criteria::RECOMMENDED;
use super::headers::{self, GUIDE, Headers};
use super::{FUNCTION_TASK, Panel, REST_TASK, Task, key};
use crate::azure_devops::check_configurations::CheckConfiguration;
use crate::check::{CheckDefinition, ReevaluateEvery};
use crate::checks_file::ChecksFile;
use crate::task::CompletionEvent;

/// The version of the server tasks that these settings were written for. An existing check keeps its own.
const TASK_VERSION: &str = "1.274.0";

/// Where the call goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// The address of the function, without a key.
    Function(String),
    /// The id of a service connection, and what comes behind its address.
    Rest {
        /// The id of the service connection.
        connection: String,
        /// *URL suffix and parameters*.
        suffix: String,
    },
}

/// What a check's configuration should be.
#[derive(Clone)]
pub struct Wanted<'a> {
    /// The name in `checks.yaml`.
    pub name: &'a str,
    /// What it demands.
    pub definition: &'a CheckDefinition,
    /// Where the call goes. `None`: as it is.
    pub address: Option<Address>,
    /// The function key. `None`: as it is.
    pub key: Option<&'a str>,
    /// The values of the headers that the check reads, where somebody gave them.
    pub inputs: &'a BTreeMap<String, String>,
}

/// How long the token of a delivery is valid, in minutes.
pub(super) const TOKEN_MINUTES: u64 = 48 * 60;

/// The longest *Timeout* at whose end somebody can deliver the decision, in minutes: as long as the token is valid, or the check's
/// own `timeout` if that counts on the managed identity.
pub(super) fn longest_timeout(definition: Option<&CheckDefinition>) -> u64 {
    definition.map_or(TOKEN_MINUTES, |definition| timeout_minutes(definition).max(TOKEN_MINUTES))
}

/// The least *Timeout* for a check, in minutes.
pub(super) fn timeout_minutes(definition: &CheckDefinition) -> u64 {
    u64::try_from(definition.timeout.delta().num_seconds()).unwrap_or_default().div_ceil(60).max(1)
}

/// The *Time between evaluations* for a check, in minutes.
fn interval_minutes(definition: &CheckDefinition) -> u64 {
    match (definition.completion_event, definition.reevaluate_every) {
        // A callback is final, and so is an answer, unless the check says how often to ask.
        (CompletionEvent::Callback, _) | (CompletionEvent::ApiResponse, None | Some(ReevaluateEvery::Growing(_))) => 0,
        (CompletionEvent::ApiResponse, Some(ReevaluateEvery::Fixed(every))) => {
            let every = u64::try_from(every.delta().num_seconds()).unwrap_or_default().div_ceil(60);
            every.max(timeout_minutes(definition).div_ceil(10))
        }
    }
}

impl Wanted<'_> {
    /// The whole configuration for the resource, which the REST API calls so: a change of `current`, or a new one.
    ///
    /// # Errors
    ///
    /// Why it cannot be written, such as a key that Azure DevOps does not show.
    pub fn apply(&self, current: Option<&CheckConfiguration>, resource: &Value) -> Result<Value, String> {
        let mut check = current.map_or_else(|| self.fresh(resource), |current| current.0.clone());
        let panel = Panel::read(&CheckConfiguration(check.clone())).ok_or("it is not a check of a server task")?;
        self.address(&mut check, &panel)?;
        mode(&mut check, self.definition);
        let timeout = timeout_minutes(self.definition);
        // A longer one does no harm, as long as somebody can deliver the decision.
        if current.is_none() || panel.timeout < timeout || panel.timeout > longest_timeout(Some(self.definition)) {
            check["timeout"] = json!(timeout);
        }
        let mut headers = panel.headers.unwrap_or_default();
        let before = headers.clone();
        complete(&mut headers);
        let in_query = current.is_some() && headers.value("Check").is_none() && panel.query.contains("check=");
        if !in_query {
            headers.set("Check", self.name);
        }
        for name in self.definition.inputs.keys() {
            match self.inputs.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)) {
                Some((_, value)) => headers.set(name, value),
                None if headers.value(name).is_none() => headers.set(name, &variable_of(name)),
                None => {}
            }
        }
        write_headers(&mut check, &before, &headers);
        key::put(&mut check, self.key)?;
        Ok(check)
    }

    fn fresh(&self, resource: &Value) -> Value {
        let (id, name) = match self.address {
            Some(Address::Rest { .. }) => (REST_TASK, "InvokeRESTAPI"),
            _ => (FUNCTION_TASK, "AzureFunction"),
        };
        json!({
            "type": { "id": "fe1de3ee-a436-41b4-bb20-f6eb4cb879a7", "name": "Task Check" },
            "resource": resource,
            "settings": {
                "displayName": self.name,
                "definitionRef": { "id": id, "name": name, "version": TASK_VERSION },
                "inputs": { "method": "POST", "headers": "", "body": "", "waitForCompletion": "true", "successCriteria": "" },
                "retryInterval": 0,
            },
        })
    }

    fn address(&self, check: &mut Value, panel: &Panel) -> Result<(), String> {
        let inputs = &mut check["settings"]["inputs"];
        match (&self.address, panel.task) {
            (None, _) => {}
            (Some(Address::Function(url)), Task::Function) => inputs["function"] = json!(url),
            (Some(Address::Rest { connection, suffix }), Task::Rest) => {
                inputs["connectedServiceNameSelector"] = json!("connectedServiceName");
                inputs["connectedServiceName"] = json!(connection);
                inputs["urlSuffix"] = json!(suffix);
            }
            _ => return Err("it is a check of the other kind, Function or REST; delete it first".to_owned()),
        }
        inputs["method"] = json!("POST");
        Ok(())
    }
}

/// The variable that most likely holds an input: pipelines pass `$(Build.Reason)` as `BuildReason`.
fn variable_of(input: &str) -> String {
    if input.eq_ignore_ascii_case("BuildReason") { "$(Build.Reason)".to_owned() } else { format!("$({input})") }
}

fn mode(check: &mut Value, definition: &CheckDefinition) {
    let settings = &mut check["settings"];
    settings["retryInterval"] = json!(interval_minutes(definition));
    let is_callback = definition.completion_event == CompletionEvent::Callback;
    settings["inputs"]["waitForCompletion"] = json!(is_callback.to_string());
    let criteria = settings["inputs"]["successCriteria"].as_str().unwrap_or_default();
    if is_callback {
        settings["inputs"]["successCriteria"] = json!("");
    } else if super::criteria::are_met(criteria, &json!({ "status": "failed" })) != Ok(false) {
        settings["inputs"]["successCriteria"] = json!(RECOMMENDED);
    }
}

/// Gives every header of the guide its variable.
fn complete(headers: &mut Headers) {
    if headers.value("Content-Type").is_none() {
        headers.set("Content-Type", "application/json");
    }
    for (name, variable) in GUIDE {
        if !headers.value(name).is_some_and(|value| value.trim().eq_ignore_ascii_case(variable)) {
            headers.set(name, variable);
        }
    }
}

fn write_headers(check: &mut Value, before: &Headers, headers: &Headers) {
    if before != headers {
        check["settings"]["inputs"]["headers"] = json!(headers.to_text());
    }
}

/// The configuration with everything mended that can be: for a check of `checks.yaml`, what `install` would write; for
/// another one, only what the guide asks of all.
///
/// # Errors
///
/// Why it cannot be written.
pub fn mended(current: &CheckConfiguration, checks: &ChecksFile, key: Option<&str>) -> Result<Value, String> {
    let panel = Panel::read(current).ok_or("it is not a check of a server task")?;
    if let Err(why) = &panel.headers {
        return Err(format!("its headers cannot be read: {why}"));
    }
    let named = panel.check_names();
    let name = named.first().or(checks.default.as_ref()).filter(|_| named.len() < 2 && panel.is_checkgate(None));
    if let Some((name, definition)) = name.and_then(|name| checks.checks.get_key_value(name)) {
        let inputs = present_inputs(&panel, definition);
        let wanted = Wanted { name, definition, address: None, key, inputs: &inputs };
        let mut check = wanted.apply(Some(current), &current.0["resource"])?;
        // Which variable holds an input, nobody has said.
        forget_guesses(&mut check, &panel, definition);
        return Ok(check);
    }
    let mut check = current.0.clone();
    let minutes = panel.timeout;
    let settings = &mut check["settings"];
    if panel.completion_event == CompletionEvent::Callback {
        settings["retryInterval"] = json!(0);
        check["timeout"] = json!(minutes.min(TOKEN_MINUTES));
    } else {
        let interval = panel.time_between_evaluations;
        if interval > 0 && minutes > interval * 10 {
            settings["retryInterval"] = json!(minutes.div_ceil(10));
        }
    }
    key::put(&mut check, key)?;
    Ok(check)
}

fn present_inputs(panel: &Panel, definition: &CheckDefinition) -> BTreeMap<String, String> {
    let Ok(headers) = &panel.headers else { return BTreeMap::new() };
    let value = |name: &String| Some((name.clone(), headers.value(name)?.to_owned()));
    definition.inputs.keys().filter_map(value).collect()
}

fn forget_guesses(check: &mut Value, panel: &Panel, definition: &CheckDefinition) {
    let text = &mut check["settings"]["inputs"]["headers"];
    let Ok(mut headers) = headers::parse(text.as_str().unwrap_or_default()) else { return };
    let before = headers.clone();
    let known = |name: &str| panel.headers.as_ref().is_ok_and(|headers| headers.value(name).is_some());
    for name in definition.inputs.keys().filter(|name| !known(name)) {
        headers.remove(name);
    }
    if headers != before {
        *text = json!(headers.to_text());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_may_be_as_long_as_the_token_or_the_check_that_outlives_it() {
        assert_eq!(longest_timeout(None), TOKEN_MINUTES);
        for (timeout, longest) in [("24h", 2_880), ("47h", 2_880), ("240h", 14_400)] {
            let definition: CheckDefinition =
                serde_json::from_value(json!({ "timeout": timeout, "conditions": [] })).expect("a definition");
            assert_eq!(longest_timeout(Some(&definition)), longest, "{timeout}");
        }
    }
}
