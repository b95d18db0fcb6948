//! One check's view of Azure DevOps: makes the calls of one evaluation.

use std::sync::atomic::{AtomicU32, Ordering};

use chrono::{DateTime, Utc};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::asked_wait::AskedWait;
use super::credential::Credential;
use super::{AzureDevOps, Error, ErrorKind, answer, error};
use crate::http::json;
use crate::http::retry_after::asked_to_wait;
use crate::http::send;
use crate::task::TaskProperties;
use crate::task::token::AuthToken;
use crate::telemetry;

/// What the version of a resource that never left preview adds to that of the released ones.
const PREVIEW_SUFFIX: &str = "-preview.1";

/// One check's view of Azure DevOps during one evaluation.
#[derive(Debug)]
pub struct Session<'a> {
    pub(super) azure_devops: &'a AzureDevOps,
    pub(super) properties: TaskProperties,
    credential: Credential<'a>,
    /// Whether the token has ended, so that it need not be tried.
    has_token_ended: bool,
    pub(super) wait: AskedWait,
    calls: AtomicU32,
}

/// One call of the REST API.
#[derive(Clone)]
pub(super) struct Call<'a> {
    /// What it is for, as the end of "could not …": `read the run`.
    pub(super) what: &'static str,
    pub(super) method: Method,
    /// Below the collection, without `api-version`.
    pub(super) path: &'a str,
    pub(super) body: Body<'a>,
    /// The version of the resource, where it is not that of the released ones.
    pub(super) version: Option<String>,
}

/// What a request carries.
#[derive(Clone)]
pub(super) enum Body<'a> {
    Empty,
    Json(serde_json::Value),
    Text(&'a str),
}

impl<'a> Call<'a> {
    /// Reads a resource.
    pub(super) const fn get(what: &'static str, path: &'a str) -> Self {
        Self { what, method: Method::GET, path, body: Body::Empty, version: None }
    }

    /// Asks for something, with a body.
    pub(super) const fn post(what: &'static str, path: &'a str, body: serde_json::Value) -> Self {
        Self { what, method: Method::POST, path, body: Body::Json(body), version: None }
    }
}

impl<'a> Session<'a> {
    pub(super) fn new(azure_devops: &'a AzureDevOps, properties: TaskProperties, token: AuthToken) -> Self {
        let credential = Credential::new(token, azure_devops.options.authorization);
        Self {
            azure_devops,
            properties,
            credential,
            has_token_ended: false,
            wait: AskedWait::default(),
            calls: AtomicU32::new(0),
        }
    }

    /// Lets the function app's managed identity act, if it has one for this, where the token has ended or is refused. Only for a
    /// check whose own token was good before: otherwise, anybody with the function key could have the identity decide any
    /// check.
    pub fn let_identity_act(&mut self, has_token_ended: bool) {
        self.credential.allow(self.azure_devops.identity());
        self.has_token_ended = has_token_ended;
    }
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

    /// A JSON without the token.
    #[must_use]
    pub fn hide_secrets(&self, value: serde_json::Value) -> serde_json::Value {
        self.credential.secrets().hide_in(value)
    }

    /// How many calls were made.
    #[must_use]
    pub fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Uses this timeline for the check's record from now on: the delivery named none, or another one.
    pub const fn use_timeline(&mut self, id: Uuid) {
        self.properties.timeline_id = id;
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, what: &'static str, path: &str) -> Result<T, Error> {
        self.call(Call::get(what, path)).await
    }

    /// The version of a resource that never left preview.
    pub(super) fn preview_version(&self) -> String {
        format!("{}{PREVIEW_SUFFIX}", self.azure_devops.options.api_version)
    }

    /// Reads a resource that clients know only as a preview. It is not documented whether a server still wants the flag:
    /// one that refuses it is asked again without.
    pub(super) async fn get_preview<T: DeserializeOwned>(&self, what: &'static str, path: &str) -> Result<T, Error> {
        match self.call(Call { version: Some(self.preview_version()), ..Call::get(what, path) }).await {
            Err(error) if error.is_about_version() => self.get(what, path).await,
            answer => answer,
        }
    }

    /// Writes to a resource that most servers have released. One that serves it only as a preview is asked again so.
    pub(super) async fn write<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, Error> {
        match self.call(call.clone()).await {
            Err(error) if error.is_about_version() => {
                self.call(Call { version: Some(self.preview_version()), ..call }).await
            }
            answer => answer,
        }
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        what: &'static str,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Error> {
        self.call(Call::post(what, path, encode(what, body)?)).await
    }

    /// Makes one call and reads its JSON.
    pub(super) async fn call<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, Error> {
        let what = call.what;
        let answer = self.send(call).await?;
        self.read(what, answer).await
    }

    /// Reads the JSON of an answer.
    pub(super) async fn read<T: DeserializeOwned>(&self, what: &'static str, answer: Response) -> Result<T, Error> {
        let bytes = self.credential.secrets().hide_in_bytes(answer::read_limited(what, answer).await?);
        // A success without a body is the empty answer: `null` decodes into `()` and `Option`.
        let text: &[u8] = if bytes.is_empty() { b"null" } else { &bytes };
        json::read(text).map_err(|_| error::unexpected_shape(what))
    }

    /// Makes one call: once more with the identity, if the token has ended or is refused.
    pub(super) async fn send(&self, call: Call<'_>) -> Result<Response, Error> {
        let what = call.what;
        if self.has_token_ended {
            self.replace_token(what).await?;
        }
        match self.send_once(call.clone()).await {
            Err(error) if error.kind == ErrorKind::TokenRefused && self.replace_token(what).await? => {
                tracing::info!("the token is refused; the managed identity acts in its place");
                self.send_once(call).await
            }
            answer => answer,
        }
    }

    async fn replace_token(&self, what: &'static str) -> Result<bool, Error> {
        let no_token = |why| Error::new(what, ErrorKind::Transient { retry_after: None }, why);
        self.credential.replace().await.map_err(no_token)
    }

    async fn send_once(&self, call: Call<'_>) -> Result<Response, Error> {
        let Call { what, method, path, body, version } = call;
        let client = self.azure_devops;
        let separator = if path.contains('?') { '&' } else { '?' };
        let version = version.as_deref().unwrap_or(&client.options.api_version);
        let url = format!("{}{path}{separator}api-version={version}", self.properties.plan_url);
        let request = self.credential.authorize(client.http.request(method, url));
        let request = match body {
            Body::Empty => request,
            Body::Json(json) => request.json(&json),
            Body::Text(text) => request.header(CONTENT_TYPE, "application/octet-stream").body(text.to_owned()),
        };
        let (host, clock) = (self.properties.plan_url.authority(), &client.clock);
        self.wait.admit(clock.now()).map_err(|wait| error::held_back(what, wait))?;
        client.circuits.admit(host, clock.now()).map_err(|wait| error::left_alone(what, wait))?;
        client.calls.fetch_add(1, Ordering::Relaxed);
        self.calls.fetch_add(1, Ordering::Relaxed);
        let answer = send::send(request).await;
        client.circuits.note(host, answer.as_ref().is_ok_and(answer::is_from_the_service), clock.now());
        let answer = answer.map_err(|error| error::unreachable(what, &error))?;
        // It comes with successes too.
        if let Some(wait) = asked_to_wait(answer.headers(), clock.now()) {
            telemetry::asked_to_wait(host, wait);
            self.wait.note(wait, answer.status().is_success(), clock.now());
        }
        answer::classify(what, answer, self.credential.secrets(), clock.now()).await
    }

    /// The path of a resource of the check's project.
    pub(super) fn in_project(&self, rest: &str) -> String {
        format!("{}/_apis/{rest}", self.properties.project_id)
    }
}

pub(super) fn encode(what: &'static str, body: &impl Serialize) -> Result<serde_json::Value, Error> {
    serde_json::to_value(body).map_err(|_| Error::new(what, ErrorKind::Other, "the request could not be written"))
}

/// The wrapper that Azure DevOps puts around every array.
#[derive(Debug, Deserialize)]
pub(super) struct Wrapped<T> {
    pub(super) value: Vec<T>,
}
