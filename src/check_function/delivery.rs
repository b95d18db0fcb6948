//! What Azure Pipelines sends when it delivers a check: read completely, with every problem reported at once. No I/O.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;
use warp::http::HeaderMap;

use crate::check::Check;
use crate::checks_file::ChecksFile;
use crate::task::CompletionEvent;
use crate::task::plan_url::AllowedPlanUrls;
use crate::task::token::AuthToken;
use crate::task::{HubName, TaskProperties};

use super::headers::Reader;

/// The longest value of an input: it travels in the queue message.
pub(super) const MAX_INPUT: usize = 4 * 1024;

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
}

/// Reads a delivery.
///
/// # Errors
///
/// [`Refusal`] with everything that is wrong with it. The token is never repeated.
pub fn read(
    headers: &HeaderMap,
    query: &str,
    body: &[u8],
    rules: Rules<'_>,
    now: DateTime<Utc>,
) -> Result<Delivery, Refusal> {
    let mut reader = Reader { headers, problems: Vec::new() };
    let chosen = reader.definition(query, body, rules);
    let plan_url = reader.plan_url(rules.allowed);
    let project_id = reader.required::<Uuid>("ProjectId", "a GUID");
    let hub_name = reader.required::<HubName>("HubName", "a hub name of 1 to 32 letters, such as `checks`");
    let plan_id = reader.required::<Uuid>("PlanId", "a GUID");
    let job_id = reader.required::<Uuid>("JobId", "a GUID");
    let timeline_id = reader.optional::<Uuid>("TimelineId", "a GUID");
    let task_instance_id = reader.required::<Uuid>("TaskInstanceId", "a GUID");
    let build_id = reader.optional::<u64>("BuildId", "a number");
    let token = reader.token();
    let completion_event = reader.completion_event();
    let mut inputs = BTreeMap::new();
    if let Some((_, definition)) = &chosen {
        inputs = reader.inputs(&definition.inputs);
        if reader.headers.get("BuildId").is_none()
            && definition.conditions.iter().any(|condition| condition.reads_run())
        {
            reader.missing("BuildId");
        }
    }
    if let Some(Err(forbidden)) = &plan_url {
        return Err(Refusal::ForbiddenPlanUrl(forbidden.clone()));
    }
    let (
        Some((name, definition)),
        Some(Ok(plan_url)),
        Some(project_id),
        Some(hub_name),
        Some(plan_id),
        Some(job_id),
        Some(task_instance_id),
        Some(token),
        true,
    ) = (chosen, plan_url, project_id, hub_name, plan_id, job_id, task_instance_id, token, reader.problems.is_empty())
    else {
        return Err(Refusal::Problems(reader.problems));
    };
    let timeline_id = timeline_id.unwrap_or(plan_id);
    let properties =
        TaskProperties { plan_url, project_id, hub_name, plan_id, job_id, timeline_id, task_instance_id, build_id };
    let completion_event = completion_event.unwrap_or(definition.completion_event);
    let deadline = definition.deadline(now);
    Ok(Delivery {
        check: Check { name, properties, definition, inputs, delivered_at: now, deadline },
        token,
        completion_event,
    })
}
