//! Sends invocations to the handler, and judges its answers.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderValue, Method, Response, header};
use serde_json::Value;
use uuid::Uuid;

use super::client::{Call, Client};
use crate::headers::header_value;

/// What the host calls itself to its handler.
pub(super) const HOST_VERSION: &str = "4.1037.0.0";

/// The same as the agent of its requests.
pub(super) const AGENT: &str = "Azure-Functions-Host/4.1037.0.0";

/// One call of a function.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// When it was sent.
    pub at: DateTime<Utc>,
    /// When its answer came.
    pub ended: DateTime<Utc>,
    /// Name of the function.
    pub function: String,
    /// Sent as `X-Azure-Functions-InvocationId`.
    pub invocation_id: Uuid,
    /// The queue message behind it, if any.
    pub message_id: Option<String>,
    /// How often that message has been received; 0 without a message.
    pub dequeue_count: u64,
    /// Status of the handler's answer; 0 if there was none.
    pub status: u16,
    /// Body of the handler's answer.
    pub body: String,
    /// Why the host takes it for a failure.
    pub failure: Option<String>,
}

impl Invocation {
    /// Whether the host took it for a success.
    pub fn succeeded(&self) -> bool {
        self.failure.is_none()
    }
}

/// The handler's answer to a JSON invocation.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: String,
    pub(super) outcome: Outcome,
}

/// How a JSON invocation ended.
pub(super) enum Outcome {
    /// 2xx with a JSON object.
    Success(Value),
    /// Anything else; says what.
    Failure(String),
    /// The connection broke: the handler may be dead.
    Broken(String),
}

/// Posts an envelope: chunked, as on Azure, or with its length, as under Core Tools.
pub(super) async fn invoke(client: &Client, url: String, mut headers: HeaderMap, body: Bytes, chunked: bool) -> Reply {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(AGENT));
    match client.follow(Call { method: Method::POST, url, headers, body, chunked }).await {
        Ok(response) => match judged(&response) {
            Some(reply) => reply,
            None => std::future::pending().await,
        },
        Err(error) => Reply { status: 0, body: String::new(), outcome: Outcome::Broken(error.to_string()) },
    }
}

/// What every call of the handler has: the host's version, and the invocation's id.
pub(super) fn stamps(id: Uuid) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("x-azure-functions-hostversion", HeaderValue::from_static(HOST_VERSION));
    headers.insert("x-azure-functions-invocationid", header_value(&id.to_string()));
    headers
}

/// `None` for a success without content: the host goes on to wait, until the function's time is up.
fn judged(response: &Response<Bytes>) -> Option<Reply> {
    let status = response.status();
    let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_lowercase();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let body = String::from_utf8_lossy(response.body()).into_owned();
    let outcome = if !status.is_success() {
        Outcome::Failure(format!("Response status code does not indicate success: {status}"))
    } else if body.is_empty() {
        return None;
    } else if essence != "application/json" && essence != "text/json" {
        Outcome::Failure(format!(
            "No MediaTypeFormatter is available to read an object from content with media type '{essence}'"
        ))
    } else {
        match serde_json::from_str(&body) {
            Ok(Value::Null) => return None,
            Ok(value @ Value::Object(_)) => Outcome::Success(value),
            Ok(_) => Outcome::Failure("the JSON is not an object".to_owned()),
            Err(error) => Outcome::Failure(format!("invalid JSON: {error}")),
        }
    };
    Some(Reply { status: status.as_u16(), body, outcome })
}
