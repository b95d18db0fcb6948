//! Code coverage and test results of a run.

use serde_json::json;

use super::answers::{Answer, Refusal};
use super::ask::{Ask, project};
use crate::azure_devops::state::{Coverage, CoverageStatus, Run, State};

fn run<'a>(state: &'a State, ask: &Ask<'_>) -> Result<&'a Run, Refusal> {
    let project = project(state, ask)?;
    let id = ask.query("buildId").ok_or_else(|| Refusal::model("The parameter buildId is missing."))?;
    let found = state.runs.get(&ask.number(id)?).filter(|run| run.project_id == project.id);
    found.ok_or_else(|| Refusal::not_found("TestObjectNotFoundException", format!("Build {id} was not found.")))
}

/// With `flags`, modules of Visual Studio's format; without, the summary of every tool.
pub(super) fn coverage(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let run = run(state, ask)?;
    if ask.query("flags").is_some() {
        let modules = run.coverage.as_ref().map_or_else(Vec::new, Coverage::modules);
        let coverage = (!modules.is_empty()).then(|| json!({"state": "0", "lastError": null, "modules": modules}));
        return Ok(Answer::List(coverage.into_iter().collect()));
    }
    let status = run.coverage.as_ref().map_or(CoverageStatus::None, |coverage| coverage.status);
    Ok(Answer::Json(json!({
        "coverageData": run.coverage.as_ref().map_or_else(Vec::new, Coverage::data),
        "build": {"id": run.id.to_string(), "url": format!("{}_apis/build/Builds/{}", state.url(), run.id)},
        "deltaBuild": null,
        "status": status,
        "coverageDetailedSummaryStatus": "none",
    })))
}

pub(super) fn test_summary(state: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let (project, run) = (project(state, ask)?, run(state, ask)?);
    let tests = run.tests.unwrap_or_default();
    let runs = u8::from(run.tests.is_some());
    Ok(Answer::Json(json!({
        "aggregatedResultsAnalysis": tests.analysis(),
        "testFailures": {"newFailures": {"count": tests.failed, "testResults": []}},
        "teamProject": {"id": project.id, "name": project.name},
        "totalRunsCount": runs,
        "noConfigRunsCount": runs,
    })))
}
