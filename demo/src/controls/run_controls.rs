//! Controls of what Azure DevOps knows: the run, its work items, its pull request.

use serde_json::Value;
use uuid::Uuid;

use super::{Control, Input, Subject};

/// The tasks that a condition may name.
const TASKS: [(&str, Uuid); 3] = [
    ("CmdLine", uuid::uuid!("d9bafed4-0b18-4f58-968d-86655b4d2ce9")),
    ("Bash", uuid::uuid!("6c731c3c-3c68-459a-a5c9-bde6e6595b5b")),
    ("PowerShell", uuid::uuid!("e213ff0f-5d5c-4791-802d-52ea3e7be1f1")),
];

/// Why a run may have been started, as `$(Build.Reason)` writes it.
const REASONS: [&str; 7] =
    ["Manual", "IndividualCI", "BatchedCI", "Schedule", "PullRequest", "BuildCompletion", "ResourceTrigger"];

/// The work item of the demo.
const WORK_ITEM: u64 = 42;

pub(super) const RUN: &str = "The run";

/// The texts in a list.
pub(super) fn texts(value: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    value.as_array().map_or_else(Vec::new, |values| values.iter().map(text).collect())
}

pub(super) fn choice(options: &[(&str, &str)]) -> Input {
    let owned = |(value, label): &(&str, &str)| ((*value).to_owned(), (*label).to_owned());
    Input::Choice { options: options.iter().map(owned).collect() }
}

fn same(words: &[&str]) -> Input {
    Input::Choice { options: words.iter().map(|word| ((*word).to_owned(), (*word).to_owned())).collect() }
}

fn yes_or_no(yes: &str, no: &str) -> Input {
    choice(&[("yes", yes), ("no", no)])
}

pub(super) fn number(min: f64, max: f64, unit: &str) -> Input {
    Input::Number { min, max, step: 1.0, unit: unit.to_owned(), is_slider: false }
}

pub(super) fn task(parameters: &Value) -> Control {
    let wanted = parameters["task"].as_str().unwrap_or_default();
    let known = TASKS.iter().find(|(name, id)| name.eq_ignore_ascii_case(wanted) || Ok(*id) == wanted.parse());
    let (name, id) = known.map_or_else(|| (wanted, wanted.parse().unwrap_or_default()), |(name, id)| (*name, *id));
    let place = |key: &str| parameters[key].as_str().unwrap_or("Build");
    task_named(name, id, (place("stage"), place("job")))
}

/// Whether a task was executed in this stage and job.
pub(super) fn task_named(name: &str, id: Uuid, (stage, job): (&str, &str)) -> Control {
    let subject = Subject::Task { id, name: name.to_owned(), stage: stage.to_owned(), job: job.to_owned() };
    let input =
        choice(&[("succeeded", "executed, succeeded"), ("failed", "executed, failed"), ("none", "not executed")]);
    Control::new(format!("task:{name}"), (RUN, &format!("Task {name}")), input, subject)
        .with("succeeded")
        .button("Execute it", "succeeded")
        .button("Leave it out", "none")
}

/// The states of the work item types that the demo knows, with their categories.
fn states_of(kind: &str) -> &'static [(&'static str, &'static str)] {
    match kind {
        "Product Backlog Item" => {
            &[("New", "Proposed"), ("Approved", "Proposed"), ("Committed", "InProgress"), ("Done", "Completed")]
        }
        "Impediment" => &[("Open", "Proposed"), ("Closed", "Completed")],
        "Task" => &[("New", "Proposed"), ("Active", "InProgress"), ("Closed", "Completed"), ("Removed", "Removed")],
        _ => &[("New", "Proposed"), ("Active", "InProgress"), ("Resolved", "Resolved"), ("Closed", "Completed")],
    }
}

pub(super) fn work_item(parameters: &Value) -> Control {
    let kind = texts(&parameters["types"]).into_iter().next().unwrap_or_else(|| "User Story".to_owned());
    let named = texts(&parameters["states"]);
    let category = parameters["state"].as_str().unwrap_or("Completed");
    let of_category = states_of(&kind).iter().find(|(_, of)| of.eq_ignore_ascii_case(category)).map(|(name, _)| *name);
    let wanted = named.first().map_or_else(|| of_category.unwrap_or("Closed"), String::as_str).to_owned();
    let mut states: Vec<&str> = states_of(&kind).iter().map(|(name, _)| *name).collect();
    let others: Vec<&str> = named.iter().map(String::as_str).filter(|name| !states.contains(name)).collect();
    states.extend(others);
    let begin = states.iter().rev().find(|state| matches!(**state, "Active" | "Committed" | "Open")).copied();
    let label = if wanted == "Closed" { "Close it".to_owned() } else { format!("Set to {wanted}") };
    let begin = begin.filter(|begin| *begin != wanted).unwrap_or("New");
    let group = format!("{kind} {WORK_ITEM}");
    let input = same(&states);
    Control::new(format!("workItem:{WORK_ITEM}"), (&group, "State"), input, Subject::WorkItem { id: WORK_ITEM, kind })
        .with(begin)
        .button(label, wanted)
}

pub(super) fn query(parameters: &Value) -> Control {
    let wiql = parameters["wiql"].as_str().unwrap_or_default().to_owned();
    let (min, max) = (parameters["min"].as_u64(), parameters["max"].as_u64());
    let passes = min.or(max).unwrap_or_default();
    let begin = min.map_or_else(|| max.unwrap_or_default() + 1, |min| min.saturating_sub(1));
    Control::new(
        format!("query:{wiql}"),
        ("Work item query", "Work items found"),
        number(0.0, 500.0, ""),
        Subject::Query { wiql: wiql.clone() },
    )
    .with(begin)
    .note(wiql)
    .button(format!("Set to {passes}"), passes)
}

pub(super) fn coverage(parameters: &Value) -> Vec<Control> {
    let label = parameters["label"].as_str().unwrap_or("Lines").to_owned();
    let above = parameters["above"].as_f64().map(|percent| percent.floor() + 1.0);
    let at_least = parameters["atLeast"].as_f64().map(f64::ceil);
    let passes = above.or(at_least).unwrap_or(85.0).min(100.0) as u64;
    let input = number(0.0, 100.0, "of 100");
    let control = Control::new(
        format!("coverage:{label}"),
        ("Code coverage", &format!("{label} covered")),
        input.clone(),
        Subject::Coverage { label: label.clone() },
    )
    .with(passes)
    .note("A run that has ended keeps its coverage: start a new run.")
    .button(format!("Cover {passes}"), passes)
    .button(format!("Cover {}", passes.saturating_sub(1)), passes.saturating_sub(1));
    let former = parameters.get("maxDrop").filter(|drop| !drop.is_null()).map(|_| {
        let names = ("Code coverage", "Last successful run covered");
        Control::new(format!("formerCoverage:{label}"), names, input, Subject::FormerCoverage { label: label.clone() })
            .with(passes)
    });
    [Some(control), former].into_iter().flatten().collect()
}

pub(super) fn tests(parameters: &Value) -> Vec<Control> {
    let allowed = parameters["maxFailed"].as_u64().unwrap_or_default();
    let names = |label| ("Test results", label);
    let input = number(0.0, 10_000.0, "tests");
    vec![
        Control::new("tests:failed", names("Failed"), input.clone(), Subject::TestsFailed)
            .with(0)
            .button("Fail none", 0)
            .button(format!("Fail {}", allowed + 50), allowed + 50),
        Control::new("tests:passed", names("Passed"), input, Subject::TestsPassed).with(100),
    ]
}

pub(super) fn reason(wanted: &[String]) -> Control {
    let mut reasons = REASONS.to_vec();
    let known = |name: &&String| REASONS.iter().find(|reason| reason.eq_ignore_ascii_case(name)).copied();
    let passes = wanted.iter().find_map(|name| known(&name)).unwrap_or("Manual");
    let other = if passes == "Manual" { "IndividualCI" } else { "Manual" };
    reasons.sort_by_key(|reason| *reason != passes);
    Control::new("reason", (RUN, "Reason"), same(&reasons), Subject::Reason)
        .with(passes)
        .note("Of the next run.")
        .button(passes, passes)
        .button(other, other)
}

pub(super) fn branch(patterns: &[String]) -> Control {
    let first = patterns.first().map_or("refs/heads/main", String::as_str);
    let passes = first.replace("**", "1").replace('*', "1").replace(['{', '}'], "");
    Control::new("branch", (RUN, "Branch"), Input::Text { suggestions: vec![passes.clone()] }, Subject::Branch)
        .with(passes.clone())
        .note("Of the next run.")
        .button(passes.clone(), passes)
        .button("refs/heads/experiment", "refs/heads/experiment")
}

pub(super) fn approvals(parameters: &Value) -> Control {
    let needed = parameters["approvals"].as_u64().unwrap_or(1);
    let label = if needed == 1 { "Approve".to_owned() } else { format!("Let {needed} approve") };
    Control::new("approvals", ("Pull request 7", "Approvals of others"), number(0.0, 6.0, "people"), Subject::Approvals)
        .with(0)
        .button(label, needed)
}

pub(super) fn artifact(parameters: &Value) -> Control {
    let name = parameters["name"].as_str().unwrap_or_default().replace("**", "1").replace('*', "1");
    let input = yes_or_no("published", "not published");
    Control::new(format!("artifact:{name}"), (RUN, &format!("Artifact {name}")), input, Subject::Artifact { name })
        .with("yes")
        .button("Publish it", "yes")
        .button("Leave it out", "no")
}

pub(super) fn tags(names: &[String]) -> Vec<Control> {
    let tag = |name: &String| {
        let subject = Subject::Tag { name: name.clone() };
        let input = yes_or_no("given", "not given");
        Control::new(format!("tag:{name}"), (RUN, &format!("Tag {name}")), input, subject)
            .with("no")
            .button("Give the tag", "yes")
    };
    names.iter().map(tag).collect()
}
