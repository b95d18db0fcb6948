//! Everything that the page shows, as one value. It is sent whole, so that a page that reconnects needs nothing else.

use chrono::{DateTime, Utc};
use serde::Serialize;
use simulator::azure_devops::{RecordState, Run, State, TaskResult};
use simulator::azure_pipelines::{Conclusion, Outcome};

use super::check_view::{CheckView, Source};
use super::notice_view::NoticeView;
use crate::controls::Control;
use crate::demo::{Demo, Happening, Inside};
use crate::host::HandlerState;
use crate::play::Play;
use crate::use_cases::UseCase;

/// How many notices are shown, newest first.
const NOTICES: usize = 12;

/// The whole page.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Snapshot {
    now: DateTime<Utc>,
    speed: f64,
    is_real_time: bool,
    checks_file: Option<String>,
    use_cases: Vec<UseCase>,
    use_case: Option<UseCase>,
    run: Option<RunView>,
    banner: Option<String>,
    stages: Vec<StageView>,
    checks: Vec<CheckView>,
    notices: Vec<NoticeView>,
    controls: Vec<Control>,
    next_opening: Option<DateTime<Utc>>,
    azure_devops: AzureDevOpsView,
    handler: HandlerState,
    history: Vec<Happening>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RunView {
    number: String,
    pipeline: String,
    branch: String,
    commit: String,
    reason: serde_json::Value,
    requested_for: String,
    attempt: u32,
    status: &'static str,
    why: String,
    started: Option<DateTime<Utc>>,
    can_be_canceled: bool,
    can_be_rerun: bool,
}

#[derive(Serialize)]
struct StageView {
    name: &'static str,
    status: &'static str,
    note: String,
    passed: usize,
    bypassed: usize,
    of: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AzureDevOpsView {
    fails_until: Option<DateTime<Utc>>,
    calls: u64,
}

impl Snapshot {
    /// The page, as it is now.
    pub(crate) fn of(demo: &Demo) -> Self {
        let now = demo.now();
        let inside = demo.lock();
        let url = format!("{:?}", demo.world.function());
        let calls = demo.world.azure_devops.counts().values().sum();
        let play = inside.play.as_ref().map(|play| (play, play.conclusion(now)));
        let (run, stages, checks) = demo.world.azure_devops.with(|state| match &play {
            Some((play, conclusion)) => of_play((play, conclusion), state, &url),
            None => (None, Vec::new(), Vec::new()),
        });
        Self {
            now,
            speed: demo.world.clock.speed(),
            is_real_time: demo.world.host.is_real(),
            checks_file: demo.checks.own_file.clone(),
            use_cases: demo.use_cases.clone(),
            use_case: inside.use_case.clone(),
            banner: banner(&stages),
            next_opening: checks.iter().filter_map(|check| check.next_opening).min(),
            run,
            stages,
            checks,
            notices: notices(demo, &inside),
            controls: controls(&inside),
            azure_devops: AzureDevOpsView { fails_until: inside.outage_until.filter(|until| *until > now), calls },
            handler: demo.world.host.handler_state(),
            history: inside.history.iter().cloned().collect(),
        }
    }
}

/// What the webhooks took since the run in play began.
fn notices(demo: &Demo, inside: &Inside) -> Vec<NoticeView> {
    demo.world.sources.with(|sources| {
        let taken = sources.webhooks.taken.iter().skip(inside.former_notices);
        taken.rev().take(NOTICES).map(NoticeView::of).collect()
    })
}

/// The controls, the one that decides the use case first.
fn controls(inside: &Inside) -> Vec<Control> {
    let key = inside.use_case.as_ref().map_or("", |case| case.key.as_str());
    let group = inside.controls.iter().find(|control| control.id == key).map(|control| control.group.clone());
    let mut controls = inside.controls.clone();
    controls.sort_by_key(|control| {
        (Some(&control.group) != group.as_ref(), control.id != key && Some(&control.group) == group.as_ref())
    });
    controls
}

fn of_play(
    (play, conclusion): (&Play, &Conclusion),
    state: &State,
    url: &str,
) -> (Option<RunView>, Vec<StageView>, Vec<CheckView>) {
    let now = state.clock.now();
    let (ids, histories) = (play.stage.ids_by_check(), play.stage.histories_in(state));
    let source = |index: usize| Source {
        name: &play.checks[index],
        url,
        ids: ids[index].as_ref(),
        history: &histories[index],
        conclusion,
    };
    let checks: Vec<CheckView> = (0..histories.len()).map(|index| source(index).view(state, now)).collect();
    let count = |status| checks.iter().filter(|check| check.status == status).count();
    let (passed, bypassed) = (count("passed"), count("bypassed"));
    let status = match (conclusion.outcome, play.ended) {
        (Outcome::Waiting, _) => "waiting",
        (Outcome::Passed, None) => "running",
        (Outcome::Passed, Some(_)) => "succeeded",
        (Outcome::Failed, _) => "failed",
        (Outcome::Skipped, _) => "skipped",
        (Outcome::Canceled, _) => "canceled",
    };
    let Some(run) = state.runs.get(&play.run) else { return (None, Vec::new(), checks) };
    let deploy = StageView { name: "Deploy", status, note: String::new(), passed, bypassed, of: checks.len() };
    let run = RunView {
        number: run.number.clone(),
        pipeline: run.definition_name.clone(),
        branch: run.source_branch.trim_start_matches("refs/heads/").to_owned(),
        commit: run.source_version.chars().skip(run.source_version.len().saturating_sub(8)).collect(),
        reason: serde_json::json!(run.reason),
        requested_for: run.requested_for.clone(),
        attempt: play.attempt,
        status,
        why: why(conclusion, &checks),
        started: run.start_time,
        can_be_canceled: status == "waiting",
        can_be_rerun: play.ended.is_some(),
    };
    let build = state.runs.get(&play.run).map(build);
    (Some(run), build.into_iter().chain([deploy]).collect(), checks)
}

/// Why the run stands as it does. A check that was bypassed or failed says more than the conclusion.
fn why(conclusion: &Conclusion, checks: &[CheckView]) -> String {
    let said = match conclusion.outcome {
        Outcome::Passed if checks.iter().any(|check| check.status == "bypassed") => {
            Some("You bypassed a check.".to_owned())
        }
        Outcome::Failed => checks.iter().find_map(CheckView::failure),
        _ => None,
    };
    said.unwrap_or_else(|| conclusion.why.clone())
}

/// The stage before: its tasks, as the timeline has them.
fn build(run: &Run) -> StageView {
    let tasks = run.timeline.iter().flatten().filter(|record| record.kind.as_deref() == Some("Task"));
    let tasks: Vec<_> = tasks.filter(|record| record.state == Some(RecordState::Completed)).collect();
    let failed = tasks.iter().any(|record| record.result == Some(TaskResult::Failed));
    let names: Vec<&str> = tasks.iter().filter_map(|record| record.name.as_deref()).collect();
    let note = if names.is_empty() { "no task executed".to_owned() } else { format!("executed {}", names.join(", ")) };
    StageView {
        name: "Build",
        status: if failed { "succeededWithIssues" } else { "succeeded" },
        note,
        passed: 0,
        bypassed: 0,
        of: 0,
    }
}

fn banner(stages: &[StageView]) -> Option<String> {
    let deploy = stages.iter().find(|stage| stage.status == "waiting")?;
    let left = deploy.of - deploy.passed - deploy.bypassed;
    let checks = if left == 1 { "1 check must pass".to_owned() } else { format!("{left} checks must pass") };
    Some(format!("{checks} before this run can continue to {}", deploy.name))
}
