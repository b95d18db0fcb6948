//! What somebody may do on the page. Every action sets something and never toggles it, so two tabs cannot fight.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use crate::arguments::FASTEST;
use crate::demo::Demo;

/// The longest outage that somebody may ask for, in seconds.
const LONGEST_OUTAGE: u32 = 86_400;

/// An action, as the page sends it.
#[derive(Debug, Deserialize)]
#[serde(tag = "verb", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub(crate) enum Action {
    /// Starts a use case.
    Start { use_case: String },
    /// Starts a new run, with the outside world as it is.
    StartAgain,
    /// Runs the stage once more.
    RerunStage,
    /// Cancels the run.
    CancelRun,
    /// Lets a check pass, by the id of its plan.
    Bypass { check: String },
    /// Sets a control.
    Set { control: String, value: Value },
    /// Lets Azure DevOps fail for so many seconds of the demo's clock.
    FailAzureDevOps { seconds: u32 },
    /// Ends the outage.
    HealAzureDevOps,
    /// Kills the handler's process.
    KillHandler,
    /// Moves the clock forward.
    MoveClock { to: DateTime<Utc> },
    /// Sets how many times faster than real time the clock runs.
    SetSpeed { factor: f64 },
}

impl Action {
    /// Reads an action.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(crate) fn read(body: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(body).map_err(|error| format!("This is not an action of the page: {error}."))
    }

    /// Does it.
    ///
    /// # Errors
    ///
    /// Why it cannot be done now, as a sentence.
    pub(crate) async fn run(self, demo: &Arc<Demo>) -> Result<(), String> {
        match self {
            Self::Start { use_case } => demo.start(&use_case),
            Self::StartAgain => demo.start_again(),
            Self::RerunStage => demo.rerun_stage(),
            Self::CancelRun => demo.cancel_run(),
            Self::Bypass { check } => demo.bypass(&check),
            Self::Set { control, value } => demo.set(&control, value),
            Self::FailAzureDevOps { seconds: seconds @ 1..=LONGEST_OUTAGE } => {
                demo.fail_azure_devops(seconds);
                Ok(())
            }
            Self::FailAzureDevOps { .. } => Err(format!("Write a number of seconds from 1 to {LONGEST_OUTAGE}.")),
            Self::HealAzureDevOps => {
                demo.heal_azure_devops();
                Ok(())
            }
            Self::KillHandler => {
                demo.world.host.kill_handler().await?;
                demo.note("You killed the handler.");
                Ok(())
            }
            Self::MoveClock { to } => demo.move_clock(to),
            Self::SetSpeed { factor } if (1.0..=FASTEST).contains(&factor) => demo.set_speed(factor),
            Self::SetSpeed { .. } => Err(format!("Write a factor from 1 to {FASTEST}.")),
        }
    }
}
