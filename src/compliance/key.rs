//! The function key of a check: where it belongs, and where people also write it.

use serde_json::{Value, json};
use url::form_urlencoded;

use super::headers::{self, KEY_HEADERS};
use super::{Key, Panel, Task};
use crate::azure_devops::check_configurations::CheckConfiguration;

/// Moves a key that stands elsewhere into *Function key*, sets a given one, and refuses to write back what hides one.
pub(super) fn put(check: &mut Value, given: Option<&str>) -> Result<(), String> {
    let panel = Panel::read(&CheckConfiguration(check.clone())).ok_or("it is not a check of a server task")?;
    if panel.task == Task::Rest {
        return Ok(());
    }
    let moved = take_key(check, &panel);
    let inputs = &mut check["settings"]["inputs"];
    match given.or(moved.as_deref()) {
        Some(key) => {
            inputs["key"] = json!(key);
            Ok(())
        }
        None if panel.key != Key::Hidden => Ok(()),
        None => Err("Azure DevOps does not show its function key, and to write it back would lose it: set the environment variable CHECKGATE_FUNCTION_KEY".to_owned()),
    }
}

/// Takes the key out of the URL, the query and the headers.
fn take_key(check: &mut Value, panel: &Panel) -> Option<String> {
    let inputs = &mut check["settings"]["inputs"];
    let mut taken = None;
    if let Some((url, query)) = panel.address.split_once('?') {
        let rest = without_key(query, &mut taken);
        let mark = if rest.is_empty() { "" } else { "?" };
        inputs["function"] = json!(format!("{url}{mark}{rest}"));
    }
    if !panel.query.is_empty() {
        let before = taken.clone();
        let rest = without_key(&panel.query, &mut taken);
        if taken != before {
            inputs["queryParameters"] = json!(rest);
        }
    }
    if let Ok(mut headers) = headers::parse(inputs["headers"].as_str().unwrap_or_default()) {
        let in_header: Vec<String> = KEY_HEADERS.iter().filter_map(|name| headers.remove(name)).collect();
        if !in_header.is_empty() {
            inputs["headers"] = json!(headers.to_text());
        }
        taken = taken.or_else(|| in_header.into_iter().next());
    }
    taken.filter(|key| !key.is_empty())
}

/// The query without its key, which is put into `key`.
fn without_key(query: &str, key: &mut Option<String>) -> String {
    let is_key = |part: &&str| part.split('=').next().is_some_and(|name| name.eq_ignore_ascii_case("code"));
    let found = query.split('&').find(is_key).and_then(|part| form_urlencoded::parse(part.as_bytes()).next());
    if let Some((_, value)) = found {
        *key = Some(value.into_owned()).filter(|value| !value.is_empty()).or_else(|| key.take());
    }
    query.split('&').filter(|part| !is_key(part) && !part.is_empty()).collect::<Vec<_>>().join("&")
}
