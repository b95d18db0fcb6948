//! Parses the URL of a collection strictly: what a URL parser would silently mend is refused, since other parsers may mend it
//! in another way.

use std::fmt::Write as _;

use url::{Host, Url};

use crate::text::{composed, is_visible};

/// The longest `PlanUrl` that is looked at; real ones have well under 200 characters.
const MAX_LENGTH: usize = 1_024;

/// Parses a URL.
///
/// # Errors
///
/// What is wrong with it.
pub(super) fn parse(text: &str) -> Result<Url, &'static str> {
    if text.len() > MAX_LENGTH {
        return Err("it is longer than 1,024 characters");
    }
    if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err("it holds white space, control characters or a backslash");
    }
    if !text.is_ascii() {
        return Err("it holds characters other than ASCII; write them with their escapes, as `%C3%B6`");
    }
    let url = Url::parse(text).map_err(|_| "it cannot be parsed")?;
    if !matches!(url.scheme(), "https" | "http")
        || !text.to_ascii_lowercase().starts_with(&format!("{}://", url.scheme()))
    {
        return Err("it must start with https://");
    }
    if !url.username().is_empty() || url.password().is_some() || text.contains('@') {
        return Err("it holds a user name or an `@`");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it holds a query or a fragment");
    }
    let (authority, path) = split(text);
    if path.contains("/.") || path.contains("//") {
        return Err("its path holds `.` or an empty segment");
    }
    if !path.split('/').all(is_in_one_notation) {
        return Err("its path holds `%` other than in the usual escape of a space or of a letter beyond ASCII");
    }
    if let Some(Host::Domain(name)) = url.host()
        && !name.split('.').all(is_plain_label)
    {
        return Err(
            "its host is punycode, or holds an empty label or other characters than letters, digits, `-` and `_`",
        );
    }
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    if !authority.eq_ignore_ascii_case(host) && !authority.eq_ignore_ascii_case(&format!("{host}:{port}")) {
        return Err("its host or port is not in the usual notation");
    }
    if path != url.path() && !(path.is_empty() && url.path() == "/") {
        return Err("its path holds characters that a URL has to escape");
    }
    Ok(url)
}

/// Whether a segment of a path holds no escapes but those that cannot be left out, each in the notation that Azure DevOps
/// uses: `%20`, and UTF-8 in capitals such as `%C3%B6`, of composed characters. Another notation of the same name would be
/// another text to the list.
fn is_in_one_notation(segment: &str) -> bool {
    if !segment.contains('%') {
        return true;
    }
    let decoded: Vec<u8> = percent_decode(segment.as_bytes());
    // Parsers disagree on a `%` that begins no escape, and on an escaped one.
    let Some(name) = String::from_utf8(decoded).ok().filter(|name| !name.contains('%')) else { return false };
    let needs_escape = |c: char| c == ' ' || (!c.is_ascii() && is_visible(c) && !c.is_whitespace());
    let mut written = String::new();
    for c in name.chars() {
        if needs_escape(c) {
            let mut bytes = [0; 4];
            c.encode_utf8(&mut bytes).bytes().for_each(|byte| {
                let _ = write!(written, "%{byte:02X}");
            });
        } else {
            written.push(c);
        }
    }
    written == segment && composed(&name) == name
}

/// The bytes of a text with its escapes. What is not an escape stays as it is, and is then written in another way.
fn percent_decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| *first == b'%').and_then(|digits| str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                rest = &after[2..];
            }
            None => {
                decoded.push(*first);
                rest = after;
            }
        }
    }
    decoded
}

fn is_plain_label(label: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !label.is_empty() && !label.starts_with("xn--") && label.chars().all(is_plain)
}

/// The authority and the path as they are written.
fn split(text: &str) -> (&str, &str) {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    rest.split_at(rest.find('/').unwrap_or(rest.len()))
}
