//! A Prometheus server that knows queries by their text.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::Response;
use serde_json::{Value, json};

use super::ask::{Ask, json};

/// The state of the server.
#[derive(Clone, Debug, Default)]
pub struct Prometheus {
    /// The result of each query. An unknown query gives an empty vector, as a query for a missing series does.
    pub queries: BTreeMap<String, Samples>,
    /// The bearer token that a request must have, if any.
    pub bearer_token: Option<String>,
}

/// The result of a query.
#[derive(Clone, Debug)]
pub enum Samples {
    /// One number.
    Scalar(f64),
    /// A number for each series.
    Vector(Vec<f64>),
    /// Numbers over time.
    Matrix(Vec<f64>),
    /// An instant vector. The server could not read all of it.
    Partial(Vec<f64>),
    /// An instant vector of VictoriaMetrics. Some of its storage nodes did not answer.
    PartialFlag(Vec<f64>),
    /// A complete instant vector, with a hint about the query, as Thanos and earlier versions send it.
    Hinted(Vec<f64>),
    /// The query is wrong.
    BadQuery(String),
    /// The query is wrong. The server writes every member into every answer, and null where there is nothing.
    BadQueryWithNulls(String),
}

pub(super) fn answer(
    prometheus: &Prometheus,
    now: DateTime<Utc>,
    below: &str,
    ask: &Ask<'_>,
) -> Option<Response<Bytes>> {
    if below != "api/v1/query" {
        return None;
    }
    if let Some(token) = &prometheus.bearer_token
        && ask.authorization() != format!("Bearer {token}")
    {
        return Some(json(401, &json!({ "status": "error", "errorType": "unauthorized", "error": "unauthorized" })));
    }
    let form = if ask.method == "POST" { ask.form() } else { ask.query.clone() };
    let Some(query) = form.get("query") else {
        return Some(error("invalid parameter \"query\": unknown position: parse error: no expression found in input"));
    };
    let now = now.timestamp();
    let time =
        form.get("time").and_then(|time| time.parse::<f64>().ok()).map_or_else(|| json!(now), |time| json!(time));
    let pair = |value: &f64| json!([time, written(*value)]);
    let vector = |values: &[f64]| -> Value {
        let series = values.iter().enumerate().map(
            |(index, value)| json!({ "metric": { "instance": format!("10.0.0.{index}:8080") }, "value": pair(value) }),
        );
        series.collect()
    };
    let (kind, result, warnings) = match prometheus.queries.get(query) {
        Some(Samples::BadQuery(message)) => return Some(error(message)),
        Some(Samples::Scalar(value)) => ("scalar", pair(value), vec![]),
        Some(Samples::Vector(values)) => ("vector", vector(values), vec![]),
        Some(Samples::Matrix(values)) => {
            let values: Vec<Value> = values.iter().map(pair).collect();
            ("matrix", json!([{ "metric": {}, "values": values }]), vec![])
        }
        Some(Samples::BadQueryWithNulls(message)) => return Some(error_with_nulls(message)),
        Some(Samples::Partial(values)) => ("vector", vector(values), vec!["No StoreAPIs matched for this query"]),
        Some(Samples::PartialFlag(values)) => {
            return Some(json(
                200,
                &json!({
                    "status": "success", "isPartial": true, "data": { "resultType": "vector", "result": vector(values) },
                    "stats": { "seriesFetched": values.len().to_string(), "executionTimeMsec": 2 },
                }),
            ));
        }
        Some(Samples::Hinted(values)) => ("vector", vector(values), vec![HINT]),
        None => ("vector", json!([]), vec![]),
    };
    let mut answer = json!({ "status": "success", "data": { "resultType": kind, "result": result } });
    if !warnings.is_empty() {
        answer["warnings"] = json!(warnings);
    }
    Some(json(200, &answer))
}

/// What the server notes about a query over a gauge.
const HINT: &str =
    "PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \"errors\"";

fn error_with_nulls(message: &str) -> Response<Bytes> {
    let answer =
        json!({ "status": "error", "data": null, "errorType": "bad_data", "error": message, "warnings": null });
    json(400, &answer)
}

fn error(message: &str) -> Response<Bytes> {
    json(400, &json!({ "status": "error", "errorType": "bad_data", "error": message }))
}

/// Numbers as Prometheus writes them.
fn written(value: f64) -> String {
    match value {
        value if value.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        value => value.to_string(),
    }
}
