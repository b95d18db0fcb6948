//! Azure Monitor's metrics, and the query APIs of Application Insights and Log Analytics.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::Response;
use serde_json::{Value, json};

use super::ask::{Ask, json};

/// The points of a metric over time.
pub type Points = Vec<(DateTime<Utc>, f64)>;

/// The state of Azure's monitoring.
#[derive(Clone, Debug, Default)]
pub struct Azure {
    /// The points of metrics, by resource id and metric name. The name is `namespace:name?filter` for a request with a
    /// namespace and a filter of dimensions.
    pub points: BTreeMap<(String, String), Points>,
    /// Whether a window is answered in two points, the second of them empty, instead of one.
    pub splits_windows: bool,
    /// The result of each Kusto query.
    pub queries: BTreeMap<String, Table>,
}

/// The result of a query.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Name and type of each column.
    pub columns: Vec<(String, String)>,
    /// The rows.
    pub rows: Vec<Vec<Value>>,
    /// Whether the query could read only a part of the data.
    pub is_partial: bool,
}

impl Table {
    /// A table with one column of numbers.
    pub fn numbers(values: &[f64]) -> Self {
        let rows = values.iter().map(|value| vec![json!(value)]).collect();
        Self { columns: vec![("value".to_owned(), "real".to_owned())], rows, is_partial: false }
    }
}

fn invalid_token() -> Response<Bytes> {
    let message = "The access token is invalid.";
    json(401, &json!({ "error": { "code": "InvalidAuthenticationToken", "message": message } }))
}

/// `GET {resource}/providers/microsoft.insights/metrics`.
pub(super) fn metrics(azure: &Azure, admitted: bool, below: &str, ask: &Ask<'_>) -> Option<Response<Bytes>> {
    let resource = format!("/{}", below.strip_suffix("/providers/microsoft.insights/metrics")?);
    if !admitted {
        return Some(invalid_token());
    }
    let bad = |message: &str| json(400, &json!({ "code": "BadRequest", "message": message }));
    if ask.query("api-version").is_none() {
        return Some(bad("The api-version query parameter (?api-version=) is required for all requests."));
    }
    let (Some(name), Some(aggregation)) = (ask.query("metricnames"), ask.query("aggregation")) else {
        return Some(bad("metricnames and aggregation are required"));
    };
    let span = ask.query("timespan").and_then(|span| {
        let (start, end) = span.split_once('/')?;
        Some((start.parse::<DateTime<Utc>>().ok()?, end.parse::<DateTime<Utc>>().ok()?))
    });
    let (Some((start, end)), Some("FULL")) = (span, ask.query("interval")) else {
        return Some(bad("timespan must be start/end, and interval FULL"));
    };
    let space = ask.query("metricnamespace").map(|space| format!("{space}:")).unwrap_or_default();
    let filter = ask.query("$filter").map(|filter| format!("?{filter}")).unwrap_or_default();
    let Some(points) = azure.points.get(&(resource.clone(), format!("{space}{name}{filter}"))) else {
        return Some(bad(&format!("Failed to find metric configuration for resource {resource}, metric {name}")));
    };
    let values: Vec<f64> = points.iter().filter(|(at, _)| *at >= start && *at < end).map(|(_, value)| *value).collect();
    let mut point = json!({ "timeStamp": start });
    let total: f64 = values.iter().sum();
    let number = match aggregation.to_ascii_lowercase().as_str() {
        "average" => Some(total / values.len() as f64),
        "total" => Some(total),
        "count" => Some(values.len() as f64),
        "maximum" => values.iter().copied().reduce(f64::max),
        "minimum" => values.iter().copied().reduce(f64::min),
        _ => return Some(bad("aggregation is unknown")),
    };
    if !values.is_empty() {
        point[aggregation.to_ascii_lowercase()] = json!(number);
    }
    let mut data = vec![point];
    if azure.splits_windows {
        data.push(json!({ "timeStamp": end }));
    }
    let metric = json!({ "name": { "value": name }, "errorCode": "Success", "timeseries": [{ "data": data }] });
    Some(json(200, &json!({ "timespan": ask.query("timespan"), "interval": "FULL", "value": [metric] })))
}

/// `POST v1/apps/{id}/query` of Application Insights.
pub(super) fn query_app(azure: &Azure, admitted: bool, below: &str, ask: &Ask<'_>) -> Option<Response<Bytes>> {
    queries_one_of("apps", below, ask).then(|| query(azure, admitted, ask))?
}

/// `POST v1/workspaces/{id}/query` of Log Analytics.
pub(super) fn query_workspace(azure: &Azure, admitted: bool, below: &str, ask: &Ask<'_>) -> Option<Response<Bytes>> {
    queries_one_of("workspaces", below, ask).then(|| query(azure, admitted, ask))?
}

fn queries_one_of(collection: &str, below: &str, ask: &Ask<'_>) -> bool {
    let mut parts = below.split('/');
    let fits = parts.next() == Some("v1") && parts.next() == Some(collection) && parts.next().is_some();
    fits && parts.next() == Some("query") && ask.method == "POST"
}

fn query(azure: &Azure, admitted: bool, ask: &Ask<'_>) -> Option<Response<Bytes>> {
    if !admitted {
        return Some(invalid_token());
    }
    let body: Value = serde_json::from_slice(ask.body).ok()?;
    let Some(table) = body["query"].as_str().and_then(|query| azure.queries.get(query)) else {
        let error =
            json!({ "error": { "code": "BadArgumentError", "message": "The request had some invalid properties" } });
        return Some(json(400, &error));
    };
    let columns: Vec<Value> = table.columns.iter().map(|(name, kind)| json!({ "name": name, "type": kind })).collect();
    let mut answer = json!({ "tables": [{ "name": "PrimaryResult", "columns": columns, "rows": table.rows }] });
    if table.is_partial {
        answer["error"] =
            json!({ "code": "PartialError", "message": "There were some errors when processing your query." });
    }
    Some(json(200, &answer))
}
