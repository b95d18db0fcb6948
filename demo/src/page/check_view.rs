//! One check as the page shows it: what Azure DevOps was sent about it, and what Azure Pipelines makes of that.

use chrono::{DateTime, Utc};
use serde::Serialize;
use simulator::azure_devops::{CheckIds, Plan, State, TaskResult};
use simulator::azure_pipelines::{CheckHistory, CompletionEvent, Conclusion, Outcome, Standing, standing};

use super::log_reader::{self, ConditionLine, MetricTable};

/// How many of the last lines of a log are sent to the page.
const LOG_LINES: usize = 300;

/// The log of an ApiResponse check and of its answers is short.
const SHOWN_BODY: usize = 4_000;

/// A check of the stage.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CheckView {
    id: String,
    name: String,
    completion: &'static str,
    /// `waiting`, `passed`, `bypassed`, `failed`, `canceled` or `skipped`.
    pub(crate) status: &'static str,
    why: String,
    could_not_find_out: bool,
    operation: String,
    delivered: Option<DateTime<Utc>>,
    deadline: DateTime<Utc>,
    next_look: Option<DateTime<Utc>>,
    evaluations: Vec<DateTime<Utc>>,
    delivery: Option<DeliveryView>,
    conditions: Vec<ConditionLine>,
    metric: Option<MetricTable>,
    log: Vec<String>,
    log_lines: usize,
    decisions: Vec<DecisionView>,
    pub(crate) next_opening: Option<DateTime<Utc>>,
    can_be_bypassed: bool,
}

#[derive(Debug, Serialize)]
struct DeliveryView {
    url: String,
    status: u16,
    body: String,
}

#[derive(Debug, Serialize)]
struct DecisionView {
    at: DateTime<Utc>,
    result: String,
    accepted: bool,
}

impl CheckView {
    /// Why a check that failed did so: the first condition that is not met, as Azure DevOps was sent it.
    pub(crate) fn failure(&self) -> Option<String> {
        if self.status != "failed" {
            return None;
        }
        let is_failed = |it: &&ConditionLine| it.status == "failed" && !it.found.is_empty();
        Some(match self.conditions.iter().find(is_failed) {
            Some(unmet) => format!(
                "The check {} failed: {}. Found: {}.",
                self.name,
                unmet.title,
                unmet.found.trim_end_matches('.')
            ),
            None => self.why.replacen("The check", &format!("The check {}", self.name), 1),
        })
    }
}

/// A check with everything that happened to it.
pub(crate) struct Source<'a> {
    pub(crate) name: &'a str,
    pub(crate) url: &'a str,
    pub(crate) ids: Option<&'a CheckIds>,
    pub(crate) history: &'a CheckHistory,
    pub(crate) conclusion: &'a Conclusion,
}

impl Source<'_> {
    /// How the check stands, in the page's words, and why.
    fn status(&self, now: DateTime<Utc>) -> (&'static str, String) {
        let over = self.conclusion.outcome != Outcome::Waiting;
        let at = if over { self.conclusion.at } else { now };
        match standing(self.history, at) {
            Standing::Passes => match self.bypassed() {
                Some(at) => ("bypassed", format!("Bypassed at {}. checkgate did not decide.", at.format("%H:%M:%S"))),
                None => ("passed", String::new()),
            },
            Standing::Failed(why) => ("failed", why),
            Standing::TimedOut(why) => ("skipped", why),
            Standing::Waiting(why) if !over => ("waiting", why),
            Standing::Canceled | Standing::Waiting(_) => ("canceled", self.why_undecided().to_owned()),
        }
    }

    /// When an administrator let the check pass.
    fn bypassed(&self) -> Option<DateTime<Utc>> {
        let (at, result) = self.history.evaluations.last()?.ended?;
        (result == TaskResult::Skipped).then_some(at)
    }

    fn why_undecided(&self) -> &'static str {
        match self.conclusion.outcome {
            Outcome::Canceled => "The run was canceled before this check decided.",
            _ => "The stage was decided without this check.",
        }
    }

    fn is_polled(&self) -> bool {
        self.history.settings.completion_event == CompletionEvent::ApiResponse
    }

    /// The check, as it is now.
    pub(crate) fn view(&self, state: &State, now: DateTime<Utc>) -> CheckView {
        let (status, why) = self.status(now);
        let last = self.history.evaluations.last();
        let plan = self.ids.and_then(|ids| state.plan(ids));
        let log = self.ids.map(|ids| state.log_text(ids)).unwrap_or_default();
        let operation = self.ids.and_then(|ids| state.timeline_record(ids)?.current_operation).unwrap_or_default();
        let body = last.map_or("", |last| last.body.as_str());
        let conditions =
            if self.is_polled() { log_reader::conditions_of_answer(body) } else { log_reader::conditions(&log) };
        let is_waiting = status == "waiting";
        let next_look =
            if self.is_polled() { self.history.next_evaluation_at() } else { log_reader::next_look(&operation, &log) };
        let next_opening = log_reader::next_opening(&conditions).filter(|_| is_waiting);
        let lines: Vec<String> = log.lines().map(str::to_owned).collect();
        CheckView {
            id: self.ids.map(|ids| ids.plan_id.to_string()).unwrap_or_default(),
            name: self.name.to_owned(),
            completion: if self.is_polled() { "ApiResponse" } else { "Callback" },
            status,
            why,
            could_not_find_out: is_waiting && log_reader::could_not_find_out(&operation),
            operation,
            delivered: last.map(|last| last.begun),
            deadline: self.history.deadline(),
            next_look: next_look.filter(|_| is_waiting),
            evaluations: self.evaluations(plan),
            delivery: last.map(|last| DeliveryView {
                url: self.url.to_owned(),
                status: last.status,
                body: last.body.chars().take(SHOWN_BODY).collect(),
            }),
            conditions,
            metric: log_reader::metric(&log),
            log_lines: lines.len(),
            log: lines[lines.len().saturating_sub(LOG_LINES)..].to_vec(),
            decisions: plan.map_or_else(Vec::new, decisions),
            next_opening,
            can_be_bypassed: is_waiting && plan.is_some_and(|plan| plan.awaits_callback && plan.is_waiting()),
        }
    }

    /// When it was evaluated: every answer, or every line of the record that is not the first one.
    fn evaluations(&self, plan: Option<&Plan>) -> Vec<DateTime<Utc>> {
        if self.is_polled() {
            return self.history.evaluations.iter().map(|evaluation| evaluation.answered).collect();
        }
        let Some(plan) = plan else { return Vec::new() };
        plan.operations.iter().filter(|(_, text)| !text.ends_with(" is evaluated")).map(|(at, _)| *at).collect()
    }
}

fn decisions(plan: &Plan) -> Vec<DecisionView> {
    let view = |event: &simulator::azure_devops::Event| DecisionView {
        at: event.at,
        result: event.result.clone(),
        accepted: event.accepted,
    };
    plan.events.iter().map(view).collect()
}
