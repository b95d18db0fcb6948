//! Logs of runs, and pipelines: what a person reads on the run page.

use serde_json::{Value, json};

use super::answers::{Answer, Refusal};
use super::ask::{Ask, project};
use super::build::run;
use crate::azure_devops::state::{Run, State, date};

/// The lines of each log: one log for each task.
fn logs(run: &Run) -> Vec<Vec<String>> {
    let tasks = run.timeline.iter().flatten().filter(|record| record.kind.as_deref() == Some("Task"));
    let lines = |name: &str| vec![format!("##[section]Starting: {name}"), format!("##[section]Finishing: {name}")];
    tasks.map(|record| lines(record.name.as_deref().unwrap_or_default())).collect()
}

pub(super) fn list(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let (_, run) = run(state, ask)?;
    let shown = |(index, lines): (usize, Vec<String>)| {
        let at = run.start_time.map(date);
        let url = format!("{}{}/_apis/build/builds/{}/logs/{}", state.url(), run.project_id, run.id, index + 1);
        json!({ "id": index + 1, "type": "Container", "lineCount": lines.len(), "createdOn": at, "lastChangedOn": at, "url": url })
    };
    Ok(Answer::List(logs(run).into_iter().enumerate().map(shown).collect()))
}

pub(super) fn lines(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let (_, run) = run(state, ask)?;
    let id: usize = ask.number(ask.path("log"))?;
    let log = id.checked_sub(1).and_then(|index| logs(run).into_iter().nth(index));
    let log = log.ok_or_else(|| Refusal::not_found("BuildLogNotFoundException", format!("Log {id} was not found.")))?;
    Ok(Answer::List(log.into_iter().map(Value::from).collect()))
}

/// The pipeline of a run. Pipelines without runs do not exist here.
pub(super) fn definition(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let project = project(state, ask)?;
    let id: u64 = ask.number(ask.path("definition"))?;
    let run = state.runs.values().find(|run| run.project_id == project.id && run.definition_id == id);
    let run = run.ok_or_else(|| {
        Refusal::not_found("DefinitionNotFoundException", format!("The requested definition {id} could not be found."))
    })?;
    Ok(Answer::Json(json!({
        "id": id, "name": run.definition_name, "path": "\\", "type": "build", "queueStatus": "enabled", "revision": 3,
        "project": { "id": project.id, "name": project.name },
        "repository": { "id": run.repository_id, "type": run.repository_type, "name": run.repository },
        "process": { "yamlFilename": "azure-pipelines.yml", "type": 2 },
    })))
}
