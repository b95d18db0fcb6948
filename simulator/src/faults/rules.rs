//! Where and how often a fault happens.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use super::fault::Fault;

/// A fault that still needs to say how often it happens.
#[must_use = "a fault applies only after `once`, `times`, `forever`, `until` or `sometimes`"]
#[derive(Debug)]
pub struct Failing {
    faults: Faults,
    fault: Fault,
    method: String,
    path_part: String,
}

impl Failing {
    /// Limits the fault to calls with this method whose path and query contain `path_part`. An empty method means any.
    pub fn on(mut self, method: &str, path_part: &str) -> Self {
        self.method = method.to_ascii_uppercase();
        self.path_part = path_part.to_owned();
        self
    }

    /// Applies to the next such call.
    pub fn once(self) {
        self.times(1);
    }

    /// Applies to the next `times` such calls.
    pub fn times(self, times: u64) {
        self.add(Often::Times(times));
    }

    /// Applies to the call after `number - 1` such calls, and to no other.
    pub fn nth(self, number: u64) {
        self.add(Often::Nth(number));
    }

    /// Applies until all faults are removed.
    pub fn forever(self) {
        self.add(Often::Forever);
    }

    /// Applies to each such call before this moment.
    pub fn until(self, end: DateTime<Utc>) {
        self.add(Often::Until(end));
    }

    /// Applies to each such call with this probability. The same seed chooses the same calls.
    pub fn sometimes(self, probability: f64, seed: u64) {
        self.add(Often::Sometimes(probability, fastrand::Rng::with_seed(seed)));
    }

    fn add(self, often: Often) {
        let Self { faults, fault, method, path_part } = self;
        faults.lock().push(Rule { fault, method, path_part, often });
    }
}

#[derive(Debug)]
struct Rule {
    fault: Fault,
    method: String,
    path_part: String,
    often: Often,
}

#[derive(Debug)]
enum Often {
    Times(u64),
    Nth(u64),
    Forever,
    Until(DateTime<Utc>),
    Sometimes(f64, fastrand::Rng),
}

impl Rule {
    fn applies(&mut self, method: &str, target: &str, now: DateTime<Utc>) -> bool {
        let fits = (self.method.is_empty() || self.method == method) && target.contains(&self.path_part);
        fits && match &mut self.often {
            Often::Times(left) => {
                let applies = *left > 0;
                *left = left.saturating_sub(1);
                applies
            }
            Often::Nth(left) => {
                let applies = *left == 1;
                *left = left.saturating_sub(1);
                applies
            }
            Often::Forever => true,
            Often::Until(end) => now < *end,
            Often::Sometimes(probability, rng) => rng.f64() < *probability,
        }
    }
}

/// The faults of one world.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    rules: Arc<Mutex<Vec<Rule>>>,
}

impl Faults {
    pub(crate) fn fail(&self, fault: Fault) -> Failing {
        Failing { faults: self.clone(), fault, method: String::new(), path_part: String::new() }
    }

    pub(crate) fn heal(&self) {
        self.lock().clear();
    }

    /// The fault for this call, if any.
    pub(crate) fn next(&self, method: &str, target: &str, now: DateTime<Utc>) -> Option<Fault> {
        self.lock().iter_mut().find_map(|rule| rule.applies(method, target, now).then(|| rule.fault.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
