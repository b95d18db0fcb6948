//! Reads what a check wrote on the run's page: conditions, checkpoints, and when it looks again.
//!
//! Azure Pipelines shows plain text. The page shows the same, and makes a table of the lines that it knows. A line that it
//! does not know stays in the log as it is.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::controls::limit;

/// Where a condition stands, as a check wrote it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConditionLine {
    pub(crate) depth: usize,
    pub(crate) status: String,
    pub(crate) title: String,
    pub(crate) found: String,
    pub(crate) expected: String,
    pub(crate) remedy: String,
    pub(crate) details: Vec<String>,
}

/// One measurement of a metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Checkpoint {
    pub(crate) at: DateTime<Utc>,
    pub(crate) phase: String,
    pub(crate) value: String,
}

/// The measurements of a metric, and what they must be.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MetricTable {
    pub(crate) query: String,
    pub(crate) condition: String,
    pub(crate) threshold: Option<f64>,
    pub(crate) passes_below: bool,
    /// Such as `3 checkpoints with …, of which 1 may fail`.
    pub(crate) limits: String,
    pub(crate) progress: String,
    pub(crate) checkpoints: Vec<Checkpoint>,
}

/// The text of a line of a log, without the time at its start.
fn text_of(line: &str) -> &str {
    match line.split_once(' ') {
        Some((stamp, text)) if stamp.ends_with('Z') && stamp.parse::<DateTime<Utc>>().is_ok() => text,
        _ => line,
    }
}

/// The status, the depth and the title of a condition's first line.
fn condition_line(text: &str) -> Option<ConditionLine> {
    let rest = text.trim_start_matches(' ');
    let indent = text.len() - rest.len();
    let (word, title) = rest.strip_prefix('[')?.split_once("] ")?;
    let status = word.trim_end();
    let known = matches!(status, "passed" | "failed" | "waiting" | "error");
    let depth = (indent / 2).checked_sub(1)?;
    let title = title.to_owned();
    known.then(|| ConditionLine { depth, status: status.to_owned(), title, ..ConditionLine::default() })
}

impl ConditionLine {
    fn add(&mut self, text: &str) {
        if let Some(found) = text.strip_prefix("found: ") {
            found.clone_into(&mut self.found);
        } else if let Some(expected) = text.strip_prefix("expected: ") {
            expected.clone_into(&mut self.expected);
        } else if let Some(remedy) = text.strip_prefix("to change this: ") {
            remedy.clone_into(&mut self.remedy);
        } else {
            self.details.push(text.to_owned());
        }
    }
}

/// Every evaluation that the log tells of, as its conditions.
fn evaluations(log: &str) -> Vec<Vec<ConditionLine>> {
    let mut evaluations: Vec<Vec<ConditionLine>> = Vec::new();
    let mut is_inside = false;
    for line in log.lines() {
        let text = text_of(line);
        if let Some(condition) = condition_line(text) {
            if !is_inside {
                evaluations.push(Vec::new());
            }
            is_inside = true;
            evaluations.iter_mut().last().into_iter().for_each(|last| last.push(condition.clone()));
        } else if is_inside && text.starts_with("            ") {
            let last = evaluations.last_mut().and_then(|last| last.last_mut());
            last.into_iter().for_each(|condition| condition.add(text.trim()));
        } else {
            is_inside = false;
        }
    }
    evaluations
}

/// The conditions of the last evaluation that the log tells of.
pub(crate) fn conditions(log: &str) -> Vec<ConditionLine> {
    evaluations(log).pop().unwrap_or_default()
}

/// The conditions in the answer of an ApiResponse check.
pub(crate) fn conditions_of_answer(body: &str) -> Vec<ConditionLine> {
    fn add(explanation: &Value, depth: usize, all: &mut Vec<ConditionLine>) {
        let text = |key: &str| explanation[key].as_str().unwrap_or_default().to_owned();
        let details = explanation["details"].as_array().into_iter().flatten();
        let status = text("status").replace("errored", "error");
        all.push(ConditionLine {
            depth,
            status,
            title: text("condition"),
            found: text("found"),
            expected: text("expected"),
            remedy: text("remedy"),
            details: details.filter_map(|detail| detail.as_str().map(str::to_owned)).collect(),
        });
        let inside = explanation["conditions"].as_array().into_iter().flatten();
        inside.for_each(|inner| add(inner, depth + 1, all));
    }
    let answer: Value = serde_json::from_str(body).unwrap_or_default();
    let mut all = Vec::new();
    answer["explanation"].as_array().into_iter().flatten().for_each(|explanation| add(explanation, 0, &mut all));
    all
}

/// When the check looks again, by the record's line or else by its log.
pub(crate) fn next_look(operation: &str, log: &str) -> Option<DateTime<Utc>> {
    let after = |text: &str, words: &str| {
        let (_, rest) = text.rsplit_once(words)?;
        rest.split([',', ' ']).next()?.parse().ok()
    };
    after(operation, "next look at ").or_else(|| after(log, "Looked at again at "))
}

/// Whether the record's line says that something could not be measured.
pub(crate) fn could_not_find_out(operation: &str) -> bool {
    operation.starts_with("Could not find out")
}

/// The next opening of a window, as a condition tells it: `Next open: … 2026-11-27 08:00 UTC`.
pub(crate) fn next_opening(conditions: &[ConditionLine]) -> Option<DateTime<Utc>> {
    let details = conditions.iter().filter(|condition| condition.status == "waiting").flat_map(|it| &it.details);
    let openings = details.filter_map(|detail| {
        let (_, opening) = detail.split_once("Next open: ")?;
        let end = opening.find(" UTC")?;
        let begin = end.checked_sub("2026-11-27 08:00".len())?;
        chrono::NaiveDateTime::parse_from_str(opening.get(begin..end)?, "%Y-%m-%d %H:%M").ok()
    });
    openings.min().map(|opening| opening.and_utc())
}

fn checkpoint(detail: &str) -> Option<Checkpoint> {
    let mut words = detail.splitn(2, "  ");
    let at = words.next()?.parse().ok()?;
    let (phase, value) = words.next()?.trim_start().split_once("  ")?;
    Some(Checkpoint { at, phase: phase.trim().to_owned(), value: value.trim().to_owned() })
}

/// The measurements of the first metric in the log.
pub(crate) fn metric(log: &str) -> Option<MetricTable> {
    let evaluations = evaluations(log);
    let is_metric =
        |condition: &&ConditionLine| condition.title.contains(" satisfies ") && condition.found.contains("checkpoint");
    let of_metric: Vec<&ConditionLine> =
        evaluations.iter().filter_map(|conditions| conditions.iter().find(is_metric)).collect();
    let last = of_metric.last()?;
    let (query, condition) = last.title.split_once(" satisfies ")?;
    let mut checkpoints: Vec<Checkpoint> = Vec::new();
    for found in of_metric.iter().flat_map(|condition| condition.details.iter().filter_map(|it| checkpoint(it))) {
        if !checkpoints.contains(&found) {
            checkpoints.push(found);
        }
    }
    let limit = limit(condition);
    let expected = of_metric.iter().rev().find(|condition| !condition.expected.is_empty());
    Some(MetricTable {
        query: query.to_owned(),
        condition: condition.to_owned(),
        threshold: limit.map(|(_, threshold)| threshold),
        passes_below: limit.is_none_or(|(is_below, _)| is_below),
        limits: expected.map_or_else(String::new, |it| it.expected.clone()),
        progress: last.found.clone(),
        checkpoints,
    })
}

#[cfg(test)]
mod tests;
