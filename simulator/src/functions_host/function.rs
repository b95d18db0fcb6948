//! One function of an app, from its `function.json`.

use std::collections::HashSet;

use serde::Deserialize;

/// Looks up an app setting.
pub(super) type Setting<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A function.
#[derive(Clone, Debug)]
pub(super) struct Function {
    pub(super) name: String,
    /// Name of the trigger binding: the member of `Data`.
    pub(super) binding: String,
    pub(super) trigger: Trigger,
    /// Whether raw HTTP may be forwarded: an HTTP trigger in, an HTTP response out, nothing else.
    pub(super) is_plain_http: bool,
    /// Name of the HTTP output binding.
    pub(super) http_output: Option<String>,
}

/// What starts a function.
#[derive(Clone, Debug)]
pub(super) enum Trigger {
    Http { route: String, methods: Vec<String>, anonymous: bool },
    Queue { queue: String, binary: bool },
}

/// One binding, as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Binding {
    #[serde(rename = "type")]
    kind: String,
    direction: String,
    name: String,
    auth_level: Option<String>,
    methods: Option<Vec<String>>,
    route: Option<String>,
    queue_name: Option<String>,
    data_type: Option<String>,
}

impl Binding {
    fn is(&self, kind: &str, direction: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind) && self.direction.eq_ignore_ascii_case(direction)
    }
}

impl Function {
    pub(super) fn new(name: &str, bindings: Vec<Binding>, setting: Setting<'_>) -> Result<Self, String> {
        let shaped = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.len() <= 128
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        if !shaped || name.eq_ignore_ascii_case("host") {
            return Err(format!("a function cannot be called {name}"));
        }
        let names: HashSet<_> = bindings.iter().map(|binding| binding.name.to_lowercase()).collect();
        if names.len() != bindings.len() {
            return Err("binding names must be unique, ignoring case".to_owned());
        }
        let triggers: Vec<_> = bindings.iter().filter(|it| it.kind.to_lowercase().ends_with("trigger")).collect();
        let [trigger] = triggers[..] else {
            return Err(format!("a function has one trigger, not {}", triggers.len()));
        };
        let output = bindings.iter().find(|binding| binding.is("http", "out"));
        Ok(Self {
            name: name.to_owned(),
            binding: trigger.name.clone(),
            trigger: Trigger::new(name, trigger, setting)?,
            is_plain_http: bindings.len() == 2 && trigger.is("httpTrigger", "in") && output.is_some(),
            http_output: output.map(|binding| binding.name.clone()),
        })
    }

    pub(super) fn route(&self) -> Option<&str> {
        match &self.trigger {
            Trigger::Http { route, .. } => Some(route),
            Trigger::Queue { .. } => None,
        }
    }
}

impl Trigger {
    fn new(function: &str, binding: &Binding, setting: Setting<'_>) -> Result<Self, String> {
        if binding.is("httpTrigger", "in") {
            let level = binding.auth_level.as_deref().unwrap_or("function").to_lowercase();
            if !["anonymous", "function", "admin"].contains(&level.as_str()) {
                return Err(format!("authLevel {level} is unknown"));
            }
            let methods = binding.methods.iter().flatten().map(|method| method.to_uppercase()).collect();
            let route = binding.route.clone().unwrap_or_else(|| function.to_owned());
            return Ok(Self::Http { route, methods, anonymous: level == "anonymous" });
        }
        if binding.is("queueTrigger", "in") {
            let queue = resolved(binding.queue_name.as_deref().unwrap_or_default(), setting)?.to_lowercase();
            if queue.is_empty() {
                return Err("queueName is missing".to_owned());
            }
            let binary = match binding.data_type.as_deref().map(str::to_lowercase).as_deref() {
                None | Some("" | "string") => false,
                Some("binary") => true,
                Some(other) => return Err(format!("dataType {other} is unknown")),
            };
            return Ok(Self::Queue { queue, binary });
        }
        Err(format!("the simulated host knows no trigger {} with direction {}", binding.kind, binding.direction))
    }
}

/// `%Name%` stands for an app setting.
fn resolved(text: &str, setting: Setting<'_>) -> Result<String, String> {
    let Some(name) = text.strip_prefix('%').and_then(|text| text.strip_suffix('%')) else {
        return Ok(text.to_owned());
    };
    setting(name).ok_or_else(|| format!("'%{name}%' does not resolve to a value"))
}
