//! Instant queries of Prometheus, and of what speaks its API.
//!
//! See <https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries>.

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use super::Numbers;
use crate::http::json;
use crate::sources::call::{Answered, Ask, expect_success};
use crate::sources::endpoint::Endpoint;
use crate::sources::{Error, Sources};

/// The longest piece of the other side's message that is repeated.
const MAX_MESSAGE: usize = 200;

/// How a hint about the query begins, which Thanos and earlier versions of Prometheus send among the warnings.
const HINT: &str = "PromQL info:";

/// An answer. What is null counts as missing: some servers write every member into every answer.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Envelope {
    status: Option<String>,
    data: Option<Data>,
    error_type: Option<String>,
    error: Option<String>,
    warnings: Option<Vec<String>>,
    infos: Option<Vec<String>>,
    /// VictoriaMetrics says so when some of its storage nodes did not answer.
    is_partial: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Data {
    result_type: Option<String>,
    result: Option<Value>,
}

impl Envelope {
    /// What the server says about an error.
    fn error(&self) -> Option<String> {
        let [error, kind] = [&self.error, &self.error_type].map(|text| text.as_deref().unwrap_or_default().trim());
        let message: String = error.chars().take(MAX_MESSAGE).collect();
        match (message.as_str(), kind) {
            ("", "") => None,
            (message, "") => Some(message.to_owned()),
            (message, kind) => Some(format!("{message} ({kind})")),
        }
    }
}

impl Sources {
    pub(super) async fn prometheus(
        &self,
        endpoint: &Endpoint,
        query: &str,
        now: DateTime<Utc>,
    ) -> Result<Numbers, Error> {
        let time = now.timestamp().to_string();
        let query = [("query", query), ("time", time.as_str())];
        let ask = Ask { method: Method::GET, path: "api/v1/query", query: &query, body: None };
        let answered = self.ask(endpoint, &ask, now).await?;
        read(endpoint, &answered)
    }
}

/// One number for each series of an answer.
pub(super) fn read(endpoint: &Endpoint, answered: &Answered) -> Result<Numbers, Error> {
    // Errors of the query come with 400 or 422, and say in JSON what is wrong.
    if answered.status.is_client_error()
        && let Ok(envelope) = json::read::<Envelope>(&answered.body)
        && let Some(error) = envelope.error()
    {
        return Err(endpoint.error(format!("refused the query: {error}")));
    }
    numbers(endpoint, expect_success(endpoint, answered, "the query")?)
}

fn numbers(endpoint: &Endpoint, envelope: Envelope) -> Result<Numbers, Error> {
    let error = envelope.error();
    if envelope.status.as_deref() != Some("success") || error.is_some() {
        let error = error.unwrap_or_else(|| "it does not say why".to_owned());
        return Err(endpoint.error(format!("refused the query: {error}")));
    }
    // Partial data: what is missing could be what failed.
    if envelope.is_partial.as_ref().is_some_and(|flag| *flag != Value::Bool(false)) {
        return Err(endpoint.error("answered `isPartial`, so not everything was read"));
    }
    let (hints, warnings): (Vec<String>, Vec<String>) =
        envelope.warnings.unwrap_or_default().into_iter().partition(|warning| warning.starts_with(HINT));
    if let Some(warning) = warnings.first() {
        let warning: String = warning.chars().take(MAX_MESSAGE).collect();
        return Err(endpoint.error(format!("answered with a warning, so not everything was read: {warning}")));
    }
    let values = values(endpoint, &envelope.data.unwrap_or_default())?;
    let hints = hints.into_iter().chain(envelope.infos.unwrap_or_default());
    let hint =
        |text: String| format!("`{}` notes: {}", endpoint.name, text.chars().take(MAX_MESSAGE).collect::<String>());
    Ok(Numbers { values, hints: hints.map(hint).collect() })
}

fn values(endpoint: &Endpoint, data: &Data) -> Result<Vec<f64>, Error> {
    let sample = |pair: &Value| pair.get(1)?.as_str()?.parse::<f64>().ok();
    let values = match (data.result_type.as_deref(), &data.result) {
        (Some("scalar"), Some(pair)) => vec![sample(pair)],
        (Some("vector"), Some(Value::Array(series))) => series.iter().map(|one| sample(one.get("value")?)).collect(),
        (Some(other), Some(_)) => {
            let advice = "write a query whose result is a scalar or an instant vector";
            return Err(endpoint.error(format!("answered a result of type `{other}`; {advice}")));
        }
        _ => return Err(endpoint.error("answered without a result")),
    };
    let values: Option<Vec<f64>> = values.into_iter().collect();
    values.ok_or_else(|| endpoint.error("answered a sample that is not a number"))
}
