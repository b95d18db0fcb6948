//! Plays Azure Pipelines against any endpoint: delivers a check as it is configured, and tells what becomes of the stage.

use std::time::Duration;

use tokio::time::interval;

use crate::azure_devops::{AzureDevOps, State};
use crate::azure_pipelines::{CheckConfiguration, Conclusion, Outcome, Stage};

/// How often it is looked whether something has happened, in real time.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What was told already.
#[derive(Default)]
struct Told {
    evaluations: usize,
    log_lines: usize,
    operations: usize,
    decisions: usize,
}

/// Lets a stage of a new run wait for this check, until Azure Pipelines has concluded what becomes of the stage. `tell` gets
/// a line for whatever happens.
pub async fn rehearse(
    azure_devops: &AzureDevOps,
    check: CheckConfiguration,
    mut tell: impl FnMut(String),
) -> Conclusion {
    let run = azure_devops.with(|state| state.run().id);
    let url = check.target.shown();
    check.settings.advice().into_iter().for_each(|advice| tell(format!("Warning: {advice}")));
    let mut stage = Stage::of(azure_devops, run, [check]);
    let mut told = Told::default();
    let mut look = interval(LOOK_EVERY);
    loop {
        look.tick().await;
        let now = azure_devops.with(|state| state.clock.now());
        if stage.next_at().is_none_or(|next| next <= now) {
            stage.act().await;
        }
        azure_devops.with(|state| told.tell(&stage, state, &url).into_iter().for_each(&mut tell));
        let conclusion = stage.conclusion();
        if conclusion.outcome != Outcome::Waiting {
            return conclusion;
        }
    }
}

impl Told {
    /// What has happened since it was asked last.
    fn tell(&mut self, stage: &Stage, state: &State, url: &str) -> Vec<String> {
        let mut lines = Vec::new();
        for evaluation in stage.histories_in(state).iter().flat_map(|check| &check.evaluations).skip(self.evaluations) {
            let code = if evaluation.status == 0 { "none".to_owned() } else { evaluation.status.to_string() };
            lines.push(format!("{}  POST {url}", evaluation.begun.format("%H:%M:%S")));
            lines.push(format!("          Response Code: {code}"));
            lines.push(format!("          Response: {}", evaluation.body));
            // Every evaluation has a plan of its own.
            *self = Self { evaluations: self.evaluations + 1, ..Self::default() };
        }
        let ids = stage.ids();
        let Some(plan) = ids.last().and_then(|ids| state.plan(ids)) else { return lines };
        let log = plan.logs.iter().map(|log| log.text.as_str()).collect::<String>();
        let told = lines.len();
        lines.extend(log.lines().skip(self.log_lines).map(|line| format!("  log     {line}")));
        self.log_lines += lines.len() - told;
        let shown = plan.operations.iter().skip(self.operations);
        lines.extend(shown.map(|(at, text)| format!("{}  {text}", at.format("%H:%M:%S"))));
        self.operations = plan.operations.len();
        for event in plan.events.iter().skip(self.decisions) {
            let fate = if event.accepted { "" } else { ", and nobody waited for it" };
            lines.push(format!("{}  The decision is {}{fate}.", event.at.format("%H:%M:%S"), event.result));
        }
        self.decisions = plan.events.len();
        lines
    }
}
