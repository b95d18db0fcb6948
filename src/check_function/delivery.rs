//! What Azure Pipelines sends when it delivers a check: read completely, with every problem reported at once. No I/O.

use chrono::{DateTime, Utc};
use warp::http::HeaderMap;

use crate::check::{Check, CheckDefinition, DecidedWith};
use crate::checks_file::ChecksFile;
use crate::task::CompletionEvent;
use crate::task::plan_url::AllowedPlanUrls;
use crate::task::token::AuthToken;

use super::headers::Reader;

/// The longest value of an input: it travels in the queue message.
pub(super) const MAX_INPUT_LENGTH: usize = 4 * 1024;

/// A delivery that can be worked on.
#[derive(Debug)]
pub struct Delivery {
    /// The check.
    pub check: Check,
    /// The token for calls to Azure DevOps.
    pub token: AuthToken,
    /// How the answer is expected.
    pub completion_event: CompletionEvent,
}

/// Why a delivery was refused.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Something in it is missing or wrong: 400, with a sentence for each problem.
    Problems(Vec<String>),
    /// It wants its decision sent to a place that is not allowed: 403.
    ForbiddenPlanUrl(String),
}

/// What a delivery is read against.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The checks that it may name.
    pub checks: &'a ChecksFile,
    /// Where decisions may be sent.
    pub allowed: &'a AllowedPlanUrls,
    /// Whether it may bring its own definition.
    pub allow_inline: bool,
    /// How its decision can be delivered.
    pub decided_with: DecidedWith,
}

/// A delivery as it arrives.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its query, without the question mark.
    pub query: &'a str,
    /// Its body.
    pub body: &'a [u8],
}

/// Reads a delivery.
///
/// # Errors
///
/// [`Refusal`] with everything that is wrong with it. The token is never repeated.
pub fn read(request: Request<'_>, rules: Rules<'_>, now: DateTime<Utc>) -> Result<Delivery, Refusal> {
    let mut reader = Reader::new(request.headers);
    let chosen = reader.definition(request, rules);
    let properties = reader.properties(rules.allowed);
    let token = reader.token();
    let completion_event = reader.completion_event();
    let inputs = chosen.as_ref().map(|(_, definition)| reader.inputs(&definition.inputs));
    if let Some((_, definition)) = &chosen
        && request.headers.get("BuildId").is_none()
        && definition.conditions.iter().any(|condition| condition.reads_run())
    {
        reader.missing("BuildId");
    }
    if let Some(problem) = reader.forbidden {
        return Err(Refusal::ForbiddenPlanUrl(problem));
    }
    match (chosen, properties, token, inputs) {
        (Some((name, definition)), Some(properties), Some(token), Some(inputs)) if reader.problems.is_empty() => {
            let completion_event = completion_event.unwrap_or(definition.completion_event);
            let for_all = Some(&rules.checks.notify).filter(|list| !list.is_empty());
            let notify = definition.notify.or_else(|| for_all.cloned());
            let definition = CheckDefinition { completion_event, notify, ..definition };
            let deadline = definition.deadline(now);
            // Whatever else stands there is no reason to refuse the check.
            let trace = request.headers.get("traceparent").and_then(|value| value.to_str().ok()?.parse().ok());
            let check = Check { name, properties, definition, inputs, delivered_at: now, deadline, trace };
            Ok(Delivery { check, token, completion_event })
        }
        _ => Err(Refusal::Problems(reader.problems)),
    }
}
