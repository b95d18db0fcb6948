//! Passes HTTP requests on to the handler, for functions that have nothing but HTTP in and out.

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use uuid::Uuid;

use super::client::Call;
use super::front::{plain, query};
use super::function::Function;
use super::host::Host;
use super::invoker::{AGENT, Invocation, stamps};
use super::trace::{TRACEPARENT, traceparent};
use crate::headers::header_value;

/// What stays as it is when the host writes a query anew.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b',')
    .remove(b';')
    .remove(b'@');

/// Headers of a body, which the host's own client does not take as headers of a request, and the address.
const NOT_FORWARDED: [&str; 12] = [
    "allow",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-md5",
    "content-range",
    "content-type",
    "expires",
    "host",
    "last-modified",
];

/// Passes the request on as it is, or nearly so.
pub(super) async fn forward(host: &Host, function: &Function, request: &Request<Bytes>) -> Response<Bytes> {
    let (id, at) = (Uuid::new_v4(), host.clock.now());
    let forwarded = match forwardable(host, request, id).await {
        Ok(call) => send(host, call).await,
        Err(problem) => Err(problem),
    };
    let (response, failure) = match forwarded {
        Ok(response) => (response, None),
        Err(problem) => (plain(StatusCode::INTERNAL_SERVER_ERROR, ""), Some(problem)),
    };
    host.remember(Invocation {
        at,
        ended: host.clock.now(),
        function: function.name.clone(),
        invocation_id: id,
        message_id: None,
        dequeue_count: 0,
        status: if failure.is_none() { response.status().as_u16() } else { 0 },
        body: String::from_utf8_lossy(response.body()).into_owned(),
        failure,
    });
    response
}

async fn forwardable(host: &Host, request: &Request<Bytes>, id: Uuid) -> Result<Call, String> {
    if request.headers().contains_key(header::TRANSFER_ENCODING) {
        return Err(
            "'Transfer-Encoding: chunked' header can not be used when content object is not specified.".to_owned()
        );
    }
    let handler = host.handler_url().await.ok_or("no handler is ready")?;
    let query: Vec<_> =
        query(request).iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    let url = format!("{handler}{}{mark}{}", request.uri().path(), query.join("&"));
    let headers = forwarded_headers(host, request, id);
    Ok(Call { method: request.method().clone(), url, headers, body: request.body().clone(), chunked: false })
}

fn forwarded_headers(host: &Host, request: &Request<Bytes>, id: Uuid) -> HeaderMap {
    let mut headers = stamps(id);
    for (name, value) in request.headers().iter().filter(|(name, _)| !NOT_FORWARDED.contains(&name.as_str())) {
        headers.append(name, value.clone());
    }
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let agent = format!("{} {AGENT}", text("user-agent").unwrap_or_default());
    headers.insert(header::USER_AGENT, header_value(agent.trim()));
    if host.app.traces {
        headers.insert(TRACEPARENT, header_value(&traceparent(text(TRACEPARENT))));
    }
    if let (false, Some(kind)) = (request.body().is_empty(), request.headers().get(header::CONTENT_TYPE)) {
        headers.insert(header::CONTENT_TYPE, kind.clone());
    }
    headers.insert(header::CONTENT_LENGTH, request.body().len().into());
    headers
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, QUERY).to_string()
}

async fn send(host: &Host, call: Call) -> Result<Response<Bytes>, String> {
    let mut response = host.in_time(host.client.send(call)).await?.map_err(|error| error.to_string())?;
    for name in [header::TRANSFER_ENCODING, header::CONNECTION, header::CONTENT_LENGTH] {
        response.headers_mut().remove(name);
    }
    Ok(response)
}
