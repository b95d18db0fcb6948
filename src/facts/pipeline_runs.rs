//! Other runs of the run's pipeline, or of another one.

use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::run::{BRANCH, COMMIT, RunDetails, commit};
use super::{Fact, FactError, Gatherer};
use crate::azure_devops::pipeline_runs::{MAX_PAGES, PipelineRun};
use crate::azure_devops::timeline::Progress;

/// Of how many newer runs it is read how far they have come: each costs a call.
const MAX_TIMELINES: usize = 20;

/// How an ended run did not get through: nobody can say that it replaces another.
const UNSUCCESSFUL: [&str; 2] = ["failed", "canceled"];

/// The newest run of a pipeline, besides the run itself; `None` where there is none.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LatestRun {
    /// The pipeline's id.
    pub pipeline: u64,
    /// The branch that it must be of, in full.
    pub branch: RunBranch,
    /// Whether it must be of the run's commit.
    pub same_commit: bool,
}

/// The branch of another run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RunBranch {
    /// Any.
    Any,
    /// That of the run.
    Same,
    /// This one, in full.
    Named(String),
}

/// A run with its page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OtherRun {
    /// The run.
    pub run: PipelineRun,
    /// Its page, for people.
    #[serde(default)]
    pub link: String,
}

impl Fact for LatestRun {
    const NAME: &'static str = "pipelineRun";

    type Value = Option<OtherRun>;

    /// A page, and as many as it takes to find the commit.
    fn calls(&self) -> RangeInclusive<usize> {
        1..=if self.same_commit { MAX_PAGES } else { 1 }
    }

    fn of_run(&self) -> &'static [&'static str] {
        match (self.same_commit, &self.branch) {
            (true, RunBranch::Same) => &[COMMIT, BRANCH],
            (true, _) => &[COMMIT],
            (false, RunBranch::Same) => &[BRANCH],
            (false, _) => &[],
        }
    }

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<Option<OtherRun>, FactError> {
        let run = gatherer.get(&RunDetails).await?;
        let branch = match &self.branch {
            RunBranch::Any => None,
            RunBranch::Same if run.source_branch.is_empty() => {
                return Err(FactError::because("Azure DevOps does not give the run's branch"));
            }
            RunBranch::Same => Some(run.source_branch.as_str()),
            RunBranch::Named(name) => Some(name.as_str()),
        };
        let commit = self.same_commit.then(|| commit(&run)).transpose()?;
        let session = gatherer.azure_devops;
        let latest = session.latest_run((self.pipeline, branch), commit, run.id).await?;
        Ok(latest.map(|run| OtherRun { link: session.run_link(run.id), run }))
    }
}

/// The newest run of the run's pipeline and branch that supersedes it; `None` where none does.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct SupersedingRun {
    /// The stage that it must have come to. Without one, it is enough that it may still come there, or has succeeded.
    pub stage: Option<String>,
}

/// A newer run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NewerRun {
    /// The run.
    pub run: PipelineRun,
    /// How far it has come at the stage, where a stage was asked for.
    pub progress: Option<Progress>,
    /// Its page, for people.
    #[serde(default)]
    pub link: String,
}

impl Fact for SupersedingRun {
    const NAME: &'static str = "supersedingRun";

    type Value = Option<NewerRun>;

    /// The runs, in pages, and with a stage the timeline of each newer one.
    fn calls(&self) -> RangeInclusive<usize> {
        let timelines = if self.stage.is_some() { MAX_TIMELINES } else { 0 };
        1..=MAX_PAGES + timelines
    }

    fn of_run(&self) -> &'static [&'static str] {
        &[BRANCH]
    }

    async fn fetch(&self, gatherer: &mut Gatherer<'_>) -> Result<Option<NewerRun>, FactError> {
        let run = gatherer.get(&RunDetails).await?;
        let pipeline = run.definition.as_ref().and_then(|definition| definition.id);
        let (Some(pipeline), false) = (pipeline, run.source_branch.is_empty()) else {
            return Err(FactError::because("Azure DevOps does not give the run's pipeline and branch"));
        };
        let session = gatherer.azure_devops;
        let newer = session.newer_runs(run.id, pipeline, &run.source_branch).await?;
        let link = |run: &PipelineRun| session.run_link(run.id);
        let Some(stage) = &self.stage else {
            let superseding = newer.into_iter().find(may_come_or_has_succeeded);
            return Ok(superseding.map(|run| NewerRun { link: link(&run), run, progress: None }));
        };
        for (index, run) in newer.into_iter().enumerate() {
            if index == MAX_TIMELINES {
                let why =
                    format!("more than {MAX_TIMELINES} newer runs have not come to stage {stage}; start a new one");
                return Err(FactError::because(why));
            }
            let progress = progress(gatherer, &run, stage).await?;
            // What waits in a run that is over, or about to be, waits no more.
            let is_over = run.is_completed() || run.is_cancelling();
            if progress == Progress::Begun || (progress == Progress::Waits && !is_over) {
                return Ok(Some(NewerRun { link: link(&run), run, progress: Some(progress) }));
            }
        }
        Ok(None)
    }
}

fn may_come_or_has_succeeded(run: &PipelineRun) -> bool {
    !run.has_ended(&UNSUCCESSFUL) && !run.is_cancelling()
}

/// How far a run has come at a stage. One that was not begun, or whose YAML could not be read, has no timeline.
async fn progress(gatherer: &Gatherer<'_>, run: &PipelineRun, stage: &str) -> Result<Progress, FactError> {
    let timeline = gatherer.azure_devops.timeline_of(run.id).await?;
    if timeline.records.is_empty() && !run.has_ended(&["succeeded", "partiallySucceeded"]) {
        return Ok(Progress::NotReached);
    }
    timeline.progress_at(stage).ok_or_else(|| {
        let title = run.title();
        FactError::because(format!(
            "the timeline of the newer run {title} does not say how far it has come at a stage {stage}"
        ))
    })
}
