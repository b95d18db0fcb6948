//! The HTTP trigger in the JSON protocol, for functions whose requests are not forwarded.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use serde_json::{Map, Value, json};

use super::envelope::sys;
use super::front::{Parameters, has_key, last_of_each, plain, query};
use super::function::Function;
use super::host::Host;
use super::http_answer::render;
use super::identity::identity;
use super::invoker::Outcome;
use super::metadata::{Metadata, twice};
use crate::http::Spelling;

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
    };
    rendered.unwrap_or_else(|| plain(StatusCode::INTERNAL_SERVER_ERROR, ""))
}

fn envelope(host: &Host, function: &Function, request: &Request<Bytes>, parameters: Parameters) -> Value {
    let query: Map<String, Value> = query(request).into_iter().map(|(name, value)| (name, json!(value))).collect();
    let mut headers: Map<String, Value> = Map::new();
    let spelling = request.extensions().get::<Spelling>().cloned().unwrap_or_default();
    for (name, value) in request.headers() {
        let values = headers.entry(spelling.of(name.as_str())).or_insert_with(|| json!([]));
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
        "Identities": [identity(has_key(host, request))],
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
    let query = last_of_each(request);
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

/// Absent without a length; base64 for what is not text.
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
