//! Facts: what the outside systems answered during one evaluation. Each is asked for at most once.
//!
//! A condition names the facts it needs ([`Wanted`]); the [`Gatherer`] reads them, one call to a host at a time; a condition judges
//! what was read ([`Facts`]). Each file of this room holds the facts of one topic, and knows which client answers them.

pub mod advanced_security;
pub mod artifacts;
pub mod coverage;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
mod gatherer;
pub mod jira;
mod known;
mod mismatch;
mod of_run;
pub mod pipeline_runs;
pub mod pull_requests;
mod recorded;
pub mod run;
mod shape;
mod sources;
pub mod test_results;
pub mod timeline;
mod wanted;
pub mod work_items;
mod written;

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt::Debug;
use std::future::Future;
use std::hash::Hash;
use std::ops::RangeInclusive;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use error::FactError;
pub use gatherer::{Gathered, Gatherer};
pub use mismatch::{Mismatch, MismatchKind};
pub use recorded::{Evidence, RecordedFact};
pub use wanted::{ReadingTime, Wanted};

/// Something that an evaluation reads from an outside system.
pub trait Fact: Clone + Debug + Eq + Hash + Serialize + Send + Sync + 'static {
    /// Its name in records of decisions and in tests of policies. It never changes. What its value gets later may be absent.
    const NAME: &'static str;

    /// Whether the answer's members are written in the order of their names, as `serde_json::Value` sorts them. Such an
    /// answer keeps its digest without becoming a tree of values, where it is long.
    const IS_SORTED: bool = false;

    /// What the outside system answers.
    type Value: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static;

    /// The connection of `checks.yaml` that answers it; Azure DevOps answers the others.
    fn connection(&self) -> Option<&str> {
        None
    }

    /// How many calls reading it makes where the run is known already: the fewest and the most.
    fn calls(&self) -> RangeInclusive<usize> {
        1..=1
    }

    /// The members of the run that the answer depends on, such as `sourceVersion`. For a run in which they differ, it would have
    /// to be asked again. What is asked by the run's id depends on none.
    fn of_run(&self) -> &'static [&'static str] {
        &[]
    }

    /// Reads it. If it needs other facts, it takes them from the gatherer, so that they too are read only once.
    fn fetch(&self, gatherer: &mut Gatherer<'_>) -> impl Future<Output = Result<Self::Value, FactError>> + Send;
}

/// The answer to one fact.
pub type Answer<T> = Result<Arc<T>, FactError>;

/// The facts of one evaluation. Clones share what was read until then.
#[derive(Clone, Default)]
pub struct Facts {
    /// By the type of fact: a `HashMap<F, Answer<F::Value>>`.
    by_type: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
    /// When the last of them was read.
    read_at: Option<DateTime<Utc>>,
}

impl Facts {
    /// The time after the last fact was read: what was open when the evaluation began (`begun`) may be closed by then.
    #[must_use]
    pub fn read_at(&self, begun: DateTime<Utc>) -> DateTime<Utc> {
        self.read_at.map_or(begun, |read_at| read_at.max(begun))
    }

    /// Says when the last of them was read.
    pub const fn set_read_at(&mut self, at: DateTime<Utc>) {
        self.read_at = Some(at);
    }

    /// The answer to `fact`.
    ///
    /// # Errors
    ///
    /// Why it could not be read. A fact that was never asked for counts as unread.
    pub fn get<F: Fact>(&self, fact: &F) -> Answer<F::Value> {
        self.answer(fact)
            .cloned()
            .unwrap_or_else(|| Err(FactError { unasked: true, ..FactError::because("it was not read") }))
    }

    /// Records an answer.
    pub fn insert<F: Fact>(&mut self, fact: F, answer: Result<F::Value, FactError>) {
        let known = self.by_type.remove(&TypeId::of::<F>()).and_then(|known| known.downcast().ok());
        let mut known: Arc<HashMap<F, Answer<F::Value>>> = known.unwrap_or_default();
        Arc::make_mut(&mut known).insert(fact, answer.map(Arc::new));
        self.by_type.insert(TypeId::of::<F>(), known);
    }

    fn answer<F: Fact>(&self, fact: &F) -> Option<&Answer<F::Value>> {
        let answers = self.by_type.get(&TypeId::of::<F>())?;
        answers.downcast_ref::<HashMap<F, Answer<F::Value>>>()?.get(fact)
    }
}
