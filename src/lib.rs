//! Decides whether a stage of an Azure Pipelines run may touch a protected resource.
//!
//! checkgate is an Azure Functions custom handler. The path of a check through it:
//!
//! ```text
//! Azure Pipelines ──POST /api/CheckFunction──▶ check_function ──▶ queue ──┐
//!                                                                         │ visible now, or after the delay
//! Functions host ◀── queue trigger ───────────────────────────────────────┘
//!       └──POST /ReevaluateFunction──▶ reevaluate_function ──▶ azure_devops, sources   (facts)
//!                                             └─▶ evaluation ─┬─ final   ──▶ azure_devops: TaskCompleted ──▶ Azure Pipelines
//!                                                             └─ not yet ──▶ queue, with a visibility delay
//! ```
//!
//! # Layout
//!
//! In reading order:
//!
//! * [`delivery`] and [`check_function`]: what Azure Pipelines sends, and how it is acknowledged.
//! * [`message`], [`claim`] and [`queue`]: the state of a check while nobody works on it, and which message may go on.
//! * [`invocation`] and [`reevaluate_function`]: the host hands a message over; one evaluation; exactly one end.
//! * [`conditions`], [`facts`], [`evaluation`] and [`examination`]: what must hold, what is read for it, what follows.
//! * [`azure_devops`] and [`sources`]: the outside world; [`backoff`] and [`circuit`]: leaving it alone while it is down.
//! * [`story`]: what people read in the pipeline's log.
//! * [`checks_file`], [`config`], [`plan_url`], [`resolver`], [`token`]: what the operator says, and what must not leak.

pub mod azure_devops;
pub mod backoff;
pub mod check;
pub mod check_function;
pub mod checks_file;
pub mod circuit;
pub mod claim;
pub mod cli;
pub mod clock;
pub mod conditions;
pub mod config;
pub mod delivery;
pub mod evaluation;
pub mod examination;
pub mod facts;
pub mod invocation;
pub mod managed_identity;
pub mod message;
pub mod plan_url;
pub mod queue;
pub mod reevaluate_function;
pub mod resolver;
pub mod routes;
pub mod sources;
pub mod story;
pub mod token;

use azure_devops::AzureDevOps;
use checks_file::ChecksFile;
use clock::Clock;
use plan_url::AllowedPlanUrls;
use queue::CheckQueue;
use sources::Sources;
use token::Sealer;

/// Everything that an invocation may use. Holds no state of any check.
#[derive(Debug)]
pub struct App {
    /// The time.
    pub clock: Clock,
    /// The checks that deliveries may name.
    pub checks: ChecksFile,
    /// Whether a delivery may bring its own definition.
    pub allow_inline_checks: bool,
    /// Where decisions may be sent.
    pub allowed_plan_urls: AllowedPlanUrls,
    /// Seals tokens and decisions.
    pub sealer: Sealer,
    /// When the claims of this process were made.
    pub claim_times: claim::ClaimTimes,
    /// Where checks wait.
    pub queue: CheckQueue,
    /// The callback side, and the facts about runs.
    pub azure_devops: AzureDevOps,
    /// All other facts.
    pub sources: Sources,
}
