//! What the outside systems of `checks.yaml` answer. The request to a source is the fact.

use super::{Fact, Gatherer, Unmeasured};
use crate::sources::http::{HttpAnswer, HttpResponse};
use crate::sources::metrics::Samples;
use crate::sources::service_now::{ChangeAnswer, ChangeRequests};

impl Fact for Samples {
    type Value = Vec<f64>;

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<Vec<f64>, Unmeasured> {
        Ok(gatherer.sources.samples(self, gatherer.now).await?)
    }
}

impl Fact for ChangeRequests {
    type Value = ChangeAnswer;

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<ChangeAnswer, Unmeasured> {
        Ok(gatherer.sources.change_requests(self, gatherer.now).await?)
    }
}

impl Fact for HttpAnswer {
    type Value = HttpResponse;

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<HttpResponse, Unmeasured> {
        Ok(gatherer.sources.answer(self, gatherer.now).await?)
    }
}
