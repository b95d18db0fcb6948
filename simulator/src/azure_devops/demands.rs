//! What a route demands of a request.

use base64::Engine;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};

use super::routes::{Content, Refusal, Route, Versions};
use super::state::{Area, State, Unauthorized};

/// Checks the token, the permission, the version and the content type, in this order. Returns whether the identity of
/// the token may read Boards.
pub(super) fn demand(state: &State, route: &Route, request: &Request<Bytes>) -> Result<bool, Refusal> {
    let headers = request.headers();
    let sent = credentials(headers);
    let token = sent.and_then(|(token, is_basic)| state.tokens.get(&token).filter(|it| is_basic || !it.is_personal));
    let Some(token) = token.filter(|token| token.expires_at > state.clock.now()) else {
        return Err(unauthorized(state, headers));
    };
    if route.area != Area::WorkItems && token.denied.contains(&route.area) {
        return Err(access_denied());
    }
    let path = request.uri().path().to_lowercase();
    let only_preview = state.preview_only.iter().any(|end| path.ends_with(&end.to_lowercase()));
    let versions = if only_preview { Versions { released: None, ..route.versions } } else { route.versions };
    versions.check(requested_version(request).as_deref(), request.method().as_str())?;
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let fits = match route.body {
        Content::Nothing => true,
        Content::Json => essence.eq_ignore_ascii_case("application/json"),
        Content::OctetStream => essence.eq_ignore_ascii_case("application/octet-stream"),
    };
    if !fits {
        let message = format!(
            "The request indicated a Content-Type of \"{content_type}\" for method type \"{}\" which is not supported.",
            request.method()
        );
        return Err(Refusal::exception(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "VssRequestContentTypeNotSupportedException",
            message,
        ));
    }
    Ok(!token.denied.contains(&Area::WorkItems))
}

fn unauthorized(state: &State, headers: &HeaderMap) -> Refusal {
    let suppressed =
        headers.get("x-tfs-fedauthredirect").is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"suppress"));
    let how = match state.expired_token {
        Unauthorized::Redirect302 if suppressed => Unauthorized::Status401,
        how => how,
    };
    Refusal::Unauthorized { how, collection: state.url().to_owned() }
}

fn access_denied() -> Refusal {
    let message =
        "Access denied: FabrikamFiber Build Service (fabrikam) needs further permissions to perform the action.";
    Refusal::exception(StatusCode::FORBIDDEN, "AccessDeniedException", message)
}

/// The token, from Bearer authentication or from the password of Basic authentication, and whether it is the latter.
fn credentials(headers: &HeaderMap) -> Option<(String, bool)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credentials) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some((credentials.to_owned(), false));
    }
    let decoded = base64::engine::general_purpose::STANDARD.decode(credentials).ok()?;
    let basic = scheme.eq_ignore_ascii_case("basic");
    let decoded = String::from_utf8(decoded).ok()?;
    let (_, password) = decoded.split_once(':').filter(|_| basic)?;
    Some((password.to_owned(), true))
}

/// The version in the query, or in the `Accept` header.
fn requested_version(request: &Request<Bytes>) -> Option<String> {
    let query = request.uri().query().unwrap_or_default();
    let in_query = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name.eq_ignore_ascii_case("api-version"));
    let in_accept = || {
        let accept = request.headers().get(header::ACCEPT)?.to_str().ok()?;
        accept.split(';').find_map(|part| part.trim().strip_prefix("api-version=").map(str::to_owned))
    };
    in_query.map(|(_, version)| version.into_owned()).or_else(in_accept)
}
