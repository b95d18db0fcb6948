//! A webhook as the operator writes it, and the same with its app settings filled in.
//!
//! Whoever knows a webhook's address may post there. So the address is a secret: it comes from an app setting, and nothing
//! shows it, not even an error. Because nobody sees it, `checks.yaml` says which hosts it may name.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration as StdDuration;

use reqwest::header::HeaderMap;
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::{Position, Url};

use super::endpoint::header;
use super::{AppSettings, SettingText};
use crate::yaml::{Duration, Problems};

/// How long one post may take unless the connection says otherwise.
const TIMEOUT: StdDuration = StdDuration::from_secs(10);

/// The longest time that a connection may give a post.
const LONGEST_TIMEOUT: Duration = Duration::seconds(30);

/// Where Slack takes messages.
const SLACK_HOSTS: [&str; 2] = ["hooks.slack.com", "hooks.slack-gov.com"];

/// Where the workflows of Teams take messages.
const TEAMS_HOSTS: [&str; 2] = ["*.logic.azure.com", "*.api.powerplatform.com"];

/// The hosts of this machine: the only ones that may be called without TLS.
const LOCAL_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// What a webhook takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Format {
    /// A CloudEvent 1.0 in JSON.
    CloudEvents,
    /// A text for Slack's incoming webhooks, or what understands them, such as Mattermost.
    Slack,
    /// An Adaptive Card for a workflow of Teams that starts "When a Teams webhook request is received".
    Teams,
}

impl Format {
    /// The hosts where nothing else is written.
    const fn hosts(self) -> &'static [&'static str] {
        match self {
            Self::CloudEvents => &[],
            Self::Slack => &SLACK_HOSTS,
            Self::Teams => &TEAMS_HOSTS,
        }
    }

    /// The type of the body.
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::CloudEvents => "application/cloudevents+json; charset=utf-8",
            Self::Slack | Self::Teams => "application/json; charset=utf-8",
        }
    }
}

/// A webhook that notices are sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookConnection {
    /// Its address, which is a secret: an app setting, such as `${SLACK_WEBHOOK}`.
    pub url: SettingText,
    /// What it takes.
    pub format: Format,
    /// The hosts that the address may name. `*.` stands for any subdomains. Slack's and Teams' own unless given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// Headers of every post, such as `Authorization`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, SettingText>,
    /// How long one post may take; 10s unless given, at most 30s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
}

impl WebhookConnection {
    pub(super) fn validate(&self, problems: &mut Problems<'_>) {
        if !self.url.names_setting() {
            problems.push("url", "is a secret, since whoever knows it may post there: read it from an app setting, for instance `${SLACK_WEBHOOK}`");
        }
        if self.hosts.is_empty() && self.format.hosts().is_empty() {
            problems.push("hosts", "is missing: name the host of the address, for instance `[events.example.com]`");
        }
        for (index, host) in self.hosts.iter().enumerate().filter(|(_, host)| !is_host(host)) {
            problems.push(
                &format!("hosts[{index}]"),
                format!("`{host}` is not a host; write for instance `events.example.com` or `*.example.com`"),
            );
        }
        if self.timeout.is_some_and(|timeout| timeout > LONGEST_TIMEOUT) {
            problems.push("timeout", format!("is longer than {LONGEST_TIMEOUT}, which is the most for a notice"));
        }
    }

    /// Whether the address may name `localhost`, and so lead to this machine.
    pub(super) fn names_localhost(&self) -> bool {
        self.hosts.iter().any(|host| host.eq_ignore_ascii_case("localhost"))
    }

    fn admits(&self, host: &str) -> bool {
        let admits = |pattern: &str| match pattern.strip_prefix('*') {
            Some(suffix) => host.len() > suffix.len() && host.ends_with(&suffix.to_ascii_lowercase()),
            None => host.eq_ignore_ascii_case(pattern),
        };
        match self.hosts.as_slice() {
            [] => self.format.hosts().iter().any(|pattern| admits(pattern)),
            hosts => hosts.iter().any(|pattern| admits(pattern)),
        }
    }
}

/// Whether this can be a host, or `*.` and one.
fn is_host(text: &str) -> bool {
    let (name, is_wide) = text.strip_prefix("*.").map_or((text, false), |name| (name, true));
    let parsed = Url::parse(&format!("https://{name}/")).ok();
    let is_written_so = parsed.as_ref().and_then(Url::host_str).is_some_and(|host| host.eq_ignore_ascii_case(name));
    is_written_so && !name.contains('*') && (!is_wide || name.contains('.'))
}

/// A webhook, ready to be called.
pub(super) struct Webhook {
    pub(super) name: String,
    pub(super) format: Format,
    pub(super) headers: HeaderMap,
    /// How long one post may take.
    pub(super) timeout: StdDuration,
    url: SecretString,
    host: String,
}

impl Webhook {
    /// # Errors
    ///
    /// What is wrong, as the end of a sentence about the connection. Never a setting's value.
    pub(super) fn new(name: &str, connection: &WebhookConnection, setting: AppSettings<'_>) -> Result<Self, String> {
        let headers = connection.headers.iter().map(|(name, text)| header(name, &text.resolve(setting)?));
        let headers = headers.collect::<Result<HeaderMap, String>>()?;
        let text = connection.url.resolve(setting)?;
        let url = Url::parse(text.expose_secret().trim()).map_err(|_| "has a `url` that is not an address")?;
        let host = url.host_str().unwrap_or_default();
        if !connection.admits(host) {
            return Err("has a `url` whose host is not one of its `hosts`".to_owned());
        }
        let is_safe = url.scheme() == "https" || (url.scheme() == "http" && LOCAL_HOSTS.contains(&host));
        if !is_safe || !url.username().is_empty() || url.password().is_some() {
            return Err("has a `url` that is not `https://`, a host and a path".to_owned());
        }
        let timeout = connection.timeout.and_then(|timeout| timeout.delta().to_std().ok()).unwrap_or(TIMEOUT);
        let host = url[Position::BeforeHost..Position::AfterPort].to_owned();
        Ok(Self {
            name: name.to_owned(),
            format: connection.format,
            headers,
            timeout,
            url: String::from(url).into(),
            host,
        })
    }

    /// The address, for the request alone.
    pub(super) fn address(&self) -> &str {
        self.url.expose_secret()
    }

    /// The host with its port: what is up or down.
    pub(super) fn host(&self) -> &str {
        &self.host
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Webhook({}, {:?})", self.name, self.format)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks_file::ChecksFile;
    use crate::sources::Connection;

    fn connection(text: &str) -> Result<WebhookConnection, String> {
        let file = format!("connections: {{ it: {{ webhook: {text} }} }}\nchecks: {{}}");
        match ChecksFile::parse(&file).map_err(|problems| problems[0].to_string())?.connections.remove("it") {
            Some(Connection::Webhook(webhook)) => Ok(webhook),
            other => panic!("{other:?}"),
        }
    }

    fn made(text: &str, url: &str) -> Result<Webhook, String> {
        let setting = |name: &str| (name == "HOOK").then(|| url.to_owned());
        Webhook::new("it", &connection(text)?, &setting)
    }

    const SLACK: &str = "{ url: '${HOOK}', format: slack }";
    const TEAMS: &str = "{ url: '${HOOK}', format: teams }";

    #[test]
    fn an_address_names_a_host_of_the_list_and_uses_tls() {
        let wide = "{ url: '${HOOK}', format: cloudEvents, hosts: ['*.example.com', '127.0.0.1'] }";
        for (text, url) in [
            (SLACK, "https://hooks.slack.com/services/T/B/sesame"),
            (TEAMS, "https://prod-1.westeurope.logic.azure.com:443/workflows/a?sig=sesame"),
            (TEAMS, "https://default1.a2.environment.api.powerplatform.com:443/powerautomate/x?sig=sesame"),
            (wide, "https://events.EXAMPLE.com/sesame"),
            (wide, "http://127.0.0.1:7071/sesame"),
        ] {
            made(text, url).unwrap_or_else(|why| panic!("{url}: {why}"));
        }
        for (text, url) in [
            (SLACK, "https://hooks.slack.com.evil.example/sesame"),
            (SLACK, "https://evil.example/hooks.slack.com"),
            (SLACK, "https://hooks.slack.com@evil.example/sesame"),
            (SLACK, "https://evil:sesame@hooks.slack.com/"),
            (SLACK, "http://hooks.slack.com/services/sesame"),
            (TEAMS, "https://logic.azure.com/sesame"),
            (TEAMS, "https://evillogic.azure.com/sesame"),
            (wide, "https://example.com/sesame"),
            (wide, "http://events.example.com/sesame"),
            (wide, "https://169.254.169.254/sesame"),
            (wide, "file:///sesame"),
            (wide, "sesame"),
            (wide, ""),
        ] {
            let why = made(text, url).expect_err(url);
            assert!(why.starts_with("has a `url`") && !why.contains("sesame"), "{url}: {why}");
        }
    }

    #[test]
    fn nothing_shows_the_address_or_a_header() {
        let text = "{ url: '${HOOK}', format: slack, headers: { X: '${HOOK}' } }";
        let webhook = made(text, "https://hooks.slack.com/sesame").expect("a webhook");
        let shown = format!("{webhook:?} {:?}", webhook.headers);
        assert!(shown.contains("it") && !shown.contains("sesame"), "{shown}");
    }

    #[test]
    fn a_mistake_in_a_webhook_is_named() {
        for (text, says) in [
            ("{ url: 'https://hooks.slack.com/x', format: slack }", "url: is a secret"),
            ("{ url: '${HOOK', format: slack }", "without its `}`"),
            ("{ url: '${HOOK}', format: cloudEvents }", "hosts: is missing"),
            ("{ url: '${HOOK}', format: slack, hosts: ['https://a.b'] }", "`https://a.b` is not a host"),
            ("{ url: '${HOOK}', format: slack, hosts: ['*'] }", "`*` is not a host"),
            ("{ url: '${HOOK}', format: slack, hosts: ['*.com'] }", "`*.com` is not a host"),
            ("{ url: '${HOOK}', format: slack, hosts: ['a.b/c'] }", "`a.b/c` is not a host"),
            ("{ url: '${HOOK}', format: slack, timeout: 31s }", "longer than 30s"),
        ] {
            let why = connection(text).expect_err(text);
            assert!(why.contains(says), "{text}: {why}");
        }
    }
}
