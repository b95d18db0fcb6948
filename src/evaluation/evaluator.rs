//! Reads the facts of a check, then judges it. Both functions and the command line use this.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;

use crate::azure_devops::Session;
use crate::azure_devops::build::{Run, RunState};
use crate::check::Check;
use crate::conditions::Scope;
use crate::evaluation::{Memory, Status, Verdict, apart, judge};
use crate::facts::run::{CurrentRunState, RunDetails};
use crate::facts::{FactError, Facts, Gathered, Gatherer, ReadingTime, Wanted};
use crate::http::waits::Waits;
use crate::sources::Sources;

/// How long reading the run before a decision may take: it can save a needless decision, and must not delay a due one.
const LAST_LOOK_LIMIT: Duration = Duration::from_secs(5);

/// When to read the run's status although no condition asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadRunState {
    /// Never: the answer is due in seconds.
    Never,
    /// Before a decision, so that none is sent into a run that was cancelled.
    BeforeDeciding,
    /// Always: nothing else would show that the run was cancelled.
    Always,
}

/// The result of one evaluation of a check.
#[derive(Debug)]
pub struct Evaluation {
    /// The verdict with its explanation.
    pub verdict: Verdict,
    /// What never changes about the run, where all of it was read.
    pub run: Option<Run>,
    /// Whether the run was cancelled, or is about to be.
    pub run_was_cancelled: bool,
    /// The waits that outside systems asked for.
    pub waits: Waits,
}

/// What an evaluation needs.
#[derive(Clone, Copy)]
pub struct Evaluator<'a> {
    /// The check.
    pub check: &'a Check,
    /// The run's Azure DevOps.
    pub azure_devops: &'a Session<'a>,
    /// The outside systems.
    pub sources: &'a Sources,
    /// What the conditions remember.
    pub memory: &'a Memory,
    /// What is known already about the run.
    pub run: Option<&'a Run>,
    /// When to read the run's status even if no condition asks for it.
    pub read_run_state: ReadRunState,
    /// The waits that outside systems asked for, where they are kept.
    pub waits: Option<&'a Waits>,
    /// The time of the evaluation.
    pub now: DateTime<Utc>,
    /// How long reading the facts may take.
    pub limit: ReadingTime,
}

impl Evaluator<'_> {
    /// Gathers the facts, and evaluates the check.
    ///
    /// # Errors
    ///
    /// When Azure DevOps refused the token.
    pub async fn evaluate(self) -> Result<Evaluation, FactError> {
        let mut gatherer = Gatherer::new(self.azure_devops, self.sources, self.check.delivered_at, self.now);
        if let Some(run) = self.run {
            gatherer.insert(RunDetails, run.clone());
        }
        if let Some(waits) = self.waits {
            gatherer.keep_waits(waits.clone());
        }
        let is_decided = |facts: Facts| -> BoxFuture<'_, bool> {
            Box::pin(async move { matches!(self.judge(facts).await.status(), Status::Passed | Status::Failed) })
        };
        let wanted = self.wanted().await;
        let Gathered { facts, waits } = gatherer.gather(&wanted, self.limit, &is_decided).await?;
        let verdict = self.judge(facts.clone()).await;
        let run_was_cancelled = match facts.get(&CurrentRunState) {
            Ok(state) => state.is_cancelled(),
            Err(_) if self.is_due_before_deciding(&verdict) => {
                self.read_run_state().await.is_some_and(|state| state.is_cancelled())
            }
            Err(_) => false,
        };
        // A run that is not complete is read again next time.
        let run = facts.get(&RunDetails).ok().filter(|run| run.is_complete()).map(|run| Run::clone(&run));
        Ok(Evaluation { verdict, run, run_was_cancelled, waits })
    }

    fn is_due_before_deciding(&self, verdict: &Verdict) -> bool {
        let is_decided = matches!(verdict.status(), Status::Passed | Status::Failed);
        is_decided && self.read_run_state == ReadRunState::BeforeDeciding && self.check.properties.build_id.is_some()
    }

    async fn read_run_state(&self) -> Option<RunState> {
        let build = tokio::time::timeout(LAST_LOOK_LIMIT, self.azure_devops.build()).await;
        Some(build.ok()?.ok()?.state)
    }

    /// Evaluates the check against facts that were gathered already.
    async fn judge(&self, facts: Facts) -> Verdict {
        let (memory, now) = (self.memory.clone(), self.now);
        apart::work(self.check, move |check| judge(check, &facts, &memory, now)).await
    }

    /// The facts that the check needs.
    pub async fn wanted(&self) -> Wanted {
        let (memory, now) = (self.memory.clone(), self.now);
        let mut wanted = apart::work(self.check, move |check| facts_of(check, &memory, now)).await;
        // Last: the time is limited, and the conditions need it more.
        if self.read_run_state == ReadRunState::Always && self.check.properties.build_id.is_some() {
            if self.run.is_none() {
                wanted.add(RunDetails);
            }
            wanted.add(CurrentRunState);
        }
        wanted
    }
}

/// The facts that a check's conditions need.
fn facts_of(check: &Check, memory: &Memory, now: DateTime<Utc>) -> Wanted {
    let mut wanted = Wanted::default();
    let inputs = check.input_values();
    let scope = check.scope(&inputs, now);
    let scope = |place: &str| Scope { state: memory.state(place), ..scope };
    for (index, condition) in check.definition.conditions.iter().enumerate() {
        condition.facts(&index.to_string(), &scope, &mut wanted);
    }
    wanted
}
