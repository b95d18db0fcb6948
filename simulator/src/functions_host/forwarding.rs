//! Passes HTTP requests on to the handler, for functions that have nothing but HTTP in and out.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use uuid::Uuid;

use super::front::{plain, query};
use super::function::Function;
use super::host::Host;
use super::invoker::{HOST_VERSION, Invocation};
use crate::headers::header_value;

/// What stays as it is when the host writes a query anew.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Headers that belong to one connection, or that the host's own client writes.
const NOT_FORWARDED: [&str; 5] = ["connection", "keep-alive", "content-length", "user-agent", "transfer-encoding"];

/// Passes the request on as it is, or nearly so.
pub(super) async fn forward(host: &Host, function: &Function, request: &Request<Bytes>) -> Response<Bytes> {
    let (id, at) = (Uuid::new_v4(), host.clock.now());
    let forwarded = match forwardable(host, request, id).await {
        Ok(forwarded) => send(forwarded).await.map_err(|error| format!("{error:?}")),
        Err(problem) => Err(problem),
    };
    let (response, failure) = match forwarded {
        Ok(response) => (response, None),
        Err(problem) => (plain(StatusCode::INTERNAL_SERVER_ERROR, ""), Some(problem)),
    };
    host.remember(Invocation {
        at,
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

async fn forwardable(host: &Host, request: &Request<Bytes>, id: Uuid) -> Result<reqwest::RequestBuilder, String> {
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
    let has_body = !request.body().is_empty();
    let headers = forwarded_headers(request, id, has_body);
    let forwarded = host.invoker.forwarder().request(request.method().clone(), url).headers(headers);
    let carries_none = ["GET", "HEAD", "DELETE", "OPTIONS"].contains(&request.method().as_str());
    Ok(match has_body {
        true => forwarded.body(request.body().clone()),
        false if carries_none => forwarded,
        false => forwarded.header(header::CONTENT_LENGTH, "0"),
    })
}

fn forwarded_headers(request: &Request<Bytes>, id: Uuid, has_body: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in request.headers().iter().filter(|(name, _)| !NOT_FORWARDED.contains(&name.as_str())) {
        let is_content = name.as_str().starts_with("content-");
        if !is_content || (name == header::CONTENT_TYPE && has_body) {
            headers.append(name, value.clone());
        }
    }
    let agent = request.headers().get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    headers.insert(header::USER_AGENT, header_value(format!("{agent} Azure-Functions-Host/{HOST_VERSION}").trim()));
    headers.insert("x-azure-functions-hostversion", HeaderValue::from_static(HOST_VERSION));
    headers.insert("x-azure-functions-invocationid", header_value(&id.to_string()));
    headers
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, QUERY).to_string()
}

async fn send(request: reqwest::RequestBuilder) -> Result<Response<Bytes>, reqwest::Error> {
    let response = request.send().await?;
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = response.status();
    for (name, value) in response.headers() {
        if name != header::TRANSFER_ENCODING && name != header::CONNECTION && name != header::CONTENT_LENGTH {
            answer.headers_mut().append(name, value.clone());
        }
    }
    *answer.body_mut() = response.bytes().await?;
    Ok(answer)
}
