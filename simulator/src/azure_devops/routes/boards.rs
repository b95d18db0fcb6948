//! Boards: work items, their states, and queries.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answers::{Answer, Refusal};
use super::ask::{Ask, project};
use crate::azure_devops::state::{State, WordOrNumber, WorkItem, date};

/// The most work items that one request may read.
const AT_ONCE: usize = 200;

/// The item, if it exists, belongs to the project in the path, and may be read. The service answers the same if any of
/// these is not so.
fn visible<'a>(state: &'a State, ask: &Ask<'_>, id: u64) -> Result<&'a WorkItem, Refusal> {
    let here = if ask.path("project").is_empty() { None } else { Some(&project(state, ask)?.name) };
    let found = state.work_items.get(&id).filter(|_| ask.sees_boards);
    found
        .filter(|item| here.is_none_or(|here| item.project.eq_ignore_ascii_case(here)))
        .ok_or_else(|| does_not_exist(id))
}

fn does_not_exist(id: u64) -> Refusal {
    let message = format!("TF401232: Work item {id} does not exist, or you do not have permissions to read it.");
    Refusal::not_found("WorkItemUnauthorizedAccessException", message)
}

fn names(list: &str) -> Vec<String> {
    list.split(',').map(|name| name.trim().to_owned()).collect()
}

/// The fields that a query asks for. A query may not ask for fields and expansion.
fn wanted_fields(ask: &Ask<'_>) -> Result<Option<Vec<String>>, Refusal> {
    let expands = ask.query("$expand").is_some_and(|expand| expand != "0" && !expand.eq_ignore_ascii_case("none"));
    if expands && ask.query("fields").is_some() {
        return Err(Refusal::bad_request(
            "ConflictingParametersException",
            "The expand parameter can not be used with the fields parameter.",
        ));
    }
    Ok(ask.query("fields").map(names))
}

pub(super) fn get(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let fields = wanted_fields(ask)?;
    let item = visible(state, ask, ask.number(ask.path("item"))?)?;
    Ok(Answer::Json(item.to_json(state.url(), fields.as_deref())))
}

/// Several items. By the policy, an item that cannot be read is null, or fails the whole request.
fn several(state: &State, ask: &Ask<'_>, batch: &Batch) -> Result<Answer, Refusal> {
    let ids = &batch.ids;
    if ids.len() > AT_ONCE {
        let message = format!("VS403474: You requested {} work items. The limit is {AT_ONCE}.", ids.len());
        return Err(Refusal::bad_request("VssPropertyValidationException", message));
    }
    let omit = batch.error_policy == ErrorPolicy::Omit;
    let as_of = |item: &WorkItem| batch.as_of.map_or_else(|| Some(item.clone()), |at| item.as_of(at));
    let seen = |id| visible(state, ask, id).and_then(|item| as_of(item).ok_or_else(|| does_not_exist(id)));
    let one = |&id: &u64| match seen(id) {
        Ok(item) => Ok(item.to_json(state.url(), batch.fields.as_deref())),
        Err(_) if omit => Ok(Value::Null),
        Err(refusal) => Err(refusal),
    };
    ids.iter().map(one).collect::<Result<_, _>>().map(Answer::List)
}

pub(super) fn list(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let fields = wanted_fields(ask)?;
    let ids = ask.query("ids").ok_or_else(|| Refusal::model("The ids of work items are missing."))?;
    let ids = names(ids).iter().map(|id| ask.number(id)).collect::<Result<Vec<u64>, _>>()?;
    let policy = ask.query("errorPolicy").map(|sent| WordOrNumber::of_query(&sent.to_lowercase()).try_into());
    let error_policy = policy.transpose().map_err(|why: String| Refusal::model(why))?.unwrap_or_default();
    several(state, ask, &Batch { ids, fields, expand: None, as_of: None, error_policy })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Batch {
    ids: Vec<u64>,
    fields: Option<Vec<String>>,
    #[serde(rename = "$expand")]
    expand: Option<String>,
    as_of: Option<DateTime<Utc>>,
    #[serde(default)]
    error_policy: ErrorPolicy,
}

/// What an item that cannot be read does to a list.
#[derive(Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", try_from = "WordOrNumber")]
enum ErrorPolicy {
    #[default]
    Fail,
    Omit,
}

impl TryFrom<WordOrNumber> for ErrorPolicy {
    type Error = String;

    fn try_from(sent: WordOrNumber) -> Result<Self, String> {
        sent.among(&[Self::Fail, Self::Omit], 1)
    }
}

pub(super) fn batch(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let batch: Batch = ask.json()?;
    if batch.fields.is_some() && batch.expand.as_ref().is_some_and(|expand| !expand.eq_ignore_ascii_case("none")) {
        return Err(Refusal::bad_request(
            "ConflictingParametersException",
            "The expand parameter can not be used with the fields parameter.",
        ));
    }
    several(state, ask, &batch)
}

pub(super) fn states(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let (project, kind) = (project(state, ask)?, ask.path("type"));
    let states = state.states(&project.name, kind).filter(|_| ask.sees_boards).ok_or_else(|| {
        let message = format!(
            "VS402323: Work item type {kind} does not exist in project {} or you do not have permission to access it.",
            project.name
        );
        Refusal::not_found("WorkItemTypeNotFoundException", message)
    })?;
    let shown = states.iter().map(|it| json!({"name": it.name, "color": "b2b2b2", "category": it.category}));
    Ok(Answer::List(shown.collect()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wiql {
    query: String,
}

pub(super) fn wiql(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    project(state, ask)?;
    let Wiql { query } = ask.json()?;
    let found = state.queries.get(&query).ok_or_else(|| {
        Refusal::bad_request("WorkItemTrackingQueryException", format!("TF51005: The query is not known here: {query}"))
    })?;
    let top: usize = ask.query("$top").map_or(Ok(usize::MAX), |top| ask.number(top))?;
    if found.len() > state.query_size_limit && top > state.query_size_limit {
        let message = format!(
            "VS402337: The number of work items returned exceeds the size limit of {}. Change the query to return fewer items.",
            state.query_size_limit
        );
        return Err(Refusal::bad_request("WorkItemTrackingQueryResultSizeLimitExceededException", message));
    }
    let items = found.iter().filter(|_| ask.sees_boards).take(top);
    let items: Vec<_> =
        items.map(|id| json!({"id": id, "url": format!("{}_apis/wit/workItems/{id}", state.url())})).collect();
    Ok(Answer::Json(json!({
        "queryType": "flat",
        "queryResultType": "workItem",
        "asOf": date(ask.now),
        "columns": [{"referenceName": "System.Id", "name": "ID"}],
        "sortColumns": [],
        "workItems": items,
    })))
}

impl WorkItem {
    /// The work item in JSON, with only these fields if any are named.
    fn to_json(&self, collection: &str, only: Option<&[String]>) -> Value {
        let mut fields = self.fields.clone();
        fields.insert("System.TeamProject".to_owned(), json!(self.project));
        fields.insert("System.WorkItemType".to_owned(), json!(self.kind));
        fields.insert("System.State".to_owned(), json!(self.state));
        fields.insert("System.Title".to_owned(), json!(self.title));
        if let Some(only) = only {
            fields.retain(|name, _| only.iter().any(|wanted| wanted.eq_ignore_ascii_case(name)));
        }
        json!({"id": self.id, "rev": self.rev, "fields": fields, "url": format!("{collection}_apis/wit/workItems/{}", self.id)})
    }
}
