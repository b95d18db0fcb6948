//! A request to a system, and the usual answers.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use serde_json::Value;

/// A request with its parsed query.
pub(super) struct Ask<'a> {
    pub(super) method: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) query: BTreeMap<String, String>,
    pub(super) target: &'a str,
    pub(super) body: &'a Bytes,
}

impl<'a> Ask<'a> {
    pub(super) fn of(request: &'a Request<Bytes>) -> Self {
        let query = request.uri().query().unwrap_or_default();
        Self {
            method: request.method().as_str(),
            headers: request.headers(),
            query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            target: request.uri().path_and_query().map_or("", |target| target.as_str()),
            body: request.body(),
        }
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    pub(super) fn authorization(&self) -> &str {
        self.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(super) fn form(&self) -> BTreeMap<String, String> {
        form_urlencoded::parse(self.body).into_owned().collect()
    }
}

/// A JSON answer.
pub(super) fn json(status: u16, body: &Value) -> Response<Bytes> {
    text(status, "application/json;charset=utf-8", body.to_string())
}

pub(super) fn text(status: u16, content_type: &'static str, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    response
}
