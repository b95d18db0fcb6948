//! Posts to webhooks. A post is tried again only where it certainly did not arrive.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::dns::Resolve;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode};

use super::webhook::{Format, Webhook};
use super::{AppSettings, CONNECT_TIMEOUT, Connection};
use crate::events::Event;
use crate::http::circuit::Circuits;
use crate::http::resolver::OutsideResolver;
use crate::http::retry_after::parse_retry_after;
use crate::http::send;

/// The webhooks of `checks.yaml`, ready to be called. All share one pool.
#[derive(Debug, Default)]
pub struct Webhooks {
    http: reqwest::Client,
    circuits: Circuits,
    /// By name; one that cannot be used says why.
    by_name: BTreeMap<String, Result<Webhook, String>>,
}

/// A post that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotTaken {
    /// Which webhook, and what came back. Never a secret.
    pub why: String,
    /// Whether it certainly did not arrive, so that it may be sent again: after this time.
    pub again_after: Option<Duration>,
}

impl Webhooks {
    /// Fills in the app settings. `http` carries what the whole process shares, and `resolver` finds the hosts: it is not
    /// followed to this machine or its platform.
    ///
    /// # Errors
    ///
    /// When the TLS stack cannot be set up.
    pub fn new(
        connections: &BTreeMap<String, Connection>,
        setting: AppSettings<'_>,
        resolver: impl Resolve + 'static,
        http: reqwest::ClientBuilder,
    ) -> Result<Self, reqwest::Error> {
        let written = || connections.iter().filter_map(|(name, it)| Some((name, it.webhook()?)));
        let allow_localhost = written().any(|(_, webhook)| webhook.names_localhost());
        let resolver = OutsideResolver::new(resolver, allow_localhost).reporting(Event::NoticeNotSent);
        let http = http
            .user_agent(concat!("checkgate/", env!("CARGO_PKG_VERSION")))
            // A redirect would lead to a host that the operator did not name.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .dns_resolver(Arc::new(resolver))
            .build()?;
        let webhook = |(name, it): (&String, _)| {
            let webhook = Webhook::new(name, it, setting);
            (name.clone(), webhook.map_err(|why| format!("connection `{name}` {why}")))
        };
        Ok(Self { http, circuits: Circuits::default(), by_name: written().map(webhook).collect() })
    }

    /// The webhooks that cannot be used, each with its reason in one sentence.
    pub fn problems(&self) -> impl Iterator<Item = &str> {
        self.by_name.values().filter_map(|webhook| webhook.as_ref().err().map(String::as_str))
    }

    /// What the webhook of this name takes.
    ///
    /// # Errors
    ///
    /// Why it cannot be used.
    pub fn format(&self, name: &str) -> Result<Format, String> {
        self.webhook(name).map(|webhook| webhook.format)
    }

    fn webhook(&self, name: &str) -> Result<&Webhook, String> {
        match self.by_name.get(name) {
            Some(webhook) => webhook.as_ref().map_err(Clone::clone),
            None => Err(format!("connection `{name}` is not in checks.yaml any more")),
        }
    }

    /// Posts a body once.
    ///
    /// # Errors
    ///
    /// [`NotTaken`]. A post that may have arrived says so: it must not be made again.
    pub async fn post(&self, name: &str, body: String, now: DateTime<Utc>) -> Result<(), NotTaken> {
        let webhook = self.webhook(name).map_err(|why| NotTaken { why, again_after: None })?;
        let host = webhook.host();
        self.circuits.admit(host, now).map_err(|wait| NotTaken {
            again_after: Some(wait),
            ..webhook.not_taken("was not called: its host did not answer the last calls")
        })?;
        let request = self.http.post(webhook.address()).timeout(webhook.timeout).headers(webhook.headers.clone());
        let answer = send::send(request.header(CONTENT_TYPE, webhook.format.content_type()).body(body)).await;
        let waited =
            if answer.as_ref().is_err_and(reqwest::Error::is_timeout) { webhook.timeout } else { Duration::ZERO };
        self.circuits.note(host, answer.is_ok(), now + TimeDelta::from_std(waited).unwrap_or_default());
        webhook.read(answer, now)
    }
}

impl Webhook {
    /// Reads an answer. Its status says all: a body may repeat the address.
    fn read(&self, answer: reqwest::Result<Response>, now: DateTime<Utc>) -> Result<(), NotTaken> {
        let answer = match answer {
            Ok(answer) => answer,
            // Nothing was sent before there was a connection.
            Err(error) if error.is_connect() => {
                return Err(NotTaken { again_after: Some(Duration::ZERO), ..self.not_taken("cannot be reached") });
            }
            Err(error) if error.is_timeout() => {
                let seconds = self.timeout.as_secs_f64();
                return Err(self.not_taken(format!("did not answer within {seconds} s (its `timeout`)")));
            }
            Err(_) => return Err(self.not_taken("broke off")),
        };
        let status = answer.status();
        let advice = match status {
            status if status.is_success() => return Ok(()),
            StatusCode::TOO_MANY_REQUESTS => {
                let again_after = Some(parse_retry_after(answer.headers(), now).unwrap_or_default());
                return Err(NotTaken { again_after, ..self.not_taken(format!("answered {status}")) });
            }
            status if status.is_redirection() => {
                "; redirects are not followed, so check the app setting with its address"
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                "; check its app settings, and whether it may still be used"
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => "; was the webhook or its channel removed?",
            _ => "",
        };
        Err(self.not_taken(format!("answered {status}{advice}")))
    }

    /// It may have arrived.
    fn not_taken(&self, why: impl std::fmt::Display) -> NotTaken {
        NotTaken { why: format!("connection `{}` {why}", self.name), again_after: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks_file::ChecksFile;
    use crate::http::resolver::SystemResolver;

    #[tokio::test]
    async fn a_post_that_did_not_arrive_for_sure_may_be_made_again_and_waits_for_a_host_that_does_not_answer() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        drop(listener);
        let file =
            "connections: { dead: { webhook: { url: '${URL}', format: slack, hosts: ['127.0.0.1'] } } }\nchecks: {}";
        let file = ChecksFile::parse(file).unwrap_or_else(|problems| panic!("{problems:?}"));
        let setting = |_: &str| Some(format!("http://{address}/"));
        let webhooks = Webhooks::new(&file.connections, &setting, SystemResolver, reqwest::Client::builder());
        let webhooks = webhooks.expect("a client");
        let again_after = async |now: DateTime<Utc>| {
            let posted = webhooks.post("dead", String::new(), now).await;
            posted.expect_err("nobody listens").again_after.map(|wait| wait.as_secs())
        };
        let start = DateTime::UNIX_EPOCH;
        for _ in 0..5 {
            assert_eq!(again_after(start).await, Some(0));
        }
        assert_eq!(again_after(start).await, Some(10), "the circuit is open");
        assert_eq!(again_after(start + TimeDelta::seconds(4)).await, Some(6));
        assert_eq!(again_after(start + TimeDelta::seconds(10)).await, Some(0), "one trial");
    }
}
