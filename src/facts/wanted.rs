//! The facts that the conditions of a check need, and how they share the time.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::time::Duration;

use serde_json::Value;

use super::mismatch::Mistake;
use super::recorded::RecordedFact;
use super::{Fact, FactError, Facts, Gatherer, of_run, written};
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

    /// How many calls reading all of these makes, by the connection that is asked, Azure DevOps under `None`: the fewest and
    /// the most. What is `known` already, or asked for twice, is not read again.
    #[must_use]
    pub fn calls(&self, mut known: Facts) -> BTreeMap<Option<&str>, RangeInclusive<usize>> {
        let mut calls = BTreeMap::new();
        for fact in self.iter() {
            let own = fact.calls(&mut known);
            let sum = calls.entry(fact.connection()).or_insert(0..=0);
            *sum = sum.start() + own.start()..=sum.end() + own.end();
        }
        calls
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &dyn Read> {
        self.0.iter().map(|fact| &**fact)
    }

    /// The facts by host. A host gets one request of a check at a time.
    pub(super) fn by_host<'a>(&'a self, azure_devops: &'a str, sources: &'a Sources) -> Vec<OfHost<'a>> {
        let mut hosts: Vec<OfHost<'a>> = Vec::new();
        for fact in self.iter() {
            let connection = fact.connection();
            let host = connection.map_or(azure_devops, |name| sources.host(name));
            let at = hosts.iter().position(|known| known.host == host).unwrap_or_else(|| {
                hosts.push(OfHost { host, connections: Vec::new() });
                hosts.len() - 1
            });
            let connections = &mut hosts[at].connections;
            match connections.iter_mut().find(|known| known.name == connection) {
                Some(known) => known.facts.push(fact),
                None => {
                    let written_timeout = connection.and_then(|name| sources.written_timeout(name));
                    connections.push(OfConnection { name: connection, written_timeout, facts: vec![fact] });
                }
            }
        }
        hosts
    }
}

/// The facts of one host.
pub(super) struct OfHost<'a> {
    host: &'a str,
    pub(super) connections: Vec<OfConnection<'a>>,
}

/// The facts of one connection, or of Azure DevOps.
pub(super) struct OfConnection<'a> {
    /// None for Azure DevOps.
    name: Option<&'a str>,
    /// The connection's `timeout`, where the operator wrote one.
    written_timeout: Option<Duration>,
    pub(super) facts: Vec<&'a dyn Read>,
}

/// How long reading may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadingTime {
    /// For each host, unless a connection's own `timeout` is written larger.
    pub usual: Duration,
    /// In any case.
    pub most: Duration,
}

impl OfConnection<'_> {
    /// How long its facts may take, of what is `left` for it and so many further connections of its host.
    pub(super) fn share(&self, left: Duration, further: usize) -> Duration {
        let connections = u32::try_from(further).unwrap_or(u32::MAX).saturating_add(1);
        (left / connections).max(self.written_timeout.unwrap_or_default())
    }
}

/// A fact of any type, so that all can be in one list.
pub(super) trait Read: Send + Sync {
    fn name(&self) -> &'static str;

    /// What is asked, where the name does not say it all.
    fn of(&self) -> Value;

    fn connection(&self) -> Option<&str>;

    /// The members of the run that the answer depends on.
    fn of_run(&self) -> &'static [&'static str];

    fn read<'a>(&'a self, gatherer: &'a mut Gatherer<'_>) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

    /// How many calls reading it makes: none if it is known. Then it is known.
    fn calls(&self, known: &mut Facts) -> RangeInclusive<usize>;

    /// Records that it was not read for this reason, if it was not.
    fn give_up(&self, facts: &mut Facts, why: &FactError);

    /// Its answer written down, if there is one.
    fn record(&self, facts: &Facts) -> Option<RecordedFact>;

    /// Takes an answer that was written down.
    fn give(&self, recorded: &RecordedFact, facts: &mut Facts) -> Result<(), Mistake>;
}

struct Reading<F>(F);

impl<F: Fact> Read for Reading<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn of(&self) -> Value {
        serde_json::to_value(&self.0).unwrap_or_default()
    }

    fn connection(&self) -> Option<&str> {
        self.0.connection()
    }

    fn of_run(&self) -> &'static [&'static str] {
        self.0.of_run()
    }

    fn read<'a>(&'a self, gatherer: &'a mut Gatherer<'_>) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async move {
            let _ = gatherer.get(&self.0).await;
        })
    }

    fn calls(&self, known: &mut Facts) -> RangeInclusive<usize> {
        if known.answer(&self.0).is_some() {
            return 0..=0;
        }
        known.insert(self.0.clone(), Err(FactError::because("it was only counted")));
        self.0.calls()
    }

    fn give_up(&self, facts: &mut Facts, why: &FactError) {
        if facts.answer(&self.0).is_none() {
            facts.insert(self.0.clone(), Err(why.clone()));
        }
    }

    fn record(&self, facts: &Facts) -> Option<RecordedFact> {
        let of = of_run::named(self.of(), &of_run::known(facts), self.of_run());
        Some(written::write::<F>(of, facts.answer(&self.0)?))
    }

    fn give(&self, recorded: &RecordedFact, facts: &mut Facts) -> Result<(), Mistake> {
        facts.insert(self.0.clone(), written::read::<F>(recorded)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_of_one_host_share_its_time_and_a_timeout_that_is_written_larger_counts() {
        let share = |written: Option<u64>, left, further| {
            let written_timeout = written.map(Duration::from_secs);
            let connection = OfConnection { name: Some("a"), written_timeout, facts: Vec::new() };
            connection.share(Duration::from_secs(left), further).as_secs()
        };
        assert_eq!(share(None, 10, 0), 10);
        assert_eq!(share(None, 10, 1), 5);
        assert_eq!(share(Some(3), 10, 1), 5);
        assert_eq!(share(Some(30), 10, 1), 30);
    }
}
