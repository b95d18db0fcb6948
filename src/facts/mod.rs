//! Facts: what the outside world answered during one evaluation, each asked for at most once.
//!
//! A condition names the facts it needs ([`Wanted`]); the [`Gatherer`] reads them, one call at a time; evaluation only
//! looks at the result ([`Facts`]).

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt::Debug;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::azure_devops::Session;
use crate::check::Check;
use crate::sources::Sources;

/// Something that an evaluation reads from the outside world.
pub trait Fact: Clone + Debug + Eq + Hash + Send + Sync + 'static {
    /// What the outside world answers.
    type Value: Send + Sync + 'static;

    /// Reads it. Facts that it builds on are taken from the gatherer, so that they too are read only once.
    fn fetch(&self, gatherer: &mut Gatherer<'_>) -> impl Future<Output = Result<Self::Value, Unmeasured>> + Send;
}

/// Why a fact could not be read, in words for the pipeline's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmeasured {
    /// A sentence fragment: what was asked, and what came back.
    pub why: String,
    /// How long the other side asks us to stay away.
    pub retry_after: Option<Duration>,
    /// Azure DevOps refused the token: nothing else can be read, and no decision delivered.
    pub token_refused: bool,
}

impl Unmeasured {
    /// A fact that could not be read for this reason.
    pub fn because(why: impl Into<String>) -> Self {
        Self { why: why.into(), retry_after: None, token_refused: false }
    }
}

/// The answer to one fact.
pub type Answer<T> = Result<Arc<T>, Unmeasured>;

/// The facts of one evaluation.
#[derive(Default)]
pub struct Facts {
    /// By the type of fact: a `HashMap<F, Answer<F::Value>>`.
    by_type: HashMap<TypeId, Box<dyn Any + Send + Sync>>,
    /// When the last of them was read.
    read_at: Option<DateTime<Utc>>,
}

impl Facts {
    /// The moment for what may have closed while an evaluation that began at `begun` was reading: after the last fact.
    #[must_use]
    pub fn read_at(&self, begun: DateTime<Utc>) -> DateTime<Utc> {
        self.read_at.map_or(begun, |read_at| read_at.max(begun))
    }

    /// The answer to `fact`.
    ///
    /// # Errors
    ///
    /// Why it could not be read. A fact that nobody asked for counts as unread: no evidence is never a yes.
    pub fn get<F: Fact>(&self, fact: &F) -> Answer<F::Value> {
        self.answer(fact).cloned().unwrap_or_else(|| Err(Unmeasured::because("it was not read")))
    }

    /// Records an answer.
    pub fn insert<F: Fact>(&mut self, fact: F, answer: Result<F::Value, Unmeasured>) {
        let answers =
            self.by_type.entry(TypeId::of::<F>()).or_insert_with(|| Box::new(HashMap::<F, Answer<F::Value>>::new()));
        if let Some(answers) = answers.downcast_mut::<HashMap<F, Answer<F::Value>>>() {
            answers.insert(fact, answer.map(Arc::new));
        }
    }

    fn answer<F: Fact>(&self, fact: &F) -> Option<&Answer<F::Value>> {
        let answers = self.by_type.get(&TypeId::of::<F>())?;
        answers.downcast_ref::<HashMap<F, Answer<F::Value>>>()?.get(fact)
    }
}

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

/// A fact without its type, to keep many in one list.
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
        gatherer.facts.insert(self.0.clone(), Err(Unmeasured::because(why)));
    }
}

/// Reads facts, one call at a time, each fact once.
pub struct Gatherer<'a> {
    /// The check that is evaluated.
    pub check: &'a Check,
    /// The run's Azure DevOps, with the check's token.
    pub azure_devops: &'a Session<'a>,
    /// The outside systems of `checks.yaml`.
    pub sources: &'a Sources,
    /// The time of the evaluation.
    pub now: DateTime<Utc>,
    facts: Facts,
    token_refused: Option<Unmeasured>,
}

impl<'a> Gatherer<'a> {
    /// A gatherer that has read nothing yet.
    #[must_use]
    pub fn new(check: &'a Check, azure_devops: &'a Session<'a>, sources: &'a Sources, now: DateTime<Utc>) -> Self {
        Self { check, azure_devops, sources, now, facts: Facts::default(), token_refused: None }
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
        if let Err(unmeasured) = &answer
            && unmeasured.token_refused
        {
            self.token_refused = Some(unmeasured.clone());
        }
        self.facts.insert(fact.clone(), answer);
        self.facts.get(fact)
    }

    /// Reads all of `wanted` within `limit`. What did not answer by then counts as unmeasured.
    ///
    /// # Errors
    ///
    /// When Azure DevOps refused the token: then the facts say nothing about the conditions.
    pub async fn gather(mut self, wanted: &Wanted, limit: Duration) -> Result<Facts, Unmeasured> {
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
