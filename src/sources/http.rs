//! Any system that answers over HTTP.

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde_json::Value;

use super::call::{Answered, Ask};
use super::{Error, Sources};

/// What is asked: one request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HttpRequest {
    /// The connection's name.
    pub connection: String,
    /// Whether it is a POST; else it is a GET.
    pub post: bool,
    /// Below the connection's URL.
    pub path: String,
    /// A JSON text to send.
    pub body: Option<String>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// Whether it is a page for people, such as one to sign in.
    pub is_web_page: bool,
    /// The body: its JSON, or its text where it is none.
    pub body: Value,
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
    let body = serde_json::from_slice(&answered.body)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&answered.body).into_owned()));
    let media_type = answered.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_web_page = matches!(media_type.as_str(), "text/html" | "application/xhtml+xml");
    HttpResponse { status: answered.status.as_u16(), is_web_page, body }
}
