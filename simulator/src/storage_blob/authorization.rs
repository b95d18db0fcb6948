//! Who may do what: by a shared access signature, or by a token of Entra ID.
//!
//! <https://learn.microsoft.com/rest/api/storageservices/authorize-requests-to-azure-storage>

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{Request, header};
use serde_json::Value;

use super::error::BlobError;
use super::signature;
use super::state::State;
use crate::clock::Clock;

/// What tokens are for.
const AUDIENCE: &str = "https://storage.azure.com";

/// Everything, as the role allows it.
const ALL: &str = "racw";

/// Says what a request may do with a container: letters, as signatures have them.
pub(super) fn permissions(
    state: &State,
    container: &str,
    request: &Request<Bytes>,
    query: &dyn Fn(&str) -> String,
) -> Result<String, BlobError> {
    let headers = request.headers();
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return if query("sig").is_empty() {
            Err(BlobError::NoAuthentication)
        } else if signature::is_signed(state.account, state.key, container, query) && !has_ended(state, &query("se")) {
            Ok(query("sp"))
        } else {
            Err(BlobError::AuthenticationFailed)
        };
    };
    let is_dated = headers.contains_key("x-ms-date") && headers.contains_key("x-ms-version");
    let token = value.to_str().ok().and_then(|value| value.strip_prefix("Bearer "));
    if !is_dated || !token.is_some_and(is_valid) {
        return Err(BlobError::AuthenticationFailed);
    }
    if state.identity_has_role { Ok(ALL.to_owned()) } else { Err(BlobError::NotPermitted) }
}

fn has_ended(state: &State, until: &str) -> bool {
    until.parse::<DateTime<Utc>>().is_ok_and(|until| until < state.clock.now())
}

/// Reads the claims of a token. Its times are real ones, whatever the service's clock shows.
fn is_valid(token: &str) -> bool {
    let claims = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims: Value = claims.and_then(|claims| serde_json::from_slice(&claims).ok()).unwrap_or_default();
    let now = Clock::system().now().timestamp();
    let audience = claims["aud"].as_str().unwrap_or_default().trim_end_matches('/');
    audience == AUDIENCE && claims["exp"].as_i64().is_some_and(|until| until > now)
}
