//! Timelines of checks: records and live console lines.

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::answers::{Answer, Refusal};
use super::ask::Ask;
use super::plans::{guid, plan, writable_plan};
use crate::azure_devops::state::{Plan, State, TimelineRecord, UpdateAnswer};

/// The wrapper around a list in a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrapper<T> {
    count: usize,
    value: Vec<T>,
}

pub(super) fn get_records(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let plan = plan(state, ask)?;
    same_timeline(plan, ask)?;
    let since: i64 = ask.query("changeId").map_or(Ok(0), |id| ask.number(id))?;
    let changed = plan.records.iter().filter(|record| record.change_id.unwrap_or_default() > since);
    let mut records: Vec<_> = changed.map(shown).collect::<Result<_, _>>()?;
    if since == 0 {
        records.extend(plan.odd_records.iter().cloned());
    }
    Ok(Answer::List(records))
}

/// A timeline, with its records if they are asked for.
pub(super) fn get(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let plan = plan(state, ask)?;
    same_timeline(plan, ask)?;
    let records = plan.records.iter().map(shown).collect::<Result<Vec<_>, _>>()?;
    let mut timeline = json!({ "id": plan.timeline_id, "changeId": plan.change_id });
    if ask.query("includeRecords").is_some_and(|wanted| wanted.eq_ignore_ascii_case("true")) {
        timeline["records"] = Value::Array(records);
    }
    Ok(Answer::Json(timeline))
}

pub(super) fn list(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let plan = plan(state, ask)?;
    Ok(Answer::List(vec![json!({ "id": plan.timeline_id, "changeId": plan.change_id })]))
}

pub(super) fn update_records(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let (answer, stores_variables) = (state.update_answer, state.stores_variables);
    let plan = writable_plan(state, ask)?;
    same_timeline(plan, ask)?;
    let Wrapper { count, value: mut updates } = ask.json::<Wrapper<TimelineRecord>>()?;
    if count != updates.len() {
        return Err(Refusal::model(format!("The count is {count}, but there are {} records.", updates.len())));
    }
    updates.iter().try_for_each(|update| acceptable(plan, update))?;
    let created = updates.iter().map(|update| update.id).filter(|id| plan.record(*id).is_none());
    let created: Vec<_> = created.collect();
    plan.client_records.extend(created);
    let written: Vec<Vec<String>> = updates.iter().map(|update| update.variable_names()).collect();
    if !stores_variables {
        updates.iter_mut().for_each(|update| update.variables = None);
    }
    let merged = updates.into_iter().map(|update| shown(plan.upsert(update, ask.now)));
    let mut merged: Vec<Value> = merged.collect::<Result<_, _>>()?;
    match answer {
        UpdateAnswer::WholeRecords => {}
        UpdateAnswer::WithoutVariables => merged.iter_mut().for_each(|record| record["variables"] = Value::Null),
        UpdateAnswer::OnlyWhatWasWritten => {
            merged.iter_mut().zip(&written).for_each(|(record, names)| keep_variables(record, names));
        }
        UpdateAnswer::Nothing => merged.clear(),
    }
    Ok(Answer::List(merged))
}

fn keep_variables(record: &mut Value, names: &[String]) {
    if let Some(variables) = record["variables"].as_object_mut() {
        variables.retain(|name, _| names.iter().any(|kept| kept.eq_ignore_ascii_case(name)));
    }
}

fn acceptable(plan: &Plan, update: &TimelineRecord) -> Result<(), Refusal> {
    let known = plan.record(update.id).is_some();
    let complete = update.kind.is_some() && update.name.is_some() && update.parent_id.is_some();
    let has_parent = update.parent_id.is_none_or(|parent| plan.record(parent).is_some());
    let log_exists = |id| plan.logs.iter().any(|log| log.id == id);
    let problem = if !known && !complete {
        "a new record needs its type, name and parentId"
    } else if !has_parent {
        "its parentId is not a record of the timeline"
    } else if update.percent_complete.is_some_and(|percent| percent > 100) {
        "percentComplete is more than 100"
    } else if update.log.as_ref().is_some_and(|log| !log_exists(log.id)) {
        "it refers to a log that does not exist"
    } else {
        return Ok(());
    };
    let message = format!("The timeline record {} cannot be updated: {problem}.", update.id);
    Err(Refusal::bad_request("TimelineRecordUpdateException", message))
}

fn same_timeline(plan: &Plan, ask: &Ask<'_>) -> Result<(), Refusal> {
    let id = guid(ask.path("timeline"))?;
    if id == plan.timeline_id {
        return Ok(());
    }
    Err(Refusal::not_found(
        "TimelineNotFoundException",
        format!("No timeline found for plan {} with identifier {id}.", plan.id),
    ))
}

fn shown(record: &TimelineRecord) -> Result<Value, Refusal> {
    serde_json::to_value(record.shown()).map_err(Refusal::model)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "names what a client may send; only the lines are used")]
struct FeedLines {
    count: usize,
    value: Vec<String>,
    step_id: Option<Uuid>,
    start_line: Option<u64>,
    end_line: Option<u64>,
}

pub(super) fn append_feed(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let plan = writable_plan(state, ask)?;
    same_timeline(plan, ask)?;
    let record = guid(ask.path("record"))?;
    if plan.record(record).is_none() {
        return Err(Refusal::not_found(
            "TimelineRecordNotFoundException",
            format!("No record found with identifier {record}."),
        ));
    }
    let lines: FeedLines = ask.json()?;
    if lines.count != lines.value.len() {
        return Err(Refusal::model(format!("The count does not fit: {}", json!(lines.value))));
    }
    plan.feed.extend(lines.value);
    Ok(Answer::NoContent)
}
