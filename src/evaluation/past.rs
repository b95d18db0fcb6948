//! Judges a check at a moment of the past, by what the outside systems still know of it.
//!
//! Some facts are gone or are known only as of today. The conditions that need them are not asked, so that nothing is
//! guessed: if the check depends on one of them, the answer is that it cannot be known.

use chrono::{DateTime, Utc};

use crate::azure_devops::Session;
use crate::check::{Check, CheckDefinition};
use crate::conditions::{Condition, Scope};
use crate::evaluation::{Explanation, Memory, Status, Verdict, judge};
use crate::facts::{FactError, Gatherer, ReadingTime, Wanted};
use crate::sources::Sources;

/// The kinds that cannot be asked of the past, with the reason.
const NOT_OF_THE_PAST: [(&str, &str); 12] = [
    ("pullRequest", "votes are known only as they are today"),
    ("newestRun", "other runs are known only as they are today"),
    ("pipelineRun", "other runs are known only as they are today"),
    ("sonarQualityGate", "analyses are read only as they are today"),
    ("jiraIssues", "Jira is read only as it is today"),
    ("advancedSecurityAlerts", "alerts are known only as they are today"),
    ("freezeCalendar", "the calendar is read only as it is today"),
    ("tag", "tags are known only as they are today"),
    ("serviceNowChange", "ServiceNow is read only as it is today"),
    ("http", "the other system is read only as it is today"),
    ("query", "the query is run only as of today"),
    ("metric", "its checkpoints are not taken again"),
];

/// What an expression may ask of a run that changes later.
const RUN_STATE: [&str; 3] = ["run.tags", "run.status", "run.result"];

/// What a check would have said.
#[derive(Debug, Clone, PartialEq)]
pub enum PastVerdict {
    /// This.
    Known(Verdict),
    /// It depends on conditions that cannot be asked of the past: what each says about itself.
    Unknown(Vec<String>),
    /// A fact that should be there could not be read, for this reason.
    Unread(String),
}

/// The conditions of a check that cannot be asked of the past, with the reason for each.
#[must_use]
pub fn not_of_the_past(definition: &CheckDefinition) -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    definition.conditions.iter().for_each(|condition| collect(condition, &mut found));
    found
}

fn collect(condition: &Condition, found: &mut Vec<(String, &'static str)>) {
    found.extend(why_not(condition).map(|why| (condition.title(), why)));
    inside(condition).iter().for_each(|inner| collect(inner, found));
}

fn why_not(condition: &Condition) -> Option<&'static str> {
    let text = || serde_json::to_string(condition).unwrap_or_default();
    if condition.kind.name() == "expression" && RUN_STATE.iter().any(|member| text().contains(member)) {
        return Some("the run's status and tags are known only as they are today");
    }
    NOT_OF_THE_PAST.iter().find(|(kind, _)| *kind == condition.kind.name()).map(|(_, why)| *why)
}

fn inside(condition: &Condition) -> &[Condition] {
    condition.kind.inside().map_or(&[], |(_, inside)| inside)
}

/// Judges `check` as at `at`. `azure_devops` must be a view of that moment.
///
/// # Errors
///
/// When Azure DevOps refused the token.
pub async fn judge_past(
    check: &Check,
    (azure_devops, sources): (&Session<'_>, &Sources),
    at: DateTime<Utc>,
    limit: ReadingTime,
) -> Result<PastVerdict, FactError> {
    let wanted = wanted(check, at);
    let gatherer = Gatherer::new(azure_devops, sources, check.delivered_at, at);
    let gathered = gatherer.gather(&wanted, limit, &|_| Box::pin(async { false })).await?;
    let mut verdict = judge(check, &gathered.facts, &Memory::default(), at);
    let gone = not_of_the_past(&check.definition);
    // What is known of today may be among the facts: another fact may have brought it.
    let is_gone = |leaf: &Explanation| gone.iter().any(|(title, _)| *title == leaf.condition);
    verdict.explanation = verdict.explanation.not_knowing(&is_gone);
    if matches!(verdict.status(), Status::Passed | Status::Failed) {
        return Ok(PastVerdict::Known(verdict));
    }
    let blocking = verdict.explanation.blocking();
    let unknown: Vec<String> = blocking
        .iter()
        .filter_map(|leaf| gone.iter().find(|(title, _)| *title == leaf.condition))
        .map(|(title, why)| format!("{title}: {why}"))
        .collect();
    if !unknown.is_empty() {
        return Ok(PastVerdict::Unknown(unknown));
    }
    let errored = blocking.iter().find(|leaf| leaf.status == Status::Errored);
    let unread = errored.map(|leaf| format!("{}: {}", leaf.condition, leaf.found));
    Ok(unread.map_or(PastVerdict::Known(verdict), PastVerdict::Unread))
}

fn wanted(check: &Check, at: DateTime<Utc>) -> Wanted {
    let inputs = check.input_values();
    let scope = check.scope(&inputs, at);
    let mut wanted = Wanted::default();
    for (index, condition) in check.definition.conditions.iter().enumerate() {
        want(condition, &index.to_string(), &scope, &mut wanted);
    }
    wanted
}

fn want(condition: &Condition, place: &str, scope: &Scope<'_>, wanted: &mut Wanted) {
    let inner = inside(condition);
    if inner.is_empty() && why_not(condition).is_none() {
        condition.facts(place, &|_| *scope, wanted);
    }
    for (index, condition) in inner.iter().enumerate() {
        want(condition, &format!("{place}.{index}"), scope, wanted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_what_cannot_be_asked_of_the_past() {
        let page = include_str!("../../docs/checks-as-code.md");
        let (_, sentence) = page.split_once("Some conditions cannot be asked of the past:").expect("the sentence");
        let (kinds, rest) = sentence.split_once(';').expect("the kinds");
        let (members, _) = rest.split_once("They are not guessed").expect("what an expression may mention");
        let named = |text: &'static str| text.split('`').skip(1).step_by(2).collect::<Vec<_>>();
        assert_eq!(named(kinds), NOT_OF_THE_PAST.map(|(kind, _)| kind));
        assert_eq!(named(members), [&["expression"][..], &RUN_STATE].concat());
    }
}
