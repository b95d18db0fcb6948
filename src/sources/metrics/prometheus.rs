//! Instant queries of Prometheus, and of what speaks its API.
//!
//! See <https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries>.

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use crate::sources::call::{Answered, Ask, expect_success};
use crate::sources::endpoint::Endpoint;
use crate::sources::{Error, Sources};

/// The longest piece of the other side's message that is repeated.
const MAX_MESSAGE: usize = 200;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Envelope {
    status: String,
    data: Data,
    error_type: String,
    error: String,
    warnings: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Data {
    result_type: String,
    result: Value,
}

impl Sources {
    pub(super) async fn prometheus(
        &self,
        endpoint: &Endpoint,
        query: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<f64>, Error> {
        let time = now.timestamp().to_string();
        let query = [("query", query), ("time", time.as_str())];
        let ask = Ask { method: Method::GET, path: "api/v1/query", query: &query, body: None };
        let answered = self.ask(endpoint, &ask, now).await?;
        read(endpoint, &answered)
    }
}

/// One number for each series of an answer.
pub(super) fn read(endpoint: &Endpoint, answered: &Answered) -> Result<Vec<f64>, Error> {
    // Errors of the query come with 400 or 422, and say in JSON what is wrong.
    if answered.status.is_client_error()
        && let Ok(envelope) = serde_json::from_slice::<Envelope>(&answered.body)
        && !envelope.error_type.is_empty()
    {
        return Err(refused(endpoint, &envelope));
    }
    samples(endpoint, expect_success(endpoint, answered, "the query")?)
}

fn refused(endpoint: &Endpoint, envelope: &Envelope) -> Error {
    let message: String = envelope.error.chars().take(MAX_MESSAGE).collect();
    endpoint.error(format!("refused the query: {message} ({})", envelope.error_type))
}

fn samples(endpoint: &Endpoint, envelope: Envelope) -> Result<Vec<f64>, Error> {
    if envelope.status != "success" {
        return Err(refused(endpoint, &envelope));
    }
    if let Some(warning) = envelope.warnings.first() {
        // Partial data: what is missing could be what failed.
        let warning: String = warning.chars().take(MAX_MESSAGE).collect();
        return Err(endpoint.error(format!("answered with a warning, so not everything was read: {warning}")));
    }
    let sample = |pair: &Value| pair.get(1)?.as_str()?.parse::<f64>().ok();
    let values = match (envelope.data.result_type.as_str(), &envelope.data.result) {
        ("scalar", pair) => vec![sample(pair)],
        ("vector", Value::Array(series)) => series.iter().map(|one| sample(one.get("value")?)).collect(),
        (other, _) => {
            let advice = "write a query whose result is a scalar or an instant vector";
            return Err(endpoint.error(format!("answered a result of type `{other}`; {advice}")));
        }
    };
    let values: Option<Vec<f64>> = values.into_iter().collect();
    values.ok_or_else(|| endpoint.error("answered a sample that is no number"))
}
