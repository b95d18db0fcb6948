//! Any other system with an HTTP interface.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Response;
use serde_json::Value;

use super::ask::{Ask, json, text};

/// What the system answers for one path.
#[derive(Clone, Debug)]
pub struct Page {
    /// The status.
    pub status: u16,
    /// The body: JSON, or text.
    pub body: Value,
    /// The header that a request must have, if any.
    pub demands: Option<(String, String)>,
}

impl Page {
    /// A page with status 200 that anybody may read.
    pub fn ok(body: Value) -> Self {
        Self { status: 200, body, demands: None }
    }
}

pub(super) fn answer(pages: &BTreeMap<String, Page>, ask: &Ask<'_>) -> Option<Response<Bytes>> {
    Some(show(pages.get(ask.target.strip_prefix("/web/")?)?, ask))
}

/// The page that takes the place of what another system would answer.
pub(super) fn instead(pages: &BTreeMap<String, Page>, ask: &Ask<'_>) -> Option<Response<Bytes>> {
    Some(show(pages.get(ask.target.strip_prefix('/')?)?, ask))
}

fn show(page: &Page, ask: &Ask<'_>) -> Response<Bytes> {
    if let Some((name, value)) = &page.demands
        && ask.headers.get(name).and_then(|found| found.to_str().ok()) != Some(value)
    {
        return json(401, &serde_json::json!({ "errors": [{ "msg": "Unauthorized" }] }));
    }
    match &page.body {
        Value::String(body) => text(page.status, "text/html", body.clone()),
        body => json(page.status, body),
    }
}
