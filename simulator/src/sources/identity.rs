//! The endpoint of App Service that issues tokens of the managed identity.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::Response;
use serde_json::{Value, json};

use super::ask::{Ask, json, text};
use crate::clock::Clock;

/// The state of the endpoint.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The secret in the header `X-IDENTITY-HEADER`.
    pub header: String,
    /// How long a token is valid.
    pub lifetime: TimeDelta,
    /// The tokens that were issued: text, resource, and when each expires.
    pub tokens: Vec<(String, String, DateTime<Utc>)>,
}

impl Default for Identity {
    fn default() -> Self {
        Self { header: "identity-header-secret".to_owned(), lifetime: TimeDelta::hours(24), tokens: Vec::new() }
    }
}

impl Identity {
    /// Whether the request has a token for this resource.
    pub(super) fn admits(&self, ask: &Ask<'_>, resource: &str) -> bool {
        let token = ask.authorization().strip_prefix("Bearer ").unwrap_or_default();
        self.tokens.iter().any(|(known, of, _)| known == token && of == resource)
    }
}

pub(super) fn answer(identity: &mut Identity, ask: &Ask<'_>) -> Option<Response<Bytes>> {
    let header = ask.headers.get("X-IDENTITY-HEADER").and_then(|value| value.to_str().ok());
    if header != Some(identity.header.as_str()) {
        return Some(text(401, "text/plain", String::new()));
    }
    let resource = ask.query("resource")?.to_owned();
    let _ = ask.query("api-version").filter(|version| *version == "2019-08-01")?;
    // In real time: the client compares this moment with the real time, not with the simulated clock.
    let now = Clock::system().now();
    let expires_on = now + identity.lifetime;
    let name = format!("identity-token-{}", identity.tokens.len() + 1);
    let token = if resource.contains("storage") { signed(&resource, &name, [now, expires_on]) } else { name };
    identity.tokens.push((token.clone(), resource.clone(), expires_on));
    let answer = json!({
        "access_token": token,
        "expires_on": expires_on.timestamp().to_string(),
        "resource": resource,
        "token_type": "Bearer",
    });
    Some(json(200, &answer))
}

/// A token with claims, for the services that read them. All others take it for a text. Nobody checks the signature.
fn signed(audience: &str, name: &str, [from, until]: [DateTime<Utc>; 2]) -> String {
    let claims = json!({
        "iss": "https://sts.windows.net/72f988bf-0000-4000-8000-000000000001/",
        "aud": audience,
        "jti": name,
        "iat": from.timestamp(),
        "nbf": from.timestamp(),
        "exp": until.timestamp(),
    });
    let part = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
    [part(json!({ "alg": "RS256", "typ": "JWT" })), part(claims), URL_SAFE_NO_PAD.encode("signature")].join(".")
}
