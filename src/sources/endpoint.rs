//! One connection, with its app settings filled in.

use std::cell::RefCell;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use url::{Position, Url};

use super::authorization::{Authorization, ClientCredentials};
use crate::http::managed_identity::ManagedIdentity;
use crate::http::secrets::Secrets;
use crate::sources::{AppSettings, Connection, SettingText};

/// How long one call may take unless the connection says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);

/// One connection.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) name: String,
    /// What speaks there, as `checks.yaml` calls it.
    pub(super) kind: &'static str,
    /// Ends with a slash.
    pub(super) base: Url,
    pub(super) authorization: Authorization,
    /// How long one call may take.
    pub(super) timeout: Duration,
    /// The same, where the operator wrote it.
    pub(super) written_timeout: Option<Duration>,
    /// What is sent there and must not be repeated.
    pub(super) secrets: Secrets,
}

impl Endpoint {
    /// # Errors
    ///
    /// What is wrong, as the end of a sentence about the connection. Never a setting's value.
    pub(super) fn new(name: &str, connection: &Connection, setting: AppSettings<'_>) -> Result<Self, String> {
        // The names of users and clients are no secrets: a condition may ask who opened a change.
        let sent = RefCell::new(Secrets::default());
        let hide = |secret: &str| sent.replace_with(|secrets| std::mem::take(secrets).and(secret));
        let secret = |it: &SettingText| it.resolve(setting).inspect(|text| drop(hide(text.expose_secret())));
        let in_header = |name: &str| setting(name).inspect(|value| drop(hide(value)));
        let (base, segments, authorization, timeout) = match connection {
            Connection::ServiceNow(it) => {
                let authorization = match (&it.user, &it.password, &it.client_id, &it.client_secret) {
                    (Some(user), Some(password), ..) => {
                        Authorization::Basic { user: user.resolve(setting)?, password: secret(password)? }
                    }
                    (_, _, Some(id), Some(client_secret)) => Authorization::OAuth {
                        client: ClientCredentials { id: id.resolve(setting)?, secret: secret(client_secret)? },
                        token: Mutex::default(),
                    },
                    _ => return Err("has no credentials".to_owned()),
                };
                (it.instance.as_str(), vec![], authorization, it.timeout)
            }
            Connection::Prometheus(it) => {
                let authorization = match (&it.bearer_token, &it.managed_identity_audience) {
                    (Some(token), _) => Authorization::Bearer(secret(token)?),
                    (None, Some(audience)) => identity(audience, HeaderMap::new()),
                    (None, None) => Authorization::None,
                };
                (it.url.as_str(), vec![], authorization, it.timeout)
            }
            Connection::AzureMonitor(it) => {
                let url = it.url.as_deref().unwrap_or("https://management.azure.com");
                (url, vec![], identity_for(url), it.timeout)
            }
            Connection::ApplicationInsights(it) => {
                let url = it.url.as_deref().unwrap_or("https://api.applicationinsights.io");
                (url, vec!["v1", "apps", it.app_id.as_str()], identity_for(url), it.timeout)
            }
            Connection::LogAnalytics(it) => {
                let url = it.url.as_deref().unwrap_or("https://api.loganalytics.io");
                (url, vec!["v1", "workspaces", it.workspace_id.as_str()], identity_for(url), it.timeout)
            }
            Connection::Webhook(_) => return Err("is a webhook, and nothing is read from it".to_owned()),
            Connection::Http(it) => {
                let headers = it.headers.iter().map(|(name, text)| header(name, &text.resolve(&in_header)?));
                let headers = headers.collect::<Result<HeaderMap, String>>()?;
                (it.url.as_str(), vec![], with_headers(headers, it.managed_identity_audience.as_deref()), it.timeout)
            }
        };
        let base = base_url(base, &segments).ok_or("has no usable base URL")?;
        let written_timeout = timeout.and_then(|timeout| timeout.delta().to_std().ok());
        let timeout = written_timeout.unwrap_or(TIMEOUT);
        let (name, kind, secrets) = (name.to_owned(), connection.kind(), sent.into_inner());
        Ok(Self { name, kind, base, authorization, timeout, written_timeout, secrets })
    }

    /// # Errors
    ///
    /// When it is read with the managed identity and there is none.
    pub(super) fn expect_identity(&self, identity: Option<&ManagedIdentity>) -> Result<(), String> {
        match (&self.authorization, identity) {
            (Authorization::ManagedIdentity { .. }, None) => Err(
                "is read with the function app's managed identity, and it has none: assign one, so that Azure sets IDENTITY_ENDPOINT and IDENTITY_HEADER".to_owned(),
            ),
            _ => Ok(()),
        }
    }

    /// The host with its port: what is up or down.
    pub(super) fn host(&self) -> &str {
        &self.base[Position::BeforeHost..Position::AfterPort]
    }

    /// The address without a trailing slash, for links.
    pub(super) fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }
}

/// Azure's query services take tokens for their own address.
fn identity_for(url: &str) -> Authorization {
    identity(url.trim_end_matches('/'), HeaderMap::new())
}

fn identity(audience: &str, headers: HeaderMap) -> Authorization {
    Authorization::ManagedIdentity { audience: audience.to_owned(), headers }
}

fn with_headers(headers: HeaderMap, audience: Option<&str>) -> Authorization {
    match audience {
        Some(audience) => identity(audience, headers),
        None => Authorization::Headers(headers),
    }
}

fn base_url(text: &str, segments: &[&str]) -> Option<Url> {
    let mut url = Url::parse(text).ok()?;
    url.path_segments_mut().ok()?.pop_if_empty().extend(segments).push("");
    Some(url)
}

pub(super) fn header(name: &str, value: &SecretString) -> Result<(HeaderName, HeaderValue), String> {
    let wrong = || format!("has a header `{name}` that HTTP cannot carry");
    let name = HeaderName::try_from(name).map_err(|_| wrong())?;
    let mut value = HeaderValue::from_str(value.expose_secret()).map_err(|_| wrong())?;
    value.set_sensitive(true);
    Ok((name, value))
}
