//! Outside systems other than Azure DevOps, reached only through the named connections of `checks.yaml`.
//!
//! The operator names the hosts. A check can only name a connection, so it cannot choose where secrets are sent. Every
//! system is an endpoint: a base URL, a way to authenticate, a time limit.
//!
//! # Layout
//!
//! `connection` is what the operator writes, and `endpoint` the same with its app settings filled in. `call` makes one
//! request, with the headers of `authorization`, an address of `path`, and the errors of `error`. [`http`], [`metrics`] and
//! [`service_now`] know what each system answers. Nothing is read from a `webhook`: `webhooks` posts to it.

pub mod advanced_security;
mod authorization;
pub mod calendar;
mod call;
mod connection;
mod endpoint;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod http;
pub mod jira;
pub mod metrics;
mod path;
mod refusal;
pub mod service_now;
pub mod sonar;
mod webhook;
mod webhooks;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::http::circuit::Circuits;
use crate::http::managed_identity::ManagedIdentity;

pub use connection::{AppSettings, Connection, SettingText};
use endpoint::Endpoint;
pub use error::Error;
pub(crate) use path::check_path;
pub use webhook::{Format, WebhookConnection};
pub use webhooks::{NotTaken, Webhooks};

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The connections of `checks.yaml`, ready to be called. All share one pool.
#[derive(Debug, Default)]
pub struct Sources {
    http: reqwest::Client,
    identity: Option<Arc<ManagedIdentity>>,
    circuits: Circuits,
    /// By name; one that cannot be used says why.
    endpoints: BTreeMap<String, Result<Endpoint, String>>,
    /// Where notices are sent.
    webhooks: Webhooks,
    /// Whether nobody knows the connections, because the file that names them has mistakes.
    are_unknown: bool,
}

impl Sources {
    /// Fills in the connections' app settings. `http` carries what the whole process shares: TLS, root certificates.
    ///
    /// A connection whose settings are missing does not stop the others: see [`Self::problems`].
    ///
    /// # Errors
    ///
    /// When the TLS stack cannot be set up.
    pub fn new(
        connections: &BTreeMap<String, Connection>,
        setting: AppSettings<'_>,
        identity: Option<Arc<ManagedIdentity>>,
        http: reqwest::ClientBuilder,
    ) -> Result<Self, reqwest::Error> {
        let http = http
            .user_agent(concat!("checkgate/", env!("CARGO_PKG_VERSION")))
            // A redirect would send credentials to a host that the operator did not name.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .build()?;
        let endpoint = |(name, connection): (&String, &Connection)| {
            let endpoint = Endpoint::new(name, connection, setting)
                .and_then(|endpoint| endpoint.expect_identity(identity.as_deref()).map(|()| endpoint));
            (name.clone(), endpoint.map_err(|why| format!("connection `{name}` {why}")))
        };
        let endpoints =
            connections.iter().filter(|(_, connection)| connection.webhook().is_none()).map(endpoint).collect();
        let (circuits, webhooks) = (Circuits::default(), Webhooks::default());
        Ok(Self { http, identity, circuits, endpoints, webhooks, are_unknown: false })
    }

    /// The same with these webhooks.
    #[must_use]
    pub fn with_webhooks(self, webhooks: Webhooks) -> Self {
        Self { webhooks, ..self }
    }

    /// Where notices are sent.
    #[must_use]
    pub const fn webhooks(&self) -> &Webhooks {
        &self.webhooks
    }

    /// The connections of a file with mistakes: none is known.
    #[must_use]
    pub fn of_broken_file() -> Self {
        Self { are_unknown: true, ..Self::default() }
    }

    /// The connections that cannot be used, each with its reason in one sentence.
    pub fn problems(&self) -> impl Iterator<Item = &str> {
        self.endpoints.values().filter_map(|endpoint| endpoint.as_ref().err().map(String::as_str))
    }

    /// Which of the `needed` connections cannot be used, each with its reason in one sentence.
    #[must_use]
    pub fn problems_of<'a>(&self, needed: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let mut problems: Vec<String> = needed.into_iter().filter_map(|name| self.endpoint(name).err()).collect();
        problems.sort();
        problems.dedup();
        problems
    }

    /// The host of a connection, with its port. One that cannot be used has its name to itself.
    #[must_use]
    pub fn host<'a>(&'a self, name: &'a str) -> &'a str {
        self.endpoint(name).map_or(name, Endpoint::host)
    }

    /// A connection's `timeout`, where the operator wrote one.
    #[must_use]
    pub fn written_timeout(&self, name: &str) -> Option<Duration> {
        self.endpoint(name).ok()?.written_timeout
    }

    /// A JSON without the secrets of any connection.
    #[must_use]
    pub fn hide_secrets(&self, value: Value) -> Value {
        self.endpoints.values().flatten().fold(value, |value, endpoint| endpoint.secrets.hide_in(value))
    }

    fn endpoint(&self, name: &str) -> Result<&Endpoint, String> {
        match self.endpoints.get(name) {
            Some(endpoint) => endpoint.as_ref().map_err(Clone::clone),
            None if self.are_unknown => {
                Err(format!("connection `{name}` is not known before the mistakes in checks.yaml are mended"))
            }
            None => Err(format!("connection `{name}` is not in checks.yaml any more")),
        }
    }

    fn reach(&self, name: &str) -> Result<&Endpoint, Error> {
        self.endpoint(name).map_err(Error::because)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks_file::ChecksFile;

    const FILE: &str = "
connections:
  snow: { serviceNow: { instance: 'https://snow.example.com', user: '${SNOW_USER}', password: '${SNOW_PASSWORD}' } }
  oauth: { serviceNow: { instance: 'https://snow.example.com', clientId: id, clientSecret: '${SNOW_PASSWORD}' } }
  prom: { prometheus: { url: 'https://prom.example.com', bearerToken: '${TOKEN}' } }
  sonar: { http: { url: 'https://sonar.example.com/x', headers: { Authorization: 'Bearer ${TOKEN}' } } }
  monitor: { azureMonitor: {} }
checks:
  a: { conditions: [ any: [ http: { connection: sonar, path: a, successCondition: response.status == 200 } ] ] }
  b: { conditions: [ metric: { connection: prom, query: q, successCondition: result < 1.0 } ] }
";

    fn sources(settings: &[(&str, &str)]) -> (ChecksFile, Sources) {
        let file = ChecksFile::parse(FILE).unwrap_or_else(|problems| panic!("{problems:?}"));
        let setting =
            |name: &str| settings.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let sources = Sources::new(&file.connections, &setting, None, reqwest::Client::builder()).expect("a client");
        (file, sources)
    }

    #[test]
    fn what_is_missing_is_named_for_each_connection() {
        let (file, sources) = sources(&[("SNOW_USER", "checkgate"), ("TOKEN", "sesame\nopen")]);
        let problems: Vec<&str> = sources.problems().collect();
        assert_eq!(problems.len(), 4, "{problems:?}");
        for (problem, says) in problems.iter().zip([
            "connection `monitor` is read with the function app's managed identity, and it has none",
            "connection `oauth` reads the app setting `SNOW_PASSWORD`, which is missing",
            "connection `snow` reads the app setting `SNOW_PASSWORD`, which is missing",
            "connection `sonar` has a header `Authorization` that HTTP cannot carry",
        ]) {
            assert!(problem.contains(says), "{problem}");
        }
        assert!(sources.problems_of(file.checks["a"].connections())[0].contains("connection `sonar`"));
        assert_eq!(sources.problems_of(file.checks["b"].connections()), Vec::<String>::new(), "others go on");
    }

    #[test]
    fn no_secret_is_shown() {
        let (_, sources) = sources(&[("SNOW_USER", "admin-sesame"), ("SNOW_PASSWORD", "sesame"), ("TOKEN", "sesame")]);
        let shown = format!("{sources:?}");
        assert!(shown.contains("sonar") && !shown.contains("sesame"), "{shown}");
    }

    #[test]
    fn a_reference_to_a_setting_is_checked_when_the_file_is_read() {
        let problems = ChecksFile::parse(&FILE.replace("${SNOW_USER}", "${SNOW_USER")).expect_err("a mistake");
        assert!(
            problems[0].to_string().contains("connections.snow.serviceNow.user: has a `${` without its `}`"),
            "{problems:?}"
        );
    }
}
