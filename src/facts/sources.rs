//! What the outside systems of `checks.yaml` answer. The request to a source is the fact.

use super::run::RunDetails;
use super::{Fact, FactError, Gatherer};
use crate::sources::http::{HttpRequest, HttpResponse};
use crate::sources::metrics::{Numbers, Samples};
use crate::sources::service_now::{ChangeAnswer, ChangeRequests};

impl Fact for Samples {
    const NAME: &'static str = "metric";

    type Value = Numbers;

    fn connection(&self) -> Option<&str> {
        Some(&self.connection)
    }

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<Numbers, FactError> {
        Ok(gatherer.sources.samples(self, gatherer.now).await?)
    }
}

impl Fact for ChangeRequests {
    const NAME: &'static str = "serviceNowChange";

    type Value = ChangeAnswer;

    fn connection(&self) -> Option<&str> {
        Some(&self.connection)
    }

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<ChangeAnswer, FactError> {
        Ok(gatherer.sources.change_requests(self, gatherer.now).await?)
    }
}

impl Fact for HttpRequest {
    const NAME: &'static str = "http";

    type Value = HttpResponse;

    fn connection(&self) -> Option<&str> {
        Some(&self.connection)
    }

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<HttpResponse, FactError> {
        if !self.is_about_commit() {
            return Ok(gatherer.sources.answer(self, gatherer.now).await?);
        }
        let run = gatherer.get(&RunDetails).await?;
        let request = self.about(&run.source_version).map_err(FactError::because)?;
        Ok(gatherer.sources.answer(&request, gatherer.now).await?)
    }
}
