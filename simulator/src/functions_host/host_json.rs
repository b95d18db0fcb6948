//! The members of `host.json` that the simulated host acts on.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::function::Setting;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HostJson {
    pub(super) version: String,
    pub(super) extension_bundle: Option<Value>,
    pub(super) custom_handler: Option<CustomHandler>,
    #[serde(default)]
    pub(super) extensions: Extensions,
    pub(super) function_timeout: Option<String>,
    pub(super) telemetry_mode: Option<String>,
    #[serde(default)]
    pub(super) logging: Logging,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Logging {
    /// By category.
    #[serde(default)]
    pub(super) log_level: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CustomHandler {
    pub(super) description: Description,
    #[serde(default)]
    pub(super) enable_forwarding_http_request: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Description {
    #[serde(default)]
    pub(super) default_executable_path: String,
}

#[derive(Default, Deserialize)]
pub(super) struct Extensions {
    #[serde(default)]
    pub(super) queues: Queues,
    #[serde(default)]
    pub(super) http: Http,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Http {
    pub(super) route_prefix: Option<String>,
}

/// Members that the host does not know are mistakes.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Queues {
    pub(super) batch_size: Option<usize>,
    pub(super) new_batch_threshold: Option<usize>,
    pub(super) max_polling_interval: Option<String>,
    pub(super) visibility_timeout: Option<String>,
    pub(super) max_dequeue_count: Option<u64>,
    pub(super) message_encoding: Option<String>,
}

/// The members that an app setting may stand in place of, of those that the simulated host acts on.
const OVERRIDABLE: [&str; 9] = [
    "extensions.queues.batchSize",
    "extensions.queues.newBatchThreshold",
    "extensions.queues.maxPollingInterval",
    "extensions.queues.visibilityTimeout",
    "extensions.queues.maxDequeueCount",
    "extensions.queues.messageEncoding",
    "extensions.http.routePrefix",
    "customHandler.enableForwardingHttpRequest",
    "functionTimeout",
];

/// Puts the values of app settings in place of members: `AzureFunctionsJobHost__a__b` for `a.b`.
pub(super) fn override_members(host: &mut Value, setting: Setting<'_>) {
    for path in OVERRIDABLE {
        let Some(text) = setting(&format!("AzureFunctionsJobHost__{}", path.replace('.', "__"))) else { continue };
        let mut member = &mut *host;
        for name in path.split('.') {
            member = &mut member[name];
        }
        *member = serde_json::from_str(&text).unwrap_or(Value::String(text));
    }
}

/// A .NET time span: `[d.]hh:mm:ss[.fffffff]`.
pub(super) fn time_span(text: &str) -> Option<Duration> {
    let parts: Vec<_> = text.split(':').collect();
    let [hours, minutes, seconds] = parts[..] else {
        return None;
    };
    let (days, hours) = hours.split_once('.').unwrap_or(("0", hours));
    let (days, hours, minutes): (u64, u64, u64) = (days.parse().ok()?, hours.parse().ok()?, minutes.parse().ok()?);
    let seconds = Duration::try_from_secs_f64(seconds.parse().ok()?).ok()?;
    let fits = hours < 24 && minutes < 60 && seconds < Duration::from_secs(60);
    fits.then(|| Duration::from_secs(((days * 24 + hours) * 60 + minutes) * 60) + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_spans_are_read_as_dotnet_reads_them() {
        assert_eq!(time_span("00:00:30"), Some(Duration::from_secs(30)));
        assert_eq!(time_span("1.02:00:00.5"), Some(Duration::from_millis(26 * 3_600_000 + 500)));
        assert_eq!(time_span("00:60:00"), None);
        assert_eq!(time_span("30"), None);
    }
}
