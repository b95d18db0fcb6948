//! What would change in a configuration, line by line, and without any secret.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;
use url::form_urlencoded;

use super::headers::{self, KEY_HEADERS};

/// What stands for a secret.
const HIDDEN: &str = "***";

/// The member with the function key.
pub const KEY: &str = "settings.inputs.key";

/// One line that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The member's path, such as `settings.retryInterval`.
    pub member: String,
    /// What it was; `None` if it is new.
    pub before: Option<String>,
    /// What it becomes; `None` if it goes.
    pub after: Option<String>,
}

/// As a diff.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { member, before, after } = self;
        let lines = [before.as_ref().map(|text| ('-', text)), after.as_ref().map(|text| ('+', text))];
        let lines: Vec<String> =
            lines.into_iter().flatten().map(|(mark, text)| format!("{mark} {member}: {text}")).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// The members that differ.
#[must_use]
pub fn between(before: Option<&Value>, after: &Value) -> Vec<Change> {
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    if let Some(before) = before {
        flatten("", before, &mut old);
    }
    flatten("", after, &mut new);
    let members: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let change = |member: &String| {
        let (before, after) = (old.get(member), new.get(member));
        let shown = |text: Option<&String>| text.map(|text| without_secrets(member, text));
        (before != after).then(|| Change { member: member.clone(), before: shown(before), after: shown(after) })
    };
    members.into_iter().filter_map(change).collect()
}

fn flatten(path: &str, value: &Value, members: &mut BTreeMap<String, String>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(object) => object.iter().for_each(|(name, value)| flatten(&below(name), value, members)),
        Value::String(text) if path == "settings.inputs.headers" => match headers::parse(text) {
            Ok(headers) => {
                members.extend(headers.iter().map(|(name, value)| (format!("{path}.{name}"), format!("{value:?}"))));
            }
            Err(_) => drop(members.insert(path.to_owned(), format!("{text:?}"))),
        },
        other => drop(members.insert(path.to_owned(), other.to_string())),
    }
}

fn without_secrets(member: &str, text: &str) -> String {
    let name = member.rsplit('.').next().unwrap_or_default();
    let is_key_header =
        KEY_HEADERS.iter().chain(&["AuthToken", "Authorization"]).any(|it| it.eq_ignore_ascii_case(name));
    let is_variable = text.trim_matches('"').starts_with("$(");
    if (member == KEY || is_key_header) && !is_variable && !matches!(text, "\"\"" | "null") {
        return HIDDEN.to_owned();
    }
    if member == "settings.inputs.headers" {
        return HIDDEN.to_owned();
    }
    hide_code(text)
}

/// The text without the values of `code=`.
#[must_use]
pub fn hide_code(text: &str) -> String {
    let parts = text.split_inclusive(['?', '&', '"', ' ']);
    let hide = |part: &str| {
        let end = part.chars().next_back().filter(|c| matches!(c, '?' | '&' | '"' | ' '));
        let name = form_urlencoded::parse(part.as_bytes()).next().map(|(name, _)| name.into_owned());
        if name.is_some_and(|name| name.eq_ignore_ascii_case("code")) && part.contains('=') {
            return format!("code={HIDDEN}{}", end.map(String::from).unwrap_or_default());
        }
        part.to_owned()
    };
    parts.map(hide).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_changes_is_shown_and_never_a_key() {
        let before = json!({ "timeout": 60, "settings": { "retryInterval": 5, "inputs": {
            "function": "https://x/api/CheckFunction?code=first-secret&a=b", "key": "second-secret",
            "headers": "{\"PlanId\":\"1\",\"x-functions-key\":\"third-secret\"}",
        } } });
        let after = json!({ "timeout": 60, "settings": { "retryInterval": 0, "inputs": {
            "function": "https://x/api/CheckFunction?a=b", "key": "fourth-secret",
            "headers": "{\"PlanId\":\"$(system.PlanId)\"}",
        } } });
        let lines: Vec<String> = between(Some(&before), &after).iter().map(ToString::to_string).collect();
        let text = lines.join("\n");
        assert_eq!(
            text,
            "- settings.inputs.function: \"https://x/api/CheckFunction?code=***&a=b\"\n\
             + settings.inputs.function: \"https://x/api/CheckFunction?a=b\"\n\
             - settings.inputs.headers.PlanId: \"1\"\n\
             + settings.inputs.headers.PlanId: \"$(system.PlanId)\"\n\
             - settings.inputs.headers.x-functions-key: ***\n\
             - settings.inputs.key: ***\n\
             + settings.inputs.key: ***\n\
             - settings.retryInterval: 5\n\
             + settings.retryInterval: 0"
        );
    }
}
