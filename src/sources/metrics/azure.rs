//! Azure Monitor metrics, and the query APIs of Application Insights and Log Analytics.
//!
//! See <https://learn.microsoft.com/rest/api/monitor/metrics/list> and
//! <https://learn.microsoft.com/azure/azure-monitor/logs/api/response-format>.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::sources::call::{Answered, Ask, expect_success};
use crate::sources::endpoint::Endpoint;
use crate::sources::{Error, Sources};

/// The version of the metrics API that this was written for.
const API_VERSION: &str = "2023-10-01";

/// How long ago a window of platform metrics ends: they arrive with this delay, and a window that ends now would look
/// at minutes that are still empty.
const INGESTION_DELAY: TimeDelta = TimeDelta::minutes(3);

/// The longest piece of the other side's message that is repeated.
const MAX_MESSAGE: usize = 200;

/// The table of a query's own result, where others come beside it.
const PRIMARY_RESULT: &str = "PrimaryResult";

/// A metric of a resource.
#[derive(Clone, Copy)]
pub(super) struct Metric<'a> {
    pub(super) resource: &'a str,
    pub(super) metric: &'a str,
    pub(super) aggregation: &'a str,
    pub(super) window: i64,
    pub(super) namespace: Option<&'a str>,
    pub(super) filter: Option<&'a str>,
}

#[derive(Deserialize)]
struct MetricsAnswer {
    value: Vec<MetricAnswer>,
    /// Not documented beside values; where it comes, they are not all.
    #[serde(default)]
    error: Option<QueryError>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetricAnswer {
    #[serde(default)]
    error_code: Option<String>,
    timeseries: Vec<TimeSeries>,
}

#[derive(Deserialize)]
struct TimeSeries {
    data: Vec<Map<String, Value>>,
}

#[derive(Deserialize)]
struct QueryAnswer {
    #[serde(default)]
    tables: Option<Vec<Table>>,
    /// Comes with status 200 when only a part could be read.
    #[serde(default)]
    error: Option<QueryError>,
}

#[derive(Deserialize)]
struct QueryError {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

impl QueryError {
    /// That an answer holds only a part.
    fn partial(&self, endpoint: &Endpoint) -> Error {
        let [code, message] = [&self.code, &self.message].map(|text| text.as_deref().unwrap_or_default());
        let message: String = message.chars().take(MAX_MESSAGE).collect();
        let message = if message.is_empty() { message } else { format!(": {message}") };
        endpoint.error(format!("read only a part of the data ({code}){message}"))
    }
}

#[derive(Deserialize)]
struct Table {
    #[serde(default)]
    name: Option<String>,
    columns: Vec<Column>,
    rows: Vec<Vec<Value>>,
}

#[derive(Deserialize)]
struct Column {
    name: String,
    #[serde(rename = "type")]
    kind: String,
}

impl Sources {
    /// The metric over its window as one data point for each series.
    pub(super) async fn azure_metric(
        &self,
        endpoint: &Endpoint,
        wanted: Metric<'_>,
        now: DateTime<Utc>,
    ) -> Result<Vec<f64>, Error> {
        let end = now - INGESTION_DELAY;
        let start = end - TimeDelta::seconds(wanted.window);
        let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let timespan = format!("{}/{}", time(start), time(end));
        let path = format!("{}/providers/microsoft.insights/metrics", wanted.resource.trim_matches('/'));
        let mut query = vec![
            ("api-version", API_VERSION),
            ("metricnames", wanted.metric),
            ("aggregation", wanted.aggregation),
            ("timespan", timespan.as_str()),
            ("interval", "FULL"),
        ];
        query.extend(wanted.namespace.map(|namespace| ("metricnamespace", namespace)));
        query.extend(wanted.filter.map(|filter| ("$filter", filter)));
        let ask = Ask { method: Method::GET, path: &path, query: &query, body: None };
        let answered = self.ask(endpoint, &ask, now).await?;
        read_points(endpoint, wanted, &answered)
    }

    /// The one column of numbers that a query gives.
    pub(super) async fn logs(&self, endpoint: &Endpoint, query: &str, now: DateTime<Utc>) -> Result<Vec<f64>, Error> {
        let body = json!({ "query": query }).to_string();
        let ask = Ask { method: Method::POST, path: "query", query: &[], body: Some(body) };
        let answered = self.ask(endpoint, &ask, now).await?;
        read_column(endpoint, &answered)
    }
}

/// One data point for each series of an answer.
pub(super) fn read_points(endpoint: &Endpoint, wanted: Metric<'_>, answered: &Answered) -> Result<Vec<f64>, Error> {
    let answer: MetricsAnswer = expect_success(endpoint, answered, "the metric")?;
    let failed = answer.value.iter().filter_map(|metric| metric.error_code.as_deref());
    if let Some(code) = failed.into_iter().find(|code| !code.eq_ignore_ascii_case("Success")) {
        return Err(endpoint.error(format!("answered {} with error {code}", wanted.metric)));
    }
    if let Some(error) = answer.error {
        return Err(error.partial(endpoint));
    }
    if answer.value.is_empty() {
        return Err(endpoint.error(format!("answered without the metric {}", wanted.metric)));
    }
    let key = wanted.aggregation.to_ascii_lowercase();
    let series = answer.value.iter().flat_map(|metric| &metric.timeseries);
    let points = series.map(|series| point(endpoint, &key, &series.data)).collect::<Result<Vec<_>, _>>()?;
    Ok(points.into_iter().flatten().collect())
}

/// The number of a series over the whole window. `None` is a window without data: the point lacks the number.
fn point(endpoint: &Endpoint, key: &str, data: &[Map<String, Value>]) -> Result<Option<f64>, Error> {
    let point = match data {
        [] => return Ok(None),
        [point] => point,
        points => {
            let advice = "the last one alone would not stand for the window";
            return Err(endpoint.error(format!("answered {} points for one window; {advice}", points.len())));
        }
    };
    match point.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(number) => {
            number.as_f64().map(Some).ok_or_else(|| endpoint.error("answered a point that is not a number"))
        }
    }
}

/// The one column of numbers of an answer.
pub(super) fn read_column(endpoint: &Endpoint, answered: &Answered) -> Result<Vec<f64>, Error> {
    let answer: QueryAnswer = expect_success(endpoint, answered, "the query")?;
    if let Some(error) = answer.error {
        return Err(error.partial(endpoint));
    }
    let table = primary(endpoint, answer.tables.as_deref().unwrap_or_default())?;
    let is_number = |column: &Column| {
        ["long", "int", "real", "decimal", "double"].iter().any(|kind| column.kind.eq_ignore_ascii_case(kind))
    };
    let mut numbers = (0..).zip(&table.columns).filter(|(_, column)| is_number(column));
    let (index, _) = match (numbers.next(), numbers.next()) {
        (Some(only), None) => only,
        (None, _) => {
            return Err(endpoint.error("answered no column of numbers; end the query with `| project …`"));
        }
        (Some((_, one)), Some((_, other))) => {
            let names = format!("`{}` and `{}`", one.name, other.name);
            let advice = "keep one with `| project …`";
            return Err(endpoint.error(format!("answered two columns of numbers, {names}; {advice}")));
        }
    };
    let number = |row: &Vec<Value>| match row.get::<usize>(index) {
        // An aggregate over no rows is null.
        Some(Value::Null) | None => Some(f64::NAN),
        Some(Value::Number(number)) => number.as_f64(),
        // `real` may be `NaN` or `Infinity`, `decimal` comes as text.
        Some(Value::String(text)) => text.parse().ok(),
        Some(_) => None,
    };
    let numbers: Option<Vec<f64>> = table.rows.iter().map(number).collect();
    numbers.ok_or_else(|| endpoint.error("answered a value that is not a number"))
}

/// The table of the query's own result.
fn primary<'a>(endpoint: &Endpoint, tables: &'a [Table]) -> Result<&'a Table, Error> {
    let is_primary = |table: &&Table| table.name.as_deref().is_some_and(|name| name == PRIMARY_RESULT);
    match (tables, tables.iter().filter(is_primary).count()) {
        ([], _) => Err(endpoint.error("answered no table")),
        ([only], _) => Ok(only),
        (several, 1) => several.iter().find(is_primary).ok_or_else(|| endpoint.error("answered no table")),
        (several, _) => {
            Err(endpoint.error(format!("answered {} tables; write a query with one result", several.len())))
        }
    }
}
