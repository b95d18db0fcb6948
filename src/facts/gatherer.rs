//! Reading the facts that the conditions of a check need.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::{BoxFuture, join_all};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout, timeout_at};

use super::wanted::{OfHost, ReadingTime};
use super::{Answer, Fact, FactError, Facts, Wanted};
use crate::azure_devops::Session;
use crate::http::waits::Waits;
use crate::sources::Sources;

/// How long the rest is read when what was read decides already: the log then shows most of it, and the decision does not
/// wait for what is slow.
const WAIT_FOR_THE_REST: Duration = Duration::from_secs(2);

/// Reads facts, each fact once: different hosts side by side, and of one host one fact at a time. Clones share what was read.
#[derive(Clone)]
pub struct Gatherer<'a> {
    /// The run's Azure DevOps, with the check's token.
    pub azure_devops: &'a Session<'a>,
    /// The outside systems of `checks.yaml`.
    pub sources: &'a Sources,
    /// When the check was delivered: facts that change rarely may be as old as that.
    pub delivered_at: DateTime<Utc>,
    /// The time of the evaluation.
    pub now: DateTime<Utc>,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    facts: Facts,
    token_refused: Option<FactError>,
    /// What hosts other than Azure DevOps asked for, where it is kept.
    waits: Option<Waits>,
}

/// Says whether facts decide the check.
pub(super) type Decide<'a> = dyn Fn(Facts) -> BoxFuture<'a, bool> + Sync + 'a;

/// Looks after each fact whether the check is decided.
#[derive(Clone, Copy)]
struct Look<'a, 'd> {
    is_decided: &'a Decide<'d>,
    decided: &'a Notify,
}

impl Look<'_, '_> {
    async fn at(self, facts: Facts) {
        if (self.is_decided)(facts).await {
            self.decided.notify_one();
        }
    }
}

/// What was read.
pub struct Gathered {
    /// The answers.
    pub facts: Facts,
    /// The waits that hosts asked for, those of before included.
    pub waits: Waits,
}

impl<'a> Gatherer<'a> {
    /// A gatherer that has read nothing yet.
    #[must_use]
    pub fn new(
        azure_devops: &'a Session<'a>,
        sources: &'a Sources,
        delivered_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Self {
        Self { azure_devops, sources, delivered_at, now, shared: Arc::default() }
    }

    /// Asks no host before the time until which it asked this check to stay away. Without this, all are asked.
    pub fn keep_waits(&mut self, waits: Waits) {
        self.lock().waits = Some(waits);
    }

    /// Records a fact that is known already.
    pub fn insert<F: Fact>(&mut self, fact: F, value: F::Value) {
        self.lock().facts.insert(fact, Ok(value));
    }

    /// The answer to `fact`, read now if it was not read before.
    ///
    /// # Errors
    ///
    /// Why it could not be read.
    pub async fn get<F: Fact>(&mut self, fact: &F) -> Answer<F::Value> {
        if let Some(answer) = self.lock().facts.answer(fact) {
            return answer.clone();
        }
        let answer = match self.reason_not_to_ask(fact) {
            Some(error) => Err(error),
            None => fact.fetch(self).await,
        };
        let mut shared = self.lock();
        if let Err(error) = &answer {
            self.note_error(&mut shared, fact.connection(), error);
        }
        shared.facts.insert(fact.clone(), answer);
        shared.facts.get(fact)
    }

    fn reason_not_to_ask<F: Fact>(&self, fact: &F) -> Option<FactError> {
        let shared = self.lock();
        if shared.token_refused.is_some() {
            return shared.token_refused.clone();
        }
        let name = fact.connection()?;
        let wait = shared.waits.as_ref()?.left(self.sources.host(name), self.azure_devops.now())?;
        let why = format!("connection `{name}` is left alone for {} s: its host asked for that", wait.as_secs() + 1);
        Some(FactError { retry_after: Some(wait), unasked: true, ..FactError::because(why) })
    }

    fn note_error(&self, shared: &mut Shared, connection: Option<&str>, error: &FactError) {
        if error.token_refused {
            shared.token_refused = Some(error.clone());
        }
        if let (Some(waits), Some(name), Some(wait)) = (&mut shared.waits, connection, error.retry_after) {
            waits.note(self.sources.host(name), wait, self.azure_devops.now());
        }
    }

    /// Reads all of `wanted`. What was not answered in time counts as unread. Once the facts so far decide the check, only
    /// those are added that follow soon.
    ///
    /// # Errors
    ///
    /// When Azure DevOps refused the token: then nothing could be read.
    pub async fn gather(
        self,
        wanted: &Wanted,
        time: ReadingTime,
        is_decided: &Decide<'_>,
    ) -> Result<Gathered, FactError> {
        let decided = Notify::new();
        let look = Look { is_decided, decided: &decided };
        let host = self.azure_devops.properties().plan_url.authority();
        let hosts = wanted.by_host(host, self.sources).into_iter().map(|host| self.clone().read_host(host, time, look));
        let mut all = pin!(join_all(hosts));
        tokio::select! {
            _ = &mut all => {}
            () = decided.notified() => {
                let _ = timeout(WAIT_FOR_THE_REST, all).await;
            }
        }
        let mut shared = std::mem::take(&mut *self.lock());
        let why = FactError { unasked: true, ..FactError::because("it was not waited for: others decide the check") };
        for fact in wanted.iter() {
            fact.give_up(&mut shared.facts, &why);
        }
        let now = self.azure_devops.now();
        shared.facts.read_at = Some(now);
        let waits = shared.waits.unwrap_or_default().after(now);
        shared.token_refused.map_or(Ok(Gathered { facts: shared.facts, waits }), Err)
    }

    async fn read_host(mut self, host: OfHost<'_>, time: ReadingTime, look: Look<'_, '_>) {
        let begun = Instant::now();
        let last = begun + time.most;
        let mut further = host.connections.len();
        for connection in host.connections {
            further -= 1;
            let left = time.usual.saturating_sub(begun.elapsed());
            let until = last.min(Instant::now() + connection.share(left, further));
            for fact in connection.facts {
                if timeout_at(until, fact.read(&mut self)).await.is_err() {
                    let why = FactError::because("there was no answer within the time that an evaluation may take");
                    fact.give_up(&mut self.lock().facts, &why);
                }
                let facts = self.lock().facts.clone();
                look.at(facts).await;
            }
        }
    }

    /// What was read is whole after each statement, so what a panic left is good.
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
