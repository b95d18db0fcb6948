//! Numbers from monitoring systems: Prometheus, Azure Monitor, Application Insights, Log Analytics.

mod azure;
#[cfg(fuzzing)]
pub(super) mod fuzzing;
mod prometheus;

use crate::facts::{Fact, Gatherer, Unmeasured};

/// The fact: what a query gives now, one number for each series. No data is an empty list; a series may be NaN.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Samples {
    /// The connection's name.
    pub connection: String,
    /// What is asked.
    pub query: Query,
}

/// What a monitoring system is asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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
    },
}

impl Fact for Samples {
    type Value = Vec<f64>;

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<Vec<f64>, Unmeasured> {
        let sources = gatherer.sources;
        let endpoint = sources.reach(&self.connection)?;
        match (endpoint.kind, &self.query) {
            ("prometheus", Query::Text(query)) => sources.prometheus(endpoint, query, gatherer.now).await,
            ("applicationInsights" | "logAnalytics", Query::Text(query)) => {
                sources.logs(endpoint, query, gatherer.now).await
            }
            ("azureMonitor", Query::Metric { resource, metric, aggregation, window }) => {
                let wanted = azure::Metric { resource, metric, aggregation, window: *window };
                sources.azure_metric(endpoint, wanted, gatherer.now).await
            }
            (kind, _) => Err(endpoint.unmeasured(format!("is of kind {kind}, which cannot answer this query"))),
        }
    }
}
