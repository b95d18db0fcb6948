//! Any system that answers over HTTP.

use reqwest::Method;
use serde_json::Value;

use super::call::{Answered, Ask};
use crate::facts::{Fact, Gatherer, Unmeasured};

/// The fact: the answer to one request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HttpAnswer {
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

impl Fact for HttpAnswer {
    type Value = HttpResponse;

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<HttpResponse, Unmeasured> {
        let sources = gatherer.sources;
        let endpoint = sources.reach(&self.connection)?;
        let method = if self.post { Method::POST } else { Method::GET };
        let ask = Ask { method, path: &self.path, query: &[], body: self.body.clone() };
        Ok(read(&sources.ask(endpoint, &ask, gatherer.now).await?))
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
