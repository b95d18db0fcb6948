//! The checks that this process has acknowledged, until one of its evaluations is seen.
//!
//! An evaluation in this process takes its check off the list. What the list is for, and what happens to a check that stays
//! on it, stands in [`crate::reevaluate_function`].

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::check::Check;
use crate::task::TaskProperties;

/// How long after its first evaluation was due a check is looked for: most are evaluated within seconds, and other instances
/// may take them.
const LOOK_AFTER: TimeDelta = TimeDelta::minutes(2);

/// How much text of messages is kept: that of thousands of checks, a sixteenth of what the process may use. More checks at a
/// time are not watched.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// A check: its plan and its task instance.
type Key = (Uuid, Uuid);

/// The list.
#[derive(Debug, Default)]
pub struct Watch(Mutex<List>);

#[derive(Debug, Default)]
struct List {
    checks: BTreeMap<Key, Watched>,
    bytes: usize,
}

/// A check of which no evaluation was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    key: Key,
    /// Its message, sealed: the first one, and then what was learned since.
    pub text: String,
    /// When it is looked for.
    pub look_at: DateTime<Utc>,
    /// Whether it was reported.
    pub is_reported: bool,
    /// By whose claim this process knows what it wrote about the check: all attempts to decide it have the id of one message.
    pub message_id: String,
}

impl Watch {
    /// Watches a check that was acknowledged with this message.
    pub fn begin(&self, check: &Check, text: String) {
        let key = key(&check.properties);
        let look_at = check.deadline.min(check.delivered_at + LOOK_AFTER);
        let mut list = self.list();
        list.remove(key);
        if list.bytes + text.len() <= MOST_BYTES {
            list.bytes += text.len();
            let message_id = Uuid::new_v4().to_string();
            list.checks.insert(key, Watched { key, text, look_at, is_reported: false, message_id });
        }
    }

    /// The check need not be watched any more.
    pub fn end(&self, ids: &TaskProperties) {
        self.list().remove(key(ids));
    }

    /// The checks that have to be looked for now.
    #[must_use]
    pub fn due(&self, now: DateTime<Utc>) -> Vec<Watched> {
        self.list().checks.values().filter(|watched| watched.look_at <= now).cloned().collect()
    }

    /// Watches a check on, unless that has ended since.
    pub fn go_on(&self, watched: Watched) {
        let mut list = self.list();
        let List { checks, bytes } = &mut *list;
        if let Some(known) = checks.get_mut(&watched.key) {
            *bytes = *bytes - known.text.len() + watched.text.len();
            *known = watched;
        }
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl List {
    fn remove(&mut self, key: Key) {
        if let Some(watched) = self.checks.remove(&key) {
            self.bytes -= watched.text.len();
        }
    }
}

const fn key(ids: &TaskProperties) -> Key {
    (ids.plan_id, ids.task_instance_id)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::check::testing::a_check;

    fn minute(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_600_000, 0).expect("a time") + TimeDelta::minutes(minutes)
    }

    fn check(number: usize, deadline: i64) -> Check {
        let id = Uuid::from_u128(number as u128);
        let mut check = a_check(json!({ "deliveredAt": minute(0), "deadline": minute(deadline) }));
        (check.properties.plan_id, check.properties.task_instance_id) = (id, id);
        check
    }

    #[test]
    fn a_check_is_looked_for_after_two_minutes_or_at_its_deadline_until_its_watch_ends() {
        let watch = Watch::default();
        watch.begin(&check(1, 60), "a".to_owned());
        watch.begin(&check(2, 1), "b".to_owned());
        let due = |minutes| watch.due(minute(minutes)).into_iter().map(|watched| watched.text).collect::<String>();
        assert_eq!([due(0), due(1), due(2)], ["", "b", "ab"]);
        let [first, second] = <[Watched; 2]>::try_from(watch.due(minute(2))).expect("two");
        watch.end(&check(2, 1).properties);
        watch.go_on(Watched { look_at: minute(60), ..first });
        watch.go_on(second);
        assert_eq!([due(2), due(59), due(60)], ["", "", "a"], "a watch that has ended does not go on");
    }

    #[test]
    fn the_list_is_bounded_and_takes_a_check_once() {
        let watch = Watch::default();
        for number in 0..20 {
            for _ in 0..2 {
                watch.begin(&check(number, 60), "x".repeat(MOST_BYTES / 10));
            }
        }
        assert_eq!(watch.due(minute(2)).len(), 10);
        watch.end(&check(0, 60).properties);
        watch.begin(&check(30, 60), "x".repeat(MOST_BYTES / 10));
        assert_eq!(watch.due(minute(2)).len(), 10);
    }
}
