//! Reads a function app's folder as the host does, and refuses what the host would refuse.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::function::{Binding, Function, Setting, Trigger};
use super::host_json::{self, HostJson, Queues, time_span};
use super::output::{Severity, console_level};

/// What the host knows about an app after reading its folder.
#[derive(Clone, Debug)]
pub(super) struct App {
    /// Its folder.
    pub(super) root: PathBuf,
    pub(super) functions: Vec<Function>,
    pub(super) route_prefix: String,
    pub(super) forwards_http: bool,
    /// Whether what is sent carries a trace context of the host's own.
    pub(super) traces: bool,
    pub(super) queues: QueueOptions,
    pub(super) function_timeout: Duration,
    /// The lowest severity of the handler's lines that is logged; `None` logs none.
    pub(super) console_level: Option<Severity>,
}

/// How queues are listened to.
#[derive(Clone, Copy, Debug)]
pub(super) struct QueueOptions {
    pub(super) batch_size: usize,
    pub(super) new_batch_threshold: usize,
    pub(super) max_polling_interval: Duration,
    pub(super) visibility_timeout: Duration,
    pub(super) max_dequeue_count: u64,
    pub(super) base64: bool,
}

#[derive(Deserialize)]
struct FunctionJson {
    bindings: Vec<Binding>,
}

impl App {
    /// Reads `host.json` and every folder with a `function.json`; lists all problems if there are any.
    pub(super) fn read(root: &Path, setting: Setting<'_>) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let host = read_host(root, setting).map_err(|problem| problems.push(problem)).ok();
        let functions = read_functions(root, setting, &mut problems);
        let Some(host) = host else {
            return Err(problems);
        };
        let queues = check_host(&host, &functions, &mut problems);
        let console_level = console_level(&host.logging.log_level).unwrap_or_else(|problem| {
            problems.push(format!("host.json: {problem}"));
            None
        });
        let function_timeout = match host.function_timeout.as_deref() {
            None => Some(Duration::from_secs(30 * 60)),
            Some("-1") => Some(Duration::MAX),
            Some(text) => time_span(text),
        };
        let (Some(function_timeout), true) = (function_timeout, problems.is_empty()) else {
            problems
                .extend(function_timeout.is_none().then(|| "host.json: functionTimeout is not a time span".to_owned()));
            return Err(problems);
        };
        let route_prefix = host.extensions.http.route_prefix.unwrap_or_else(|| "api".to_owned());
        let traces = host.telemetry_mode.is_some_and(|mode| mode.eq_ignore_ascii_case("OpenTelemetry"));
        let forwards_http = host.custom_handler.is_some_and(|handler| handler.enable_forwarding_http_request);
        let root = root.to_owned();
        Ok(Self { root, functions, route_prefix, forwards_http, traces, queues, function_timeout, console_level })
    }
}

/// `host.json`, with the app settings that stand in place of its members.
fn read_host(root: &Path, setting: Setting<'_>) -> Result<HostJson, String> {
    let path = root.join("host.json");
    let mut host = read_json(&path)?;
    host_json::override_members(&mut host, setting);
    serde_json::from_value(host).map_err(|error| format!("{}: {error}", path.display()))
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

fn read_functions(root: &Path, setting: Setting<'_>, problems: &mut Vec<String>) -> Vec<Function> {
    let folders = fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut folders: Vec<_> = folders.filter(|folder| folder.join("function.json").is_file()).collect();
    folders.sort();
    let mut functions = Vec::new();
    for folder in folders {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if is_disabled(&name, setting) {
            continue;
        }
        let read = read_json(&folder.join("function.json")).and_then(|FunctionJson { bindings }| {
            Function::new(&name, bindings, setting).map_err(|problem| format!("{name}/function.json: {problem}"))
        });
        match read {
            Ok(function) => functions.push(function),
            Err(problem) => problems.push(problem),
        }
    }
    if functions.is_empty() && problems.is_empty() {
        problems.push("no function was found: the host would not start the handler".to_owned());
    }
    functions
}

/// Whether an app setting disables the function. The second name is for systems whose names have no dots.
fn is_disabled(name: &str, setting: Setting<'_>) -> bool {
    let names = [format!("AzureWebJobs.{name}.Disabled"), format!("AzureWebJobs_{name}_Disabled")];
    names.iter().filter_map(|name| setting(name)).any(|value| value == "1" || value.eq_ignore_ascii_case("true"))
}

fn check_host(host: &HostJson, functions: &[Function], problems: &mut Vec<String>) -> QueueOptions {
    let mut demand = |holds: bool, problem: &str| {
        if !holds {
            problems.push(format!("host.json: {problem}"));
        }
    };
    let executable = host.custom_handler.as_ref().map(|handler| handler.description.default_executable_path.as_str());
    demand(host.version == "2.0", "version must be \"2.0\"");
    let mode = host.telemetry_mode.as_deref().unwrap_or("ApplicationInsights").to_lowercase();
    demand(["applicationinsights", "opentelemetry"].contains(&mode.as_str()), "telemetryMode is unknown");
    demand(
        executable.is_some_and(|path| !path.is_empty()),
        "customHandler.description.defaultExecutablePath is missing",
    );
    let has_queue = functions.iter().any(|function| matches!(function.trigger, Trigger::Queue { .. }));
    demand(!has_queue || host.extension_bundle.is_some(), "a queue trigger needs the extensionBundle");
    let routes: Vec<_> = functions.iter().filter_map(Function::route).map(str::to_lowercase).collect();
    demand(routes.iter().collect::<HashSet<_>>().len() == routes.len(), "two functions have the same route");
    queue_options(&host.extensions.queues, &mut demand)
}

fn queue_options(queues: &Queues, demand: &mut impl FnMut(bool, &str)) -> QueueOptions {
    let mut span = |text: &Option<String>, default: Duration, problem: &str| {
        let span = text.as_deref().map_or(Some(default), time_span);
        demand(span.is_some(), problem);
        span.unwrap_or(default)
    };
    // Two seconds is what the host takes in development.
    let max_polling_interval = span(
        &queues.max_polling_interval,
        Duration::from_secs(2),
        "extensions.queues.maxPollingInterval is not a time span",
    );
    let visibility_timeout =
        span(&queues.visibility_timeout, Duration::ZERO, "extensions.queues.visibilityTimeout is not a time span");
    let batch_size = queues.batch_size.unwrap_or(16);
    let encoding = queues.message_encoding.as_deref().unwrap_or("base64").to_lowercase();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    demand((1..=32).contains(&batch_size), "extensions.queues.batchSize must be 1 to 32");
    demand(queues.max_dequeue_count != Some(0), "extensions.queues.maxDequeueCount must be at least 1");
    demand(
        max_polling_interval >= Duration::from_millis(100),
        "extensions.queues.maxPollingInterval must be at least 100 ms",
    );
    demand(
        encoding == "base64" || encoding == "none",
        "extensions.queues.messageEncoding must be \"base64\" or \"none\"",
    );
    QueueOptions {
        batch_size,
        new_batch_threshold: queues.new_batch_threshold.unwrap_or(batch_size / 2 * cores),
        max_polling_interval,
        visibility_timeout,
        max_dequeue_count: queues.max_dequeue_count.unwrap_or(5),
        base64: encoding == "base64",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the host says about an app with this `host.json` and one function with these bindings.
    fn problems(host: &str, bindings: &str) -> Vec<String> {
        let root = std::env::temp_dir().join(uuid::Uuid::new_v4().to_string());
        fs::create_dir_all(root.join("Function")).unwrap();
        fs::write(root.join("host.json"), host).unwrap();
        let function = format!(r#"{{"bindings":[{bindings}]}}"#);
        fs::write(root.join("Function/function.json"), function).unwrap();
        let read = App::read(&root, &|_| None);
        fs::remove_dir_all(&root).unwrap();
        read.err().unwrap_or_default()
    }

    #[test]
    fn app_settings_stand_in_place_of_members_and_disable_functions() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/app");
        let read = |settings: &[(&str, &str)]| {
            let setting =
                |name: &str| settings.iter().find(|(it, _)| *it == name).map(|(_, value)| (*value).to_owned());
            App::read(&root, &setting).unwrap()
        };
        let shipped = read(&[]);
        assert_eq!(shipped.functions.len(), 2);
        let queues = |name: &str| format!("AzureFunctionsJobHost__extensions__queues__{name}");
        let changed = read(&[(&queues("messageEncoding"), "base64"), (&queues("batchSize"), "7")]);
        assert_ne!(changed.queues.base64, shipped.queues.base64);
        assert_eq!(changed.queues.batch_size, 7);
        for (name, value, functions) in [
            ("AzureWebJobs.ReevaluateFunction.Disabled", "true", 1),
            ("AzureWebJobs_ReevaluateFunction_Disabled", "1", 1),
            ("AzureWebJobs_ReevaluateFunction_Disabled", "0", 2),
        ] {
            assert_eq!(read(&[(name, value)]).functions.len(), functions, "{name}={value}");
        }
    }

    #[test]
    fn what_the_host_would_refuse_is_refused() {
        let queue = r#"{"type":"queueTrigger","direction":"in","name":"check","queueName":"q","connection":""}"#;
        let handler = r#""customHandler":{"description":{"defaultExecutablePath":"handler"}}"#;
        let good = format!(r#"{{"version":"2.0","extensionBundle":{{}},{handler}}}"#);
        assert_eq!(problems(&good, queue), Vec::<String>::new());

        let bad = r#"{"version":"1.0","extensions":{"queues":{"batchSize":64,"messageEncoding":"hex"}}}"#;
        assert_eq!(problems(bad, queue).len(), 5);
        let misspelt = format!(r#"{{"version":"2.0",{handler},"extensions":{{"queues":{{"maxDequeues":3}}}}}}"#);
        assert!(problems(&misspelt, queue)[0].contains("maxDequeues"));
        assert!(problems(&good, "")[0].contains("one trigger"));
        assert!(problems(&good, &format!("{queue},{queue}"))[0].contains("unique"));
        assert!(problems(&good, &queue.replace("\"q\"", "\"%Queue%\""))[0].contains("%Queue%"));
        assert!(problems(&good, &queue.replace("queueTrigger", "timerTrigger"))[0].contains("timerTrigger"));
    }
}
