//! The shared-key signature of Azure Storage.
//!
//! <https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key>

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, Mac};
use http::{HeaderMap, Request, header};
use sha2::Sha256;

use super::error::StorageError;
use super::queue::State;

/// Accepts the signature of the account, or a known access token.
pub(super) fn authorize(state: &State, request: &Request<Bytes>) -> Result<(), StorageError> {
    let value = request.headers().get(header::AUTHORIZATION).ok_or(StorageError::NoAuthentication)?;
    let value = value.to_str().map_err(|_| StorageError::AuthenticationFailed)?;
    let accepted = match value.split_once(' ') {
        Some(("Bearer", token)) => state.bearer_tokens.contains(token),
        Some(("SharedKey", credentials)) => credentials
            .split_once(':')
            .is_some_and(|(account, signature)| account == state.account && is_signed(state, request, signature)),
        _ => false,
    };
    accepted.then_some(()).ok_or(StorageError::AuthenticationFailed)
}

fn is_signed(state: &State, request: &Request<Bytes>, signature: &str) -> bool {
    let dated = request.headers().contains_key("x-ms-date") || request.headers().contains_key(header::DATE);
    let versioned = request.headers().contains_key("x-ms-version");
    let (Ok(mut mac), Ok(signature)) = (Hmac::<Sha256>::new_from_slice(state.key), STANDARD.decode(signature)) else {
        return false;
    };
    mac.update(string_to_sign(state.account, request).as_bytes());
    dated && versioned && mac.verify_slice(&signature).is_ok()
}

fn string_to_sign(account: &str, request: &Request<Bytes>) -> String {
    let headers = request.headers();
    let standard = [
        header::CONTENT_ENCODING,
        header::CONTENT_LANGUAGE,
        header::CONTENT_LENGTH,
        header::HeaderName::from_static("content-md5"),
        header::CONTENT_TYPE,
        header::DATE,
        header::IF_MODIFIED_SINCE,
        header::IF_MATCH,
        header::IF_NONE_MATCH,
        header::IF_UNMODIFIED_SINCE,
        header::RANGE,
    ];
    let mut text = format!("{}\n", request.method());
    for name in standard {
        let value = text_of(headers, name.as_str());
        let absent = name == header::CONTENT_LENGTH && value == "0";
        text.push_str(if absent { "" } else { value });
        text.push('\n');
    }
    let extensions: BTreeMap<_, _> = headers
        .keys()
        .map(|name| name.as_str())
        .filter(|name| name.starts_with("x-ms-"))
        .map(|name| (name, text_of(headers, name)))
        .collect();
    for (name, value) in extensions {
        text.push_str(&format!("{name}:{value}\n"));
    }
    text.push_str(&format!("/{account}{}", request.uri().path()));
    for (name, values) in query_by_name(request.uri().query().unwrap_or_default()) {
        text.push_str(&format!("\n{name}:{}", values.join(",")));
    }
    text
}

fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn query_by_name(query: &str) -> BTreeMap<String, Vec<String>> {
    let mut by_name: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        by_name.entry(name.to_lowercase()).or_default().push(value.into_owned());
    }
    by_name.values_mut().for_each(|values| values.sort());
    by_name
}
