//! The register of facts that conditions ask for: one line each. Records and tests of policies name them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{Fact, RecordedFact};

/// Registers the facts.
macro_rules! known {
    ($($fact:ty,)+) => {
        /// The names of all facts.
        pub(super) const NAMES: &[&str] = &[$(<$fact as Fact>::NAME),+];

        /// The schema of each fact's value.
        fn values(generator: &mut SchemaGenerator) -> Vec<(&'static str, Schema)> {
            vec![$((<$fact as Fact>::NAME, generator.subschema_for::<<$fact as Fact>::Value>())),+]
        }
    };
}

known! {
    super::run::RunDetails,
    super::run::CurrentRunState,
    super::timeline::RunTimeline,
    super::artifacts::RunArtifacts,
    super::test_results::RunTestResults,
    super::coverage::RunCoverage,
    super::coverage::EarlierCoverage,
    super::pull_requests::RunPullRequests,
    super::pipeline_runs::SupersedingRun,
    super::pipeline_runs::LatestRun,
    super::work_items::LinkedWorkItems,
    super::work_items::WorkItemQuery,
    crate::sources::metrics::Samples,
    crate::sources::service_now::ChangeRequests,
    crate::sources::sonar::CommitAnalysis,
    super::jira::RunIssues,
    super::advanced_security::BranchAlerts,
    crate::sources::calendar::CalendarFile,
    crate::sources::http::HttpRequest,
}

impl JsonSchema for RecordedFact {
    fn schema_name() -> Cow<'static, str> {
        "RecordedFact".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let values: Vec<Schema> = values(generator)
            .into_iter()
            .map(|(name, value)| {
                json_schema!({
                    "if": { "properties": { "fact": { "const": name } } },
                    "then": { "properties": { "value": value } },
                })
            })
            .collect();
        json_schema!({
            "type": "object",
            "description": "A fact with its answer: either a value or an error",
            "properties": {
                "fact": { "enum": NAMES, "description": "The fact's name" },
                "of": { "description": "What was asked, where the name does not say it all; in its member `run`, for which commit or branch. A part of it is enough" },
                "value": { "description": "What the outside system answered" },
                "error": { "type": "string", "description": "Why it could not be read" },
                "unasked": { "type": "boolean", "description": "Whether nobody was asked" },
                "digest": { "type": "string", "description": "In records: the digest of the value or the error" },
            },
            "required": ["fact"],
            "additionalProperties": false,
            "allOf": values,
        })
    }
}
