//! What the caller of an HTTP function sees of the handler's answer in the JSON protocol.

use bytes::Bytes;
use http::{HeaderName, Response, StatusCode, header};
use serde_json::{Map, Value};

use super::front::plain;
use super::function::Function;
use crate::headers::header_value;

/// What the caller sees; `None` for an answer that the host cannot use.
pub(super) fn render(function: &Function, result: &Value) -> Option<Response<Bytes>> {
    let member = |name: &str| {
        result
            .as_object()?
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .filter(|value| !value.is_null())
    };
    let binding = function.http_output.as_deref().unwrap_or_default();
    match (member("Outputs"), member("ReturnValue")) {
        (Some(Value::Object(outputs)), _) => match outputs.get(binding) {
            None => Some(json_response("{}")),
            Some(Value::Object(output)) => http_output(output),
            Some(Value::String(text)) => http_output(serde_json::from_str::<Value>(text).ok()?.as_object()?),
            Some(_) => None,
        },
        (Some(_), _) => None,
        (None, None) => Some(plain(StatusCode::NO_CONTENT, "")),
        (None, Some(value)) => Some(json_response(&value.to_string())),
    }
}

fn json_response(text: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::copy_from_slice(text.as_bytes()));
    response.headers_mut().insert(header::CONTENT_TYPE, header_value("application/json; charset=utf-8"));
    response
}

fn http_output(output: &Map<String, Value>) -> Option<Response<Bytes>> {
    let member = |name: &str| output.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    let status = member("statusCode").map(text).and_then(|status| status.parse().ok()).unwrap_or(200);
    let body = match member("body") {
        None | Some(Value::Null) => String::new(),
        Some(body @ (Value::Object(_) | Value::Array(_))) => serde_json::to_string_pretty(body).ok()?,
        Some(body) => text(body),
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = StatusCode::from_u16(status).ok()?;
    response.headers_mut().insert(header::CONTENT_TYPE, header_value("text/plain; charset=utf-8"));
    for (name, value) in member("headers").and_then(Value::as_object).into_iter().flatten() {
        if value.is_null() {
            return None;
        }
        response.headers_mut().insert(HeaderName::try_from(name.as_str()).ok()?, header_value(&text(value)));
    }
    Some(response)
}

/// A JSON value as .NET writes it.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => other.to_string(),
    }
}
