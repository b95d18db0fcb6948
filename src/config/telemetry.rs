//! Where traces and metrics are sent: OpenTelemetry's own settings, which the Functions host reads too.
//!
//! The crates of OpenTelemetry read further ones by themselves: `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_RESOURCE_ATTRIBUTES`, and
//! how much is sent at a time and how often.

use url::Url;

use super::{ConfigError, Lookup, wrong};
use crate::telemetry::Destination;

/// The settings of one signal, before those of all signals.
struct Signal {
    /// The last part of the address, where only the collector's own is given.
    path: &'static str,
    endpoint: &'static str,
    protocol: &'static str,
    exporter: &'static str,
}

const TRACES: Signal = Signal {
    path: "v1/traces",
    endpoint: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    protocol: "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    exporter: "OTEL_TRACES_EXPORTER",
};

const METRICS: Signal = Signal {
    path: "v1/metrics",
    endpoint: "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    protocol: "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
    exporter: "OTEL_METRICS_EXPORTER",
};

/// Where they go, if anywhere, and what is wrong with the settings: nothing is sent then.
#[must_use]
pub fn telemetry(lookup: Lookup<'_>) -> (Option<Destination>, Vec<ConfigError>) {
    if lookup("OTEL_SDK_DISABLED").is_some_and(|text| text.trim().eq_ignore_ascii_case("true")) {
        return (None, Vec::new());
    }
    let (mut problems, mut address) = (Vec::new(), None);
    let [traces, metrics] = [TRACES, METRICS].map(|signal| {
        signal.address(lookup).unwrap_or_else(|problem| {
            problems.push(problem);
            None
        })
    });
    if traces.is_some() || metrics.is_some() {
        address = Some(Destination {
            traces,
            metrics,
            about: about(lookup),
            service_name: lookup("OTEL_SERVICE_NAME"),
            has_interval: lookup("OTEL_METRIC_EXPORT_INTERVAL").is_some(),
        });
    }
    problems.dedup();
    (address, problems)
}

impl Signal {
    fn address(&self, lookup: Lookup<'_>) -> Result<Option<String>, ConfigError> {
        if lookup(self.exporter).is_some_and(|exporter| exporter.trim() == "none") {
            return Ok(None);
        }
        let (name, text) = match (lookup(self.endpoint), lookup("OTEL_EXPORTER_OTLP_ENDPOINT")) {
            (Some(own), _) => (self.endpoint, own),
            (None, Some(base)) => {
                ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("{}/{}", base.trim_end_matches('/'), self.path))
            }
            (None, None) => return Ok(None),
        };
        let is_http = Url::parse(&text).is_ok_and(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
        if !is_http {
            // It is not repeated: it may hold a key.
            return Err(wrong(name, "is not an address of HTTP".to_owned(), "http://127.0.0.1:4318"));
        }
        let all = "OTEL_EXPORTER_OTLP_PROTOCOL";
        let own = lookup(self.protocol).map(|protocol| (self.protocol, protocol));
        match own.or_else(|| Some((all, lookup("OTEL_EXPORTER_OTLP_PROTOCOL")?))) {
            Some((name, other)) if other.trim() != "http/protobuf" => {
                Err(wrong(name, format!("is `{other}`, which checkgate does not send"), "http/protobuf"))
            }
            _ => Ok(Some(text)),
        }
    }
}

/// What is said about the process, with the host's names for it.
fn about(lookup: Lookup<'_>) -> Vec<(&'static str, String)> {
    let is_in_azure = lookup("WEBSITE_SITE_NAME").is_some();
    let platform = |value: &str| is_in_azure.then(|| value.to_owned());
    let about = [
        ("service.name", Some(lookup("WEBSITE_SITE_NAME").unwrap_or_else(|| "checkgate".to_owned()))),
        ("service.version", Some(env!("CARGO_PKG_VERSION").to_owned())),
        ("service.instance.id", lookup("FUNCTIONS_CUSTOMHANDLER_WORKER_ID")),
        ("cloud.provider", platform("azure")),
        ("cloud.platform", platform("azure_functions")),
        ("cloud.region", lookup("REGION_NAME")),
    ];
    about.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The addresses of traces and metrics, and what is wrong.
    fn read(settings: &[(&str, &str)]) -> ([Option<String>; 2], Vec<String>) {
        let lookup = |name: &str| {
            let found = settings.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let (to, problems) = telemetry(&lookup);
        let addresses = to.map_or([None, None], |to| [to.traces, to.metrics]);
        (addresses, problems.iter().map(ToString::to_string).collect())
    }

    const BASE: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318/");

    fn both(traces: &str, metrics: &str) -> [Option<String>; 2] {
        [traces, metrics].map(|address| Some(address.to_owned()).filter(|address| !address.is_empty()))
    }

    #[test]
    fn nothing_is_sent_unless_an_address_is_given_and_nothing_switches_it_off() {
        for settings in [vec![("OTEL_SERVICE_NAME", "checks")], vec![BASE, ("OTEL_SDK_DISABLED", "TRUE")]] {
            assert_eq!(read(&settings), (both("", ""), vec![]), "{settings:?}");
        }
    }

    #[test]
    fn each_signal_has_its_own_address_and_its_own_switch() {
        let (traces, metrics) = ("http://127.0.0.1:4318/v1/traces", "http://127.0.0.1:4318/v1/metrics");
        assert_eq!(read(&[BASE]).0, both(traces, metrics));
        let own = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "https://metrics.example/otlp");
        assert_eq!(read(&[BASE, own]).0, both(traces, "https://metrics.example/otlp"));
        assert_eq!(read(&[own]).0, both("", "https://metrics.example/otlp"));
        assert_eq!(read(&[BASE, ("OTEL_TRACES_EXPORTER", "none")]).0, both("", metrics));
    }

    #[test]
    fn an_address_or_a_protocol_that_cannot_be_used_is_named_once_and_no_address_is_repeated() {
        for (wrong, says) in [
            (vec![("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318?key=s3cret")], "is not an address of HTTP"),
            (vec![BASE, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")], "is `grpc`"),
        ] {
            let (addresses, problems) = read(&wrong);
            assert_eq!((addresses, problems.len()), (both("", ""), 1), "{problems:?}");
            assert!(problems[0].contains(says) && !problems[0].contains("s3cret"), "{problems:?}");
        }
    }
}
