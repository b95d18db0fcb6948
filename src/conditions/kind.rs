//! The register of kinds: one line each.

use schemars::{Schema, SchemaGenerator};
use serde::de::{self, MapAccess};
use serde::ser::SerializeMap;

use super::{Condition, Rule};
use crate::conditions::{Combinator, Finding, Scope, WhenNotMet};
use crate::facts::Facts;

/// Registers the kinds: the name that users write, the type of its parameters.
macro_rules! kinds {
    ($($name:literal => $variant:ident($parameters:ty),)+) => {
        /// A condition's kind with its parameters.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Kind {
            $(#[doc = concat!("`", $name, "`")] $variant($parameters),)+
        }

        impl Kind {
            /// The names of all kinds.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// The name that users write.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name),+ }
            }

            pub(super) fn rule(&self) -> &dyn Rule {
                match self { $(Self::$variant(parameters) => parameters),+ }
            }

            pub(super) fn read<'de, A: MapAccess<'de>>(name: &str, members: &mut A) -> Result<Self, A::Error> {
                match name {
                    $($name => members.next_value().map(Self::$variant),)+
                    _ => Err(de::Error::unknown_field(name, Condition::KEYS)),
                }
            }

            pub(super) fn write<M: SerializeMap>(&self, members: &mut M) -> Result<(), M::Error> {
                match self { $(Self::$variant(parameters) => members.serialize_entry($name, parameters),)+ }
            }

            pub(super) fn schemas(generator: &mut SchemaGenerator) -> Vec<(&'static str, Schema)> {
                vec![$(($name, generator.subschema_for::<$parameters>())),+]
            }
        }

        impl Condition {
            /// The keys that a condition may have.
            const KEYS: &'static [&'static str] = &[$($name,)+ "name", "whenNotMet"];
        }
    };
}

kinds! {
    "taskExecuted" => TaskExecuted(super::kinds::task_executed::TaskExecuted),
    "workItems" => WorkItems(super::kinds::work_items::WorkItems),
    "query" => Query(super::kinds::query::Query),
    "codeCoverage" => CodeCoverage(super::kinds::code_coverage::CodeCoverage),
    "testResults" => TestResults(super::kinds::test_results::TestResults),
    "buildReason" => BuildReason(super::kinds::build_reason::BuildReason),
    "branch" => Branch(super::kinds::branch::Branch),
    "pullRequest" => PullRequest(super::kinds::pull_request::PullRequest),
    "newestRun" => NewestRun(super::kinds::newest_run::NewestRun),
    "pipelineRun" => PipelineRun(super::kinds::pipeline_run::PipelineRun),
    "artifact" => Artifact(super::kinds::artifact::Artifact),
    "tag" => Tag(super::kinds::tag::Tag),
    "window" => Window(super::kinds::window::Window),
    "serviceNowChange" => ServiceNowChange(super::kinds::service_now_change::ServiceNowChange),
    "sonarQualityGate" => SonarQualityGate(super::kinds::sonar_quality_gate::SonarQualityGate),
    "jiraIssues" => JiraIssues(super::kinds::jira_issues::JiraIssues),
    "advancedSecurityAlerts" => AdvancedSecurityAlerts(super::kinds::advanced_security_alerts::AdvancedSecurityAlerts),
    "freezeCalendar" => FreezeCalendar(super::kinds::freeze_calendar::FreezeCalendar),
    "metric" => Metric(super::kinds::metric::Metric),
    "http" => Http(super::kinds::http::Http),
    "expression" => Expression(super::kinds::expression::Expression),
    "all" => All(super::combinators::All),
    "any" => Any(super::combinators::Any),
    "not" => Not(super::combinators::Not),
    "atLeast" => AtLeast(super::combinators::AtLeast),
}

impl Kind {
    /// See [`Rule::when_not_met`].
    #[must_use]
    pub fn when_not_met(&self) -> WhenNotMet {
        self.rule().when_not_met()
    }

    /// See [`Rule::evaluate`].
    #[must_use]
    pub fn evaluate(&self, facts: &Facts, scope: &Scope<'_>) -> Finding {
        self.rule().evaluate(facts, scope)
    }

    /// See [`Rule::inside`].
    #[must_use]
    pub fn inside(&self) -> Option<(Combinator, &[Condition])> {
        self.rule().inside()
    }
}
