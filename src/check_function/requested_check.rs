//! Which check a delivery asks for: named by header or query, brought in the body, or the default.

use std::borrow::Cow;

use crate::check::{Allowed, CheckDefinition};
use crate::check_function::delivery::{MAX_INPUT_LENGTH, Request, Rules};
use crate::check_function::headers::{Reader, echo, printable};
use crate::checks_file::ChecksFile;
use crate::http::json;
use crate::suggest::suggest;
use crate::text::{escaped, is_carried_by_xml};
use crate::yaml::Problem;

impl Reader<'_> {
    /// The definition that applies: of the check that header or query name, of the body, or the default.
    pub(super) fn definition(&mut self, request: Request<'_>, rules: Rules<'_>) -> Option<(String, CheckDefinition)> {
        let before = self.problems.len();
        let named = self.name(request.query);
        if self.problems.len() > before {
            return None;
        }
        let Ok(body) = std::str::from_utf8(request.body) else {
            self.problems
                .push("the body is not UTF-8 text: leave it empty, or write a check definition as JSON".to_owned());
            return None;
        };
        // An empty body is normal, and people write `{}` where they think that there must be one.
        let inline =
            Some(body.trim_start_matches('\u{feff}').trim()).filter(|body| !matches!(*body, "" | "{}" | "null"));
        match (named, inline) {
            (Some(name), Some(_)) => {
                self.problems.push(format!(
                    "the delivery names the check {} and brings a definition in its body: keep one of them",
                    echo(&name)
                ));
                None
            }
            (None, Some(text)) => self.inline(text, rules),
            (Some(name), None) => self.named(&name, rules.checks),
            (None, None) => match &rules.checks.default {
                Some(default) => self.named(default, rules.checks),
                None => {
                    self.problems.push(format!(
                        "the delivery names no check: add \"Check\": \"{}\" to the check's headers",
                        one_of(rules.checks)
                    ));
                    None
                }
            },
        }
    }

    /// The one check that header and query name.
    fn name(&mut self, query: &str) -> Option<String> {
        let mut names: Vec<String> = self.header("Check", MAX_INPUT_LENGTH).map(str::to_owned).into_iter().collect();
        names.extend(named_in(query));
        names.retain(|name| !name.is_empty());
        names.dedup();
        if names.len() > 1 {
            let names: Vec<String> = names.iter().map(|name| echo(name)).collect();
            self.problems
                .push(format!("the delivery names more than one check, {}: keep one of them", names.join(" and ")));
        }
        names.pop()
    }

    fn named(&mut self, name: &str, checks: &ChecksFile) -> Option<(String, CheckDefinition)> {
        if let Some(definition) = checks.checks.get(name) {
            return Some((name.to_owned(), definition.clone()));
        }
        let mut hint = suggest(name, checks.checks.keys().map(String::as_str));
        if hint.is_empty() {
            hint = format!("; the checks are: {}", one_of(checks));
        }
        self.problems.push(format!("there is no check {} in checks.yaml{hint}", echo(name)));
        None
    }

    fn inline(&mut self, text: &str, rules: Rules<'_>) -> Option<(String, CheckDefinition)> {
        if !rules.allow_inline {
            self.problems.push("the body brings a check definition, which this function app does not allow: name a check of checks.yaml with the header Check, or set the app setting AllowInlineChecks to true".to_owned());
            return None;
        }
        // The body is declared to be JSON; YAML would accept nearly any text and complain about its meaning.
        if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
            self.problems.push(format!(
                "the body is not JSON (line {}, column {}): leave it empty, or write a check definition",
                error.line(),
                error.column()
            ));
            return None;
        }
        let connections = &rules.checks.connections;
        let allowed = Allowed { connections, is_inline: true, decided_with: rules.decided_with };
        match CheckDefinition::parse_for(&as_yaml(text), allowed) {
            Ok(definition) => Some(("inline".to_owned(), definition)),
            Err(problems) => {
                self.problems.extend(
                    problems.iter().map(|problem: &Problem| format!("body, {}", printable(&problem.to_string()))),
                );
                None
            }
        }
    }
}

/// A valid JSON as YAML can carry it, which knows fewer characters, and no halves of them.
fn as_yaml(json: &str) -> Cow<'_, str> {
    if json.contains("\\ud") || json.contains("\\uD") {
        let value = json::read::<serde_json::Value>(json.as_bytes()).unwrap_or_default();
        return escaped(&format!("{value:#}"), is_carried_by_yaml).into_owned().into();
    }
    escaped(json, is_carried_by_yaml)
}

/// What stands between the parts of a JSON must stay.
fn is_carried_by_yaml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r') || is_carried_by_xml(c)
}

/// The checks that a query string names, by the parameter `check`.
fn named_in(query: &str) -> impl Iterator<Item = String> {
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.filter(|(key, _)| key.eq_ignore_ascii_case("check")).map(|(_, value)| value.into_owned())
}

fn one_of(checks: &ChecksFile) -> String {
    checks.checks.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}
