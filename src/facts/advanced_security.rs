//! The alerts of the run's branch.

use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pull_requests::azure_repository;
use super::run::{BRANCH, RunDetails, branch};
use super::{Fact, FactError, Gatherer};
use crate::sources::advanced_security::{Alert, AlertType, MAX_PAGES, Place};

/// The open alerts of the run's branch.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct BranchAlerts {
    /// The connection's name.
    pub connection: String,
    /// What must have looked for them.
    pub types: Vec<AlertType>,
}

/// What is known of the branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FoundAlerts {
    /// The types of which no results were ever submitted for the branch. Secrets are looked for without a branch.
    pub without_results: Vec<AlertType>,
    /// The open alerts, of any type.
    pub alerts: Vec<Alert>,
}

impl BranchAlerts {
    /// The types whose results are submitted for a branch.
    fn of_branches(&self) -> impl Iterator<Item = &AlertType> {
        self.types.iter().filter(|alert_type| **alert_type != AlertType::Secret)
    }
}

impl Fact for BranchAlerts {
    const NAME: &'static str = "advancedSecurityAlerts";

    type Value = FoundAlerts;

    fn connection(&self) -> Option<&str> {
        Some(&self.connection)
    }

    /// The branches with results of each type, and the alerts; page after page.
    fn calls(&self) -> RangeInclusive<usize> {
        let lists = self.of_branches().count() + 1;
        lists..=lists * MAX_PAGES
    }

    fn of_run(&self) -> &'static [&'static str] {
        &[BRANCH]
    }

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<FoundAlerts, FactError> {
        let run = gatherer.get(&RunDetails).await?;
        let (branch, repository) = (branch(&run)?, azure_repository(&run)?);
        let project = gatherer.azure_devops.properties().project_id;
        let place = Place { connection: &self.connection, project, repository, branch };
        let (sources, now) = (gatherer.sources, gatherer.now);
        let mut without_results = Vec::new();
        for alert_type in self.of_branches() {
            if !sources.has_results(place, *alert_type, now).await? {
                without_results.push(*alert_type);
            }
        }
        let alerts = sources.open_alerts(place, now).await?;
        Ok(FoundAlerts { without_results, alerts })
    }
}
