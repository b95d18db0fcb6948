//! Projects, and the lists of the resources that checks can protect.

use serde_json::{Value, json};

use super::answers::{Answer, Refusal};
use super::ask::{Ask, project};
use crate::azure_devops::state::{Project, Resource, ResourceKind, State};

/// One page of a list. The token of the next one is where it begins.
fn page(ask: &Ask<'_>, items: Vec<Value>, most: usize) -> Result<Answer, Refusal> {
    let top: usize = ask.query("$top").map_or(Ok(most), |top| ask.number(top))?;
    let from: usize = ask.query("continuationToken").map_or(Ok(0), |token| ask.number(token))?;
    let next = from + top.min(most);
    let continuation = (next < items.len()).then(|| next.to_string());
    let items = items.into_iter().skip(from).take(top.min(most)).collect();
    Ok(Answer::Page(items, continuation))
}

fn project_json(project: &Project, collection: &str) -> Value {
    json!({
        "id": project.id,
        "name": project.name,
        "url": format!("{collection}_apis/projects/{}", project.id),
        "state": "wellFormed",
        "revision": 11,
        "visibility": "private",
    })
}

pub(super) fn projects(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let projects = state.projects.iter().map(|project| project_json(project, state.url())).collect();
    page(ask, projects, state.page_size)
}

pub(super) fn one_project(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let project = project(state, ask)?;
    Ok(Answer::Json(project_json(project, state.url())))
}

fn of_kind<'a>(state: &'a State, ask: &Ask<'_>, kind: ResourceKind) -> Result<Vec<&'a Resource>, Refusal> {
    let project = project(state, ask)?;
    let mut found: Vec<_> =
        state.resources.iter().filter(|it| it.kind == kind && it.project_id == project.id).collect();
    found.sort_by_key(|it| it.name.to_lowercase());
    Ok(found)
}

fn in_json(resource: &Resource) -> Value {
    let id: Value = resource.id.parse::<u64>().map_or_else(|_| json!(resource.id), |number| json!(number));
    let mut shown = json!({"id": id, "name": resource.name});
    if let Some(url) = &resource.url {
        shown["url"] = json!(url);
        shown["type"] = json!("generic");
    }
    shown
}

fn one(state: &State, ask: &Ask<'_>, kind: ResourceKind) -> Result<Answer, Refusal> {
    let id = ask.path("id");
    let found = of_kind(state, ask, kind)?.into_iter().find(|it| it.id.eq_ignore_ascii_case(id));
    found.map(|it| Answer::Json(in_json(it))).ok_or_else(|| {
        Refusal::not_found("ResourceNotFoundException", format!("The {} {id} does not exist.", kind.word()))
    })
}

fn list(state: &mut State, ask: &Ask<'_>, kind: ResourceKind) -> Result<Answer, Refusal> {
    let found = of_kind(state, ask, kind)?;
    let named = found.into_iter().filter(|it| ask.query("name").is_none_or(|name| it.name.eq_ignore_ascii_case(name)));
    let answer = page(ask, named.map(in_json).collect(), state.page_size);
    delete_what_was_listed(state, kind);
    answer
}

/// A list that the service gives in one answer.
fn whole_list(state: &mut State, ask: &Ask<'_>, kind: ResourceKind) -> Result<Answer, Refusal> {
    let answer = Answer::List(of_kind(state, ask, kind)?.into_iter().map(in_json).collect());
    delete_what_was_listed(state, kind);
    Ok(answer)
}

fn delete_what_was_listed(state: &mut State, kind: ResourceKind) {
    let State { resources, deleted_once_listed, .. } = state;
    resources.retain(|it| it.kind != kind || !deleted_once_listed.contains(&(kind, it.check_id())));
}

pub(super) fn environments(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    list(state, ask, ResourceKind::Environment)
}

pub(super) fn environment(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    one(state, ask, ResourceKind::Environment)
}

pub(super) fn variable_groups(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    list(state, ask, ResourceKind::VariableGroup)
}

pub(super) fn variable_group(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    one(state, ask, ResourceKind::VariableGroup)
}

pub(super) fn endpoints(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    whole_list(state, ask, ResourceKind::Endpoint)
}

/// An endpoint that does not exist is `null`, not an error.
pub(super) fn endpoint(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    Ok(one(state, ask, ResourceKind::Endpoint).unwrap_or(Answer::Json(Value::Null)))
}

pub(super) fn repositories(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    whole_list(state, ask, ResourceKind::Repository)
}

pub(super) fn repository(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    one(state, ask, ResourceKind::Repository)
}

pub(super) fn secure_files(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    whole_list(state, ask, ResourceKind::SecureFile)
}

pub(super) fn secure_file(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    one(state, ask, ResourceKind::SecureFile)
}

pub(super) fn queues(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    whole_list(state, ask, ResourceKind::Queue)
}

pub(super) fn queue(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    one(state, ask, ResourceKind::Queue)
}
