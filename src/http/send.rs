//! Sends requests, and measures them.

use reqwest::{Client, Request, RequestBuilder, Response};
use tracing::Instrument as _;

use crate::telemetry;

/// Sends a request.
///
/// # Errors
///
/// As `reqwest`.
pub(crate) async fn send(request: RequestBuilder) -> reqwest::Result<Response> {
    let (http, request) = request.build_split();
    execute(&http, request?).await
}

/// The same for a request that is complete. It carries no trace: other systems have no use for one.
///
/// # Errors
///
/// As `reqwest`.
pub(crate) async fn execute(http: &Client, request: Request) -> reqwest::Result<Response> {
    let url = request.url();
    let span =
        telemetry::call(request.method().as_str(), url.host_str().unwrap_or_default(), url.port_or_known_default());
    let answer = http.execute(request).instrument(span.clone()).await;
    match &answer {
        Ok(answer) => telemetry::answered(&span, answer.status().as_u16()),
        Err(error) if error.is_timeout() => telemetry::failed(&span, "timeout"),
        Err(error) if error.is_connect() => telemetry::failed(&span, "connection"),
        Err(_) => telemetry::failed(&span, "broken"),
    }
    answer
}
