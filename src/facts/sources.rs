//! What the outside systems of `checks.yaml` answer. The request to a source is the fact.

use std::ops::RangeInclusive;

use super::run::{BRANCH, COMMIT, RunDetails, branch, commit};
use super::{Fact, FactError, Gatherer};
use crate::sources::calendar::{Calendar, CalendarFile};
use crate::sources::http::{HttpRequest, HttpResponse};
use crate::sources::metrics::{Numbers, Samples};
use crate::sources::service_now::{ChangeAnswer, ChangeRequests};
use crate::sources::sonar::{Analysis, CommitAnalysis, MAX_PAGES};

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

    fn of_run(&self) -> &'static [&'static str] {
        if self.is_about_commit() { &[COMMIT] } else { &[] }
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

impl Fact for CommitAnalysis {
    const NAME: &'static str = "sonarQualityGate";

    type Value = Option<Analysis>;

    fn connection(&self) -> Option<&str> {
        Some(&self.connection)
    }

    /// The pages of analyses, and the gate.
    fn calls(&self) -> RangeInclusive<usize> {
        1..=MAX_PAGES + 1
    }

    fn of_run(&self) -> &'static [&'static str] {
        &[COMMIT, BRANCH]
    }

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<Option<Analysis>, FactError> {
        let run = gatherer.get(&RunDetails).await?;
        let about = (commit(&run)?, branch(&run)?);
        Ok(gatherer.sources.analysis_of(self, about, gatherer.now).await?)
    }
}

impl Fact for CalendarFile {
    const NAME: &'static str = "calendar";

    type Value = Calendar;

    fn connection(&self) -> Option<&str> {
        Some(&self.connection)
    }

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<Calendar, FactError> {
        Ok(gatherer.sources.calendar(self, gatherer.now).await?)
    }
}
