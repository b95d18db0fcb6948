//! `serviceNowChange`: a change request of ServiceNow has the expected values. The guide's *external information must be
//! correct* and *external approval must be granted*.

mod change;
mod values;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conditions::{Declared, Finding, Outcome, Rule, Scope, WhenNotMet};
use crate::facts::{Facts, Wanted};
use crate::sources::service_now::{CHANGE_REQUESTS, ChangeRequests};
use crate::yaml::Problems;

use change::{Change, Window};
use values::Values;

/// What a number looks like. Nothing in it can extend a query: no `^`, no line break, no space.
const NUMBER: &str = "^[A-Z]{2,6}[0-9]{4,12}$";

/// The parameters of `serviceNowChange`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceNowChange {
    /// The name of a connection of kind `serviceNow`.
    connection: String,
    /// The table of the record; `change_request` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    table: Option<String>,
    /// The name of the input that carries the change request's number, such as `CHG0030001`.
    number: String,
    /// Fields by name, each with the value, or the list of values, that it may have. A wrong one fails the check.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    fields: BTreeMap<String, Values>,
    /// What `approval` may be, such as `approved`. Anything else is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    approval: Option<Values>,
    /// What `state` may be: names such as `Scheduled`, or numbers such as `-2`. Anything else is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<Values>,
    /// Values of `approval` or `state` that are final: the check fails at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rejected: Option<Values>,
    /// Whether now must lie between the change's planned start and end. Before it is waited for, after fails.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    within_window: bool,
}

impl ServiceNowChange {
    fn fact(&self, number: &str) -> ChangeRequests {
        let approval = self.approval.as_ref().or(self.rejected.as_ref()).map(|_| "approval");
        let state = self.state.as_ref().or(self.rejected.as_ref()).map(|_| "state");
        let window = if self.within_window { &["start_date", "end_date"][..] } else { &[] };
        let named = self.fields.keys().map(String::as_str);
        let mut fields: Vec<String> =
            named.chain(approval).chain(state).chain(window.iter().copied()).map(str::to_owned).collect();
        fields.sort();
        fields.dedup();
        let table = self.table.clone().unwrap_or_else(|| CHANGE_REQUESTS.to_owned());
        ChangeRequests { connection: self.connection.clone(), table, number: number.to_owned(), fields }
    }

    fn expected(&self) -> String {
        let fields = self.fields.iter().map(|(name, values)| format!("{name} {values}"));
        let approval = self.approval.iter().map(|values| format!("approval {values}"));
        let state = self.state.iter().map(|values| format!("state {values}"));
        let window = self.within_window.then(|| "now between start_date and end_date".to_owned());
        fields.chain(approval).chain(state).chain(window).collect::<Vec<_>>().join(", ")
    }

    /// Judges the one record, at `now`.
    fn judge(&self, change: &Change<'_>, scope: &Scope<'_>, now: DateTime<Utc>) -> Result<Finding, String> {
        let number = scope.input(&self.number);
        let wrong_fields = change.wrong(self.fields.iter().map(|(name, values)| (name.as_str(), values)))?;
        let progress = [("approval", &self.approval), ("state", &self.state)];
        let mut awaited =
            change.wrong(progress.into_iter().filter_map(|(name, values)| Some((name, values.as_ref()?))))?;
        let final_no = match &self.rejected {
            Some(rejected) => change.matching(&["approval", "state"], rejected)?,
            None => None,
        };
        let mut opens_at = None;
        let mut closed = None;
        if self.within_window {
            match change.window(now)? {
                Window::Open => {}
                Window::Opens(start, text) => {
                    // Until then the change may be moved earlier, or cancelled.
                    opens_at = Some(start.min(scope.now + scope.interval));
                    awaited.push(text);
                }
                Window::Unplanned(text) => awaited.push(text),
                Window::Closed(text) => closed = Some(text),
            }
        }
        let ends: Vec<String> = final_no.into_iter().chain(closed).collect();
        let wrong = [ends.as_slice(), &wrong_fields, &awaited].concat();
        let measured = if !ends.is_empty() {
            Outcome::Failed
        } else if !wrong_fields.is_empty() {
            Outcome::NotMet
        } else if awaited.is_empty() {
            Outcome::Passed
        } else if self.fields.is_empty() {
            Outcome::NotMet
        } else {
            // `whenNotMet` is about the fields; what is on its way is waited for.
            Outcome::Waiting
        };
        let remedy = match measured {
            Outcome::Passed => String::new(),
            Outcome::Waiting => format!("bring {number} to {}", self.expected()),
            _ if !ends.is_empty() => "name another change request, and run the stage again".to_owned(),
            _ if !wrong_fields.is_empty() => format!("correct {number} in ServiceNow, and run the stage again"),
            _ => format!("bring {number} to {}", self.expected()),
        };
        let found = match wrong.as_slice() {
            [] => format!("{number} has all expected values"),
            wrong => format!("{number}: {}", wrong.join("; ")),
        };
        let finding = Finding::new(measured, found, self.expected()).remedy(remedy);
        Ok(Finding { look_again_at: opens_at, ..finding })
    }
}

impl Rule for ServiceNowChange {
    fn describe(&self) -> String {
        format!("the change request of input {} has {}", self.number, self.expected())
    }

    fn when_not_met(&self) -> WhenNotMet {
        if self.fields.is_empty() { WhenNotMet::Wait } else { WhenNotMet::Fail }
    }

    fn validate(&self, declared: &Declared<'_>, problems: &mut Problems<'_>) {
        declared.expect_connection(&self.connection, &["serviceNow"], problems.inside("connection"));
        declared.expect_input("number", &self.number, problems);
        if self.fields.is_empty() && self.approval.is_none() && self.state.is_none() && !self.within_window {
            problems.push("", "demands nothing; write `fields`, `approval`, `state` or `withinWindow: true`");
        }
        let is_column = |name: &str| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        };
        for (name, values) in &self.fields {
            let key = format!("fields.{name}");
            if !is_column(name) {
                problems.push(&key, "is not a field; write its column name, such as `short_description`");
            }
            values.validate(&key, problems);
        }
        let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if let Some(table) = self.table.as_ref().filter(|table| table.is_empty() || !table.chars().all(is_letter)) {
            problems.push("table", format!("`{table}` is not the name of a table; write for instance change_request"));
        }
        for (key, values) in [("approval", &self.approval), ("state", &self.state), ("rejected", &self.rejected)] {
            if let Some(values) = values {
                values.validate(key, problems);
            }
        }
        if let (Some(rejected), Some(wanted)) = (&self.rejected, &self.approval)
            && let Some(both) = rejected.common(wanted)
        {
            problems.push("rejected", format!("`{both}` is also what `approval` must be"));
        }
        if let (Some(rejected), Some(wanted)) = (&self.rejected, &self.state)
            && let Some(both) = rejected.common(wanted)
        {
            problems.push("rejected", format!("`{both}` is also what `state` must be"));
        }
    }

    fn facts(&self, scope: &Scope<'_>, wanted: &mut Wanted) {
        let number = scope.input(&self.number);
        if is_number(number) {
            wanted.add(self.fact(number));
        }
    }

    fn evaluate(&self, facts: &Facts, scope: &Scope<'_>) -> Finding {
        let number = scope.input(&self.number);
        let again = "name the right change request in the pipeline, and run it again";
        if !is_number(number) {
            let found = format!("`{number}` in input {} is not a number of a change request", self.number);
            return Finding::new(Outcome::Failed, found, "a number such as CHG0030001")
                .without_evidence()
                .remedy(again);
        }
        let answer = match facts.get(&self.fact(number)) {
            Ok(answer) => answer,
            Err(error) => return Finding::unread(&error, self.expected(), scope.now),
        };
        let finding = match answer.records.as_slice() {
            [] => {
                let found = format!("there is no change request {number} that the connection's user may see");
                Finding::new(Outcome::Failed, found, "one change request with that number")
                    .without_evidence()
                    .remedy(again)
            }
            [record] => self
                .judge(&Change { record }, scope, facts.read_at(scope.now))
                .unwrap_or_else(|why| Finding::errored(format!("{number}: {why}"), self.expected())),
            _ => {
                let found = format!("several change requests have the number {number}");
                Finding::new(Outcome::Failed, found, "one change request with that number")
                    .without_evidence()
                    .remedy(again)
            }
        };
        if answer.records.is_empty() { finding } else { finding.see(&answer.link) }
    }

    fn connection(&self) -> Option<&str> {
        Some(&self.connection)
    }
}

fn is_number(text: &str) -> bool {
    // `$` of this crate matches at the very end only, so that a trailing line break is none.
    Regex::new(NUMBER).is_ok_and(|pattern| pattern.is_match(text))
}

#[cfg(test)]
mod tests;
