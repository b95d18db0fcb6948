//! A decision on its way: claimed, kept in the record, shown in the log, posted. [`super::decision`] says why in this order.

use std::time::Duration;

use tokio::time::timeout;

use super::Ended;
use super::context::Context;
use super::decision::{self, Announcement, Kept, Posted};
use super::next::Next;
use super::retry::StepError;
use crate::queue::PendingDecision;
use crate::task::Decision;
use crate::task_log;

/// How many times the writes are tried on which it depends that two evaluations do not post different decisions.
const TRIES_TO_KEEP: usize = 3;

/// How long all of them may take together: Azure Pipelines stops waiting half a minute after the deadline.
const KEEP_WITHIN: Duration = Duration::from_secs(8);

/// Makes a decision: claims the check, writes the decision into the record, sees whether it counts, and shows it in the log.
pub(super) async fn decide(context: &mut Context<'_>, decision: Decision, lines: Vec<String>) -> Next {
    let shown = decision::announce(decision.clone(), context.message.check.definition.dry_run);
    context.note_decision(&decision, &shown.decision);
    match keep(context, &shown).await {
        Kept::Counts(decision) if decision == shown.decision => {}
        Kept::Counts(theirs) => return adopt(context, PendingDecision::new(theirs), false).await,
        Kept::End(ended) => return Next::End(ended),
        Kept::Other => return another_chain_decides(),
        Kept::Contested(claim) => {
            context.write_log(lines).await;
            return context.wait_for_other_chain(claim, None);
        }
    }
    context.begin_to_settle();
    // The last lines come before the decision: after it, nobody reads them.
    let logged = context.write_log([lines, shown.lines].concat()).await;
    Next::Deliver(PendingDecision { logged, ..PendingDecision::new(shown.decision) })
}

fn another_chain_decides() -> Next {
    Next::stop("another chain of messages decides the check")
}

/// Claims the check, and writes a decision into its record: this one, or the one that the record holds by then. If that cannot be
/// done, the decision counts all the same: a record that cannot be written delays it by 8 s at most.
async fn keep(context: &mut Context<'_>, shown: &Announcement) -> Kept {
    let mut shown = shown.clone();
    let tries = async {
        for _ in 0..TRIES_TO_KEEP {
            if let Some(kept) = try_to_keep(context, &mut shown).await {
                return Some(kept);
            }
        }
        context.keep_decision(shown.record.clone(), &shown.decision).await;
        None
    };
    let kept = timeout(KEEP_WITHIN, tries).await.ok().flatten().unwrap_or(Kept::Counts(shown.decision));
    if matches!(kept, Kept::Other | Kept::Contested(_)) {
        context.withdraw_decision().await;
    }
    kept
}

/// The same, with each call tried once. `None` where one failed.
async fn try_to_keep(context: &mut Context<'_>, shown: &mut Announcement) -> Option<Kept> {
    let record = context.claim().await?;
    let reader = context.judges().0;
    if record.is_completed() {
        return Some(Kept::End(reader.completion(&record)));
    }
    if let Some(theirs) = reader.decision(&record).filter(|theirs| *theirs != shown.decision) {
        *shown = decision::announce(theirs, false);
    }
    let record = context.keep_decision(shown.record.clone(), &shown.decision).await?;
    let (reader, claims) = context.judges();
    Some(decision::read_back(&record, shown.decision.clone(), reader, claims))
}

/// Takes over a decision that was made before, if it counts: another evaluation may be on the way to one.
pub(super) async fn agree_on(context: &mut Context<'_>, pending: PendingDecision, is_first: bool) -> Next {
    match keep(context, &decision::announce(pending.decision.clone(), false)).await {
        Kept::Counts(decision) if decision == pending.decision => adopt(context, pending, is_first).await,
        Kept::Counts(theirs) => adopt(context, PendingDecision::new(theirs), is_first).await,
        Kept::End(ended) => Next::End(ended),
        Kept::Other => another_chain_decides(),
        Kept::Contested(claim) => context.wait_for_other_chain(claim, None),
    }
}

/// Takes over a decision that was made before, and shows it where the log does not yet.
pub(super) async fn adopt(context: &mut Context<'_>, mut pending: PendingDecision, is_first: bool) -> Next {
    context.begin_to_settle();
    if !pending.logged {
        context.open_log(is_first).await;
        pending.logged = context.write_log(task_log::decision(&pending.decision, None)).await;
    }
    Next::Deliver(pending)
}

/// Posts a decision. One that does not arrive, or is not confirmed, travels on in the next message.
pub(super) async fn deliver(context: &mut Context<'_>, pending: PendingDecision) -> Next {
    let pending = pending.sent_again();
    if context.message.progress.unreadable_since().is_some() {
        context.write_log(Vec::new()).await;
    }
    context.settle().await;
    let answer = decision::post(&context.session, &pending, context.shown_in()).await;
    context.log_decision(&pending.decision, &answer);
    context.tell_decision(&pending.decision, &answer);
    match answer {
        Ok(Posted::Confirmed) => Next::End(Ended::Decided(pending.decision)),
        Ok(Posted::Gone(error)) => context.post_again_before_believing(pending, &error),
        Ok(Posted::Unconfirmed) => {
            context.message.keep(PendingDecision { accepted: true, ..pending });
            let why = "the decision is accepted, not yet confirmed".to_owned();
            Next::Requeue { at: context.present() + decision::CONFIRM_AFTER, why }
        }
        Err(error) => {
            context.message.keep(pending);
            context.after_error(&StepError::Deliver(&error))
        }
    }
}
