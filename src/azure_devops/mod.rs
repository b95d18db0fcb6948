//! Azure DevOps over one shared, pooled HTTP client.
//!
//! [`AzureDevOps`] is the client of the process. A [`Session`] is one check's view of it during one evaluation: its
//! collection, its project, its token. A session makes one call after another, so that a check has at most one open
//! request. See <https://learn.microsoft.com/rest/api/azure/devops/>.

mod answer;
pub mod artifacts;
mod asked_wait;
pub mod build;
pub mod builds;
pub mod check_configurations;
pub mod commits;
pub mod coverage;
mod credential;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
mod lenient;
mod pages;
pub mod pipeline_runs;
pub mod projects;
pub mod pull_requests;
pub mod queries;
mod record_update;
pub mod resources;
mod session;
pub mod task;
pub mod test_results;
pub mod timeline;
pub mod type_states;
mod whole_answers;
pub mod work_items;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use reqwest::redirect;

pub use error::{Error, ErrorKind};
pub use session::Session;
use type_states::KeptStates;
use whole_answers::WholeAnswers;

use crate::clock::Clock;
use crate::http::circuit::Circuits;
use crate::http::managed_identity::ManagedIdentity;
use crate::task::TaskProperties;
use crate::task::token::AuthToken;

/// The versions of the REST API that the calls were written for.
pub const API_VERSION: &str = "7.1";

/// Azure DevOps, as Entra ID knows it.
pub const RESOURCE: &str = "499b84ac-1321-427f-aa17-267ca6975798";

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
    /// How the token is sent.
    pub authorization: Authorization,
    /// The moment that facts are read as of, where Azure DevOps remembers the past. Usually now.
    pub as_of: Option<DateTime<Utc>>,
}

/// How the token is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Authorization {
    /// As Bearer: a job access token, or a token of Entra ID.
    #[default]
    Bearer,
    /// As the password of Basic authentication: a personal access token.
    Basic,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            call_timeout: Duration::from_secs(20),
            authorization: Authorization::Bearer,
            as_of: None,
        }
    }
}

/// The client: shared by all checks of the process.
#[derive(Debug)]
pub struct AzureDevOps {
    http: reqwest::Client,
    options: Options,
    clock: Clock,
    circuits: Circuits,
    states: KeptStates,
    whole_answers: WholeAnswers,
    /// Those of the same client at other times included.
    calls: Arc<AtomicU64>,
    identity: Option<ManagedIdentity>,
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
        Ok(Self {
            http,
            options,
            clock,
            circuits: Circuits::default(),
            states: KeptStates::default(),
            whole_answers: WholeAnswers::default(),
            calls: Arc::default(),
            identity: None,
        })
    }

    /// The same client with an identity that may act where a check's token cannot any more.
    #[must_use]
    pub fn with_identity(self, identity: Option<ManagedIdentity>) -> Self {
        Self { identity, ..self }
    }

    /// Who may act where a check's token cannot any more.
    #[must_use]
    pub const fn identity(&self) -> Option<&ManagedIdentity> {
        self.identity.as_ref()
    }

    /// The same client at another time: facts are read as of that moment, where Azure DevOps remembers the past.
    #[must_use]
    pub fn as_of(&self, moment: DateTime<Utc>, clock: Clock) -> Self {
        let options = Options { as_of: Some(moment), ..self.options.clone() };
        Self {
            http: self.http.clone(),
            options,
            clock,
            circuits: Circuits::default(),
            states: KeptStates::default(),
            whole_answers: WholeAnswers::default(),
            calls: Arc::clone(&self.calls),
            identity: self.identity.clone(),
        }
    }

    /// How many calls were made so far, at whatever time, with those that were not answered.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// One check's view of Azure DevOps.
    #[must_use]
    pub fn session(&self, properties: &TaskProperties, token: &AuthToken) -> Session<'_> {
        Session::new(self, properties.clone(), token.clone())
    }
}
