//! The use cases: those of the guide and some more, each with its checks and the control that decides it, or each check of
//! a file.

use serde::Serialize;
use serde_json::{Value, json};

use crate::checks::Checks;

/// Something to try with one click.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UseCase {
    /// Identifies it in an action.
    pub(crate) id: String,
    /// A few words for its button.
    pub(crate) title: String,
    /// What the guide calls it. May be empty.
    pub(crate) guide: String,
    /// What to do, as a sentence.
    pub(crate) hint: String,
    /// The checks that guard the stage.
    pub(crate) checks: Vec<String>,
    /// The control, or part of the machinery, that decides it.
    pub(crate) key: String,
    /// The values of controls that differ from their defaults.
    #[serde(skip)]
    pub(crate) given: Vec<(String, Value)>,
    /// Whether the stage is reached outside office hours.
    #[serde(skip)]
    pub(crate) begins_closed: bool,
}

/// Title, what the guide calls it, what to do, checks, key.
type Row = (&'static str, &'static str, &'static str, &'static [&'static str], &'static str);

/// What the use cases are called that the guide does not have.
const MORE: &str = "What teams gate on";

const ROWS: &[Row] = &[
    (
        "Work item",
        "Advanced example",
        "The check waits, because work item 42 is still active. Close it, and watch the next evaluation let the stage run.",
        &["work-item-completed"],
        "workItem:42",
    ),
    (
        "CmdLine task",
        "Basic example",
        "The run has executed a CmdLine task, so the check lets the stage run. Leave the task out and start a new run: the stage fails.",
        &["cmdline-executed"],
        "task:CmdLine",
    ),
    (
        "Change information",
        "External information must be correct",
        "The change request has a wrong category, so the check fails at once. Set it to Software, then rerun the stage.",
        &["change-information"],
        "change:CHG0030001:category",
    ),
    (
        "Change approval",
        "External approval must be granted",
        "The check waits for somebody to decide on the change request. Approve or reject it.",
        &["change-approved"],
        "change:CHG0030001:approval",
    ),
    (
        "Code coverage",
        "Development process was followed",
        "The tests cover exactly 80 %, and the check demands more. Cover 81 %, then start a new run.",
        &["code-coverage"],
        "coverage:Lines",
    ),
    (
        "Canary",
        "Performance criteria must be met",
        "The check looks at the canary's error rate three times, and allows one bad measurement. Bend the rate above 0.05, once or twice.",
        &["canary-performance"],
        "metric:canary_error_rate",
    ),
    (
        "Reason",
        "Deployment reason must be valid",
        "Azure Pipelines reads the decision from the answer (ApiResponse). A push started this run, so the answer is no. Set the reason to Manual, then start a new run.",
        &["manual-run"],
        "reason",
    ),
    (
        "Asked again",
        "ApiResponse with retries",
        "Azure Pipelines asks again every two minutes until the answer meets its success criteria, at most ten times. Give the tag, and watch the next answer.",
        &["release-tag"],
        "tag:release",
    ),
    (
        "Office hours",
        "A window",
        "Nobody is at work, so the check waits for the next morning. Move the clock to the opening.",
        &["office-hours"],
        "clock",
    ),
    (
        "Several checks",
        "Multiple checks",
        "Three checks guard the stage, and all of them must pass. Close the work item and approve the change.",
        &["work-item-completed", "change-approved", "canary-performance"],
        "workItem:42",
    ),
    (
        "Quality gate",
        MORE,
        "SonarQube has not analysed the run's commit yet, so the check waits. Let the quality gate pass, or fail.",
        &["quality-gate"],
        "sonar:web",
    ),
    (
        "Jira issue",
        MORE,
        "A commit of the run names WEB-12, which is in progress, so the check waits. Set the issue to Done.",
        &["issues-done"],
        "jira:WEB-12",
    ),
    (
        "Security alert",
        MORE,
        "The run has scanned its commit, and its branch has an open alert of high severity, so the check waits. Fix the alert.",
        &["no-alerts"],
        "alert:code",
    ),
    (
        "Change freeze",
        MORE,
        "An event of the freeze calendar is on, so the check waits. End it, or move the clock.",
        &["no-freeze"],
        "freeze:freezes/production.ics",
    ),
    (
        "Other pipeline",
        MORE,
        "The run of pipeline 7 with the same commit has not ended, so the check waits. Let it succeed.",
        &["staging-run"],
        "pipeline:7",
    ),
    (
        "Newer run",
        MORE,
        "The check waits for work item 42. Queue a newer run of the pipeline: then this one fails, and names the newer one.",
        &["newest-run"],
        "newerRun",
    ),
    (
        "Slack and Teams",
        "",
        "Slack, Teams and a receiver of events are told below that the check waits, that its time is nearly over, and what was decided. Close the work item, or wait.",
        &["announced"],
        "workItem:42",
    ),
    (
        "Outage",
        "",
        "Let Azure DevOps fail for 3 minutes while the check waits. Then close the work item: the decision comes late, and only once.",
        &["work-item-completed"],
        "azureDevOps",
    ),
    (
        "Killed handler",
        "",
        "Kill the handler while the check waits, as often as you like. Then close the work item: nothing is lost.",
        &["work-item-completed"],
        "handler",
    ),
];

/// Where a use case begins otherwise than by default.
fn given(title: &str) -> Vec<(String, Value)> {
    let given: &[(&str, Value)] = match title {
        "Change information" => &[("change:CHG0030001:category", json!("Hardware"))],
        "Code coverage" => &[("coverage:Lines", json!(80))],
        "Reason" => &[("reason", json!("IndividualCI"))],
        _ => &[],
    };
    given.iter().map(|(id, value)| ((*id).to_owned(), value.clone())).collect()
}

/// The use cases of these checks.
pub(crate) fn use_cases(checks: &Checks) -> Vec<UseCase> {
    if checks.own_file.is_some() { of_file(checks) } else { ROWS.iter().map(of_guide).collect() }
}

fn of_guide((title, guide, hint, checks, key): &Row) -> UseCase {
    UseCase {
        id: title.to_lowercase().replace(' ', "-"),
        title: (*title).to_owned(),
        guide: (*guide).to_owned(),
        hint: (*hint).to_owned(),
        checks: checks.iter().map(|check| (*check).to_owned()).collect(),
        key: (*key).to_owned(),
        given: given(title),
        begins_closed: *title == "Office hours",
    }
}

fn of_file(checks: &Checks) -> Vec<UseCase> {
    let names: Vec<String> = checks.definitions().keys().cloned().collect();
    let own = |(name, hint): (String, String), checks: Vec<String>| UseCase {
        id: name.clone(),
        title: name,
        guide: String::new(),
        hint,
        checks,
        key: String::new(),
        given: Vec::new(),
        begins_closed: false,
    };
    let one = |name: &String| own((name.clone(), checks.definitions()[name].description.clone()), vec![name.clone()]);
    let mut cases: Vec<UseCase> = names.iter().map(one).collect();
    if names.len() > 1 {
        let hint = "All checks of the file guard one stage, and all of them must pass.".to_owned();
        cases.push(own(("All checks".to_owned(), hint), names));
    }
    cases
}
