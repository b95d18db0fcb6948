//! Finds the route of a request, checks the route's demands, and calls its handler.

use bytes::Bytes;
use http::{Request, Response};
use percent_encoding::percent_decode_str;

use super::demands::demand;
use super::routes::{Answer, Ask, ROUTES, Refusal, Route};
use super::state::State;
use crate::http::Route as RouteName;

/// Answers a request, and adds the name of the route for the counters.
pub(super) fn answer(state: &mut State, request: &Request<Bytes>) -> Response<Bytes> {
    let segments = path_segments(state, request.uri().path());
    let fitting = || ROUTES.iter().filter_map(|route| Some((route, captures(route, segments.as_ref()?)?)));
    let chosen = fitting().find(|(route, _)| route.method() == request.method().as_str());
    let Some((route, parameters)) = chosen else {
        let allowed: Vec<_> = fitting().map(|(route, _)| route.method()).collect();
        return refuse_unrouted(state, request, &allowed);
    };
    let answered = demand(state, route, request).and_then(|sees_boards| {
        let query = request.uri().query().unwrap_or_default();
        let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let ask = Ask { now: state.clock.now(), body: request.body(), sees_boards, parameters, query };
        (route.handler)(state, &ask)
    });
    let mut response = answered.map_or_else(Refusal::into_response, Answer::into_response);
    response.extensions_mut().insert(RouteName(route.name));
    response
}

fn refuse_unrouted(state: &mut State, request: &Request<Bytes>, allowed: &[&str]) -> Response<Bytes> {
    let path = request.uri().path();
    let mut response = if allowed.is_empty() {
        state.unknown_requests.push(format!("{} {path}", request.method()));
        let message = format!("The controller for path '{path}' was not found or does not implement IController.");
        Refusal::not_found("VssResourceNotFoundException", message).into_response()
    } else {
        Refusal::MethodNotAllowed { allowed: allowed.join(", ") }.into_response()
    };
    response.extensions_mut().insert(RouteName("unknown"));
    response
}

/// The decoded segments of the path below the collection. `None` if the path is outside of it.
fn path_segments(state: &State, path: &str) -> Option<Vec<String>> {
    let below = path.strip_prefix(state.collection_path())?;
    Some(below.split('/').map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned()).collect())
}

/// The named parts of the path, if the path matches the route's template.
fn captures(route: &Route, segments: &[String]) -> Option<Vec<(&'static str, String)>> {
    let mut captured = Vec::new();
    let mut segments = segments.iter();
    for part in route.template() {
        let segment = segments.next().filter(|segment| !segment.is_empty())?;
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(_) if segment.starts_with('_') => return None,
            Some(name) => captured.push((name, segment.clone())),
            None if part.eq_ignore_ascii_case(segment) => {}
            None => return None,
        }
    }
    segments.next().is_none().then_some(captured)
}
