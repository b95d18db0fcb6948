//! The two functions of the app: their names, their bindings, and whether they are disabled.

use serde::Deserialize;
use serde_json::Value;

use super::Host;
use super::host_json::{HostJson, parse};

/// One `function.json`. The host reads names in any casing; these are as it documents them.
#[derive(Deserialize)]
struct FunctionJson {
    bindings: Vec<Binding>,
    #[serde(default)]
    disabled: Value,
    #[serde(default)]
    retry: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Binding {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    methods: Option<Vec<String>>,
    auth_level: Option<String>,
    route: Option<String>,
    queue_name: Option<String>,
    connection: Option<String>,
    data_type: Option<String>,
}

impl Binding {
    fn is(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind)
    }
}

struct Function {
    name: String,
    json: FunctionJson,
}

/// Follows the names of the two functions, and reports what keeps them from being called.
pub(super) fn read(files: &[(String, String)], host_json: &HostJson<'_>, host: &mut Host) {
    let mut functions = Vec::new();
    for (name, text) in files {
        let json = parse(text).and_then(|json| {
            serde_json::from_value(json).map_err(|error| format!("is not what the host expects: {error}"))
        });
        match json {
            Ok(json) => functions.push(Function { name: name.clone(), json }),
            Err(why) => host.problems.push(format!("{name}/function.json {why}")),
        }
    }
    if let Some(function) = of_kind(&functions, "httpTrigger", "CheckFunction", &mut host.problems) {
        follow_deliveries(function, host);
        expect_enabled(function, host_json, "no delivery arrives", host);
    }
    if let Some(function) = of_kind(&functions, "queueTrigger", "ReevaluateFunction", &mut host.problems) {
        follow_evaluations(function, host_json, host);
        expect_enabled(function, host_json, "no check is evaluated", host);
    }
}

/// The one function with this trigger: of several, that with the name that ships.
fn of_kind<'a>(
    functions: &'a [Function],
    trigger: &str,
    shipped: &str,
    problems: &mut Vec<String>,
) -> Option<&'a Function> {
    let mut found: Vec<&Function> =
        functions.iter().filter(|function| function.json.bindings.iter().any(|binding| binding.is(trigger))).collect();
    if found.len() > 1
        && let Some(named) = found.iter().find(|function| function.name.eq_ignore_ascii_case(shipped))
    {
        found = vec![*named];
    }
    match found[..] {
        [function] => Some(function),
        [] => {
            problems.push(format!("no folder has a function.json with a {trigger}; deploy {shipped}/function.json"));
            None
        }
        _ => {
            let names: Vec<&str> = found.iter().map(|function| function.name.as_str()).collect();
            problems.push(format!("{} each have a {trigger}; name one of them {shipped}", names.join(" and ")));
            None
        }
    }
}

fn follow_deliveries(function: &Function, host: &mut Host) {
    let Function { name, json } = function;
    let Some(trigger) = json.bindings.iter().find(|binding| binding.is("httpTrigger")) else { return };
    let output = json.bindings.iter().find(|binding| binding.is("http"));
    match output {
        Some(output) if json.bindings.len() == 2 => host.http_output.clone_from(&output.name),
        _ => host.problems.push(format!(
            "{name}/function.json has other bindings than one httpTrigger and one http output, so the host does not pass \
             on requests as they are; keep these two"
        )),
    }
    let takes_post = |methods: &Vec<String>| methods.iter().any(|method| method.eq_ignore_ascii_case("post"));
    if !trigger.methods.as_ref().is_none_or(takes_post) {
        host.problems.push(format!("methods in {name}/function.json leave out post, with which checks are delivered"));
    }
    if trigger.auth_level.as_ref().is_some_and(|level| level.eq_ignore_ascii_case("anonymous")) {
        host.warnings.push(format!("authLevel in {name}/function.json is anonymous: everybody may deliver checks"));
    }
    host.delivery_function = name.to_ascii_lowercase();
    let route = trigger.route.as_deref().filter(|route| !route.is_empty()).unwrap_or(name);
    let last = route.trim_matches('/').rsplit('/').next().unwrap_or_default();
    if last.contains('{') {
        host.problems.push(format!("route in {name}/function.json ends with the parameter {last}; write a fixed name"));
    } else {
        host.delivery_path = last.to_ascii_lowercase();
    }
}

fn follow_evaluations(function: &Function, host_json: &HostJson<'_>, host: &mut Host) {
    let Function { name, json } = function;
    let Some(trigger) = json.bindings.iter().find(|binding| binding.is("queueTrigger")) else { return };
    host.evaluation_path = name.to_ascii_lowercase();
    let mut resolve = |member: &str, text: Option<&str>| {
        let text = text.unwrap_or_default();
        let Some(setting) = text.strip_prefix('%').and_then(|text| text.strip_suffix('%')) else {
            return Some(text.to_owned());
        };
        let found = (host_json.lookup)(setting);
        if found.is_none() {
            host.problems
                .push(format!("{member} in {name}/function.json is {text}, and there is no app setting {setting}"));
        }
        found
    };
    let queue = resolve("queueName", trigger.queue_name.as_deref());
    let connection = resolve("connection", trigger.connection.as_deref());
    match queue.as_deref() {
        Some("") => {
            host.problems.push(format!("queueName is missing in {name}/function.json; write {}", host.queue_name))
        }
        Some(queue) => host.queue_name = queue.to_ascii_lowercase(),
        None => {}
    }
    if let Some(connection) = connection.filter(|connection| !connection.is_empty()) {
        host.connection = connection;
    }
    let known = |kind: &String| ["", "string", "binary"].iter().any(|known| kind.eq_ignore_ascii_case(known));
    if !trigger.data_type.as_ref().is_none_or(known) {
        host.problems.push(format!("dataType in {name}/function.json must be binary"));
    }
    if json.retry.is_some() {
        host.problems.push(format!(
            "retry in {name}/function.json makes the host repeat a failed evaluation without counting it, so that no try \
             is the last; remove it"
        ));
    }
}

/// Reports what makes the host leave a function out.
fn expect_enabled(function: &Function, host_json: &HostJson<'_>, so: &str, host: &mut Host) {
    let Function { name, json } = function;
    let is_set = |setting: &str| {
        let value = (host_json.lookup)(setting);
        value.is_some_and(|value| value.trim() == "1" || value.trim().eq_ignore_ascii_case("true"))
    };
    for setting in [format!("AzureWebJobs.{name}.Disabled"), format!("AzureWebJobs_{name}_Disabled")] {
        if is_set(&setting) {
            host.problems.push(format!("app setting {setting} disables {name}, so that {so}; remove it"));
        }
    }
    let is_disabled = match &json.disabled {
        Value::Bool(disabled) => *disabled,
        Value::String(setting) => is_set(setting.trim_matches('%')) || setting.eq_ignore_ascii_case("true"),
        _ => false,
    };
    if is_disabled {
        host.problems.push(format!("disabled in {name}/function.json disables {name}, so that {so}; remove it"));
    }
    let only = host_json.only_functions();
    if !only.is_empty() && !only.iter().any(|listed| listed.eq_ignore_ascii_case(name)) {
        host.problems
            .push(format!("functions in host.json leaves out {name}, so that {so}; add it, or remove the list"));
    }
}
