//! What is wrong with one check.

use super::criteria::{self, RECOMMENDED};
use super::wanted::{TOKEN_MINUTES, longest_timeout};
use super::{Finding, Panel, Rule, examine_headers};
use crate::check::CheckDefinition;
use crate::checks_file::ChecksFile;
use crate::suggest::suggest;
use crate::task::CompletionEvent;
use crate::text::cut;

/// The most evaluations of a polled check that the guide recommends.
const MOST_EVALUATIONS: u64 = 10;

/// How much of a wrong value is repeated.
pub(super) const MAX_ECHO: usize = 60;

/// What is wrong with one check. `connection` is the address behind the service connection of a REST check. The rules of
/// the guide hold for every check of a server task; those about `checks.yaml` only for checks that call checkgate.
#[must_use]
pub fn examine(panel: &Panel, checks: &ChecksFile, connection: Option<&str>) -> Vec<Finding> {
    let mut found = Vec::new();
    mode(panel, &mut found);
    examine_headers::keys(panel, &mut found);
    state(panel, &mut found);
    let mut known = None;
    if panel.is_checkgate(connection) {
        address(panel, &mut found);
        match &panel.headers {
            Ok(headers) => {
                known = named(panel, checks, &mut found);
                examine_headers::examine(headers, known, &mut found);
                if let Some(definition) = known {
                    times(panel, definition, &mut found);
                }
            }
            Err(why) => found.push(examine_headers::unreadable(why)),
        }
    } else {
        let by_hand = "what its function answers, only its owner knows";
        for finding in
            found.iter_mut().filter(|it| matches!(it.rule, Rule::NoSuccessCriteria | Rule::CriteriaAcceptFailure))
        {
            finding.cannot_fix = Some(by_hand);
        }
    }
    too_long(panel, known, &mut found);
    found
}

/// A *Timeout* at whose end nobody can deliver the decision. The managed identity can, where the check's own `timeout` counts on it.
fn too_long(panel: &Panel, definition: Option<&CheckDefinition>, found: &mut Vec<Finding>) {
    let (timeout, longest) = (panel.timeout, longest_timeout(definition));
    if panel.completion_event == CompletionEvent::Callback && timeout > longest {
        let message = format!(
            "*Timeout* is {timeout} minutes, but the token of the delivery is valid for {TOKEN_MINUTES}: a later decision cannot be posted."
        );
        found.push(Finding::new(Rule::TimeoutTooLong, message, format!("Set *Timeout* to at most {longest}.")));
    }
}

fn mode(panel: &Panel, found: &mut Vec<Finding>) {
    let (interval, timeout) = (panel.time_between_evaluations, panel.timeout);
    match panel.completion_event {
        CompletionEvent::Callback => {
            if interval != 0 {
                let message = format!(
                    "*Time between evaluations* is {interval}: with Callback the decision is then not final, and the check is delivered again and again."
                );
                found.push(Finding::new(Rule::CallbackInterval, message, "Set *Time between evaluations* to 0."));
            }
        }
        CompletionEvent::ApiResponse => {
            if interval > 0 && timeout > interval * MOST_EVALUATIONS {
                let message = format!(
                    "*Timeout* {timeout} divided by *Time between evaluations* {interval} is more than {MOST_EVALUATIONS}."
                );
                let mend = format!(
                    "Set *Time between evaluations* to at least {}, or to 0, or use Callback.",
                    timeout.div_ceil(MOST_EVALUATIONS)
                );
                found.push(Finding::new(Rule::PollRatio, message, mend));
            }
            success_criteria(&panel.success_criteria, found);
        }
    }
}

fn success_criteria(criteria: &str, found: &mut Vec<Finding>) {
    let mend = format!("Set *Success criteria* to `{RECOMMENDED}`, or use Callback.");
    if criteria.is_empty() {
        let message = "*Completion event* is ApiResponse without *Success criteria*: every answer with status 200 lets the stage pass.";
        return found.push(Finding::new(Rule::NoSuccessCriteria, message, mend));
    }
    let shown = cut(criteria, MAX_ECHO);
    match criteria::are_met(criteria, &serde_json::json!({ "status": "failed" })) {
        Ok(false) => {}
        Ok(true) => {
            let message = format!("*Success criteria* `{shown}` accept the answer {{\"status\":\"failed\"}}.");
            found.push(Finding::new(Rule::CriteriaAcceptFailure, message, mend));
        }
        Err(why) => {
            let message = format!("*Success criteria* `{shown}` could not be judged: {why}.");
            let by_hand = "only a person knows what these criteria should accept";
            found.push(Finding::new(Rule::CriteriaUnclear, message, mend).only_by_hand(by_hand));
        }
    }
}

fn state(panel: &Panel, found: &mut Vec<Finding>) {
    if panel.is_disabled {
        let by_hand = "somebody turned it off on purpose";
        let finding = Finding::new(
            Rule::CheckDisabled,
            "The check is disabled: it protects nothing.",
            "Enable it, or delete it if it is not needed.",
        );
        found.push(finding.only_by_hand(by_hand));
    }
    if let Some(issue) = &panel.issue {
        let message = format!("Azure DevOps says: {}", cut(&crate::text::one_line(issue), 200));
        let finding =
            Finding::new(Rule::PlatformIssue, message, "Open the check in Azure DevOps and follow its advice.");
        found.push(finding.only_by_hand("Azure DevOps does not say in which field"));
    }
}

fn address(panel: &Panel, found: &mut Vec<Finding>) {
    if panel.address.to_ascii_lowercase().starts_with("http://") {
        let finding = Finding::new(
            Rule::AddressWithoutTls,
            "The address begins with http://: the function key and the token travel in the clear.",
            "Write https://.",
        );
        found.push(finding.only_by_hand("whether the address answers with TLS is not known here"));
    }
    if !panel.method.eq_ignore_ascii_case("POST") {
        let message = format!("*Method* is {}: the function answers only POST.", cut(&panel.method, MAX_ECHO));
        found.push(Finding::new(Rule::Method, message, "Set *Method* to POST."));
    }
}

/// The definition of the check that the delivery names, or of the default.
fn named<'a>(panel: &Panel, checks: &'a ChecksFile, found: &mut Vec<Finding>) -> Option<&'a CheckDefinition> {
    let names = panel.check_names();
    let by_hand = "which check is meant, a person must say";
    match names.as_slice() {
        [] if panel.body.is_empty() => {
            let default = checks.default.as_ref().and_then(|name| checks.checks.get(name));
            if default.is_none() {
                let mend = format!("Add `\"Check\": \"…\"` to *Headers*: {}.", one_of(checks));
                let message = "The delivery names no check, and checks.yaml has no `default`.";
                found.push(Finding::new(Rule::CheckUnnamed, message, mend).only_by_hand(by_hand));
            }
            default
        }
        // The body brings a definition of its own.
        [] => None,
        [name] if !panel.body.is_empty() && panel.body != "{}" => {
            let message =
                format!("The header or query names `{}`, and *Body* brings a definition.", cut(name, MAX_ECHO));
            let finding = Finding::new(Rule::CheckAmbiguous, message, "Empty *Body*, or do not name a check.");
            found.push(finding.only_by_hand(by_hand));
            None
        }
        [name] => {
            let known = checks.checks.get(name);
            if known.is_none() {
                let hint = suggest(name, checks.checks.keys().map(String::as_str));
                let message = format!("checks.yaml has no check `{}`{hint}.", cut(name, MAX_ECHO));
                let mend = format!("Correct the header `Check`: {}.", one_of(checks));
                found.push(Finding::new(Rule::CheckUnknown, message, mend).only_by_hand(by_hand));
            }
            known
        }
        several => {
            let message = format!("Header and query name different checks: `{}`.", several.join("`, `"));
            let finding = Finding::new(Rule::CheckAmbiguous, message, "Name the check once, in the header `Check`.");
            found.push(finding.only_by_hand(by_hand));
            None
        }
    }
}

fn one_of(checks: &ChecksFile) -> String {
    let names: Vec<&str> = checks.checks.keys().map(String::as_str).collect();
    format!("one of {}", names.join(", "))
}

fn times(panel: &Panel, definition: &CheckDefinition, found: &mut Vec<Finding>) {
    let wanted = definition.completion_event;
    if panel.completion_event != wanted {
        let message = format!(
            "*Completion event* is {:?}, but checks.yaml says `completionEvent: {wanted:?}`.",
            panel.completion_event
        );
        let overridden = panel
            .headers
            .as_ref()
            .ok()
            .and_then(|headers| headers.value("CompletionEvent"))
            .is_some_and(|value| value.eq_ignore_ascii_case(&format!("{:?}", panel.completion_event)));
        if !overridden {
            let mend = format!("Set *Completion event* to {wanted:?}.");
            found.push(Finding::new(Rule::CompletionEvent, message, mend));
        }
    }
    let needed = super::wanted::timeout_minutes(definition);
    if panel.timeout < needed {
        let message = format!(
            "*Timeout* is {} minutes, but the check may take {needed}: Azure Pipelines stops waiting before the decision.",
            panel.timeout
        );
        let mend = format!("Set *Timeout* to {needed}, or shorten `timeout` in checks.yaml.");
        found.push(Finding::new(Rule::TimeoutTooShort, message, mend));
    }
}
