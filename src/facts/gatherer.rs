//! Reading the facts that the conditions of a check need.

use std::pin::Pin;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Answer, Fact, FactError, Facts};
use crate::azure_devops::Session;
use crate::sources::Sources;

/// The facts that the conditions of a check need.
#[derive(Default)]
pub struct Wanted(Vec<Box<dyn Read>>);

impl Wanted {
    /// Asks for a fact.
    pub fn add<F: Fact>(&mut self, fact: F) {
        self.0.push(Box::new(Reading(fact)));
    }

    /// How many facts were asked for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the check needs nothing from outside.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A fact of any type, so that all can be in one list.
trait Read: Send + Sync {
    fn read<'a>(&'a self, gatherer: &'a mut Gatherer<'_>) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

    fn give_up(&self, gatherer: &mut Gatherer<'_>);
}

struct Reading<F>(F);

impl<F: Fact> Read for Reading<F> {
    fn read<'a>(&'a self, gatherer: &'a mut Gatherer<'_>) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async move {
            let _ = gatherer.get(&self.0).await;
        })
    }

    fn give_up(&self, gatherer: &mut Gatherer<'_>) {
        let why = "there was no answer within the time that an evaluation may take";
        gatherer.facts.insert(self.0.clone(), Err(FactError::because(why)));
    }
}

/// Reads facts, one call at a time, each fact once.
pub struct Gatherer<'a> {
    /// The run's Azure DevOps, with the check's token.
    pub azure_devops: &'a Session<'a>,
    /// The outside systems of `checks.yaml`.
    pub sources: &'a Sources,
    /// When the check was delivered: facts that change rarely may be as old as that.
    pub delivered_at: DateTime<Utc>,
    /// The time of the evaluation.
    pub now: DateTime<Utc>,
    facts: Facts,
    token_refused: Option<FactError>,
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
        Self { azure_devops, sources, delivered_at, now, facts: Facts::default(), token_refused: None }
    }

    /// Records a fact that is known already.
    pub fn insert<F: Fact>(&mut self, fact: F, value: F::Value) {
        self.facts.insert(fact, Ok(value));
    }

    /// The answer to `fact`, read now if it was not read before.
    ///
    /// # Errors
    ///
    /// Why it could not be read.
    pub async fn get<F: Fact>(&mut self, fact: &F) -> Answer<F::Value> {
        if let Some(answer) = self.facts.answer(fact) {
            return answer.clone();
        }
        let answer = match &self.token_refused {
            Some(refused) => Err(refused.clone()),
            None => fact.fetch(self).await,
        };
        if let Err(error) = &answer
            && error.token_refused
        {
            self.token_refused = Some(error.clone());
        }
        self.facts.insert(fact.clone(), answer);
        self.facts.get(fact)
    }

    /// Reads all of `wanted` within `limit`. What was not answered by then counts as unread.
    ///
    /// # Errors
    ///
    /// When Azure DevOps refused the token: then nothing could be read.
    pub async fn gather(mut self, wanted: &Wanted, limit: Duration) -> Result<Facts, FactError> {
        let until = tokio::time::Instant::now() + limit;
        for fact in &wanted.0 {
            if tokio::time::timeout_at(until, fact.read(&mut self)).await.is_err() {
                fact.give_up(&mut self);
            }
        }
        self.facts.read_at = Some(self.azure_devops.now());
        self.token_refused.map_or(Ok(self.facts), Err)
    }
}
