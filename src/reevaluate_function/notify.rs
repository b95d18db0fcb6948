//! Tells people elsewhere what becomes of a check, in the background: no notice delays or changes a decision.
//!
//! A notice is sent when what it says is durable: the next evaluation is queued, or the decision is confirmed. Who sends it is
//! settled in the check's record (see [`super::once`]), so a check without a record sends none.

use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use futures_util::future::join_all;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::Instrument as _;

use super::acting::session_of;
use super::context::Context;
use super::decision::{Posted, ShownIn};
use super::{Ended, once};
use crate::App;
use crate::azure_devops::task::CheckRecord;
use crate::azure_devops::{Error, ErrorKind, Session};
use crate::check::Occasion;
use crate::evaluation::Verdict;
use crate::events::Event;
use crate::notices::{Notice, Permit};
use crate::queue::message::MessageV1;
use crate::sources::Webhooks;
use crate::task::Decision;
use crate::task::token::AuthToken;
use crate::task_log;

/// How long an evaluation may take to settle who tells the decision. The decision waits for it, and the log is written
/// meanwhile: Azure DevOps takes a few hundred milliseconds.
const SETTLING_TIME: Duration = Duration::from_secs(2);

/// How long the notices of one occasion may take in all.
const TELLING_TIME: Duration = Duration::from_secs(120);

/// How often a post is made again that certainly did not arrive.
const RETRIES: usize = 3;

/// The longest pause before that. A webhook that asks for more does without the notice.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How often the record is read until it shows an accepted decision: for a minute, after 1, 2, 4 … s.
const LOOKS: usize = 6;

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
                if once::become_sender(&beside.session(), occasion, None).await.is_some() {
                    beside.tell(occasion, None, &awaited).await;
                }
            }
        };
        tokio::spawn(timeout(TELLING_TIME, telling).in_current_span());
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
            let settled = timeout(SETTLING_TIME, once::become_sender(&session, Occasion::Decided, before.as_deref()));
            settled.await.ok().flatten()
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
        tokio::spawn(timeout(TELLING_TIME, telling).in_current_span());
    }
}

/// What happens beside an evaluation, and after it.
struct Beside {
    app: Arc<App>,
    message: MessageV1,
    token: AuthToken,
    _permit: Permit,
}

impl Beside {
    fn session(&self) -> Session<'_> {
        session_of(&self.app.azure_devops, &self.message, &self.token)
    }

    /// Whether this accepted decision is the one that counts. `None` where that does not show.
    async fn confirm(&self, decision: &Decision, shown_in: ShownIn) -> Option<bool> {
        let session = self.session();
        let look = || async { counts(&session, decision, shown_in).await.ok_or(()) };
        look.retry(ExponentialBuilder::default().with_max_times(LOOKS)).await.ok()
    }

    /// Sends the notices of an occasion, once.
    async fn tell(&self, occasion: Occasion, decision: Option<&Decision>, awaited: &[String]) {
        let check = &self.message.check;
        let run = self.message.progress.run();
        let number = run.map(|run| run.build_number.clone()).filter(|number| !number.is_empty());
        let id = check.properties.build_id.map(|id| id.to_string());
        let notice = Notice {
            occasion,
            check,
            run: number.or(id).unwrap_or_default(),
            pipeline: run.and_then(|run| run.definition.as_ref()).map_or_else(String::new, |it| it.name.clone()),
            decision,
            awaited,
            at: self.app.clock.now(),
        };
        let checks = self.app.checks.in_force();
        let webhooks = checks.sources.webhooks();
        join_all(check.receivers(occasion).map(|to| self.post(webhooks, to, &notice))).await;
    }

    async fn post(&self, webhooks: &Webhooks, to: &str, notice: &Notice<'_>) {
        let format = match webhooks.format(to) {
            Ok(format) => format,
            Err(why) => return Event::NoticeNotSent.report(&why),
        };
        let body = notice.body(format);
        let posted = (|| webhooks.post(to, body.clone(), self.app.clock.now()))
            .retry(ExponentialBuilder::default().with_max_times(RETRIES))
            .when(|not_taken| not_taken.again_after.is_some_and(|asked| asked <= LONGEST_PAUSE))
            .adjust(|not_taken, pause| pause.map(|pause| not_taken.again_after.map_or(pause, |asked| asked.max(pause))))
            .await;
        match posted {
            Ok(()) => tracing::info!(to, occasion = ?notice.occasion, "a notice was sent"),
            Err(not_taken) => Event::NoticeNotSent.report(&not_taken.why),
        }
    }
}

/// Whether an accepted decision is the one that counts, as far as it shows.
async fn counts(session: &Session<'_>, decision: &Decision, shown_in: ShownIn) -> Option<bool> {
    let is_gone = |error: &Error| matches!(error.kind, ErrorKind::Gone | ErrorKind::NotVisible);
    if shown_in == ShownIn::Record {
        return match session.record().await {
            Ok(Some(record)) if record.is_completed() => Some(record.result.as_deref() == Some(decision.task_result())),
            Ok(_) => None,
            Err(error) => is_gone(&error).then_some(true),
        };
    }
    match session.plan().await {
        Ok(plan) => plan.is_completed().then_some(true),
        Err(error) => is_gone(&error).then_some(true),
    }
}
