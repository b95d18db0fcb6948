//! Named connections to outside systems. A check can only name one, so it cannot choose where secrets are sent.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use super::webhook::WebhookConnection;
use crate::yaml::{Duration, Problems};

/// Answers an app setting by its name; `None` where it is missing.
pub type AppSettings<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Text in which `${NAME}` stands for the app setting of that name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct SettingText(String);

impl SettingText {
    /// The text with its app settings filled in.
    ///
    /// # Errors
    ///
    /// The name of the first setting that is missing.
    pub fn resolve(&self, setting: AppSettings<'_>) -> Result<SecretString, String> {
        let mut resolved = String::new();
        let mut rest = self.0.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, after)) = after.split_once('}') else {
                return Err("has a `${` without its `}`".to_owned());
            };
            let value = setting(name).ok_or_else(|| format!("reads the app setting `{name}`, which is missing"))?;
            resolved.push_str(before);
            resolved.push_str(&value);
            rest = after;
        }
        resolved.push_str(rest);
        Ok(SecretString::from(resolved))
    }

    /// Whether any of it comes from an app setting.
    pub(super) fn names_setting(&self) -> bool {
        self.0.contains("${")
    }
}

/// An outside system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Connection {
    /// The Table API of a ServiceNow instance.
    ServiceNow(ServiceNowConnection),
    /// A Prometheus server, or what speaks its query API.
    Prometheus(PrometheusConnection),
    /// Azure Monitor metrics, read with the function app's managed identity.
    AzureMonitor(AzureMonitorConnection),
    /// The query API of an Application Insights resource, read with the managed identity.
    ApplicationInsights(ApplicationInsightsConnection),
    /// The query API of a Log Analytics workspace, read with the managed identity.
    LogAnalytics(LogAnalyticsConnection),
    /// Any other system that answers JSON over HTTP.
    Http(HttpConnection),
    /// A webhook that notices are sent to. No condition reads from it.
    Webhook(WebhookConnection),
}

/// A ServiceNow instance, by Basic authentication or OAuth client credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceNowConnection {
    /// Such as `https://example.service-now.com`.
    pub instance: String,
    /// The user of Basic authentication.
    pub user: Option<SettingText>,
    /// The password of Basic authentication.
    pub password: Option<SettingText>,
    /// The client of the OAuth client credentials grant.
    pub client_id: Option<SettingText>,
    /// Its secret.
    pub client_secret: Option<SettingText>,
    /// How long one call may take; 10s unless given.
    pub timeout: Option<Duration>,
}

/// A Prometheus server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PrometheusConnection {
    /// Its base URL, in front of `/api/v1/query`.
    pub url: String,
    /// Sent as `Authorization: Bearer …`.
    pub bearer_token: Option<SettingText>,
    /// Instead of a bearer token: a token of the managed identity for this audience.
    pub managed_identity_audience: Option<String>,
    /// How long one call may take; 10s unless given.
    pub timeout: Option<Duration>,
}

/// Azure Monitor metrics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AzureMonitorConnection {
    /// The resource manager; `https://management.azure.com` unless given.
    pub url: Option<String>,
    /// How long one call may take; 10s unless given.
    pub timeout: Option<Duration>,
}

/// An Application Insights resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApplicationInsightsConnection {
    /// The application id of the resource's API access page.
    pub app_id: String,
    /// The query service; `https://api.applicationinsights.io` unless given.
    pub url: Option<String>,
    /// How long one call may take; 10s unless given.
    pub timeout: Option<Duration>,
}

/// A Log Analytics workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogAnalyticsConnection {
    /// The workspace's id.
    pub workspace_id: String,
    /// The query service; `https://api.loganalytics.io` unless given.
    pub url: Option<String>,
    /// How long one call may take; 10s unless given.
    pub timeout: Option<Duration>,
}

/// Any other system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpConnection {
    /// Its base URL; a condition adds a relative path.
    pub url: String,
    /// Headers of every request, such as `Authorization`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, SettingText>,
    /// Sends `Authorization: Bearer …` with a token of the managed identity for this audience.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_identity_audience: Option<String>,
    /// How long one call may take; 10s unless given.
    pub timeout: Option<Duration>,
}

impl Connection {
    /// The kind's name as the file writes it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::ServiceNow(_) => "serviceNow",
            Self::Prometheus(_) => "prometheus",
            Self::AzureMonitor(_) => "azureMonitor",
            Self::ApplicationInsights(_) => "applicationInsights",
            Self::LogAnalytics(_) => "logAnalytics",
            Self::Http(_) => "http",
            Self::Webhook(_) => "webhook",
        }
    }

    /// The webhook, where it is one.
    pub(super) const fn webhook(&self) -> Option<&WebhookConnection> {
        if let Self::Webhook(webhook) = self { Some(webhook) } else { None }
    }

    /// The texts that may name app settings, by their keys.
    fn setting_texts(&self) -> Vec<(String, &SettingText)> {
        match self {
            Self::ServiceNow(it) => [
                named("user", &it.user),
                named("password", &it.password),
                named("clientId", &it.client_id),
                named("clientSecret", &it.client_secret),
            ]
            .into_iter()
            .flatten()
            .collect(),
            Self::Prometheus(it) => named("bearerToken", &it.bearer_token).into_iter().collect(),
            Self::Http(it) => in_headers(&it.headers).collect(),
            Self::Webhook(it) => in_headers(&it.headers).chain([("url".to_owned(), &it.url)]).collect(),
            Self::AzureMonitor(_) | Self::ApplicationInsights(_) | Self::LogAnalytics(_) => Vec::new(),
        }
    }

    pub(crate) fn validate(&self, problems: &mut Problems<'_>) {
        let mut problems = problems.inside(self.kind());
        for (key, text) in self.setting_texts() {
            // Which settings there are is known only where the app runs; whether they are written well is known here.
            if let Err(why) = text.resolve(&|_| Some(String::new())) {
                problems.push(&key, format!("{why}; write for instance `${{SERVICENOW_PASSWORD}}`"));
            }
        }
        match self {
            Self::ServiceNow(servicenow) => {
                check_url("instance", Some(&servicenow.instance), &mut problems);
                let basic = (servicenow.user.is_some(), servicenow.password.is_some());
                let oauth = (servicenow.client_id.is_some(), servicenow.client_secret.is_some());
                if !matches!((basic, oauth), ((true, true), (false, false)) | ((false, false), (true, true))) {
                    problems.push("", "needs either `user` and `password`, or `clientId` and `clientSecret`");
                }
            }
            Self::Prometheus(prometheus) => {
                check_url("url", Some(&prometheus.url), &mut problems);
                if prometheus.bearer_token.is_some() && prometheus.managed_identity_audience.is_some() {
                    problems.push("bearerToken", "contradicts `managedIdentityAudience`; give one of them");
                }
            }
            Self::AzureMonitor(monitor) => check_url("url", monitor.url.as_deref(), &mut problems),
            Self::ApplicationInsights(insights) => check_url("url", insights.url.as_deref(), &mut problems),
            Self::LogAnalytics(logs) => check_url("url", logs.url.as_deref(), &mut problems),
            Self::Webhook(webhook) => webhook.validate(&mut problems),
            Self::Http(http) => {
                check_url("url", Some(&http.url), &mut problems);
                let authorizes = http.headers.keys().any(|name| name.eq_ignore_ascii_case("Authorization"));
                if authorizes && http.managed_identity_audience.is_some() {
                    problems.push("headers", "`Authorization` contradicts `managedIdentityAudience`; give one of them");
                }
            }
        }
    }
}

fn in_headers(headers: &BTreeMap<String, SettingText>) -> impl Iterator<Item = (String, &SettingText)> {
    headers.iter().map(|(name, text)| (format!("headers.{name}"), text))
}

fn named<'a>(key: &str, text: &'a Option<SettingText>) -> Option<(String, &'a SettingText)> {
    text.as_ref().map(|text| (key.to_owned(), text))
}

/// Only the operator writes these URLs, so plain http is allowed: local development and meshes use it.
fn check_url(key: &str, text: Option<&str>, problems: &mut Problems<'_>) {
    let Some(text) = text else { return };
    let usable = Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    if !usable {
        problems.push(key, format!("`{text}` is not a base URL; write for instance `https://example.service-now.com`"));
    }
}
