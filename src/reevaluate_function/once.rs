//! At most one evaluation of a check ever sends the notices of an occasion.
//!
//! # What must hold
//!
//! A notice is sent at most once, whatever dies, is repeated, or runs twice at the same time. If somebody dies at the wrong
//! moment, it is not sent at all.
//!
//! # How
//!
//! The check's record is what all evaluations of a check share. It can be read and written, but there is no "write if nobody
//! else has". Two variables are enough all the same, a *candidate* and a *sender* for each occasion. An evaluation gives
//! itself a name that nobody else has, and then
//!
//! 1. writes it as the candidate,
//! 2. reads the record, and gives up if it has a sender,
//! 3. writes its name as the sender,
//! 4. reads the record, and sends if the candidate is still itself.
//!
//! Two evaluations never both send. Say that both A and B came to the end, and A wrote its candidate first. A has read itself
//! as the candidate in step 4, so that was before step 1 of B. Then step 3 of A was earlier still, and B found a sender in
//! step 2. (Lamport's fast lock is built on this, and so is the splitter of Moir and Anderson.)
//!
//! A write that is not answered may arrive late. Its evaluation has given up by then, and the late write can only make others
//! give up.
//!
//! A sender may hand on: its decision was not accepted, and the next message delivers it. Then it does not send, and its
//! successor carries its name. In step 2 the successor expects this name instead of none, so the same proof holds for all
//! duplicates of the successor.

use uuid::Uuid;

use crate::azure_devops::task::{CheckRecord, RecordUpdate};
use crate::azure_devops::{Error, Session};
use crate::check::Occasion;

/// The variables that hold the candidate and the sender.
const fn variables(occasion: Occasion) -> [&'static str; 2] {
    match occasion {
        Occasion::Waiting => ["checkgate.waiting.candidate", "checkgate.waiting.sender"],
        Occasion::Expiring => ["checkgate.expiring.candidate", "checkgate.expiring.sender"],
        Occasion::Decided => ["checkgate.decided.candidate", "checkgate.decided.sender"],
    }
}

/// Who sends, or has sent, the notices of this occasion.
pub(super) fn sender(record: &CheckRecord, occasion: Occasion) -> Option<&str> {
    let [_, sender] = variables(occasion);
    record.variable(sender)
}

/// Why an evaluation does not send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NotSender {
    /// Another evaluation sends, or has sent; or the check is completed, so that there is nothing to send.
    Settled,
    /// That is not settled, for this reason: it may be that nobody sends.
    Unsettled(String),
}

/// Becomes the sender, and returns its name. `before` is the sender that has handed on to this evaluation.
///
/// # Errors
///
/// When somebody else is or may be the sender.
pub(super) async fn become_sender(
    session: &Session<'_>,
    occasion: Occasion,
    before: Option<&str>,
) -> Result<String, NotSender> {
    let [candidate, sender] = variables(occasion);
    let own = Uuid::new_v4().to_string();
    write(session, candidate, &own).await?;
    let record = read(session).await?;
    if record.is_completed() || record.variable(sender) != before {
        return Err(NotSender::Settled);
    }
    write(session, sender, &own).await?;
    if read(session).await?.variable(candidate) == Some(own.as_str()) {
        return Ok(own);
    }
    Err(NotSender::Unsettled("another evaluation of the check ran at the same time".to_owned()))
}

async fn write(session: &Session<'_>, variable: &'static str, name: &str) -> Result<(), NotSender> {
    session.update_record(&RecordUpdate::default().variable(variable, name)).await?;
    Ok(())
}

async fn read(session: &Session<'_>) -> Result<CheckRecord, NotSender> {
    let record = session.record().await?;
    record.ok_or_else(|| NotSender::Unsettled("the check's record is not shown".to_owned()))
}

impl From<Error> for NotSender {
    fn from(error: Error) -> Self {
        Self::Unsettled(error.to_string())
    }
}
