//! A run of a pipeline, with the timeline of its stages, jobs and tasks.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::quality::{Coverage, TestResults};
use super::record::TimelineRecord;

/// A run, which the REST interface calls a build.
#[derive(Clone, Debug)]
pub struct Run {
    /// What `$(build.BuildId)` stands for.
    pub id: u64,
    /// The project it belongs to.
    pub project_id: Uuid,
    /// Name of the run, such as `20260115.1`.
    pub number: String,
    /// Number of the pipeline.
    pub definition_id: u64,
    /// Name of the pipeline.
    pub definition_name: String,
    /// Its status. It is `inProgress` while a stage waits for checks.
    pub status: BuildStatus,
    /// How it ended.
    pub result: Option<BuildResult>,
    /// Why it was started.
    pub reason: BuildReason,
    /// Full reference, such as `refs/heads/main`.
    pub source_branch: String,
    /// Commit that was built.
    pub source_version: String,
    /// When it was queued.
    pub queue_time: DateTime<Utc>,
    /// When it started.
    pub start_time: Option<DateTime<Utc>>,
    /// When it ended.
    pub finish_time: Option<DateTime<Utc>>,
    /// Display name of the person who requested it.
    pub requested_for: String,
    /// Name of the repository.
    pub repository: String,
    /// `TfsGit`, `GitHub`, `Bitbucket` and others. Work items of commits are known for the service's own repositories only.
    pub repository_type: String,
    /// Members that the service shows as null.
    pub nulls: Vec<String>,
    /// Id of the repository.
    pub repository_id: Uuid,
    /// Tags.
    pub tags: Vec<String>,
    /// Details of its trigger, such as `pr.number` or `ci.sourceBranch`.
    pub trigger_info: BTreeMap<String, String>,
    /// Template parameters.
    pub template_parameters: BTreeMap<String, String>,
    /// Published artifacts.
    pub artifacts: Vec<Artifact>,
    /// Associated changes.
    pub changes: Vec<Change>,
    /// Associated work items.
    pub work_items: Vec<u64>,
    /// Stages, phases, jobs and tasks; `None` for a run without a timeline.
    pub timeline: Option<Vec<TimelineRecord>>,
    /// Id of the timeline, which is also the id of the run's plan.
    pub timeline_id: Uuid,
    /// More records of the timeline, as they go over the wire.
    pub odd_records: Vec<Value>,
    /// Code coverage, if any was published.
    pub coverage: Option<Coverage>,
    /// Test results, if any were published.
    pub tests: Option<TestResults>,
    /// The job that tasks are added to.
    pub(super) current_job: Option<Uuid>,
}

/// The status of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BuildStatus {
    /// Not queued.
    None,
    /// Running, or waiting for checks.
    InProgress,
    /// Ended.
    Completed,
    /// Being cancelled.
    Cancelling,
    /// Postponed.
    Postponed,
    /// Queued.
    NotStarted,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BuildResult {
    /// Unknown.
    None,
    /// Succeeded.
    Succeeded,
    /// Succeeded, with failures that the pipeline tolerates.
    PartiallySucceeded,
    /// Failed.
    Failed,
    /// Cancelled.
    Canceled,
}

/// Why a run was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BuildReason {
    /// Unknown.
    None,
    /// By a person.
    Manual,
    /// By a push.
    #[serde(rename = "individualCI")]
    IndividualCi,
    /// By several pushes.
    #[serde(rename = "batchedCI")]
    BatchedCi,
    /// By a schedule, if something changed.
    Schedule,
    /// By a schedule, in any case.
    ScheduleForced,
    /// By an application.
    UserCreated,
    /// By a shelveset to validate.
    ValidateShelveset,
    /// By a gated check-in.
    CheckInShelveset,
    /// By a pull request.
    PullRequest,
    /// By the end of another run.
    BuildCompletion,
    /// By a resource.
    ResourceTrigger,
    /// By something else.
    Triggered,
}

/// A published artifact.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// Number within the run.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// `PipelineArtifact`, `Container` or `FilePath`.
    pub kind: String,
}

/// A change that is associated with a run.
#[derive(Clone, Debug)]
pub struct Change {
    /// Commit id.
    pub id: String,
    /// Commit message.
    pub message: String,
    /// Author's display name.
    pub author: String,
    /// When it was made.
    pub timestamp: DateTime<Utc>,
}
