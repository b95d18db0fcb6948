//! Sends the notices of one occasion, beside the evaluation that they are about and after it.

use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use futures_util::future::join_all;
use tokio::time::timeout;
use tracing::Instrument as _;

use super::acting::session_of;
use super::decision::ShownIn;
use crate::App;
use crate::azure_devops::{Error, ErrorKind, Session};
use crate::check::Occasion;
use crate::events::Event;
use crate::notices::{Notice, Permit};
use crate::queue::message::MessageV1;
use crate::sources::Webhooks;
use crate::task::Decision;
use crate::task::token::AuthToken;

/// How long the notices of one occasion may take in all.
const TELLING_TIME: Duration = Duration::from_secs(120);

/// How often a post is made again that certainly did not arrive.
const RETRIES: usize = 3;

/// The longest pause before that. A webhook that asks for more does without the notice.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How often the record is read until it shows an accepted decision: for a minute, after 1, 2, 4 … s.
const LOOKS: usize = 6;

/// What happens beside an evaluation, and after it.
pub(super) struct Beside {
    pub(super) app: Arc<App>,
    pub(super) message: MessageV1,
    pub(super) token: AuthToken,
    /// Until this is dropped, a notice is under way.
    pub(super) _permit: Permit,
}

impl Beside {
    pub(super) fn session(&self) -> Session<'_> {
        session_of(&self.app.azure_devops, &self.message, &self.token)
    }

    /// Whether this accepted decision is the one that counts. `None` where that does not show.
    pub(super) async fn confirm(&self, decision: &Decision, shown_in: ShownIn) -> Option<bool> {
        let session = self.session();
        let look = || async { counts(&session, decision, shown_in).await.ok_or(()) };
        look.retry(ExponentialBuilder::default().with_max_times(LOOKS)).await.ok()
    }

    /// Sends the notices of an occasion, once.
    pub(super) async fn tell(&self, occasion: Occasion, decision: Option<&Decision>, awaited: &[String]) {
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

/// Sends notices in the background, as long as they may take. An operator is told if that was not enough.
pub(super) fn tell_in_time(telling: impl Future<Output = ()> + Send + 'static) {
    let reported = async {
        if let Err(why) = in_time(TELLING_TIME, telling).await {
            Event::NoticeNotSent.report(&why);
        }
    };
    tokio::spawn(reported.in_current_span());
}

async fn in_time(limit: Duration, telling: impl Future<Output = ()>) -> Result<(), String> {
    let late = |_| format!("the notices of one occasion were not all sent within {} s", limit.as_secs());
    timeout(limit, telling).await.map_err(late)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn notices_that_take_too_long_are_given_up_and_that_is_said() {
        assert_eq!(in_time(TELLING_TIME, std::future::ready(())).await, Ok(()));
        let late = in_time(Duration::ZERO, std::future::pending()).await.expect_err("it never ends");
        assert_eq!(late, "the notices of one occasion were not all sent within 0 s");
    }
}
