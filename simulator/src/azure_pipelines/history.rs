//! What has happened to one check of a stage so far.

use chrono::{DateTime, Utc};

use super::criteria::is_met;
use super::settings::{CheckSettings, CompletionEvent, ErrorStatus};
use crate::azure_devops::{Plan, TaskResult};

/// The most evaluations of one check.
pub const MAX_EVALUATIONS: usize = 2000;

/// A check of a stage with its evaluations.
#[derive(Clone, Debug)]
pub struct CheckHistory {
    /// The check's settings.
    pub settings: CheckSettings,
    /// When the stage began to wait.
    pub begun: DateTime<Utc>,
    /// In order.
    pub evaluations: Vec<Evaluation>,
}

/// One evaluation: a delivery, its answer, and what ended it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// When Azure Pipelines called the function.
    pub begun: DateTime<Utc>,
    /// When the call ended.
    pub answered: DateTime<Utc>,
    /// Status of the answer. 0 without an answer.
    pub status: u16,
    /// Body of the answer.
    pub body: String,
    /// The first event that the session accepted: when it arrived, and its result.
    pub decision: Option<(DateTime<Utc>, String)>,
    /// When and how somebody else ended the check: by cancelling the run, or by bypassing the check.
    pub ended: Option<(DateTime<Utc>, TaskResult)>,
}

impl Evaluation {
    /// Reads what the check's plan knows: the accepted decision, or the end by somebody else.
    pub fn read(&mut self, plan: &Plan) {
        let accepted = plan.events.iter().find(|event| event.accepted);
        self.decision = accepted.map(|event| (event.at, event.result.clone()));
        let by_others = self.decision.is_none() && !plan.timed_out;
        self.ended = plan.finished.zip(plan.result).filter(|_| by_others);
    }
}

/// What one evaluation came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The check passes.
    Positive,
    /// The check does not pass, for this reason.
    Negative(String),
    /// The check fails whatever *Time between evaluations* says.
    Refused(String),
    /// An administrator let the stage pass.
    Bypassed,
    /// The run was cancelled, or another check failed.
    Canceled,
}

impl CheckHistory {
    /// A check without evaluations.
    pub fn new(settings: CheckSettings, begun: DateTime<Utc>) -> Self {
        Self { settings, begun, evaluations: Vec::new() }
    }

    /// A decision from this moment on does not count.
    pub fn deadline(&self) -> DateTime<Utc> {
        self.begun + self.settings.timeout
    }

    /// When Azure Pipelines calls the function next, as far as this check decides it.
    pub fn next_evaluation_at(&self) -> Option<DateTime<Utc>> {
        let Some(last) = self.evaluations.last() else {
            return Some(self.begun);
        };
        let (decided, verdict) = self.verdict(last)?;
        let is_valid_for_a_time = matches!(verdict, Verdict::Positive | Verdict::Negative(_));
        let next = decided + self.settings.time_between_evaluations;
        let again = self.settings.is_asked_again() && is_valid_for_a_time && self.evaluations.len() < MAX_EVALUATIONS;
        (again && next < self.deadline()).then_some(next)
    }

    /// How long a verdict is valid. `None`: for ever.
    pub(super) fn valid_until(&self, decided: DateTime<Utc>, verdict: &Verdict) -> Option<DateTime<Utc>> {
        let for_a_time = self.settings.is_asked_again() && *verdict == Verdict::Positive;
        for_a_time.then(|| decided + self.settings.time_between_evaluations)
    }

    /// When an evaluation was decided in time, and to what it came.
    pub(super) fn verdict(&self, evaluation: &Evaluation) -> Option<(DateTime<Utc>, Verdict)> {
        let verdict = match self.settings.completion_event {
            CompletionEvent::ApiResponse => Some((evaluation.answered, self.of_answer(evaluation))),
            CompletionEvent::Callback => of_callback(evaluation),
        };
        verdict.filter(|(at, _)| *at < self.deadline())
    }

    /// Whether this evaluation passes.
    pub(super) fn passes(&self, evaluation: &Evaluation) -> bool {
        matches!(self.verdict(evaluation), Some((_, Verdict::Positive)))
    }

    fn of_answer(&self, evaluation: &Evaluation) -> Verdict {
        if let Some(ended) =
            ended(evaluation).filter(|_| evaluation.ended.is_some_and(|(at, _)| at < evaluation.answered))
        {
            return ended;
        }
        if evaluation.status != 200 {
            let why = format!("the function answered with {}", status(evaluation.status));
            return match self.settings.error_status {
                ErrorStatus::Final => Verdict::Refused(why),
                ErrorStatus::AskedAgain => Verdict::Negative(why),
            };
        }
        match is_met(&self.settings.success_criteria, &evaluation.body) {
            Ok(true) => Verdict::Positive,
            Ok(false) => Verdict::Negative("the answer does not meet the success criteria".to_owned()),
            Err(why) => Verdict::Negative(format!("the success criteria cannot be evaluated: {why}")),
        }
    }
}

/// What an evaluation in Callback mode came to. A delivery that is refused is not delivered again.
fn of_callback(evaluation: &Evaluation) -> Option<(DateTime<Utc>, Verdict)> {
    if evaluation.status != 200 {
        let why = format!("the delivery was answered with {}", status(evaluation.status));
        return Some((evaluation.answered, Verdict::Refused(why)));
    }
    let Some((at, result)) = &evaluation.decision else {
        let (at, _) = evaluation.ended?;
        return Some((at, ended(evaluation)?));
    };
    let passes = ["succeeded", "succeededWithIssues"].contains(&result.as_str());
    let verdict = if passes { Verdict::Positive } else { Verdict::Negative(format!("the decision is {result}")) };
    Some(((*at).max(evaluation.answered), verdict))
}

fn ended(evaluation: &Evaluation) -> Option<Verdict> {
    let (_, result) = evaluation.ended?;
    Some(match result {
        TaskResult::Skipped | TaskResult::Succeeded | TaskResult::SucceededWithIssues => Verdict::Bypassed,
        TaskResult::Canceled | TaskResult::Abandoned => Verdict::Canceled,
        TaskResult::Failed => Verdict::Refused("somebody else ended the check as failed".to_owned()),
    })
}

fn status(status: u16) -> String {
    if status == 0 { "no answer in 20 seconds".to_owned() } else { format!("status {status}") }
}
