//! One call to a connection, and what its answer means.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use url::Url;

use super::endpoint::Endpoint;
use super::path::join;
use super::refusal::said;
use super::{Error, Sources};
use crate::http::body::{self, BodyError};
use crate::http::json;
use crate::http::retry_after::parse_retry_after;
use crate::http::secrets::Secrets;
use crate::http::send;
use crate::telemetry;

/// The largest answer that is read.
const MAX_RESPONSE: usize = 1024 * 1024;

/// What is understood: a calendar, where one is asked for.
const ACCEPTED: &str = "application/json, text/calendar;q=0.5";

/// What helps where a system does not understand what it is asked.
const WRONG_REQUEST: &str = "the request itself is wrong, so waiting does not help: correct what the check asks for; else it is asked again until the error budget is used up";

/// What is asked of a connection.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    /// Below the connection's URL.
    pub(super) path: &'a str,
    pub(super) query: &'a [(&'a str, &'a str)],
    /// A JSON text.
    pub(super) body: Option<String>,
}

/// An answer with any status, except those that ask to come back later.
pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) content_type: String,
    pub(super) body: Bytes,
    /// The token of the next page, where Azure DevOps lists something.
    pub(super) continuation: Option<String>,
}

impl Sources {
    /// Asks a connection. A token that is refused is forgotten, and the call made once more with a fresh one.
    pub(super) async fn ask(&self, endpoint: &Endpoint, ask: &Ask<'_>, now: DateTime<Utc>) -> Result<Answered, Error> {
        let answered = self.ask_once(endpoint, ask, now).await?;
        if answered.status == StatusCode::UNAUTHORIZED && endpoint.forget_token().await {
            return self.ask_once(endpoint, ask, now).await;
        }
        Ok(answered)
    }

    async fn ask_once(&self, endpoint: &Endpoint, ask: &Ask<'_>, now: DateTime<Utc>) -> Result<Answered, Error> {
        let url = endpoint.join(ask.path, ask.query)?;
        let mut request = self.http.request(ask.method.clone(), url).timeout(endpoint.timeout);
        request = request.header(reqwest::header::ACCEPT, ACCEPTED);
        if let Some(body) = &ask.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        let request = endpoint.authorize(self, request, now).await?;
        self.send(endpoint, request, now).await
    }

    /// Sends a request, and reads its answer, unless the host has stopped answering.
    pub(super) async fn send(
        &self,
        endpoint: &Endpoint,
        request: RequestBuilder,
        now: DateTime<Utc>,
    ) -> Result<Answered, Error> {
        let host = endpoint.host();
        self.circuits.admit(host, now).map_err(|wait| Error {
            retry_after: Some(wait),
            unasked: true,
            ..endpoint.error("is not called for a moment: its host did not answer the last calls")
        })?;
        let request = request.build().map_err(|_| endpoint.error("cannot be asked: the request is not valid HTTP"))?;
        let secrets = sent_with(request.headers(), endpoint.secrets.clone());
        let answer = send::execute(&self.http, request).await;
        let timed_out = answer.as_ref().is_err_and(reqwest::Error::is_timeout);
        // `now` is when the evaluation began. A call that timed out took its whole time limit.
        let waited = TimeDelta::from_std(if timed_out { endpoint.timeout } else { Duration::ZERO });
        self.circuits.note(host, answer.is_ok(), now + waited.unwrap_or_default());
        read(endpoint, answer, &secrets, now).await
    }
}

impl Endpoint {
    pub(super) fn join(&self, path: &str, query: &[(&str, &str)]) -> Result<Url, Error> {
        let mut url =
            join(&self.base, path).map_err(|why| self.error(format!("cannot be asked for `{path}`: {why}")))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    /// A fact that could not be read from here.
    pub(super) fn error(&self, why: impl std::fmt::Display) -> Error {
        Error::because(format!("connection `{}` {why}", self.name))
    }
}

/// The connection's secrets, and those that only this request carries: a token, or user and password in one.
fn sent_with(headers: &HeaderMap, secrets: Secrets) -> Secrets {
    let credentials = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    match credentials.and_then(|value| value.split_whitespace().next_back()) {
        Some(sent) => secrets.and(sent),
        None => secrets,
    }
}

/// Reads an answer. `secrets` are never repeated.
async fn read(
    endpoint: &Endpoint,
    answer: reqwest::Result<Response>,
    secrets: &Secrets,
    now: DateTime<Utc>,
) -> Result<Answered, Error> {
    let broken = |error: reqwest::Error| {
        endpoint.error(if error.is_timeout() {
            format!("did not answer within {} s (its `timeout`)", endpoint.timeout.as_secs_f64())
        } else if error.is_connect() {
            "cannot be reached".to_owned()
        } else {
            "broke off".to_owned()
        })
    };
    let answer = answer.map_err(broken)?;
    let status = answer.status();
    let busy = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
    if busy || status.is_server_error() {
        let retry_after = parse_retry_after(answer.headers(), now);
        if let Some(wait) = retry_after {
            telemetry::asked_to_wait(endpoint.host(), wait);
        }
        return Err(Error { retry_after, ..endpoint.error(format!("answered {status}")) });
    }
    let content_type = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = secrets.hide(content_type.unwrap_or_default()).into_owned();
    let continuation = answer.headers().get("x-ms-continuationtoken").and_then(|token| token.to_str().ok());
    let continuation = continuation.filter(|token| !token.is_empty()).map(str::to_owned);
    let body = body::read(answer, MAX_RESPONSE).await.map_err(|error| match error {
        BodyError::TooLarge => endpoint.error("answered more than 1 MiB; ask for less"),
        BodyError::Broken(error) => broken(error),
    })?;
    Ok(Answered { status, content_type, body: secrets.hide_in_body(body), continuation })
}

/// The answer's JSON, if it is a success.
///
/// # Errors
///
/// The status with advice, or that the answer is not JSON. The text of an HTML page is never repeated.
pub(super) fn expect_success<T: DeserializeOwned>(
    endpoint: &Endpoint,
    answered: &Answered,
    what: &str,
) -> Result<T, Error> {
    expect_status(endpoint, answered, what)?;
    json::read(&answered.body).map_err(|_| {
        let (status, content) = (answered.status, answered.content_type.split(';').next().unwrap_or_default());
        let found = if content.contains("json") { "JSON of an unexpected shape" } else { "no JSON" };
        endpoint.error(format!("answered {found} for {what} ({status}, {content})"))
    })
}

/// Nothing, if the answer is a success.
///
/// # Errors
///
/// The status with advice.
pub(super) fn expect_status(endpoint: &Endpoint, answered: &Answered, what: &str) -> Result<(), Error> {
    let status = answered.status;
    let advice = match status {
        status if status.is_success() => return Ok(()),
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
            let said = said(answered).map_or_else(String::new, |said| format!(": {said}"));
            return Err(endpoint.error(format!("answered {status} for {what}{said}; {WRONG_REQUEST}")));
        }
        StatusCode::UNAUTHORIZED => "; check the connection's credentials",
        StatusCode::FORBIDDEN => "; give the connection's user or identity the right to read it",
        StatusCode::NOT_FOUND => "; check the connection's URL and what the check asks for",
        status if status.is_redirection() => "; redirects are not followed, so check the connection's URL",
        _ => "",
    };
    Err(endpoint.error(format!("answered {status} for {what}{advice}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks_file::ChecksFile;

    #[tokio::test]
    async fn a_host_that_does_not_answer_is_not_called_for_a_moment() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        drop(listener);
        let file = format!("connections: {{ dead: {{ http: {{ url: 'http://{address}' }} }} }}\nchecks: {{}}");
        let file = ChecksFile::parse(&file).unwrap_or_else(|problems| panic!("{problems:?}"));
        let sources =
            Sources::new(&file.connections, &|_: &str| None, None, reqwest::Client::builder()).expect("a client");
        let endpoint = sources.reach("dead").expect("a connection");
        let said = async |now: DateTime<Utc>| {
            let ask = Ask { method: Method::GET, path: "a", query: &[], body: None };
            sources.ask(endpoint, &ask, now).await.err().map(|error| error.why).unwrap_or_default()
        };
        let start = DateTime::UNIX_EPOCH;
        for _ in 0..5 {
            assert_eq!(said(start).await, "connection `dead` cannot be reached");
        }
        let left = "connection `dead` is not called for a moment: its host did not answer the last calls";
        assert_eq!(said(start).await, left);
        assert_eq!(said(start + TimeDelta::seconds(10)).await, "connection `dead` cannot be reached", "one trial");
        assert_eq!(said(start + TimeDelta::seconds(10)).await, left);
    }
}
