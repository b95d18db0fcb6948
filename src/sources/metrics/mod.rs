//! Numbers from monitoring systems: Prometheus, Azure Monitor, Application Insights, Log Analytics.

mod azure;
#[cfg(fuzzing)]
pub(super) mod fuzzing;
mod prometheus;
mod written;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Error, Sources};

/// What is asked: a query of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Samples {
    /// The connection's name.
    pub connection: String,
    /// What is asked.
    pub query: Query,
}

/// What a monitoring system is asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub enum Query {
    /// A query in the system's own language.
    Text(String),
    /// A metric of an Azure resource.
    Metric {
        /// The resource's id: `/subscriptions/…`.
        resource: String,
        /// The metric's name.
        metric: String,
        /// `Average`, `Total` …
        aggregation: String,
        /// How far back it looks, in seconds.
        window: i64,
        /// The metric's namespace, where it is not the resource's type.
        namespace: Option<String>,
        /// Which of its dimensions count: Azure's `$filter`.
        filter: Option<String>,
    },
}

/// What a query gave.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Numbers {
    /// One number for each series. No data is an empty list; a series may be NaN.
    #[serde(with = "written")]
    #[schemars(with = "Vec<written::Number>")]
    pub values: Vec<f64>,
    /// What the system notes about the query, in words for the log. The numbers are complete all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

impl From<Vec<f64>> for Numbers {
    fn from(values: Vec<f64>) -> Self {
        Self { values, hints: Vec::new() }
    }
}

impl Sources {
    /// What a query gives at `now`.
    ///
    /// # Errors
    ///
    /// Why there are no numbers.
    pub async fn samples(&self, asked: &Samples, now: DateTime<Utc>) -> Result<Numbers, Error> {
        let endpoint = self.reach(&asked.connection)?;
        match (endpoint.kind, &asked.query) {
            ("prometheus", Query::Text(query)) => self.prometheus(endpoint, query, now).await,
            ("applicationInsights" | "logAnalytics", Query::Text(query)) => {
                self.logs(endpoint, query, now).await.map(Numbers::from)
            }
            ("azureMonitor", Query::Metric { resource, metric, aggregation, window, namespace, filter }) => {
                let (namespace, filter) = (namespace.as_deref(), filter.as_deref());
                let wanted = azure::Metric { resource, metric, aggregation, window: *window, namespace, filter };
                self.azure_metric(endpoint, wanted, now).await.map(Numbers::from)
            }
            (kind, _) => Err(endpoint.error(format!("is of kind {kind}, which cannot answer this query"))),
        }
    }
}
