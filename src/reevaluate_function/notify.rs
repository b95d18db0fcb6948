//! Tells people elsewhere what becomes of a check, in the background: no notice delays or changes a decision.
//!
//! A notice is sent when what it says is durable: the next evaluation is queued, or the decision is confirmed. Who sends it is
//! settled in the check's record (see [`super::once`]), so a check without a record sends none. How it is sent: see
//! [`super::telling`].

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::Instrument as _;

use super::context::Context;
use super::decision::Posted;
use super::once::NotSender;
use super::telling::{Beside, tell_in_time};
use super::{Ended, once};
use crate::azure_devops::Error;
use crate::azure_devops::task::CheckRecord;
use crate::check::Occasion;
use crate::evaluation::Verdict;
use crate::events::Event;
use crate::task::Decision;
use crate::task_log;

/// How long an evaluation may take to settle who tells the decision. The decision waits for it, and the log is written
/// meanwhile: Azure DevOps takes a few hundred milliseconds.
const SETTLING_TIME: Duration = Duration::from_secs(2);

/// What one evaluation has to tell.
#[derive(Default)]
pub(super) struct Notices {
    /// The occasions for which the record names a sender, with its name.
    senders: Vec<(Occasion, String)>,
    /// What is told when the successor is queued.
    due: Vec<Occasion>,
    /// What is awaited.
    awaited: Vec<String>,
    /// Settles who tells the decision.
    settling: Option<JoinHandle<Option<String>>>,
    /// The name of this evaluation, if it tells the decision.
    own: Option<String>,
}

impl Notices {
    /// Notes what the record says about senders.
    pub(super) fn see(&mut self, record: &CheckRecord) {
        let all = [Occasion::Waiting, Occasion::Expiring, Occasion::Decided];
        let sender = |occasion| Some((occasion, once::sender(record, occasion)?.to_owned()));
        self.senders = all.into_iter().filter_map(sender).collect();
    }

    fn sender(&self, occasion: Occasion) -> Option<&str> {
        self.senders.iter().find(|(known, _)| *known == occasion).map(|(_, name)| name.as_str())
    }
}

impl Context<'_> {
    /// Whether there is somebody to tell on this occasion, and nobody else does.
    fn may_tell(&self, occasion: Occasion, before: Option<&str>) -> bool {
        let stays_away = self.session.stay_away_until().is_some_and(|until| until > self.present());
        let is_wanted = self.message.check.receivers(occasion).next().is_some();
        is_wanted && self.has_record && !stays_away && self.notices.sender(occasion) == before
    }

    /// What follows happens beside the evaluation. `None` when too much does.
    fn beside(&self) -> Option<Beside> {
        let Some(permit) = self.app.notices.begin() else {
            Event::NoticeNotSent.report("too many notices are under way");
            return None;
        };
        let (app, message, token) = (Arc::clone(self.app), self.message.clone(), self.token.clone());
        Some(Beside { app, message, token, _permit: permit })
    }

    /// The check waits for this. It is told when the next evaluation is queued.
    pub(super) fn prepare_notices(&mut self, verdict: &Verdict) {
        let is_expiring = self.now >= self.message.check.expiring_at();
        let occasions = [Some(Occasion::Waiting), is_expiring.then_some(Occasion::Expiring)];
        self.notices.due = occasions.into_iter().flatten().filter(|occasion| self.may_tell(*occasion, None)).collect();
        self.notices.awaited = task_log::blockers(&verdict.explanation);
    }

    /// The evaluation has ended.
    pub(super) fn send_notices(&mut self, ended: &Ended) {
        let (due, awaited) = (std::mem::take(&mut self.notices.due), std::mem::take(&mut self.notices.awaited));
        if due.is_empty() || !matches!(ended, Ended::Requeued(_)) {
            return;
        }
        let Some(beside) = self.beside() else { return };
        let telling = async move {
            for occasion in due {
                if settled(once::become_sender(&beside.session(), occasion, None).await).is_some() {
                    beside.tell(occasion, None, &awaited).await;
                }
            }
        };
        tell_in_time(telling);
    }

    /// Begins to settle whether this evaluation tells the decision: before the decision is posted, since the record may not
    /// be writable afterwards.
    pub(super) fn begin_to_settle(&mut self) {
        let before = self.message.progress.notice_sender().map(str::to_owned);
        if !self.may_tell(Occasion::Decided, before.as_deref()) {
            return;
        }
        let Some(beside) = self.beside() else { return };
        let settling = async move {
            let session = beside.session();
            let becoming = once::become_sender(&session, Occasion::Decided, before.as_deref());
            let late = |_| Err(NotSender::Unsettled(format!("it took more than {} s", SETTLING_TIME.as_secs())));
            settled(timeout(SETTLING_TIME, becoming).await.unwrap_or_else(late))
        };
        self.notices.settling = Some(tokio::spawn(settling.in_current_span()));
    }

    /// Waits until that is settled.
    pub(super) async fn settle(&mut self) {
        if let Some(settling) = self.notices.settling.take() {
            self.notices.own = settling.await.ok().flatten();
        }
    }

    /// The decision was posted. It is told if it was accepted; if not, the next message carries on.
    pub(super) fn tell_decision(&mut self, decision: &Decision, posted: &Result<Posted, Error>) {
        let Some(own) = self.notices.own.take() else { return };
        if !matches!(posted, Ok(Posted::Confirmed | Posted::Unconfirmed)) {
            return self.progress().note_notice_sender(Some(own));
        }
        self.progress().note_notice_sender(None);
        let (decision, shown_in) = (decision.clone(), self.shown_in());
        let Some(beside) = self.beside() else { return };
        let telling = async move {
            match beside.confirm(&decision, shown_in).await {
                Some(true) => beside.tell(Occasion::Decided, Some(&decision), &[]).await,
                Some(false) => {}
                None => Event::NoticeNotSent.report("the decision was accepted, and the record does not show it"),
            }
        };
        tell_in_time(telling);
    }
}

/// The name of this evaluation if it sends. If nobody may, an operator is told.
fn settled(sender: Result<String, NotSender>) -> Option<String> {
    if let Err(NotSender::Unsettled(why)) = &sender {
        Event::NoticeNotSent.report(&format!("who sends it could not be settled in the check's record: {why}"));
    }
    sender.ok()
}
