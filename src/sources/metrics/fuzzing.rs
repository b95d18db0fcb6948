//! Reading numbers, for the fuzzer only.

use super::{Numbers, Query, azure, prometheus};
use crate::sources::Error;
use crate::sources::call::Answered;
use crate::sources::endpoint::Endpoint;

/// Reads an answer as the endpoint's kind and the query want it.
pub(in crate::sources) fn read(endpoint: &Endpoint, query: &Query, answered: &Answered) -> Result<Numbers, Error> {
    match query {
        Query::Text(_) if endpoint.kind == "prometheus" => prometheus::read(endpoint, answered),
        Query::Text(_) => azure::read_column(endpoint, answered).map(Numbers::from),
        Query::Metric { resource, metric, aggregation, window, namespace, filter } => {
            let (namespace, filter) = (namespace.as_deref(), filter.as_deref());
            let wanted = azure::Metric { resource, metric, aggregation, window: *window, namespace, filter };
            azure::read_points(endpoint, wanted, answered).map(Numbers::from)
        }
    }
}
