//! Reads the facts of a check, then judges it. Both functions and the command line use this.

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;

use crate::azure_devops::Session;
use crate::azure_devops::build::Run;
use crate::check::Check;
use crate::evaluation::wanted::wanted_in;
use crate::evaluation::{Memory, Status, Verdict, apart, judge};
use crate::facts::run::{CurrentRunState, RunDetails};
use crate::facts::{Evidence, FactError, Facts, Gathered, Gatherer, ReadingTime, Wanted};
use crate::http::waits::Waits;
use crate::sources::Sources;

/// What to read of the run although no condition asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadRun {
    /// Nothing.
    Never,
    /// What never changes about it: the check's log names the run.
    Details,
    /// Its status too: nothing else shows that the run was cancelled.
    State,
}

/// The result of one evaluation of a check.
#[derive(Debug)]
pub struct Evaluation {
    /// The verdict with its explanation.
    pub verdict: Verdict,
    /// What never changes about the run, where all of it was read.
    pub run: Option<Run>,
    /// Whether the run was cancelled, or is about to be, where its status counts.
    pub run_was_cancelled: bool,
    /// The waits that outside systems asked for.
    pub waits: Waits,
    /// What was asked and answered.
    pub evidence: Evidence,
    /// How many calls Azure DevOps got.
    pub calls: u32,
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
    /// What to read of the run even if no condition asks for it.
    pub read_run: ReadRun,
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
        // A stage may run in a run that is being cancelled: its check is real.
        let counts = self.read_run == ReadRun::State;
        let run_was_cancelled = counts && facts.get(&CurrentRunState).is_ok_and(|state| state.is_cancelled());
        // A run that is not complete is read again next time.
        let run = facts.get(&RunDetails).ok().filter(|run| run.is_complete()).map(|run| Run::clone(&run));
        let (evidence, calls) = (Evidence { wanted, facts }, self.azure_devops.calls());
        Ok(Evaluation { verdict, run, run_was_cancelled, waits, evidence, calls })
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
        if self.check.properties.build_id.is_some() {
            if self.read_run != ReadRun::Never && self.run.is_none() {
                wanted.add(RunDetails);
            }
            if self.read_run == ReadRun::State {
                wanted.add(CurrentRunState);
            }
        }
        wanted
    }
}

/// The facts that a check's conditions need.
fn facts_of(check: &Check, memory: &Memory, now: DateTime<Utc>) -> Wanted {
    let inputs = check.input_values();
    wanted_in(&check.definition.conditions, check.scope(&inputs, now), memory)
}
