//! The controls of some checks: whatever their conditions read.

use checkgate::check::{CheckDefinition, Input as CheckInput};
use serde_json::{Value, json};

use super::evidence_controls as evidence;
use super::run_controls as run;
use super::source_controls as source;
use super::{Control, Input, Subject};
use crate::checks::{Checks, conditions, kind_of};

/// The change request of the demo.
const CHANGE: &str = "CHG0030001";

/// Values for inputs, of which the first that fits an input's pattern is used.
const SAMPLES: [&str; 8] = [CHANGE, "1", "1.0.0", "main", "production", "v1.0.0", "a", "A1"];

/// The inputs that follow from the run's reason.
fn reason_inputs(definition: &CheckDefinition) -> Vec<String> {
    let input = |condition: Value| condition["buildReason"]["input"].as_str().map(str::to_owned);
    conditions(definition).into_iter().filter_map(input).collect()
}

/// The value of an input before somebody changes it.
fn sample(input: &CheckInput) -> String {
    let fits = |text: &&str| input.pattern.as_ref().is_none_or(|pattern| pattern.matches(text));
    let sample = SAMPLES.into_iter().find(fits).unwrap_or_default();
    input.default.clone().unwrap_or_else(|| sample.to_owned())
}

fn inputs(definition: &CheckDefinition) -> Vec<Control> {
    let from_reason = reason_inputs(definition);
    let own = definition.inputs.iter().filter(|(name, _)| !from_reason.contains(name));
    own.map(|(name, input)| {
        let control = Control::new(
            format!("input:{name}"),
            ("Headers of the delivery", name),
            Input::Text { suggestions: Vec::new() },
            Subject::Input { name: name.clone() },
        );
        let pattern =
            input.pattern.as_ref().map_or_else(String::new, |pattern| format!(" Pattern: {}", pattern.as_str()));
        control.with(sample(input)).note(format!("Of the next delivery.{pattern}"))
    })
    .collect()
}

/// The headers that the inputs of a check need: the value of its control, or the run's reason.
pub(crate) fn control_inputs(
    definition: &CheckDefinition,
    controls: &[Control],
    reason: Option<&str>,
) -> Vec<(String, String)> {
    let from_reason = reason_inputs(definition);
    let value = |id: &str| controls.iter().find(|control| control.id == id).and_then(|it| it.value.as_str());
    let header = |name: &String| {
        let value = if from_reason.contains(name) { reason } else { value(&format!("input:{name}")) };
        value.filter(|value| !value.is_empty()).map(|value| (name.clone(), value.to_owned()))
    };
    definition.inputs.keys().filter_map(header).collect()
}

/// Everything that these checks of a file read, each once, in the order of the conditions.
pub(crate) fn controls_of(checks: &[&CheckDefinition], file: &Checks) -> Vec<Control> {
    let mut controls: Vec<Control> = Vec::new();
    let mut add = |found: Vec<Control>| {
        for control in found {
            if !controls.iter().any(|known| known.id == control.id) {
                controls.push(control);
            }
        }
    };
    for check in checks {
        for condition in conditions(check) {
            if let Some((kind, parameters)) = kind_of(&condition) {
                add(of_condition((kind, parameters), check, file));
            }
        }
    }
    checks.iter().for_each(|check| add(inputs(check)));
    controls
}

fn of_condition((kind, parameters): (&str, &Value), check: &CheckDefinition, file: &Checks) -> Vec<Control> {
    let connection = parameters["connection"].as_str().unwrap_or_default();
    match kind {
        "taskExecuted" => vec![run::task(parameters)],
        "workItems" => vec![run::work_item(parameters)],
        "query" => vec![run::query(parameters)],
        "codeCoverage" => run::coverage(parameters),
        "testResults" => run::tests(parameters),
        "buildReason" => vec![run::reason(&run::texts(&parameters["in"]))],
        "branch" => vec![run::branch(&run::texts(&parameters["in"]))],
        "pullRequest" => vec![run::approvals(parameters)],
        "artifact" => vec![run::artifact(parameters)],
        "tag" => run::tags(&run::texts(&parameters["in"])),
        "serviceNowChange" => {
            let input = parameters["number"].as_str().and_then(|name| check.inputs.get(name));
            let number = input.map(sample).filter(|number| !number.is_empty());
            source::change(parameters, number.as_deref().unwrap_or(CHANGE))
        }
        "metric" => source::metric(parameters, file.kind_of(connection)),
        "http" => source::page(parameters, &file.place_of(connection)),
        "sonarQualityGate" => vec![evidence::quality_gate(parameters)],
        "jiraIssues" => vec![evidence::issue(parameters)],
        "advancedSecurityAlerts" => evidence::alerts(parameters),
        "freezeCalendar" => vec![evidence::freeze(parameters)],
        "pipelineRun" => vec![evidence::other_run(parameters)],
        "newestRun" => vec![evidence::newer_run(parameters)],
        "expression" => of_expression(parameters.as_str().unwrap_or_default()),
        // A window reads the clock, which the page always shows.
        _ => Vec::new(),
    }
}

/// What an expression mentions.
fn of_expression(text: &str) -> Vec<Control> {
    let mut controls = Vec::new();
    if text.contains("run.sourceBranch") || text.contains("run.branch") {
        controls.push(run::branch(&literal(text).into_iter().collect::<Vec<_>>()));
    }
    if text.contains("run.reason") {
        controls.push(run::reason(&literal(text).into_iter().collect::<Vec<_>>()));
    }
    if text.contains("tags") {
        controls.extend(run::tags(&literal(text).into_iter().collect::<Vec<_>>()));
    }
    if text.contains("workItems") {
        controls.push(run::work_item(&json!({})));
    }
    if text.contains("timeline") {
        controls.push(run::task(&json!({ "task": "CmdLine" })));
    }
    controls
}

/// The first text in quotes.
fn literal(text: &str) -> Option<String> {
    let quote = text.find(['\'', '"'])?;
    let rest = &text[quote + 1..];
    rest.split(['\'', '"']).next().map(str::to_owned)
}
