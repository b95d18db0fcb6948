//! Runs, which the REST interface calls builds.

use serde::Serialize;
use serde_json::{Value, json};

use super::answers::{Answer, Refusal};
use super::ask::{Ask, project};
use crate::azure_devops::state::{Artifact, Change, Plan, Project, Run, State, date};

/// The run that the path names, with its project.
pub(super) fn run<'a>(state: &'a State, ask: &Ask<'_>) -> Result<(&'a Project, &'a Run), Refusal> {
    let project = project(state, ask)?;
    let id = ask.number(ask.path("build"))?;
    let found = state.runs.get(&id).filter(|run| run.project_id == project.id);
    let run = found.ok_or_else(|| {
        Refusal::not_found("BuildNotFoundException", format!("The requested build {id} could not be found."))
    })?;
    Ok((project, run))
}

pub(super) fn get(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let (project, run) = run(state, ask)?;
    Ok(Answer::Json(run.to_json(project, state.url())))
}

/// Whether a value matches a filter. A filter is a list of words, separated by commas.
fn fits(value: &impl Serialize, filter: Option<&str>) -> bool {
    let word = json!(value);
    filter.is_none_or(|filter| {
        filter.split(',').any(|wanted| {
            wanted.eq_ignore_ascii_case("all") || word.as_str().is_some_and(|word| word.eq_ignore_ascii_case(wanted))
        })
    })
}

pub(super) fn list(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let project = project(state, ask)?;
    let top: usize = ask.query("$top").map_or(Ok(1000), |top| ask.number(top))?;
    let is_listed = |filter: Option<&str>, value: String| {
        filter.is_none_or(|filter| filter.split(',').any(|it| it.trim() == value))
    };
    let fitting = state.runs.values().rev().filter(|run| {
        run.project_id == project.id
            && is_listed(ask.query("definitions"), run.definition_id.to_string())
            && is_listed(ask.query("buildIds"), run.id.to_string())
            && ask.query("branchName").is_none_or(|branch| branch == run.source_branch)
            && ask.query("tagFilters").is_none_or(|tags| tags.split(',').all(|tag| run.tags.iter().any(|it| it == tag)))
            && fits(&run.status, ask.query("statusFilter"))
            && fits(&run.result, ask.query("resultFilter"))
            && fits(&run.reason, ask.query("reasonFilter"))
    });
    let from: usize = ask.query("continuationToken").map_or(Ok(0), |token| ask.number(token))?;
    let mut rest = fitting.skip(from);
    let page = rest.by_ref().take(top).map(|run| run.to_json(project, state.url())).collect();
    let next = rest.next().is_some().then(|| (from + top).to_string());
    Ok(Answer::Page(page, next))
}

/// The records by which the run page shows the checks of a run. Each gate of checks has one.
fn checkpoints(state: &State, run: &Run) -> Vec<Value> {
    let of_run = state.plans.values().filter(|plan| plan.build_id == run.id);
    let stage_of = |plan: &Plan| {
        let mut stages = run.timeline.iter().flatten().filter(|record| record.kind.as_deref() == Some("Stage"));
        stages.find(|stage| stage.identifier.is_some() && stage.identifier == plan.stage).map(|stage| stage.id)
    };
    let record = |plan: &Plan| {
        json!({
            "id": plan.job_id,
            "parentId": stage_of(plan),
            "type": "Checkpoint",
            "name": "Checkpoint",
            "startTime": date(plan.started),
            "finishTime": plan.finished.map(date),
            "state": if plan.is_waiting() { "inProgress" } else { "completed" },
            "result": plan.result,
            "attempt": 1,
            "previousAttempts": [],
        })
    };
    of_run.map(record).collect()
}

pub(super) fn timeline(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let (_, run) = run(state, ask)?;
    let wanted = ask.path("timeline");
    if !wanted.is_empty() && !wanted.eq_ignore_ascii_case(&run.timeline_id.to_string()) {
        return Err(Refusal::not_found(
            "TimelineNotFoundException",
            format!("No timeline found with identifier {wanted}."),
        ));
    }
    let Some(records) = &run.timeline else {
        return Ok(Answer::NoContent);
    };
    let records = records.iter().map(|record| json!(record)).chain(run.odd_records.iter().cloned());
    let records = records.chain(checkpoints(state, run));
    Ok(Answer::Json(json!({
        "records": records.collect::<Vec<Value>>(),
        "lastChangedBy": "00000002-0000-8888-8000-000000000000",
        "lastChangedOn": run.start_time.map(date),
        "id": run.timeline_id,
        "changeId": 1,
        "url": format!("{}{}/_apis/build/Builds/{}/Timeline", state.url(), run.project_id, run.id),
    })))
}

/// Of how many commits of a run the service lists the work items.
const COMMITS_LOOKED_AT: usize = 200;

fn reference(state: &State, id: u64) -> Value {
    json!({"id": id.to_string(), "url": format!("{}_apis/wit/workItems/{id}", state.url())})
}

pub(super) fn work_items(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let (_, run) = run(state, ask)?;
    let top: usize = ask.query("$top").map_or(Ok(usize::MAX), |top| ask.number(top))?;
    let mentioned = run.changes.iter().take(COMMITS_LOOKED_AT).filter_map(|it| state.commit_work_items.get(&it.id));
    let mut linked: Vec<u64> = run.work_items.iter().chain(mentioned.flatten()).copied().collect();
    linked.sort_unstable();
    linked.dedup();
    linked.retain(|_| run.is_in_own_repository());
    Ok(Answer::List(linked.into_iter().take(top).map(|id| reference(state, id)).collect()))
}

pub(super) fn work_items_of_commits(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let (_, run) = run(state, ask)?;
    let commits: Vec<String> = ask.json()?;
    let top: usize = ask.query("$top").map_or(Ok(usize::MAX), |top| ask.number(top))?;
    let mut linked = Vec::new();
    for commit in &commits {
        linked.extend(state.commit_work_items.get(commit).into_iter().flatten());
        if *commit == run.source_version {
            linked.extend(&run.work_items);
        }
    }
    linked.sort_unstable();
    linked.dedup();
    linked.retain(|_| run.is_in_own_repository());
    Ok(Answer::List(linked.into_iter().take(top).map(|id| reference(state, id)).collect()))
}

pub(super) fn changes(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let (_, run) = run(state, ask)?;
    let top: usize = ask.query("$top").map_or(Ok(50), |top| ask.number(top))?;
    Ok(Answer::List(run.changes.iter().take(top).map(Change::to_json).collect()))
}

pub(super) fn artifacts(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let (_, run) = run(state, ask)?;
    let Some(name) = ask.query("artifactName") else {
        return Ok(Answer::List(run.artifacts.iter().map(Artifact::to_json).collect()));
    };
    let found = run.artifacts.iter().find(|artifact| artifact.name.eq_ignore_ascii_case(name));
    found.map(|artifact| Answer::Json(artifact.to_json())).ok_or_else(|| {
        Refusal::not_found("ArtifactNotFoundException", format!("Artifact {name} was not found for build {}.", run.id))
    })
}

pub(super) fn tags(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let (_, run) = run(state, ask)?;
    Ok(Answer::List(run.tags.iter().map(|tag| json!(tag)).collect()))
}

impl Artifact {
    fn to_json(&self) -> Value {
        json!({"id": self.id, "name": self.name, "source": null, "resource": {"type": self.kind, "data": "", "properties": {}}})
    }
}

/// How many characters of a commit's message the list of changes shows.
const MAX_MESSAGE: usize = 255;

impl Change {
    fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "message": self.message.chars().take(MAX_MESSAGE).collect::<String>(),
            "messageTruncated": self.message.chars().count() > MAX_MESSAGE,
            "type": "TfsGit",
            "author": {"displayName": self.author},
            "timestamp": date(self.timestamp),
        })
    }
}

impl Run {
    fn is_in_own_repository(&self) -> bool {
        ["TfsGit", "TfsVersionControl"].contains(&self.repository_type.as_str())
    }

    fn to_json(&self, project: &Project, collection: &str) -> Value {
        let person = json!({"displayName": self.requested_for, "uniqueName": self.requested_for});
        let project_json =
            json!({"id": project.id, "name": project.name, "state": "wellFormed", "visibility": "private"});
        let mut build = json!({
            "id": self.id,
            "buildNumber": self.number,
            "status": self.status,
            "reason": self.reason,
            "sourceBranch": self.source_branch,
            "sourceVersion": self.source_version,
            "queueTime": date(self.queue_time),
            "requestedFor": person,
            "requestedBy": person,
            "definition": {"id": self.definition_id, "name": self.definition_name, "path": "\\", "type": "build", "queueStatus": "enabled", "revision": 3, "project": project_json},
            "project": project_json,
            "repository": {"id": self.repository_id, "type": self.repository_type, "name": self.repository},
            "triggerInfo": self.trigger_info,
            "tags": self.tags,
            "templateParameters": self.template_parameters,
            "orchestrationPlan": {"planId": self.timeline_id},
            "plans": [{"planId": self.timeline_id}],
            "priority": "normal",
            "uri": format!("vstfs:///Build/Build/{}", self.id),
            "url": format!("{collection}{}/_apis/build/Builds/{}", project.id, self.id),
            "validationResults": [],
        });
        // A value that is not known yet is left out. It is not null.
        let later = [
            ("result", self.result.map(|result| json!(result))),
            ("startTime", self.start_time.map(|at| json!(date(at)))),
            ("finishTime", self.finish_time.map(|at| json!(date(at)))),
        ];
        for (name, value) in later {
            if let Some(value) = value {
                build[name] = value;
            }
        }
        for name in &self.nulls {
            build[name.as_str()] = Value::Null;
        }
        build
    }
}
