//! One circuit for each host: if a host does not answer at all, no check calls it for a moment.
//!
//! Each check has its own backoff. Without this, a thousand checks that come due during an outage would each hold a
//! connection until its time limit, and so keep the checks of healthy hosts waiting. The crates for this (`failsafe`,
//! `recloser`) read the machine's clock; this must follow the app's.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// The circuit opens after this many calls in a row without an answer.
const OPENS_AFTER: u32 = 5;

/// How long no call is made then, and how long until the next trial call.
const PAUSE: TimeDelta = TimeDelta::seconds(10);

/// The most hosts that are kept track of; the allow-lists of an app name far fewer.
const MAX_HOSTS: usize = 256;

/// The circuits of a process, by host.
#[derive(Debug, Default)]
pub struct Circuits(Mutex<HashMap<String, Circuit>>);

#[derive(Debug, Default)]
struct Circuit {
    unanswered: u32,
    paused_until: Option<DateTime<Utc>>,
}

impl Circuits {
    /// Whether `host` may be called now. After a pause one call at a time goes through as a trial.
    ///
    /// # Errors
    ///
    /// How long to wait.
    pub fn admit(&self, host: &str, now: DateTime<Utc>) -> Result<(), Duration> {
        let mut circuits = self.lock();
        let Some(circuit) = circuits.get_mut(host).filter(|circuit| circuit.unanswered >= OPENS_AFTER) else {
            return Ok(());
        };
        let wait = circuit.paused_until.map_or(TimeDelta::zero(), |until| until - now);
        if wait > TimeDelta::zero() {
            return Err(wait.to_std().unwrap_or_default());
        }
        circuit.paused_until = Some(now + PAUSE);
        Ok(())
    }

    /// Notes whether a call of `host` got an answer: any that shows that somebody is there.
    pub fn note(&self, host: &str, answered: bool, now: DateTime<Utc>) {
        let mut circuits = self.lock();
        if answered {
            circuits.remove(host);
        } else if circuits.contains_key(host) || circuits.len() < MAX_HOSTS {
            let circuit = circuits.entry(host.to_owned()).or_default();
            circuit.unanswered = circuit.unanswered.saturating_add(1);
            if circuit.unanswered >= OPENS_AFTER {
                circuit.paused_until = Some(now + PAUSE);
            }
        }
    }

    /// The map is whole after each statement, so one that a panic left is good.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Circuit>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_never_answers_is_tried_by_one_call_per_pause_until_it_answers() {
        let circuits = Circuits::default();
        let start = DateTime::UNIX_EPOCH;
        for _ in 0..OPENS_AFTER {
            assert_eq!(circuits.admit("down", start), Ok(()));
            circuits.note("down", false, start);
        }
        assert_eq!(circuits.admit("down", start), Err(Duration::from_secs(10)));
        assert_eq!(circuits.admit("up", start), Ok(()), "another host");

        let later = start + PAUSE;
        assert_eq!(circuits.admit("down", later), Ok(()), "the trial");
        assert_eq!(circuits.admit("down", later), Err(Duration::from_secs(10)), "while the trial is out");
        circuits.note("down", true, later);
        assert_eq!(circuits.admit("down", later), Ok(()));
    }

    #[test]
    fn single_failures_between_answers_do_not_open_the_circuit() {
        let circuits = Circuits::default();
        for number in 0..100 {
            circuits.note("host", number % 5 == 0, DateTime::UNIX_EPOCH);
            assert_eq!(circuits.admit("host", DateTime::UNIX_EPOCH), Ok(()));
        }
    }
}
