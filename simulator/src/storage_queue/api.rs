//! The REST protocol of the queue service.
//!
//! <https://learn.microsoft.com/rest/api/storageservices/queue-service-rest-api>

use bytes::Bytes;
use chrono::TimeDelta;
use http::{HeaderName, Request, Response, StatusCode, header};
use percent_encoding::percent_decode_str;

use super::answers::document;
use super::authorization::authorize;
use super::error::StorageError;
use super::queue::{Change, Held, Message, NewMessage, State, TimeToLive};
use super::xml::{self, Shown};
use crate::headers::{header_value, http_date};
use crate::http::Route;

type Answered = Result<Response<Bytes>, StorageError>;

/// A request with its queue and its parsed query.
struct Ask<'a> {
    request: &'a Request<Bytes>,
    queue: &'a str,
    query: Vec<(String, String)>,
}

impl Ask<'_> {
    fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    fn number(&self, name: &'static str) -> Result<Option<i64>, StorageError> {
        self.query(name).map(|value| value.parse().map_err(|_| StorageError::OutOfRange(name))).transpose()
    }

    fn seconds(&self, name: &'static str) -> Result<Option<TimeDelta>, StorageError> {
        let seconds = self.number(name)?;
        seconds.map(|seconds| TimeDelta::try_seconds(seconds).ok_or(StorageError::OutOfRange(name))).transpose()
    }

    fn how_many(&self) -> Result<usize, StorageError> {
        let number = self.number("numofmessages")?.unwrap_or(1);
        usize::try_from(number).map_err(|_| StorageError::OutOfRange("numofmessages"))
    }

    fn receipt(&self) -> Result<&str, StorageError> {
        self.query("popreceipt").ok_or(StorageError::MissingParameter("popreceipt"))
    }
}

/// Answers a request, and adds the name of the operation for the counters.
pub(super) fn answer(state: &mut State, request: &Request<Bytes>) -> Response<Bytes> {
    let segments: Vec<_> = request.uri().path().trim_start_matches('/').split('/').collect();
    let query = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned().collect();
    let ask = Ask { request, queue: segments.get(1).copied().unwrap_or_default(), query };
    let (name, answered) = match authorize(state, request) {
        _ if state.is_down() => ("down", Err(StorageError::ServerBusy)),
        Ok(()) if segments[0] == state.account => operation(state, &ask, &segments[1..]),
        Ok(()) => ("unknown", Err(StorageError::AuthenticationFailed)),
        Err(refusal) => ("refused", Err(refusal)),
    };
    let mut response = answered.unwrap_or_else(|error| error.to_response());
    response.headers_mut().insert("x-ms-version", header_value("2023-11-03"));
    response.headers_mut().insert("x-ms-request-id", header_value(&uuid::Uuid::new_v4().to_string()));
    response.headers_mut().insert(header::SERVER, header_value("Windows-Azure-Queue/1.0"));
    response.extensions_mut().insert(Route(name));
    response
}

fn operation(state: &mut State, ask: &Ask<'_>, segments: &[&str]) -> (&'static str, Answered) {
    let method = ask.request.method().as_str();
    let metadata = ask.query("comp").is_some_and(|comp| comp.eq_ignore_ascii_case("metadata"));
    let peeks = ask.query("peekonly").is_some_and(|peek| peek.eq_ignore_ascii_case("true"));
    match (method, segments) {
        ("PUT", [_]) if ask.query("comp").is_none() => ("create queue", create(state, ask)),
        ("DELETE", [_]) => ("delete queue", delete_queue(state, ask)),
        ("GET" | "HEAD", [_]) if metadata => ("get metadata", get_metadata(state, ask)),
        ("POST", [_, "messages"]) => ("put message", put(state, ask)),
        ("GET", [_, "messages"]) if peeks => ("peek messages", peek(state, ask)),
        ("GET", [_, "messages"]) => ("get messages", get(state, ask)),
        ("DELETE", [_, "messages"]) => ("clear messages", clear(state, ask)),
        ("PUT", [_, "messages", id]) => ("update message", update(state, ask, &decoded(id))),
        ("DELETE", [_, "messages", id]) => ("delete message", delete(state, ask, &decoded(id))),
        _ => ("unknown", Err(StorageError::UnsupportedVerb)),
    }
}

fn decoded(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

fn create(state: &mut State, ask: &Ask<'_>) -> Answered {
    let headers = ask.request.headers().iter();
    let metadata = headers.filter_map(|(name, value)| {
        let name = name.as_str().strip_prefix("x-ms-meta-")?;
        Some((name.to_owned(), value.to_str().ok()?.to_owned()))
    });
    let created = state.create(ask.queue, metadata.collect())?;
    Ok(empty(if created { StatusCode::CREATED } else { StatusCode::NO_CONTENT }))
}

fn delete_queue(state: &mut State, ask: &Ask<'_>) -> Answered {
    state.queues.remove(ask.queue).map(|_| empty(StatusCode::NO_CONTENT)).ok_or(StorageError::QueueNotFound)
}

fn get_metadata(state: &mut State, ask: &Ask<'_>) -> Answered {
    let count = state.live(ask.queue)?.len();
    let queue = state.queues.get(ask.queue).ok_or(StorageError::QueueNotFound)?;
    let mut response = empty(StatusCode::OK);
    response.headers_mut().insert("x-ms-approximate-messages-count", count.into());
    for (name, value) in &queue.metadata {
        if let Ok(name) = HeaderName::try_from(format!("x-ms-meta-{name}")) {
            response.headers_mut().insert(name, header_value(value));
        }
    }
    Ok(response)
}

fn put(state: &mut State, ask: &Ask<'_>) -> Answered {
    let delay = ask.seconds("visibilitytimeout")?.unwrap_or_default();
    let life = match ask.number("messagettl")? {
        None => TimeToLive::Default,
        Some(-1) => TimeToLive::Never,
        Some(_) => ask.seconds("messagettl")?.map_or(TimeToLive::Default, TimeToLive::For),
    };
    let message = state.put(ask.queue, &NewMessage { text: &xml::text(ask.request.body())?, delay, life })?;
    Ok(listed(StatusCode::CREATED, &[message], Shown::Put))
}

fn get(state: &mut State, ask: &Ask<'_>) -> Answered {
    let hide_for = ask.seconds("visibilitytimeout")?.unwrap_or(TimeDelta::seconds(30));
    let messages = state.get(ask.queue, ask.how_many()?, hide_for)?;
    Ok(listed(StatusCode::OK, &messages, Shown::Received))
}

fn peek(state: &mut State, ask: &Ask<'_>) -> Answered {
    Ok(listed(StatusCode::OK, &state.peek(ask.queue, ask.how_many()?)?, Shown::Peeked))
}

fn clear(state: &mut State, ask: &Ask<'_>) -> Answered {
    state.live(ask.queue)?.clear();
    Ok(empty(StatusCode::NO_CONTENT))
}

fn update(state: &mut State, ask: &Ask<'_>, id: &str) -> Answered {
    let hide_for = ask.seconds("visibilitytimeout")?.ok_or(StorageError::MissingParameter("visibilitytimeout"))?;
    let body = ask.request.body();
    let text = (!body.is_empty()).then(|| xml::text(body)).transpose()?;
    let held = Held { id, receipt: ask.receipt()? };
    let message = state.update(ask.queue, held, &Change { hide_for, text: text.as_deref() })?;
    let mut response = empty(StatusCode::NO_CONTENT);
    response.headers_mut().insert("x-ms-popreceipt", header_value(&message.pop_receipt));
    response.headers_mut().insert("x-ms-time-next-visible", header_value(&http_date(message.visible_at)));
    Ok(response)
}

fn delete(state: &mut State, ask: &Ask<'_>, id: &str) -> Answered {
    state.delete(ask.queue, Held { id, receipt: ask.receipt()? })?;
    Ok(empty(StatusCode::NO_CONTENT))
}

fn listed(status: StatusCode, messages: &[Message], shown: Shown) -> Response<Bytes> {
    document(status, xml::messages(messages, shown))
}

fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}
