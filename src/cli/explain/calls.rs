//! How many calls a check makes: in one evaluation, and in a day of waiting.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use chrono::{DateTime, TimeDelta};

use crate::check::{CheckDefinition, ReevaluateEvery};
use crate::conditions::Scope;
use crate::facts::run::RunDetails;
use crate::facts::{FactError, Facts, Wanted};
use crate::task::CompletionEvent;
use crate::text::count;

/// The calls of an evaluation that the check itself needs: it reads its record, and writes into it.
const OF_THE_CHECK: usize = 2;

/// A value that every kind of condition asks with. No delivery brings one here.
const ANY_INPUT: &str = "CHG0000000";

/// The sentences about calls.
pub(super) fn sentences(definition: &CheckDefinition) -> Vec<String> {
    let waits = definition.completion_event == CompletionEvent::Callback;
    let wanted = wanted(definition);
    let mut known = Facts::default();
    if waits {
        // It travels with the check from one evaluation to the next.
        known.insert(RunDetails, Err(FactError::because("it is known")));
    }
    let mut calls = wanted.calls(known);
    if waits {
        let sum = calls.entry(None).or_insert(0..=0);
        *sum = sum.start() + OF_THE_CHECK..=sum.end() + OF_THE_CHECK;
    }
    calls.retain(|_, calls| *calls.end() > 0);
    let what = if waits { "Each evaluation while it waits" } else { "Each delivery" };
    let mut lines = vec![match calls.is_empty() {
        true => format!("{what} makes no calls."),
        false => format!("{what} makes {}.", all(&calls, 1)),
    }];
    if waits {
        let a_day = evaluations_a_day(definition);
        let day = match definition.reevaluate_every() {
            ReevaluateEvery::Fixed(every) => format!("Every {every}, a day"),
            ReevaluateEvery::Growing(_) => "At this pace, the first day".to_owned(),
        };
        lines.push(format!("{day} of waiting is {}: {}.", count(a_day, "evaluation"), all(&calls, a_day)));
        lines.push("An evaluation that finds something new makes one more, for the log.".to_owned());
    }
    if calls.values().any(|calls| calls.start() != calls.end()) {
        lines.push("The larger number is for a run with work items, pull requests or newer runs to read.".to_owned());
    }
    lines
}

/// Everything that an evaluation may ask for.
fn wanted(definition: &CheckDefinition) -> Wanted {
    let mut wanted = Wanted::default();
    let inputs: BTreeMap<&str, &str> = definition.inputs.keys().map(|name| (name.as_str(), ANY_INPUT)).collect();
    let delivered_at = DateTime::UNIX_EPOCH;
    let deadline = definition.deadline(delivered_at);
    let interval = definition.reevaluate_every().after(deadline - delivered_at);
    let completion_event = definition.completion_event;
    // At the deadline every measurement is due.
    let scope =
        Scope { now: deadline, delivered_at, deadline, interval, completion_event, inputs: &inputs, state: None };
    for (index, condition) in definition.conditions.iter().enumerate() {
        condition.facts(&index.to_string(), &|_| scope, &mut wanted);
    }
    wanted
}

fn evaluations_a_day(definition: &CheckDefinition) -> usize {
    // The first of them is at the delivery.
    let evaluations = definition.reevaluate_every().evaluations(TimeDelta::days(1)) - 1;
    usize::try_from(evaluations).unwrap_or_default()
}

/// The calls of so many evaluations: `4 calls of Azure DevOps, 1 call of connection `prometheus``.
fn all(calls: &BTreeMap<Option<&str>, RangeInclusive<usize>>, evaluations: usize) -> String {
    let one = |(connection, calls): (&Option<&str>, &RangeInclusive<usize>)| {
        let (fewest, most) = (calls.start() * evaluations, calls.end() * evaluations);
        let number = if fewest == most { count(most, "call") } else { format!("{fewest} to {}", count(most, "call")) };
        let whom = connection.map_or_else(|| "Azure DevOps".to_owned(), |name| format!("connection `{name}`"));
        format!("{number} of {whom}")
    };
    calls.iter().map(one).collect::<Vec<_>>().join(", ")
}
