//! Who acts for a check: its own token and, once that has ended, the function app's managed identity.

use crate::azure_devops::{AzureDevOps, Session};
use crate::events::Event;
use crate::queue::message::MessageV1;
use crate::task::token::AuthToken;
use crate::task_log;

/// A session for the check of this message.
pub(crate) fn session_of<'a>(azure_devops: &'a AzureDevOps, message: &MessageV1, token: &AuthToken) -> Session<'a> {
    let mut session = azure_devops.session(&message.check.properties, token);
    // The token has read the check's plan or record before.
    if !message.progress.is_first() {
        session.let_identity_act(session.now() >= message.check.token_ends());
    }
    session.keep_waits(message.check.deadline, !message.held_back);
    if let Some(timeline) = message.progress.timeline_id() {
        session.use_timeline(timeline);
    }
    session
}

/// Ends a check before its token does, if no identity can decide it after that: the one that was to may not any more. Returns
/// the lines that say so.
pub(super) fn end_with_token(azure_devops: &AzureDevOps, message: &mut MessageV1) -> Vec<String> {
    let end = message.check.deadline_with_token();
    if azure_devops.identity().is_some() || message.check.deadline <= end {
        return Vec::new();
    }
    let line = task_log::ends_with_token(message.check.deadline, end);
    message.check.deadline = end;
    Event::IdentityTakenAway.report(&line);
    vec![line]
}
