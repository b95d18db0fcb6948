//! A run in play: its stage waits for its checks, as Azure Pipelines plays it.

use chrono::{DateTime, TimeDelta, Utc};
use simulator::azure_devops::{AzureDevOps, BuildResult, BuildStatus};
use simulator::azure_pipelines::{
    CheckConfiguration, CheckSettings, CompletionEvent, Conclusion, ErrorStatus, HEADERS, MINIMAL_HEADERS, Outcome,
    Stage, Target, expand,
};

use checkgate::check::CheckDefinition;

/// How long the deployment takes, once it may begin.
const DEPLOYMENT: TimeDelta = TimeDelta::seconds(20);

/// How often Azure Pipelines asks at most. The guide demands it of ApiResponse checks.
const MOST_EVALUATIONS: i32 = 10;

/// A run in play.
pub(crate) struct Play {
    /// Distinguishes it from earlier plays.
    pub(crate) generation: u64,
    pub(crate) run: u64,
    pub(crate) attempt: u32,
    /// The names of its checks, in the order of the stage.
    pub(crate) checks: Vec<String>,
    /// How the stage stood after the last call.
    pub(crate) stage: Stage,
    /// Whether a call is under way.
    pub(crate) is_acting: bool,
    pub(crate) canceled: Option<DateTime<Utc>>,
    pub(crate) concluded: Option<Conclusion>,
    pub(crate) ended: Option<DateTime<Utc>>,
}

/// What has to be done next.
pub(crate) enum Turn {
    /// Nothing, for now.
    Wait,
    /// Azure Pipelines calls functions, or ends the checks of a stage that is decided.
    Act(Box<Stage>),
    /// Nothing any more.
    Over,
}

impl Play {
    /// How the stage stands.
    pub(crate) fn conclusion(&self, now: DateTime<Utc>) -> Conclusion {
        if let Some(concluded) = &self.concluded {
            return concluded.clone();
        }
        let conclusion = self.stage.conclusion();
        match self.canceled {
            Some(at) => Conclusion { outcome: Outcome::Canceled, at, why: "The run was canceled.".to_owned() },
            None => Conclusion { at: conclusion.at.min(now), ..conclusion },
        }
    }

    /// Looks whether something is due.
    pub(crate) fn turn(&mut self, azure_devops: &AzureDevOps) -> Turn {
        if self.is_acting {
            return Turn::Wait;
        }
        let now = azure_devops.with(|state| state.clock.now());
        if let Some(concluded) = &self.concluded {
            let end = if concluded.outcome == Outcome::Passed { concluded.at + DEPLOYMENT } else { concluded.at };
            if now < end {
                return Turn::Wait;
            }
            self.end(azure_devops, end);
            return Turn::Over;
        }
        let conclusion = self.conclusion(now);
        let is_due = self.stage.next_at().is_some_and(|next| next <= now);
        if conclusion.outcome == Outcome::Waiting && !is_due {
            return Turn::Wait;
        }
        if conclusion.outcome != Outcome::Waiting {
            self.concluded = Some(conclusion);
        }
        if self.canceled.is_some() {
            return Turn::Wait;
        }
        self.is_acting = true;
        Turn::Act(Box::new(self.stage.clone()))
    }

    fn end(&mut self, azure_devops: &AzureDevOps, at: DateTime<Utc>) {
        self.ended = Some(at);
        let result = match self.concluded.as_ref().map(|concluded| concluded.outcome) {
            Some(Outcome::Passed) => BuildResult::Succeeded,
            Some(Outcome::Failed) => BuildResult::Failed,
            _ => BuildResult::Canceled,
        };
        azure_devops.with(|state| {
            if let Some(run) = state.runs.get_mut(&self.run) {
                run.completed(result);
                run.finish_time = Some(at);
            }
        });
    }
}

/// Opens a run again, for another attempt of its stage.
pub(crate) fn reopen(azure_devops: &AzureDevOps, run: u64) {
    azure_devops.with(|state| {
        if let Some(run) = state.runs.get_mut(&run) {
            run.status = BuildStatus::InProgress;
            run.result = None;
            run.finish_time = None;
        }
    });
}

/// A check as an administrator configures it by the guide.
pub(crate) fn configuration(
    name: &str,
    definition: &CheckDefinition,
    inputs: Vec<(String, String)>,
    target: Target,
) -> CheckConfiguration {
    let settings = settings(definition);
    let name = name.to_owned();
    let block = match settings.completion_event {
        CompletionEvent::Callback => HEADERS,
        CompletionEvent::ApiResponse => MINIMAL_HEADERS,
    };
    let headers = move |ids: &simulator::azure_devops::CheckIds| {
        let mut headers = expand(block, ids, &[]);
        headers.push(("Check".to_owned(), name.clone()));
        headers.extend(inputs.clone());
        if !headers.iter().any(|(name, _)| name == "BuildId") {
            headers.push(("BuildId".to_owned(), ids.build_id.to_string()));
        }
        headers
    };
    CheckConfiguration { headers: std::sync::Arc::new(headers), ..CheckConfiguration::new(target, settings) }
}

/// The settings that fit the definition.
pub(crate) fn settings(definition: &CheckDefinition) -> CheckSettings {
    let timeout = definition.timeout.delta();
    if definition.completion_event == checkgate::task::CompletionEvent::Callback {
        return CheckSettings::callback(timeout);
    }
    let interval = definition
        .reevaluate_every
        .map_or(TimeDelta::zero(), |every| every.bounds().first.delta().max(TimeDelta::minutes(1)));
    let longest = if interval.is_zero() { timeout } else { interval * MOST_EVALUATIONS };
    // An answer other than 200 is a negative decision like any other. The documentation leaves open whether it is final.
    CheckSettings {
        error_status: ErrorStatus::AskedAgain,
        ..CheckSettings::api_response(timeout.min(longest), interval)
    }
}
