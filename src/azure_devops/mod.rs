//! Azure DevOps over one shared, pooled HTTP client.
//!
//! [`AzureDevOps`] is the client of the process; a [`Session`] is one check's view of it during one evaluation: its
//! collection, its project, its token. Calls of a session are made one after another, so that a check has at most one
//! open request. See <https://learn.microsoft.com/rest/api/azure/devops/>.

mod answer;
pub mod artifacts;
pub mod build;
pub mod coverage;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod pull_requests;
pub mod queries;
pub mod task;
pub mod test_results;
pub mod timeline;
pub mod type_states;
pub mod work_items;

use std::sync::Mutex;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Response, redirect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::http::retry_after::asked_to_wait;
pub use error::{Error, ErrorKind};

use crate::clock::Clock;
use crate::http::circuit::Circuits;
use crate::task::TaskProperties;
use crate::task::token::AuthToken;

/// The versions of the REST API that the calls were written for.
pub const API_VERSION: &str = "7.1";

/// What the version of a resource that never left preview adds to that of the released ones.
const PREVIEW_SUFFIX: &str = "-preview.1";

/// How long a connection may take to open. Azure DevOps answers in milliseconds or is down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How many connections are kept open between calls: those of a full load of evaluations.
const MAX_IDLE_CONNECTIONS: usize = 48;

/// How the client behaves; see the settings of the same names.
#[derive(Debug, Clone)]
pub struct Options {
    /// The version of released resources: `7.1`, or `7.0` for Azure DevOps Server 2022.
    pub api_version: String,
    /// How long one call may take in all, from connecting to the last byte.
    pub call_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { api_version: API_VERSION.to_owned(), call_timeout: Duration::from_secs(20) }
    }
}

/// The client: shared by all checks of the process.
#[derive(Debug)]
pub struct AzureDevOps {
    http: reqwest::Client,
    options: Options,
    clock: Clock,
    circuits: Circuits,
    states: type_states::KeptStates,
}

impl AzureDevOps {
    /// A client with a pool of its own. `http` carries what the whole process shares: TLS, root certificates.
    ///
    /// # Errors
    ///
    /// When the TLS stack cannot be set up.
    pub fn new(http: reqwest::ClientBuilder, options: Options, clock: Clock) -> Result<Self, reqwest::Error> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        // Asks for 401 instead of a redirect to the sign-in page.
        headers.insert("X-TFS-FedAuthRedirect", HeaderValue::from_static("Suppress"));
        let http = http
            .user_agent(concat!("checkgate/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            // A redirect would carry the token elsewhere, and hide that it has expired.
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
            .timeout(options.call_timeout)
            .build()?;
        Ok(Self { http, options, clock, circuits: Circuits::default(), states: type_states::KeptStates::default() })
    }

    /// One check's view of Azure DevOps.
    #[must_use]
    pub fn session(&self, properties: &TaskProperties, token: &AuthToken) -> Session<'_> {
        Session {
            azure_devops: self,
            properties: properties.clone(),
            token: token.clone(),
            slow_down: Mutex::new(None),
        }
    }
}

/// One check's view of Azure DevOps during one evaluation.
#[derive(Debug)]
pub struct Session<'a> {
    azure_devops: &'a AzureDevOps,
    properties: TaskProperties,
    token: AuthToken,
    /// The longest wait that an answer of this evaluation asked for, success or not.
    slow_down: Mutex<Option<Duration>>,
}

/// What a request carries.
enum Body<'a> {
    Empty,
    Json(serde_json::Value),
    Text(&'a str),
}

impl Session<'_> {
    /// The check's ids.
    #[must_use]
    pub const fn properties(&self) -> &TaskProperties {
        &self.properties
    }

    /// The time now: later than when the evaluation began.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.azure_devops.clock.now()
    }

    /// Looks for the check's record in this timeline from now on: the delivery named none, or not this one.
    pub const fn use_timeline(&mut self, id: Uuid) {
        self.properties.timeline_id = id;
    }

    /// The longest wait that Azure DevOps asked for so far, to be kept before the next evaluation.
    #[must_use]
    pub fn slow_down(&self) -> Option<Duration> {
        self.slow_down.lock().map_or(None, |slow_down| *slow_down)
    }

    async fn get<T: DeserializeOwned>(&self, what: &'static str, path: &str) -> Result<T, Error> {
        self.call(what, Method::GET, path, Body::Empty).await
    }

    /// Reads a resource that clients know only as a preview. Whether a server still wants the flag is not documented: one
    /// that refuses it is asked again without.
    async fn get_preview<T: DeserializeOwned>(&self, what: &'static str, path: &str) -> Result<T, Error> {
        let released = &self.azure_devops.options.api_version;
        let preview = format!("{released}{PREVIEW_SUFFIX}");
        match self.call_version(what, Method::GET, path, &preview, Body::Empty).await {
            Err(error) if error.is_about_version() => {
                self.call_version(what, Method::GET, path, released, Body::Empty).await
            }
            answer => answer,
        }
    }

    async fn post<T: DeserializeOwned>(
        &self,
        what: &'static str,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Error> {
        self.call(what, Method::POST, path, Body::Json(encode(what, body)?)).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        what: &'static str,
        method: Method,
        path: &str,
        body: Body<'_>,
    ) -> Result<T, Error> {
        self.call_version(what, method, path, &self.azure_devops.options.api_version, body).await
    }

    /// Makes one call and reads its JSON. `path` is below the collection, without `api-version`.
    async fn call_version<T: DeserializeOwned>(
        &self,
        what: &'static str,
        method: Method,
        path: &str,
        version: &str,
        body: Body<'_>,
    ) -> Result<T, Error> {
        let separator = if path.contains('?') { '&' } else { '?' };
        let url = format!("{}{path}{separator}api-version={version}", self.properties.plan_url);
        let answer = self.send(what, method, url, body).await?;
        let bytes = answer::read_limited(what, answer).await?;
        // A success without a body is the empty answer: `null` decodes into `()` and `Option`.
        let text: &[u8] = if bytes.is_empty() { b"null" } else { &bytes };
        serde_json::from_slice(text).map_err(|_| {
            Error::new(what, ErrorKind::Transient { retry_after: None }, "answered JSON of an unexpected shape")
        })
    }

    async fn send(&self, what: &'static str, method: Method, url: String, body: Body<'_>) -> Result<Response, Error> {
        let client = self.azure_devops;
        let request = client.http.request(method, url).bearer_auth(self.token.expose());
        let request = match body {
            Body::Empty => request,
            Body::Json(json) => request.json(&json),
            Body::Text(text) => request.header(CONTENT_TYPE, "application/octet-stream").body(text.to_owned()),
        };
        let (host, clock) = (self.properties.plan_url.authority(), &client.clock);
        client.circuits.admit(host, clock.now()).map_err(|wait| error::left_alone(what, wait))?;
        let answer = request.send().await;
        client.circuits.note(host, answer.as_ref().is_ok_and(answer::is_from_the_service), clock.now());
        let answer = answer.map_err(|error| error::unreachable(what, &error))?;
        self.note_slow_down(answer.headers());
        answer::classify(what, answer, clock.now()).await
    }

    /// Remembers a wait that the answer asks for; it comes with successes too.
    fn note_slow_down(&self, headers: &HeaderMap) {
        let asked = asked_to_wait(headers, self.azure_devops.clock.now());
        if let Ok(mut slow_down) = self.slow_down.lock() {
            *slow_down = (*slow_down).max(asked);
        }
    }

    /// The path of a resource of the check's project.
    fn in_project(&self, rest: &str) -> String {
        format!("{}/_apis/{rest}", self.properties.project_id)
    }
}

fn encode(what: &'static str, body: &impl Serialize) -> Result<serde_json::Value, Error> {
    serde_json::to_value(body).map_err(|_| Error::new(what, ErrorKind::Other, "the request could not be written"))
}

/// The wrapper that Azure DevOps puts around every array.
#[derive(Debug, serde::Deserialize)]
struct Wrapped<T> {
    value: Vec<T>,
}
