//! Changes that happen at their time, whoever calls then: during an evaluation too.

use std::fmt;

use chrono::{DateTime, Utc};

/// A change of the organization.
type Change<S> = Box<dyn FnOnce(&mut S) + Send>;

/// Changes that have not happened yet, in the order of their times.
pub(super) struct Planned<S>(Vec<(DateTime<Utc>, Change<S>)>);

impl<S> Default for Planned<S> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<S> fmt::Debug for Planned<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(at, _)| at)).finish()
    }
}

impl<S> Planned<S> {
    /// Adds a change. Of one moment, the change that was added first comes first.
    pub(super) fn add(&mut self, at: DateTime<Utc>, change: impl FnOnce(&mut S) + Send + 'static) {
        let place = self.0.partition_point(|(planned, _)| *planned <= at);
        self.0.insert(place, (at, Box::new(change)));
    }

    /// Forgets all changes.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The next change whose time has come.
    pub(super) fn next_due(&mut self, now: DateTime<Utc>) -> Option<Change<S>> {
        self.0.first().is_some_and(|(at, _)| *at <= now).then(|| self.0.remove(0).1)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_change_is_made_at_its_time() {
        let at = |second| DateTime::UNIX_EPOCH + TimeDelta::seconds(second);
        let mut planned = Planned::default();
        for (second, value) in [(9, "later"), (5, "first"), (5, "second")] {
            planned.add(at(second), move |state: &mut Vec<&str>| state.push(value));
        }
        let mut after = |second| {
            let mut state = Vec::new();
            while let Some(change) = planned.next_due(at(second)) {
                change(&mut state);
            }
            state
        };
        assert_eq!(after(4), Vec::<&str>::new());
        assert_eq!(after(5), ["first", "second"]);
        assert_eq!(after(10), ["later"]);
    }
}
