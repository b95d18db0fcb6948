//! What is wrong with the headers of a check, and with the places where a key must not stand.

use url::form_urlencoded;

use super::examine::MAX_ECHO;
use super::headers::{GUIDE, Headers, KEY_HEADERS, OPTIONAL};
use super::{Finding, Panel, Rule, Task};
use crate::check::CheckDefinition;
use crate::conditions::Condition;
use crate::text::cut;

/// What is wrong with the headers of a check with this definition.
pub(super) fn examine(headers: &Headers, definition: Option<&CheckDefinition>, found: &mut Vec<Finding>) {
    guide(headers, definition, found);
    inputs(headers, definition, found);
}

/// The headers are not what the panel expects.
pub(super) fn unreadable(why: &str) -> Finding {
    let message = format!("*Headers* cannot be read: {why}.");
    let mend = "Write them as one JSON object of texts; `checkgate explain` prints the block to paste.";
    Finding::new(Rule::HeadersUnreadable, message, mend).only_by_hand("the name of the check cannot be read either")
}

fn guide(headers: &Headers, definition: Option<&CheckDefinition>, found: &mut Vec<Finding>) {
    let reads_run = definition.is_some_and(|it| it.conditions.iter().any(Condition::reads_run));
    for (name, variable) in GUIDE {
        let mend = format!("Write `\"{name}\": \"{variable}\"` in *Headers*.");
        match headers.value(name).map(str::trim) {
            None if OPTIONAL.contains(&name) && !(name == "BuildId" && reads_run) => {}
            None => {
                let message = format!("The header `{name}` is missing.");
                found.push(Finding::new(Rule::HeaderMissing, message, mend).about(name));
            }
            Some(value) if value.eq_ignore_ascii_case(variable) => {}
            Some(value) if is_unexpanded(value, variable) => {
                let shown = cut(value, MAX_ECHO);
                let message = format!("The header `{name}` is `{shown}`: Azure Pipelines sends it as it stands.");
                found.push(Finding::new(Rule::HeaderUnexpanded, message, mend).about(name));
            }
            Some(value) => {
                // What stands for the token may be one.
                let shown = if name == "AuthToken" {
                    "something else".to_owned()
                } else {
                    format!("`{}`", cut(value, MAX_ECHO))
                };
                let message = format!("The header `{name}` is {shown}, not `{variable}`.");
                found.push(Finding::new(Rule::HeaderWrong, message, mend).about(name));
            }
        }
    }
}

/// Whether a value names the variable, but not as Azure Pipelines expects it: `${{ … }}`, `$[…]`, `%…%`, without `$( )`,
/// or with an underscore for the dot.
fn is_unexpanded(value: &str, variable: &str) -> bool {
    let letters = |text: &str| {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect::<String>()
    };
    letters(value).trim_start_matches("variables").trim_start_matches("env") == letters(variable)
}

fn inputs(headers: &Headers, definition: Option<&CheckDefinition>, found: &mut Vec<Finding>) {
    for (name, input) in definition.into_iter().flat_map(|definition| &definition.inputs) {
        if input.is_required() && headers.value(name).is_none() {
            let message = format!("The check reads the header `{name}`, which is missing.");
            let mend = format!("Add `\"{name}\": \"$(…)\"` to *Headers*, with the variable that holds it.");
            let finding = Finding::new(Rule::InputMissing, message, mend).about(name);
            found.push(finding.only_by_hand("which variable holds the value, a person must say"));
        }
    }
}

/// Whether a query string carries a function key. A variable is not one: its value is elsewhere.
fn has_key(query: &str) -> bool {
    form_urlencoded::parse(query.trim_start_matches('&').as_bytes())
        .any(|(name, value)| name.eq_ignore_ascii_case("code") && !value.is_empty())
}

/// Keys that stand where everybody sees them.
pub(super) fn keys(panel: &Panel, found: &mut Vec<Finding>) {
    let mend = "Move the key into the field *Function key*, and renew it: everybody who may see the check has seen it.";
    let in_url = panel.address.split_once('?').is_some_and(|(_, query)| has_key(query));
    if in_url {
        found.push(Finding::new(Rule::KeyInUrl, "The URL holds a function key (`code=***`).", mend));
    }
    if has_key(&panel.query) {
        found.push(Finding::new(Rule::KeyInQuery, "*Query parameters* hold a function key (`code=***`).", mend));
    }
    let headers = panel.headers.iter().flat_map(Headers::iter);
    for (name, _) in headers.filter(|(name, _)| KEY_HEADERS.iter().any(|key| key.eq_ignore_ascii_case(name))) {
        let message = format!("The header `{name}` holds a function key.");
        let finding = Finding::new(Rule::KeyInHeader, message, mend).about(name);
        let rest = "a REST check has no field for a key: put it into its service connection";
        found.push(if panel.task == Task::Rest { finding.only_by_hand(rest) } else { finding });
    }
}
