//! What an answer of Azure DevOps means.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Response, StatusCode};

use super::error::{self, Error, ErrorKind};
use crate::http::body::{self, BodyError};
use crate::http::retry_after::parse_retry_after;
use crate::http::secrets::Secrets;

/// The largest answer that is read. The timeline of a huge run has a few MiB.
const MAX_RESPONSE: usize = 16 * 1024 * 1024;

/// Returns a success as it is, and turns everything else into an error. `secrets` are never repeated.
pub(super) async fn classify(
    what: &'static str,
    answer: Response,
    secrets: &Secrets,
    now: DateTime<Utc>,
) -> Result<Response, Error> {
    let status = answer.status();
    let content_type = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_json = content_type.contains("json");
    let is_empty = answer.content_length() == Some(0) || status == StatusCode::NO_CONTENT;
    // With a sign-in page (203, or 200 with HTML) Azure DevOps says that the token is not valid any more.
    if status.is_success() && (is_json || is_empty) && status != StatusCode::NON_AUTHORITATIVE_INFORMATION {
        return Ok(answer);
    }
    if status == StatusCode::UNAUTHORIZED || (status.is_success() && content_type.contains("html")) {
        return Err(Error::new(what, ErrorKind::TokenRefused, format!("the token was refused ({status})")));
    }
    if status.is_redirection() {
        let signs_in = answer.headers().contains_key(LOCATION);
        let kind = if signs_in { ErrorKind::TokenRefused } else { ErrorKind::Other };
        return Err(Error::new(what, kind, format!("the token was refused ({status}, a redirect to sign-in)")));
    }
    let retry_after = parse_retry_after(answer.headers(), now);
    let body = if is_json { read_limited(what, answer).await.unwrap_or_default() } else { Bytes::new() };
    Err(error::from_answer(what, status, retry_after, &secrets.hide_in_body(body)))
}

/// Whether an answer comes from the service itself. These statuses come from a gateway that cannot reach it.
pub(super) fn is_from_the_service(answer: &Response) -> bool {
    !matches!(answer.status(), StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
}

/// Reads a body, but never more than [`MAX_RESPONSE`].
pub(super) async fn read_limited(what: &'static str, answer: Response) -> Result<Bytes, Error> {
    body::read(answer, MAX_RESPONSE).await.map_err(|error| match error {
        BodyError::TooLarge => Error::new(what, ErrorKind::Other, "the answer is larger than 16 MiB"),
        BodyError::Broken(error) => error::unreachable(what, &error),
    })
}
