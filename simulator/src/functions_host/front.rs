//! The web server that callers of HTTP functions talk to: routes, keys, and how a function is reached.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{Either, Full};
use percent_encoding::percent_decode_str;
use tokio::net::TcpListener;

use super::forwarding::forward;
use super::function::{Function, Trigger};
use super::host::Host;
use super::http_trigger;
use crate::http::{Answer, Listener};

/// Serves the host on a bound socket.
pub(super) fn serve(host: &Arc<Host>, (port, socket): (u16, TcpListener)) -> Listener {
    let host = Arc::clone(host);
    Listener::serve(port, socket, move |request| answer(Arc::clone(&host), request))
}

async fn answer(host: Arc<Host>, request: Request<Bytes>) -> Answer {
    let _under_way = host.lifetime.begin();
    Ok(respond(&host, &request).await.map(|body| Either::Left(Full::new(body))))
}

async fn respond(host: &Host, request: &Request<Bytes>) -> Response<Bytes> {
    if host.is_down() {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "Function host is not running.");
    }
    let Some((function, parameters)) = route(host, request) else {
        return plain(StatusCode::NOT_FOUND, "");
    };
    if !may_call(host, function, request) {
        return plain(StatusCode::UNAUTHORIZED, "");
    }
    if host.app.forwards_http && function.is_plain_http {
        forward(host, function, request).await
    } else {
        http_trigger::answer(host, function, request, parameters).await
    }
}

pub(super) fn plain(status: StatusCode, text: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(text.as_bytes()));
    *response.status_mut() = status;
    response
}

/// Parameters of a route by name; unused optional ones are `None`.
pub(super) type Parameters = BTreeMap<String, Option<String>>;

/// The function whose route and methods fit: a wrong method is as unknown as a wrong path.
fn route<'a>(host: &'a Host, request: &Request<Bytes>) -> Option<(&'a Function, Parameters)> {
    let path = percent_decode_str(request.uri().path()).decode_utf8_lossy().into_owned();
    let prefix = host.app.route_prefix.trim_matches('/');
    let path = path.trim_matches('/');
    let below = match path.split_at_checked(prefix.len()) {
        _ if prefix.is_empty() => path,
        Some((start, rest)) if start.eq_ignore_ascii_case(prefix) => rest.strip_prefix('/')?,
        _ => return None,
    };
    host.app.functions.iter().find_map(|function| {
        let Trigger::Http { route, methods, .. } = &function.trigger else {
            return None;
        };
        let fits = methods.is_empty() || methods.iter().any(|method| method == request.method().as_str());
        Some((function, captures(route, below).filter(|_| fits)?))
    })
}

fn captures(route: &str, path: &str) -> Option<Parameters> {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    let mut captured = Parameters::new();
    for part in route.trim_matches('/').split('/') {
        let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else {
            segments.next().filter(|segment| part.eq_ignore_ascii_case(segment))?;
            continue;
        };
        if let Some(name) = name.strip_prefix('*') {
            let rest: Vec<_> = segments.by_ref().collect();
            captured.insert(name.to_owned(), Some(rest.join("/")));
        } else if let Some(name) = name.strip_suffix('?') {
            captured.insert(name.to_owned(), segments.next().map(str::to_owned));
        } else {
            let (name, constraint) = name.split_once(':').unwrap_or((name, ""));
            let segment = segments.next()?;
            let fits = constraint != "int" || segment.parse::<i32>().is_ok();
            captured.insert(name.to_owned(), Some(segment.to_owned()).filter(|_| fits)?.into());
        }
    }
    segments.next().is_none().then_some(captured)
}

fn may_call(host: &Host, function: &Function, request: &Request<Bytes>) -> bool {
    matches!(function.trigger, Trigger::Http { anonymous: true, .. }) || has_key(host, request)
}

/// Whether the request has the key of the function.
pub(super) fn has_key(host: &Host, request: &Request<Bytes>) -> bool {
    let header = request.headers().get("x-functions-key").and_then(|key| key.to_str().ok()).map(str::to_owned);
    let in_query = || query(request).into_iter().find(|(name, _)| name == "code").map(|(_, key)| key);
    header.or_else(in_query) == Some(host.switches().function_key)
}

/// The query, each name once, where it first stood; values of repeated names are joined by commas.
pub(super) fn query(request: &Request<Bytes>) -> Vec<(String, String)> {
    let mut merged: Vec<(String, String)> = Vec::new();
    for (name, value) in parsed(request) {
        match merged.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = format!("{known},{value}"),
            None => merged.push((name, value)),
        }
    }
    merged
}

/// The query as binding data: of repeated names, the last one counts.
pub(super) fn last_of_each(request: &Request<Bytes>) -> BTreeMap<String, String> {
    parsed(request).collect()
}

fn parsed(request: &Request<Bytes>) -> impl Iterator<Item = (String, String)> {
    let query = request.uri().query().unwrap_or_default().as_bytes();
    form_urlencoded::parse(query).map(|(name, value)| (name.into_owned(), value.into_owned()))
}
