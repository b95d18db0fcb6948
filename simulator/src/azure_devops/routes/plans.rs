//! Plans of checks: decisions and logs.

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::answers::{Answer, Refusal};
use super::ask::Ask;
use crate::azure_devops::state::{
    Event, EventStatus, LateEvent, LateWrite, Log, Plan, PlanState, State, TaskResult, date,
};

const EVENTS: [&str; 6] = ["JobAssigned", "JobStarted", "JobCompleted", "TaskAssigned", "TaskStarted", "TaskCompleted"];

/// The plan that the path names. Project, hub and id must all match.
pub(super) fn plan<'a>(state: &'a mut State, ask: &Ask<'_>) -> Result<&'a mut Plan, Refusal> {
    let id = guid(ask.path("plan"))?;
    let project = guid(ask.path("project"))?;
    let found = state.plans.get_mut(&id);
    let fitting =
        found.filter(|plan| plan.project_id == project && plan.hub_name.eq_ignore_ascii_case(ask.path("hub")));
    fitting.ok_or_else(|| {
        Refusal::not_found("TaskOrchestrationPlanNotFoundException", format!("No plan found for identifier {id}."))
    })
}

/// The plan that the path names, if it accepts writes.
pub(super) fn writable_plan<'a>(state: &'a mut State, ask: &Ask<'_>) -> Result<&'a mut Plan, Refusal> {
    let refuses_late_writes = state.late_write == LateWrite::Refused;
    let plan = plan(state, ask)?;
    if plan.state == PlanState::Completed && refuses_late_writes {
        let message = format!("The orchestration plan {} has already terminated.", plan.id);
        return Err(Refusal::bad_request("TaskOrchestrationPlanTerminatedException", message));
    }
    Ok(plan)
}

pub(super) fn guid(text: &str) -> Result<Uuid, Refusal> {
    Uuid::try_parse(text).map_err(|_| Refusal::model(format!("The value '{text}' is not valid for Guid.")))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PlanEvent {
    name: String,
    job_id: Uuid,
    task_id: Option<Uuid>,
    result: Option<TaskResult>,
}

pub(super) fn post_event(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let (late_event, event_status) = (state.late_event, state.event_status);
    let plan = plan(state, ask)?;
    let event: PlanEvent = ask.json()?;
    if !EVENTS.contains(&event.name.as_str()) {
        return Err(Refusal::model(format!("'{}' is not an event. Names are case-sensitive.", event.name)));
    }
    let fits =
        event.job_id == plan.job_id && (event.task_id == Some(plan.task_instance_id) || event.name.starts_with("Job"));
    let accepted = fits && plan.is_waiting() && plan.awaits_callback;
    if event.name == "TaskCompleted" {
        let result = event.result.ok_or_else(|| Refusal::model("A TaskCompleted event needs its result."))?;
        plan.events.push(Event { at: ask.now, result: result.as_str().to_owned(), accepted });
        if accepted {
            plan.complete(result, ask.now);
        }
    }
    match (accepted, late_event, event_status) {
        (false, LateEvent::SessionNotFound, _) => Err(session_not_found(plan)),
        (true, _, EventStatus::Ok) => Ok(Answer::Empty),
        _ => Ok(Answer::NoContent),
    }
}

fn session_not_found(plan: &Plan) -> Refusal {
    let message = format!(
        "The orchestration session {}_{}_{} not found for hub {}.",
        plan.id, plan.job_id, plan.task_instance_id, plan.hub_name
    );
    Refusal::exception(StatusCode::INTERNAL_SERVER_ERROR, "OrchestrationSessionNotFoundException", message)
}

pub(super) fn get_plan(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let collection = state.url().to_owned();
    Ok(Answer::Json(plan(state, ask)?.to_json(&collection)))
}

/// What a client sends to create a log. Only the path is used.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "names what a client may send; only the path is used")]
struct NewLog {
    path: String,
    id: Option<i64>,
    location: Option<String>,
    created_on: Option<String>,
    last_changed_on: Option<String>,
    line_count: Option<u64>,
    index_location: Option<String>,
}

pub(super) fn create_log(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let rule = state.create_log;
    let plan = writable_plan(state, ask)?;
    let NewLog { path, .. } = ask.json()?;
    if path.is_empty() {
        return Err(Refusal::model("The path of a log must not be empty."));
    }
    Ok(Answer::Json(plan.create_log(&path, rule, ask.now).to_json()))
}

pub(super) fn append_log(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let log = log(writable_plan(state, ask)?, ask)?;
    let text = std::str::from_utf8(ask.body).map_err(Refusal::model)?;
    log.text.push_str(text);
    log.last_changed_on = ask.now;
    Ok(Answer::Json(log.to_json()))
}

pub(super) fn get_log(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let log = log(plan(state, ask)?, ask)?;
    let first: usize = ask.query("startLine").map_or(Ok(0), |line| ask.number(line))?;
    let last: usize = ask.query("endLine").map_or(Ok(usize::MAX), |line| ask.number(line))?;
    let lines = log.text.lines().enumerate().filter(|(line, _)| (first..=last).contains(line));
    Ok(Answer::List(lines.map(|(_, text)| json!(text)).collect::<Vec<Value>>()))
}

pub(super) fn list_logs(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    Ok(Answer::List(plan(state, ask)?.logs.iter().map(Log::to_json).collect()))
}

fn log<'a>(plan: &'a mut Plan, ask: &Ask<'_>) -> Result<&'a mut Log, Refusal> {
    let id = ask.number(ask.path("log"))?;
    plan.log(id).ok_or_else(|| {
        Refusal::not_found("TaskOrchestrationPlanLogNotFoundException", format!("Log {id} was not found."))
    })
}

impl Log {
    fn line_count(&self) -> usize {
        self.text.lines().count()
    }

    fn to_json(&self) -> Value {
        json!({
            "path": self.path,
            "lineCount": self.line_count(),
            "createdOn": date(self.created_on),
            "lastChangedOn": date(self.last_changed_on),
            "id": self.id,
            "location": null,
        })
    }
}

impl Plan {
    fn to_json(&self, collection: &str) -> Value {
        let state = match self.state {
            PlanState::InProgress => "inProgress",
            PlanState::Completed => "completed",
        };
        json!({
            "scopeIdentifier": self.project_id,
            "planType": self.hub_name,
            "version": 20,
            "planId": self.id,
            "planGroup": format!("Checks:{}", self.build_id),
            "artifactUri": format!("vstfs:///Pipelines/Checks/{}", self.id),
            "owner": {"id": self.build_id, "name": self.build_id.to_string()},
            "startTime": date(self.started),
            "finishTime": self.finished.map(date),
            "state": state,
            "result": self.result,
            "timeline": {
                "id": self.timeline_id,
                "changeId": self.change_id,
                "location": format!("{collection}{}/_apis/distributedtask/hubs/{}/plans/{}/timelines/{}", self.project_id, self.hub_name, self.id, self.timeline_id),
            },
        })
    }
}
