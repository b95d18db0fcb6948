//! The demo: the simulated systems, the run in play, and what somebody may do with them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use simulator::azure_pipelines::{Outcome, Stage, Target};
use tokio::time::interval;

use crate::checks::Checks;
use crate::controls::{Control, control_inputs, controls_of};
use crate::play::{self, Play, Turn};
use crate::use_cases::{UseCase, use_cases};
use crate::world::World;

/// How many events of the past are kept.
const REMEMBERED: usize = 40;

/// Everything that the page shows and changes.
pub(crate) struct Demo {
    pub(crate) world: World,
    pub(crate) checks: Checks,
    pub(crate) use_cases: Vec<UseCase>,
    inside: Mutex<Inside>,
}

/// What changes.
#[derive(Default)]
pub(crate) struct Inside {
    pub(crate) use_case: Option<UseCase>,
    pub(crate) play: Option<Play>,
    pub(crate) controls: Vec<Control>,
    pub(crate) history: VecDeque<Happening>,
    pub(crate) outage_until: Option<DateTime<Utc>>,
    /// How many notices were sent before the run in play.
    pub(crate) former_notices: usize,
    /// Why the run in play was started.
    reason: Option<String>,
    generations: u64,
}

/// Something that somebody did.
#[derive(Clone, Serialize)]
pub(crate) struct Happening {
    at: DateTime<Utc>,
    text: String,
}

impl Demo {
    pub(crate) fn new(world: World, checks: Checks) -> Arc<Self> {
        let mut use_cases = use_cases(&checks);
        if world.host.is_real() {
            // These are decided by what only the simulated host lets somebody do.
            use_cases.retain(|case| !["clock", "handler"].contains(&case.key.as_str()));
        }
        Arc::new(Self { world, checks, use_cases, inside: Mutex::default() })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.world.clock.clock().now()
    }

    /// Writes down what somebody did.
    pub(crate) fn note(&self, text: impl Into<String>) {
        let happening = Happening { at: self.now(), text: text.into() };
        let history = &mut self.lock().history;
        history.push_front(happening);
        history.truncate(REMEMBERED);
    }

    /// Starts a use case: the outside world is as it is at its begin, and a new run reaches the stage.
    ///
    /// # Errors
    ///
    /// If there is no such use case.
    pub(crate) fn start(self: &Arc<Self>, id: &str) -> Result<(), String> {
        let case = self.use_cases.iter().find(|case| case.id == id);
        let case = case.ok_or_else(|| format!("There is no use case {id:?}."))?.clone();
        if case.begins_closed {
            self.leave_office_hours()?;
        }
        self.world.azure_devops.heal();
        self.note(format!("You started \u{201c}{}\u{201d}.", case.title));
        {
            let mut inside = self.lock();
            inside.outage_until = None;
            let definitions: Vec<_> =
                case.checks.iter().filter_map(|name| self.checks.definitions().get(name)).collect();
            inside.controls = controls_of(&definitions, &self.checks);
            for (id, value) in &case.given {
                let known = inside.controls.iter_mut().find(|control| control.id == *id);
                known.into_iter().for_each(|control| control.value = value.clone());
            }
            inside.use_case = Some(case);
        }
        self.new_run();
        Ok(())
    }

    /// Starts a new run of the same use case. The outside world stays as it is.
    ///
    /// # Errors
    ///
    /// If no use case was started.
    pub(crate) fn start_again(self: &Arc<Self>) -> Result<(), String> {
        if self.lock().use_case.is_none() {
            return Err("Choose a use case first.".to_owned());
        }
        self.note("You started a new run.");
        self.new_run();
        Ok(())
    }

    fn new_run(self: &Arc<Self>) {
        if let Some(old) = self.lock().play.take() {
            self.world.azure_devops.with(|state| state.cancel_run(old.run));
        }
        let run = self.world.azure_devops.with(|state| {
            let number = state.runs.len() + 1;
            let now = state.clock.now();
            let run = state.run();
            run.number = format!("{}.{number}", now.format("%Y%m%d"));
            run.id
        });
        self.play(run, 1);
    }

    /// Runs the stage once more: every check again.
    ///
    /// # Errors
    ///
    /// If there is no stage, or it has not ended.
    pub(crate) fn rerun_stage(self: &Arc<Self>) -> Result<(), String> {
        let over = self.lock().play.as_ref().and_then(|play| play.ended.map(|_| (play.run, play.attempt)));
        let (run, attempt) = over.ok_or("The stage has not ended yet.")?;
        play::reopen(&self.world.azure_devops, run);
        self.note("You reran the stage.");
        self.play(run, attempt + 1);
        Ok(())
    }

    fn play(self: &Arc<Self>, run: u64, attempt: u32) {
        let mut inside = self.lock();
        if attempt == 1 {
            let reason = inside.controls.iter().find(|control| control.id == "reason");
            inside.reason = reason.and_then(|reason| reason.value.as_str().map(str::to_owned));
        }
        self.apply(&inside.controls, Some(run), attempt == 1);
        let checks = inside.use_case.as_ref().map_or_else(Vec::new, |case| case.checks.clone());
        let configured = checks.iter().filter_map(|name| {
            let definition = self.checks.definitions().get(name)?;
            let target = Target::AzureFunction { function: self.world.function(), parameters: String::new() };
            let inputs = control_inputs(definition, &inside.controls, inside.reason.as_deref());
            Some(play::configuration(name, definition, inputs, target))
        });
        let stage = Stage::of(&self.world.azure_devops, run, configured);
        if attempt == 1 {
            inside.former_notices = self.world.sources.with(|sources| sources.webhooks.taken.len());
        }
        inside.generations += 1;
        let generation = inside.generations;
        inside.play = Some(Play {
            generation,
            run,
            attempt,
            checks,
            stage,
            is_acting: false,
            canceled: None,
            concluded: None,
            ended: None,
        });
        drop(inside);
        tokio::spawn(Arc::clone(self).drive(generation));
    }

    /// Plays one stage to its end, unless another takes its place.
    async fn drive(self: Arc<Self>, generation: u64) {
        let mut tick = interval(Duration::from_millis(20));
        loop {
            tick.tick().await;
            let turn = match &mut self.lock().play {
                Some(play) if play.generation == generation => play.turn(&self.world.azure_devops),
                _ => Turn::Over,
            };
            match turn {
                Turn::Wait => {}
                Turn::Over => return,
                Turn::Act(mut stage) => {
                    stage.act().await;
                    self.show(generation, *stage);
                }
            }
        }
    }

    /// Shows how the stage stands after a call. A stage that was replaced meanwhile gives its checks back.
    fn show(&self, generation: u64, stage: Stage) {
        match &mut self.lock().play {
            Some(play) if play.generation == generation && play.canceled.is_none() => {
                play.stage = stage;
                play.is_acting = false;
            }
            _ => self.world.azure_devops.with(|state| stage.ids().iter().for_each(|ids| state.cancel_check(ids))),
        }
    }

    /// Cancels the run in play.
    ///
    /// # Errors
    ///
    /// If no run waits.
    pub(crate) fn cancel_run(&self) -> Result<(), String> {
        let now = self.now();
        let run = {
            let mut inside = self.lock();
            let waiting = inside.play.as_mut().filter(|play| play.conclusion(now).outcome == Outcome::Waiting);
            let play = waiting.ok_or("No stage of the run waits for checks.")?;
            play.canceled = Some(now);
            play.is_acting = false;
            play.run
        };
        self.world.azure_devops.with(|state| state.cancel_run(run));
        self.note("You canceled the run.");
        Ok(())
    }

    /// Lets a check pass, as an administrator may.
    ///
    /// # Errors
    ///
    /// If no such check waits.
    pub(crate) fn bypass(&self, plan: &str) -> Result<(), String> {
        let ids = self.lock().play.as_ref().map_or_else(Vec::new, |play| play.stage.ids());
        let waits = |ids: &&simulator::azure_devops::CheckIds| {
            ids.plan_id.to_string() == plan
                && self.world.azure_devops.with(|state| state.plan(ids).is_some_and(|plan| plan.is_waiting()))
        };
        let ids = ids.iter().find(waits).ok_or("This check does not wait any more.")?;
        self.world.azure_devops.with(|state| state.bypass_check(ids));
        self.note("You bypassed a check.");
        Ok(())
    }
}
