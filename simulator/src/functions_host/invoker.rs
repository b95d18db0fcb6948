//! Sends invocations to the handler, and judges its answers.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http_body::Frame;
use http_body_util::Full;
use reqwest::redirect::Policy;
use reqwest::{Client, header};
use serde_json::Value;
use uuid::Uuid;

/// What the host calls itself to its handler.
pub(super) const HOST_VERSION: &str = "4.1037.0.0";

/// One call of a function.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// When it was sent.
    pub at: DateTime<Utc>,
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
    /// 200 without content: the host waits for more until the function's time is up.
    NeverCompletes,
    /// The connection broke: the handler may be dead.
    Broken(String),
}

/// The host's own HTTP clients.
#[derive(Clone)]
pub(super) struct Invoker {
    client: Client,
    /// For forwarded requests: redirects are the caller's affair.
    forwarder: Client,
}

impl Invoker {
    pub(super) fn new(function_timeout: Duration) -> Result<Self, reqwest::Error> {
        let timeout = function_timeout.saturating_add(Duration::from_secs(60)).min(Duration::from_secs(1 << 31));
        let agent = format!("Azure-Functions-Host/{HOST_VERSION}");
        let client = Client::builder().no_proxy().user_agent(agent).timeout(timeout).build()?;
        let forwarder = Client::builder().no_proxy().timeout(timeout).redirect(Policy::none()).build()?;
        Ok(Self { client, forwarder })
    }

    /// Posts `envelope` to `POST {handler}/{function}` with these framings: chunked, as on Azure, or with a length.
    pub(super) async fn invoke(&self, url: String, id: Uuid, envelope: Bytes, chunked: bool) -> Reply {
        let body = if chunked { reqwest::Body::wrap(Chunked(Full::new(envelope))) } else { envelope.into() };
        let request = self
            .client
            .post(url)
            .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
            .header("X-Azure-Functions-HostVersion", HOST_VERSION)
            .header("X-Azure-Functions-InvocationId", id.to_string())
            .body(body);
        match judged(request).await {
            Ok(reply) => reply,
            Err(error) => Reply { status: 0, body: String::new(), outcome: Outcome::Broken(format!("{error:?}")) },
        }
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn forwarder(&self) -> &Client {
        &self.forwarder
    }
}

async fn judged(request: reqwest::RequestBuilder) -> Result<Reply, reqwest::Error> {
    let response = request.send().await?;
    let status = response.status();
    let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_lowercase();
    let body = response.text().await?;
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let outcome = if !status.is_success() {
        Outcome::Failure(format!("Response status code does not indicate success: {status}"))
    } else if essence != "application/json" && essence != "text/json" {
        Outcome::Failure(format!(
            "No MediaTypeFormatter is available to read an object from content with media type '{essence}'"
        ))
    } else if body.is_empty() {
        Outcome::NeverCompletes
    } else {
        match serde_json::from_str(&body) {
            Ok(Value::Null) => Outcome::NeverCompletes,
            Ok(value @ Value::Object(_)) => Outcome::Success(value),
            Ok(_) => Outcome::Failure("the JSON is no object".to_owned()),
            Err(error) => Outcome::Failure(format!("invalid JSON: {error}")),
        }
    };
    Ok(Reply { status: status.as_u16(), body, outcome })
}

/// A body whose length the sender does not know.
struct Chunked(Full<Bytes>);

impl http_body::Body for Chunked {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.0).poll_frame(context)
    }
}
