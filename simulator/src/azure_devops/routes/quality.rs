//! Code coverage and test results of a run.

use serde_json::{Map, Value, json};

use super::answers::{Answer, Refusal};
use super::ask::{Ask, project};
use crate::azure_devops::state::{Coverage, CoverageStatistic, CoverageStatus, Run, State, TestResults};

fn run<'a>(state: &'a State, ask: &Ask<'_>) -> Result<&'a Run, Refusal> {
    let project = project(state, ask)?;
    let id = ask.query("buildId").ok_or_else(|| Refusal::model("The parameter buildId is missing."))?;
    let found = state.runs.get(&ask.number(id)?).filter(|run| run.project_id == project.id);
    found.ok_or_else(|| Refusal::not_found("TestObjectNotFoundException", format!("Build {id} was not found.")))
}

/// With `flags`, the modules of Visual Studio's format. Without `flags`, the summary of every tool.
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

impl Coverage {
    /// One entry of `coverageData` for each platform.
    fn data(&self) -> Vec<Value> {
        let mut platforms: Vec<&str> = Vec::new();
        for statistic in &self.statistics {
            if !platforms.contains(&statistic.platform.as_str()) {
                platforms.push(&statistic.platform);
            }
        }
        let times = if self.repeated { 2 } else { 1 };
        platforms.repeat(times).into_iter().map(|platform| self.platform(platform)).collect()
    }

    fn platform(&self, platform: &str) -> Value {
        let here = self.statistics.iter().filter(|statistic| statistic.platform == platform);
        let stats = here.enumerate().map(|(position, it)| {
            json!({"label": it.label, "position": position + 1, "total": it.total, "covered": it.covered, "isDeltaAvailable": false, "delta": 0.0})
        });
        json!({"coverageStats": stats.collect::<Vec<_>>(), "buildPlatform": platform, "buildFlavor": ""})
    }

    /// Modules of Visual Studio's format.
    fn modules(&self) -> Vec<Value> {
        let lines =
            self.statistics.iter().filter(|it| self.from_visual_studio && it.label.eq_ignore_ascii_case("lines"));
        let module = |it: &CoverageStatistic| {
            json!({"name": "fabrikam.dll", "statistics": {
                "blocksCovered": it.covered, "blocksNotCovered": it.total - it.covered,
                "linesCovered": it.covered, "linesNotCovered": it.total - it.covered, "linesPartiallyCovered": 0}})
        };
        lines.map(module).collect()
    }
}

impl TestResults {
    fn analysis(self) -> Value {
        let outcomes = [("Passed", self.passed), ("Failed", self.failed), ("NotExecuted", self.not_executed)];
        let by_outcome: Map<_, _> = outcomes
            .into_iter()
            .filter(|&(_, count)| count > 0)
            .map(|(outcome, count)| {
                (outcome.to_owned(), json!({"outcome": lower_first(outcome), "count": count, "duration": "00:00:01"}))
            })
            .collect();
        json!({
            "totalTests": self.passed + self.failed + self.not_executed,
            "duration": "00:00:01",
            "resultsByOutcome": by_outcome,
            "runSummaryByState": {"Completed": {"state": "completed", "runsCount": 1}},
        })
    }
}

fn lower_first(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_lowercase() + rest
}
