//! Any system that answers over HTTP.

use chrono::{DateTime, Utc};
use reqwest::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::call::{Answered, Ask};
use super::{Error, Sources};
use crate::http::json;

/// What is asked: one request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct HttpRequest {
    /// The connection's name.
    pub connection: String,
    /// Whether it is a POST; else it is a GET.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub post: bool,
    /// Below the connection's URL. [`HttpRequest::COMMIT`] in it stands for the run's commit.
    pub path: String,
    /// A JSON text to send.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

impl HttpRequest {
    /// Stands in a path for the run's commit.
    pub const COMMIT: &str = "{run.sourceVersion}";

    /// Whether it asks about the run's commit.
    #[must_use]
    pub fn is_about_commit(&self) -> bool {
        self.path.contains(Self::COMMIT)
    }

    /// The request about this commit.
    ///
    /// # Errors
    ///
    /// When the commit could be anything but a commit: then it could lead the path elsewhere.
    pub fn about(&self, commit: &str) -> Result<Self, String> {
        if is_commit(commit) {
            return Ok(Self { path: self.path.replace(Self::COMMIT, commit), ..self.clone() });
        }
        Err(format!("the run's `sourceVersion` is `{commit}`, not the hash of a commit, so nothing was asked about it"))
    }
}

/// Whether a text is the hash of a commit.
#[must_use]
pub fn is_commit(text: &str) -> bool {
    text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Written", into = "Written")]
#[schemars(with = "Written")]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// Whether it is a page for people, such as one to sign in.
    pub is_web_page: bool,
    /// The body.
    pub body: Body,
}

/// What came as a body.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// Its JSON, or its text where it does not claim to be JSON.
    Value(Value),
    /// Nothing, or blanks only.
    Missing,
    /// Something that claims to be JSON and is not: such as a JSON that broke off.
    Broken,
}

/// An answer as it is written down.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Written {
    /// The status.
    status: u16,
    /// Whether it is a page for people, such as one to sign in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_web_page: bool,
    /// Whether the body claims to be JSON and is not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_broken: bool,
    /// The body; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "even_null")]
    body: Option<Value>,
}

/// A member that is there, even if it is null.
fn even_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl From<HttpResponse> for Written {
    fn from(HttpResponse { status, is_web_page, body }: HttpResponse) -> Self {
        let is_broken = body == Body::Broken;
        let body = if let Body::Value(value) = body { Some(value) } else { None };
        Self { status, is_web_page, is_broken, body }
    }
}

impl From<Written> for HttpResponse {
    fn from(Written { status, is_web_page, is_broken, body }: Written) -> Self {
        let body = match body {
            _ if is_broken => Body::Broken,
            Some(value) => Body::Value(value),
            None => Body::Missing,
        };
        Self { status, is_web_page, body }
    }
}

impl Sources {
    /// Makes a request, and reads its answer whatever its status.
    ///
    /// # Errors
    ///
    /// Why there is no answer.
    pub async fn answer(&self, asked: &HttpRequest, now: DateTime<Utc>) -> Result<HttpResponse, Error> {
        let endpoint = self.reach(&asked.connection)?;
        let method = if asked.post { Method::POST } else { Method::GET };
        let ask = Ask { method, path: &asked.path, query: &[], body: asked.body.clone() };
        Ok(read(&self.ask(endpoint, &ask, now).await?))
    }
}

/// What a condition sees of an answer.
pub(super) fn read(answered: &Answered) -> HttpResponse {
    let media_type = answered.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_web_page = matches!(media_type.as_str(), "text/html" | "application/xhtml+xml");
    let claims_json = media_type.ends_with("/json") || media_type.ends_with("+json");
    let text = String::from_utf8_lossy(&answered.body);
    let body = match json::read(&answered.body) {
        Ok(value) => Body::Value(value),
        Err(_) if text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}').is_empty() => Body::Missing,
        Err(_) if claims_json => Body::Broken,
        Err(_) => Body::Value(Value::String(text.into_owned())),
    };
    HttpResponse { status: answered.status.as_u16(), is_web_page, body }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_hash_of_a_commit_becomes_part_of_a_path() {
        let path = format!("commits/{}/checks", HttpRequest::COMMIT);
        let request = HttpRequest { connection: "github".to_owned(), post: false, path, body: None };
        let commit = "6fb3a7c1d2e4f50918273645a0b1c2d3e4f50617";
        let about = request.about(commit).expect("a commit");
        assert_eq!(about.path, format!("commits/{commit}/checks"));
        let long_path = format!("../{}", "a".repeat(40));
        for other in ["", "main", "..", "C42", "6fb3a7c", "?x=6fb3a7c1d2e4f50918273645a0b1c2d3e4f50617", &long_path] {
            assert!(request.about(other).is_err(), "{other}");
        }
    }
}
