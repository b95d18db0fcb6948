//! The code coverage of the run, and of an earlier one to compare it with.

use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::run::{BRANCH, RunDetails};
use super::{Fact, FactError, Gatherer};
use crate::azure_devops::coverage::CodeCoverage;

/// The code coverage of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct RunCoverage;

impl Fact for RunCoverage {
    const NAME: &'static str = "codeCoverage";

    type Value = CodeCoverage;

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<CodeCoverage, FactError> {
        let session = gatherer.azure_devops;
        Ok(session.coverage(session.build_id()?).await?)
    }
}

/// The last successful run of the same pipeline and branch, with its coverage; `None` when there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct EarlierCoverage;

/// The last successful run of the same pipeline and branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EarlierRun {
    /// Its number.
    pub build_number: String,
    /// Its coverage.
    pub coverage: CodeCoverage,
}

impl Fact for EarlierCoverage {
    const NAME: &'static str = "earlierCoverage";

    type Value = Option<EarlierRun>;

    /// The earlier run, and its coverage if there is one.
    fn calls(&self) -> RangeInclusive<usize> {
        1..=2
    }

    fn of_run(&self) -> &'static [&'static str] {
        &[BRANCH]
    }

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<Self::Value, FactError> {
        let run = gatherer.get(&RunDetails).await?;
        let definition = run.definition.as_ref().and_then(|definition| definition.id);
        let (Some(definition), false) = (definition, run.source_branch.is_empty()) else {
            return Err(FactError::because("Azure DevOps does not give the run's pipeline and branch"));
        };
        let Some(earlier) = gatherer.azure_devops.last_successful(&run, definition).await? else { return Ok(None) };
        let coverage = gatherer.azure_devops.coverage(earlier.id).await?;
        Ok(Some(EarlierRun { build_number: earlier.build_number, coverage }))
    }
}
