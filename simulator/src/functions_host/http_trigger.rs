//! The HTTP trigger in the JSON protocol, for functions whose requests are not forwarded.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, Request, Response, StatusCode, header};
use serde_json::{Map, Value, json};

use super::envelope::{Metadata, sys, twice};
use super::front::{Parameters, plain, query};
use super::function::Function;
use super::host::Host;
use super::invoker::Outcome;
use crate::headers::header_value;

pub(super) async fn answer(
    host: &Host,
    function: &Function,
    request: &Request<Bytes>,
    parameters: Parameters,
) -> Response<Bytes> {
    let envelope = envelope(host, function, request, parameters);
    let (_, outcome) = host.invoke(function, envelope.to_string().into(), None).await;
    let rendered = match outcome {
        Outcome::Success(result) => render(function, &result),
        Outcome::Failure(_) | Outcome::Broken(_) => None,
        Outcome::NeverCompletes => {
            // The real host waits until the function's time is up, then kills the handler.
            tokio::time::sleep(host.app.function_timeout).await;
            None
        }
    };
    rendered.unwrap_or_else(|| plain(StatusCode::INTERNAL_SERVER_ERROR, ""))
}

fn envelope(host: &Host, function: &Function, request: &Request<Bytes>, parameters: Parameters) -> Value {
    let query = query(request);
    let mut headers: Map<String, Value> = Map::new();
    for (name, value) in request.headers() {
        let values = headers.entry(title_case(name.as_str())).or_insert_with(|| json!([]));
        if let Value::Array(values) = values {
            values.push(json!(String::from_utf8_lossy(value.as_bytes())));
        }
    }
    let authority = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let metadata = metadata(host, function, request, &parameters, &headers);
    let mut data = json!({
        "Url": format!("http://{authority}{}", request.uri()),
        "Method": request.method().as_str(),
        "Query": query,
        "Headers": headers,
        "Params": parameters,
        "Identities": [{"AuthenticationType": null, "IsAuthenticated": false, "Actor": null, "BootstrapContext": null, "Claims": [], "Label": null, "Name": null, "NameClaimType": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name", "RoleClaimType": "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"}],
    });
    if let Some(body) = body(request) {
        data["Body"] = json!(body);
    }
    json!({"Data": {&function.binding: data}, "Metadata": metadata})
}

/// Query, route and body spill into the binding data, as the properties of a message do.
fn metadata(
    host: &Host,
    function: &Function,
    request: &Request<Bytes>,
    parameters: &Parameters,
    headers: &Map<String, Value>,
) -> Map<String, Value> {
    let query = query(request);
    let mut metadata = Metadata::default();
    let members = query.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("code"));
    members.for_each(|(name, value)| metadata.set(name, twice(&json!(value))));
    parameters
        .iter()
        .filter_map(|(name, value)| Some((name, value.as_ref()?)))
        .for_each(|(name, value)| metadata.set(name, twice(&json!(value))));
    metadata.take_over(&String::from_utf8_lossy(request.body()));
    metadata.set("Query", json!(query));
    let joined = headers.iter().map(|(name, values)| (name.clone(), json!(joined(values)))).collect();
    metadata.set("Headers", Value::Object(joined));
    metadata.set("sys", sys(function, host.clock.now()));
    metadata.members
}

/// Absent without a length; base64 for what is no text.
fn body(request: &Request<Bytes>) -> Option<String> {
    let length: u64 = request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()?;
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let binary = kind.starts_with("application/octet-stream") || kind.starts_with("multipart/");
    let body = request.body();
    (length > 0).then(|| if binary { STANDARD.encode(body) } else { String::from_utf8_lossy(body).into_owned() })
}

fn joined(values: &Value) -> String {
    values.as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
}

/// HTTP/1.1 headers as callers usually write them: the server below has forgotten the casing.
fn title_case(name: &str) -> String {
    let word =
        |word: &str| word.chars().take(1).flat_map(char::to_uppercase).chain(word.chars().skip(1)).collect::<String>();
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

/// What the caller sees; `None` for an answer that the host cannot use.
fn render(function: &Function, result: &Value) -> Option<Response<Bytes>> {
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
