//! What is wrong with a test before it runs: names that nothing has, and expectations that nothing can meet.

use super::given::Given;
use super::{Expectation, Test};
use crate::check::CheckDefinition;
use crate::checks_file::ChecksFile;
use crate::conditions::Condition;
use crate::decision_record::Decided;
use crate::suggest::{suggest, suggest_among};
use crate::yaml::Problems;

/// The definition of the check that a test names.
pub(super) fn definition<'a>(
    given: &Given,
    checks: &'a ChecksFile,
    problems: &mut Problems<'_>,
) -> Option<(String, &'a CheckDefinition)> {
    let only = || (checks.checks.len() == 1).then(|| checks.checks.keys().next().cloned()).flatten();
    let Some(name) = given.check.clone().or_else(only) else {
        problems.push("", "names no check; add `check:` here or at the top of the file");
        return None;
    };
    match checks.checks.get(&name) {
        Some(definition) => Some((name, definition)),
        None => {
            let hint = suggest(&name, checks.checks.keys().map(String::as_str));
            problems.push("check", format!("there is no check `{name}` in checks.yaml{hint}"));
            None
        }
    }
}

/// Reports inputs that the check does not read, or that it would refuse.
pub(super) fn inputs(test: &Test, given: &mut Given, definition: &CheckDefinition, problems: &mut Problems<'_>) {
    for name in test.inputs.keys().filter(|name| !definition.inputs.contains_key(*name)) {
        let hint = suggest(name, definition.inputs.keys().map(String::as_str));
        problems.push(&format!("inputs.{name}"), format!("the check declares no input `{name}`{hint}"));
    }
    for (name, input) in &definition.inputs {
        match (given.inputs.get(name), &input.default) {
            (Some(value), _) if !input.takes(value) => {
                problems.push(&format!("inputs.{name}"), format!("`{value}` does not match the pattern of the input"));
            }
            (None, Some(default)) => drop(given.inputs.insert(name.clone(), default.clone())),
            (None, None) if input.is_required() => {
                problems.push("inputs", format!("the check needs the input `{name}`"));
            }
            _ => {}
        }
    }
}

/// Reports expectations that nothing can meet, or that nothing can miss.
pub(super) fn expectation(expect: &Expectation, definition: &CheckDefinition, problems: &mut Problems<'_>) {
    let mut problems = problems.inside("expect");
    if *expect == Expectation::default() {
        problems.push("", "expects nothing; write `outcome`, `blocking` or `text`");
    }
    let mut titles = Vec::new();
    definition.conditions.iter().for_each(|condition| collect(condition, &mut titles));
    for (index, name) in expect.blocking.iter().flatten().enumerate().filter(|(_, name)| !titles.contains(name)) {
        let hint = suggest_among(name, titles.iter().map(String::as_str));
        let message = format!("the check has no condition `{name}`{hint}");
        problems.push(&format!("blocking[{index}]"), message);
    }
    match (expect.outcome, expect.blocking.as_deref()) {
        (Some(Decided::Succeeded), Some([_, ..])) => {
            problems.push("blocking", "nothing blocks a check that succeeds: leave it out, or expect another outcome");
        }
        (Some(outcome), Some([])) if outcome != Decided::Succeeded => {
            problems.push("blocking", format!("some condition blocks a check that is {}: name it", outcome.word()));
        }
        _ => {}
    }
    for (index, _) in expect.text.iter().enumerate().filter(|(_, text)| text.trim().is_empty()) {
        problems.push(&format!("text[{index}]"), "is empty, and every log holds that");
    }
}

/// The path of a part of a fact in a file of tests.
pub(super) fn place_of_fact(test: &str, fact: usize, path: &str) -> String {
    let separator = if path.is_empty() { "" } else { "." };
    format!("{test}.facts[{fact}]{separator}{path}")
}

/// The titles of conditions that may block: those that hold no others, and negations.
fn collect(condition: &Condition, titles: &mut Vec<String>) {
    let inside = condition.kind.inside().map_or(&[][..], |(_, inside)| inside);
    if inside.is_empty() || condition.kind.name() == "not" {
        titles.push(condition.title());
    }
    inside.iter().for_each(|inner| collect(inner, titles));
}
