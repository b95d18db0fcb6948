//! What goes wrong with a call.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderValue, Response, header};

use crate::headers::{header_value, http_date};

/// What goes wrong with a call.
#[derive(Clone, Debug)]
pub struct Fault(pub(crate) Misbehaviour);

#[derive(Clone, Debug)]
pub(crate) enum Misbehaviour {
    /// This answer. The call has no effect.
    AnswerInstead(Response<Bytes>),
    /// The normal effect and answer, with a `Retry-After` header.
    SlowDown(RetryAfter),
    /// No effect and no answer. The connection stays open.
    Hang,
    /// The normal effect and no answer. The connection stays open.
    HangAfter,
    /// The normal effect and answer, sent one byte per pause.
    SlowBody(Duration),
    /// No effect. The connection closes without an answer.
    DropConnection,
    /// The normal effect. The connection closes without an answer.
    DropAfter,
    /// No effect. The connection is reset.
    Reset,
}

/// When a throttled client may come back.
#[derive(Clone, Copy, Debug)]
pub enum RetryAfter {
    /// After this many seconds.
    Seconds(u64),
    /// At this moment, sent as an HTTP date.
    At(DateTime<Utc>),
}

impl RetryAfter {
    pub(crate) fn header(self) -> HeaderValue {
        match self {
            Self::Seconds(seconds) => HeaderValue::from(seconds),
            Self::At(at) => header_value(&http_date(at)),
        }
    }
}

impl Fault {
    /// Answers with `status` and an empty body. A status that HTTP does not know becomes 500.
    pub fn status(status: u16) -> Self {
        Self::answer(status, "text/plain", "")
    }

    /// Answers with this status, content type and body.
    pub fn answer(status: u16, content_type: &str, body: &str) -> Self {
        let mut response = Response::new(Bytes::copy_from_slice(body.as_bytes()));
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(header::CONTENT_TYPE, header_value(content_type));
        Self(Misbehaviour::AnswerInstead(response))
    }

    /// Adds a header to the answer. Faults without an answer ignore it.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        if let Misbehaviour::AnswerInstead(response) = &mut self.0 {
            response.headers_mut().insert(name, header_value(value));
        }
        self
    }

    /// An error of Azure DevOps with this `typeKey`, which says which error it is.
    pub fn exception(status: u16, type_key: &str, message: &str) -> Self {
        let body = serde_json::json!({
            "$id": "1",
            "innerException": null,
            "message": message,
            "typeName": format!("Microsoft.VisualStudio.Services.Orchestration.Server.{type_key}, Microsoft.VisualStudio.Services.Orchestration.Server"),
            "typeKey": type_key,
            "errorCode": 0,
            "eventId": 3000,
        });
        Self::answer(status, "application/json; charset=utf-8", &body.to_string())
    }

    /// The error for an event whose session is gone. Azure DevOps answers with 500 or 404, and also while a live session
    /// moves from one server to another.
    pub fn session_not_found(status: u16) -> Self {
        let message = "The orchestration session was not found for hub checks.";
        Self::exception(status, "OrchestrationSessionNotFoundException", message)
    }

    /// 429 as Azure DevOps sends it when a quota is used up.
    pub fn throttle(retry_after: RetryAfter) -> Self {
        let body = r#"{"$id":"1","innerException":null,"message":"TF400733: The request has been canceled: Request was blocked due to exceeding usage of resource 'Concurrency' in namespace 'User'.","typeName":"Microsoft.TeamFoundation.Framework.Server.RequestBlockedException, Microsoft.TeamFoundation.Framework.Server","typeKey":"RequestBlockedException","errorCode":0,"eventId":3000}"#;
        let Self(mut misbehaviour) = Self::answer(429, "application/json; charset=utf-8", body);
        if let Misbehaviour::AnswerInstead(response) = &mut misbehaviour {
            response.headers_mut().insert(header::RETRY_AFTER, retry_after.header());
        }
        Self(misbehaviour)
    }

    /// 404 for a plan that is there: one of the service's machines does not know it for a moment.
    pub fn plan_not_found() -> Self {
        let body = r#"{"$id":"1","innerException":null,"message":"No plan found for identifier.","typeName":"Microsoft.TeamFoundation.DistributedTask.WebApi.TaskOrchestrationPlanNotFoundException, Microsoft.TeamFoundation.DistributedTask.WebApi","typeKey":"TaskOrchestrationPlanNotFoundException","errorCode":0,"eventId":3000}"#;
        Self::answer(404, "application/json; charset=utf-8", body)
    }

    /// The normal answer with a `Retry-After` header, as a service sends before it throttles.
    pub fn slow_down(retry_after: RetryAfter) -> Self {
        Self(Misbehaviour::SlowDown(retry_after))
    }

    /// An HTML page, as gateways and sign-in pages send.
    pub fn html(status: u16) -> Self {
        Self::answer(status, "text/html; charset=utf-8", "<!DOCTYPE html><html><body>Sign in</body></html>")
    }

    /// 200 and JSON that breaks off.
    pub fn wrong_json() -> Self {
        Self::answer(200, "application/json; charset=utf-8", r#"{"count":1,"value":[{"id":"#)
    }

    /// Never answers, and keeps the connection open.
    pub fn hang() -> Self {
        Self(Misbehaviour::Hang)
    }

    /// Handles the call, never answers, and keeps the connection open.
    pub fn hang_after() -> Self {
        Self(Misbehaviour::HangAfter)
    }

    /// Handles the call, and sends the body of the answer one byte per `pause`.
    pub fn slow_body(pause: Duration) -> Self {
        Self(Misbehaviour::SlowBody(pause))
    }

    /// Closes the connection instead of handling the call.
    pub fn drop_connection() -> Self {
        Self(Misbehaviour::DropConnection)
    }

    /// Handles the call, then closes the connection without an answer.
    pub fn drop_after() -> Self {
        Self(Misbehaviour::DropAfter)
    }

    /// Resets the connection instead of handling the call.
    pub fn reset() -> Self {
        Self(Misbehaviour::Reset)
    }
}
