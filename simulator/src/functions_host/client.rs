//! The host's HTTP client: the handler gets what the host wrote, and nothing else.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, header};
use http_body::Frame;
use http_body_util::{BodyExt, Either, Full};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// How many redirects the host follows.
const MOST_REDIRECTS: usize = 50;

/// A client with its pool of connections; all clones are one.
#[derive(Clone)]
pub(super) struct Client(legacy::Client<HttpConnector, Either<Full<Bytes>, Chunked>>);

/// What is sent.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Whether the length of the body is left open.
    pub(super) chunked: bool,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// Nobody listens.
    NotListening(String),
    /// The connection broke, or what came was not HTTP.
    Broken(String),
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotListening(why) | Self::Broken(why) => f.write_str(why),
        }
    }
}

impl Client {
    pub(super) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self(legacy::Client::builder(TokioExecutor::new()).build(connector))
    }

    /// Asks for this address, with no headers of our own.
    pub(super) async fn probe(&self, url: &str) -> Result<Response<Bytes>, NoAnswer> {
        let (method, headers) = (Method::GET, HeaderMap::new());
        self.send(Call { method, url: url.to_owned(), headers, body: Bytes::new(), chunked: false }).await
    }

    /// Sends a call and reads the whole answer.
    pub(super) async fn send(&self, call: Call) -> Result<Response<Bytes>, NoAnswer> {
        let body = if call.chunked {
            Either::Right(Chunked(Full::new(call.body)))
        } else {
            Either::Left(Full::new(call.body))
        };
        let request = Request::builder().method(call.method).uri(call.url).body(body);
        let mut request = request.map_err(|error| NoAnswer::Broken(error.to_string()))?;
        *request.headers_mut() = call.headers;
        let response = self.0.request(request).await.map_err(|error| {
            let why = format!("{error:?}");
            if error.is_connect() { NoAnswer::NotListening(why) } else { NoAnswer::Broken(why) }
        })?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| NoAnswer::Broken(format!("{error:?}")))?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }

    /// Sends a call, and goes where the answers point.
    pub(super) async fn follow(&self, mut call: Call) -> Result<Response<Bytes>, NoAnswer> {
        for _ in 0..MOST_REDIRECTS {
            let response = self.send(call.clone()).await?;
            let Some(url) = location(&call.url, &response) else {
                return Ok(response);
            };
            call.url = url;
            if !matches!(response.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT) {
                call = Call { method: Method::GET, body: Bytes::new(), chunked: false, ..call };
                call.headers.remove(header::CONTENT_TYPE);
            }
        }
        self.send(call).await
    }
}

/// Where an answer points, if it is a redirect.
fn location(from: &str, response: &Response<Bytes>) -> Option<String> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(header::LOCATION)?.to_str().ok()?;
    if location.starts_with("http://") {
        return Some(location.to_owned());
    }
    let from: Uri = from.parse().ok()?;
    Some(format!("http://{}{location}", from.authority()?))
}

/// A body whose length the sender does not know.
pub(super) struct Chunked(Full<Bytes>);

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
