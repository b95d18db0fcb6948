//! What Azure Pipelines gets back: a status and a JSON body, safe to print.

use serde::Serialize;
use serde_json::Value;
use warp::http::StatusCode;

use crate::events::Event;
use crate::host::NOT_FORWARDED;

/// The largest body of a delivery. Azure Pipelines lets people write 2,000 characters.
pub const MAX_BODY: u64 = 64 * 1024;

/// An answer to Azure Pipelines: a status and a JSON body.
#[derive(Debug, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The body.
    pub body: Value,
}

impl Answer {
    pub(super) fn new(status: StatusCode, body: impl Serialize) -> Self {
        Self { status, body: printable(serde_json::to_value(body).unwrap_or_default()) }
    }

    pub(super) fn refused(status: StatusCode, problems: Vec<String>) -> Self {
        Self::new(status, Refused { status: "refused", problems })
    }
}

/// Makes every text in an answer safe to print. Some of them come from deliveries, definitions and work items.
fn printable(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(crate::text::one_line(&text)),
        Value::Array(items) => items.into_iter().map(printable).collect(),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, printable(value))).collect(),
        other => other,
    }
}

/// The body of a refusal.
#[derive(Serialize)]
struct Refused {
    status: &'static str,
    problems: Vec<String>,
}

/// The answer to a body over [`MAX_BODY`].
#[must_use]
pub fn too_large() -> Answer {
    Answer::refused(
        StatusCode::PAYLOAD_TOO_LARGE,
        vec![format!(
            "the body is larger than {MAX_BODY} bytes: shorten the inline definition, or name a check of checks.yaml"
        )],
    )
}

/// The answer where the host wraps requests in JSON instead of passing them on. It names the setting.
#[must_use]
pub fn not_forwarded() -> Answer {
    Event::AppMisconfigured.report(NOT_FORWARDED);
    Answer::refused(StatusCode::BAD_REQUEST, vec![NOT_FORWARDED.to_owned()])
}

/// The answer while the function app cannot take any delivery, with the list of what is wrong.
#[must_use]
pub fn misconfigured(problems: Vec<String>) -> Answer {
    Event::AppMisconfigured.report(&problems.join("; "));
    Answer::refused(StatusCode::SERVICE_UNAVAILABLE, problems)
}

/// The answer when the check could not be worked on: Azure Pipelines may deliver it again.
#[must_use]
pub fn unavailable(why: &str) -> Answer {
    Answer::refused(
        StatusCode::SERVICE_UNAVAILABLE,
        vec![format!("the check could not be queued, so it was not accepted: {why}; retry the stage")],
    )
}
