//! What happens to an account without anybody asking for it.

use chrono::{DateTime, TimeDelta, Utc};

use super::queue::State;

impl State {
    /// The account is down for this long: every call is answered with 503, and the Functions host receives nothing.
    pub fn go_down_for(&mut self, time: TimeDelta) {
        self.down_until = Some(self.clock.now() + time);
    }

    /// Whether the account is down now.
    pub fn is_down(&self) -> bool {
        self.down_until.is_some_and(|end| self.clock.now() < end)
    }

    /// Every queue is lost with its messages.
    pub fn wipe(&mut self) {
        self.queues.clear();
    }

    /// The messages of one queue are lost. Returns how many they were.
    pub fn lose_messages(&mut self, queue: &str) -> usize {
        self.queues.get_mut(queue).map_or(0, |queue| std::mem::take(&mut queue.messages).len())
    }

    /// When the next message of a queue can be received: once it has been visible for the pick-up lag, and the account
    /// is up.
    pub fn next_due_at(&self, queue: &str) -> Option<DateTime<Utc>> {
        let due = self.messages(queue).first()?.visible_at + self.pick_up_lag;
        Some(self.down_until.filter(|_| self.is_down()).map_or(due, |end| due.max(end)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::clock::Clock;
    use crate::storage_queue::{NewMessage, StorageError};

    fn account() -> (Clock, State) {
        let clock = Clock::starting_at(DateTime::UNIX_EPOCH);
        let mut state = State::new(clock.clone(), "account", b"key");
        state.create("checks", BTreeMap::new()).unwrap();
        (clock, state)
    }

    #[test]
    fn an_account_that_is_down_refuses_and_keeps_its_messages() {
        let (clock, mut state) = account();
        state.put("checks", &NewMessage::now("x")).unwrap();
        state.go_down_for(TimeDelta::minutes(5));

        assert_eq!(state.put("checks", &NewMessage::now("y")), Err(StorageError::ServerBusy));
        assert_eq!(state.get("checks", 1, TimeDelta::seconds(30)), Err(StorageError::ServerBusy));
        assert_eq!(state.next_due_at("checks"), Some(clock.now() + TimeDelta::minutes(5)));
        clock.advance(Duration::from_secs(300));
        assert_eq!(state.get("checks", 1, TimeDelta::seconds(30)).unwrap()[0].text, "x");
    }

    #[test]
    fn a_message_is_received_once_the_lag_has_passed() {
        let (clock, mut state) = account();
        state.pick_up_lag = TimeDelta::seconds(20);
        state.put("checks", &NewMessage::now("x")).unwrap();

        assert_eq!(state.next_due_at("checks"), Some(clock.now() + TimeDelta::seconds(20)));
        assert_eq!(state.get("checks", 1, TimeDelta::seconds(30)).unwrap(), []);
        clock.advance(Duration::from_secs(20));
        assert_eq!(state.get("checks", 1, TimeDelta::seconds(30)).unwrap().len(), 1);
    }

    #[test]
    fn messages_are_lost_in_every_way() {
        let (_, mut state) = account();
        state.lost_puts = 1;
        assert_eq!(state.put("checks", &NewMessage::now("lost")).map(|message| message.text).as_deref(), Ok("lost"));
        assert_eq!(state.messages("checks"), []);
        state.put("checks", &NewMessage::now("kept")).unwrap();
        assert_eq!(state.messages("checks").len(), 1);
        assert_eq!(state.lose_messages("checks"), 1);
        assert_eq!(state.messages("checks"), []);
        state.wipe();
        assert_eq!(state.put("checks", &NewMessage::now("x")), Err(StorageError::QueueNotFound));
    }
}
