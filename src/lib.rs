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
//! * [`routes`] and [`check_function`]: what Azure Pipelines delivers, and how it is acknowledged.
//! * [`queue`]: a check at rest: its message, its progress, and the claims that keep one chain of messages per check.
//! * [`reevaluate_function`]: one evaluation, from the host's envelope to exactly one end. What an error leads to, a refused
//!   token included, stands in its `retry`.
//! * [`check`], [`conditions`], [`facts`] and [`evaluation`]: what must hold, what is read for it, what follows.
//! * [`azure_devops`] and [`sources`]: the clients of the outside systems, which report an error and leave the next step to
//!   others; [`http`]: what every call to them shares.
//! * [`task_log`]: what people read in the pipeline's log; [`text`] makes foreign text printable. `span`: the ids in the
//!   handler's own log; [`events`]: the lines in it that operators act on.
//! * [`telemetry`]: what is measured; `otlp` sends it to a collector.
//! * [`decision_record`]: a decision, for those who keep them. [`decision_log`]: where they are kept. [`notices`]: what people are told about a check elsewhere.
//! * [`checks_file`] and [`yaml`]: what the operator writes; [`config`]: the app settings; [`host`]: what the Functions
//!   host makes of the app's files.
//! * [`policy_test`]: what a check decides by given facts, for the tests that its authors write.
//! * [`compliance`]: what the guide demands of the checks that administrators configure.
//! * [`task`]: ids, decision and token of a check, which every room may use.
//! * [`cli`]: serving the host, and the commands for people.

pub mod azure_devops;
pub mod check;
pub mod check_function;
pub mod checks_file;
pub mod cli;
pub mod clock;
pub mod compliance;
pub mod conditions;
pub mod config;
pub mod decision_log;
pub mod decision_record;
pub mod evaluation;
pub mod events;
pub mod facts;
pub mod host;
pub mod http;
pub mod notices;
#[cfg(feature = "telemetry")]
pub mod otlp;
pub mod policy_test;
pub mod queue;
pub mod reevaluate_function;
pub mod routes;
pub mod sources;
mod span;
pub mod suggest;
pub mod task;
pub mod task_log;
pub mod telemetry;
pub mod text;
pub mod yaml;

use azure_devops::AzureDevOps;
use check::DecidedWith;
use checks_file::CurrentChecks;
use clock::Clock;
use decision_log::DecisionLog;
use host::Host;
use queue::CheckQueue;
use queue::watch::Watch;
use task::plan_url::AllowedPlanUrls;
use task::sealer::Sealer;

/// Everything that an invocation may use. Holds no state of any check, except that nobody has evaluated it yet.
#[derive(Debug)]
pub struct App {
    /// The time.
    pub clock: Clock,
    /// What the Functions host does with this app.
    pub host: Host,
    /// Why deliveries are refused, whatever they ask for; empty if they are not.
    pub problems: Vec<String>,
    /// The checks that deliveries may name, and all facts that do not come from Azure DevOps.
    pub checks: CurrentChecks,
    /// Whether a delivery may bring its own definition.
    pub allow_inline_checks: bool,
    /// Where decisions may be sent.
    pub allowed_plan_urls: AllowedPlanUrls,
    /// Seals tokens and decisions.
    pub sealer: Sealer,
    /// When the claims of this process were made.
    pub claim_times: queue::claim::ClaimTimes,
    /// Where checks wait.
    pub queue: CheckQueue,
    /// Keeps the records of decisions.
    pub decision_log: DecisionLog,
    /// The notices that are under way.
    pub notices: notices::UnderWay,
    /// The checks that this process has acknowledged, and of which no evaluation was seen.
    pub watch: Watch,
    /// The callback side, and the facts about runs.
    pub azure_devops: AzureDevOps,
}

impl App {
    /// How decisions can be delivered.
    #[must_use]
    pub fn decided_with(&self) -> DecidedWith {
        self.azure_devops.identity().map_or(DecidedWith::Token, |_| DecidedWith::Identity)
    }
}
