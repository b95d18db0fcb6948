//! Until when hosts asked one check to stay away. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// Until when hosts asked one check to stay away. It travels with the check: other checks are other callers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Waits(BTreeMap<String, DateTime<Utc>>);

impl Waits {
    /// Whether no host asked for a wait.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `host` asks to stay away for so long from `now` on.
    pub fn note(&mut self, host: &str, wait: Duration, now: DateTime<Utc>) {
        let until = now + TimeDelta::from_std(wait).unwrap_or_default();
        let known = self.0.entry(host.to_owned()).or_insert(until);
        *known = until.max(*known);
    }

    /// How long to stay away from `host` still.
    #[must_use]
    pub fn left(&self, host: &str, now: DateTime<Utc>) -> Option<Duration> {
        self.0.get(host).and_then(|until| (*until - now).to_std().ok()).filter(|left| !left.is_zero())
    }

    /// The waits that are not over.
    #[must_use]
    pub fn after(mut self, now: DateTime<Utc>) -> Self {
        self.0.retain(|_, until| *until > now);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_wait_of_a_host_counts_until_it_is_over() {
        let at = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let mut waits = Waits::default();
        waits.note("busy", Duration::from_secs(60), at(0));
        waits.note("busy", Duration::from_secs(5), at(10));
        assert_eq!(waits.left("busy", at(20)), Some(Duration::from_secs(40)));
        assert_eq!((waits.left("busy", at(60)), waits.left("other", at(0))), (None, None));
        assert!(!waits.clone().after(at(59)).is_empty() && waits.after(at(60)).is_empty());
    }
}
