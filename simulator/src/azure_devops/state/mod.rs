//! What a simulated organization knows, as plain data with methods for tests and demos.
//!
//! # Layout
//!
//! * `record`, `record_members`: a line of the run page. `word_or_number`: how clients write its words.
//! * `plan`, `new_check`: the check that waits for a decision. `odd_records`: what else its timeline may have.
//! * `quality`, `run`: a run of a pipeline.
//! * `work_item`, `pull_request`: Boards and Repos.
//! * `token`, `behaviour`: who may call, and how the service behaves where it can behave differently.
//! * `resource`, `check_configuration`: what checks protect, and how they are configured.
//! * `organization`: all of these together.
//! * `runs`, `boards`, `repositories`, `checks`, `protection`: what tests and demos do to it. `planned`: at which time.

mod behaviour;
mod boards;
mod check_configuration;
mod checks;
mod date;
mod new_check;
mod odd_records;
mod organization;
mod plan;
mod planned;
mod protection;
mod pull_request;
mod quality;
mod record;
mod record_members;
mod repositories;
mod resource;
mod run;
mod runs;
mod token;
mod word_or_number;
mod work_item;

pub use behaviour::{CreateLog, EventStatus, LateEvent, LateWrite, Unauthorized, UpdateAnswer};
pub use check_configuration::{APPROVAL, CheckConfiguration, KeyAnswer, TASK_CHECK};
pub use new_check::{CheckIds, CheckTask, NewCheck};
pub use odd_records::odd_records;
pub use organization::{Project, State};
pub use plan::{Event, Log, Plan, PlanState};
pub use pull_request::{PullRequest, Reviewer};
pub use quality::{Coverage, CoverageStatistic, CoverageStatus, TestResults};
pub use record::TimelineRecord;
pub use record_members::{Issue, IssueKind, LogReference, RecordState, TaskReference, TaskResult, Variable};
pub use resource::{Resource, ResourceKind};
pub use run::{Artifact, BuildReason, BuildResult, BuildStatus, Change, Run};
pub use runs::CMD_LINE;
pub use token::{Area, Token};
pub(crate) use word_or_number::WordOrNumber;
pub use work_item::{WorkItem, WorkItemState};

pub(super) use date::date;
