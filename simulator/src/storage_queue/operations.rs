//! What can be done with messages.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::error::StorageError;
use super::queue::{Change, Held, Message, NewMessage, State, TimeToLive};

/// The longest text of a message, as it is sent.
const LONGEST_TEXT: usize = 64 * 1024;
/// The longest time for which a message can be hidden at once.
const LONGEST_VISIBILITY: TimeDelta = TimeDelta::days(7);
/// The time to live of a message whose sender gives none.
const DEFAULT_TIME_TO_LIVE: TimeDelta = TimeDelta::days(7);

impl State {
    /// Puts a message that becomes visible after its delay.
    ///
    /// # Errors
    ///
    /// If the queue does not exist, or a limit is exceeded.
    pub fn put(&mut self, queue: &str, new: &NewMessage<'_>) -> Result<Message, StorageError> {
        let NewMessage { text, delay, life } = *new;
        let now = self.clock.now();
        let expires_at = match life {
            TimeToLive::Never => never(),
            TimeToLive::Default => now + DEFAULT_TIME_TO_LIVE,
            TimeToLive::For(life) if life > TimeDelta::zero() => {
                now.checked_add_signed(life).map_or_else(never, |at| at.min(never()))
            }
            TimeToLive::For(_) => return Err(StorageError::OutOfRange("messagettl")),
        };
        if !(TimeDelta::zero()..=LONGEST_VISIBILITY).contains(&delay) || now + delay >= expires_at {
            return Err(StorageError::OutOfRange("visibilitytimeout"));
        }
        if text.len() > LONGEST_TEXT {
            return Err(StorageError::TooLarge);
        }
        let pop_receipt = self.receipt();
        let message = Message {
            id: Uuid::new_v4().to_string(),
            text: text.to_owned(),
            inserted_at: now,
            visible_at: now + delay,
            expires_at,
            dequeue_count: 0,
            pop_receipt,
        };
        let is_lost = self.lost_puts > 0;
        let live = self.live(queue)?;
        if !is_lost {
            live.push(message.clone());
        }
        self.lost_puts = self.lost_puts.saturating_sub(1);
        Ok(message)
    }

    /// Receives up to `most` visible messages and hides them for `hide_for`.
    ///
    /// # Errors
    ///
    /// If the queue does not exist, or a limit is exceeded.
    pub fn get(&mut self, queue: &str, most: usize, hide_for: TimeDelta) -> Result<Vec<Message>, StorageError> {
        if !(TimeDelta::seconds(1)..=LONGEST_VISIBILITY).contains(&hide_for) {
            return Err(StorageError::OutOfRange("visibilitytimeout"));
        }
        let now = self.clock.now();
        let due = self.due(queue, most, now - self.pick_up_lag)?;
        let mut received = Vec::new();
        for id in due {
            let pop_receipt = self.receipt();
            for message in self.live(queue)?.iter_mut().filter(|message| message.id == id) {
                message.dequeue_count += 1;
                message.visible_at = now + hide_for;
                message.pop_receipt.clone_from(&pop_receipt);
                received.push(message.clone());
            }
        }
        Ok(received)
    }

    /// Returns up to `most` visible messages without receiving them.
    ///
    /// # Errors
    ///
    /// If the queue does not exist, or a limit is exceeded.
    pub fn peek(&mut self, queue: &str, most: usize) -> Result<Vec<Message>, StorageError> {
        let due = self.due(queue, most, self.clock.now())?;
        let live = self.live(queue)?;
        Ok(due.iter().filter_map(|id| live.iter().find(|message| message.id == *id).cloned()).collect())
    }

    /// Ids of the messages that have been visible since `now`. The one that became visible first comes first.
    fn due(&mut self, queue: &str, most: usize, now: DateTime<Utc>) -> Result<Vec<String>, StorageError> {
        if !(1..=32).contains(&most) {
            return Err(StorageError::OutOfRange("numofmessages"));
        }
        let mut due: Vec<_> = self.live(queue)?.iter().filter(|message| message.visible_at <= now).collect();
        due.sort_by_key(|message| message.visible_at);
        Ok(due.into_iter().take(most).map(|message| message.id.clone()).collect())
    }

    /// Hides a message for the delay of `change` from now on, and changes its text if `change` has one.
    ///
    /// # Errors
    ///
    /// If the message is gone, was received again, or a limit is exceeded.
    pub fn update(&mut self, queue: &str, held: Held<'_>, change: &Change<'_>) -> Result<Message, StorageError> {
        let Change { hide_for, text } = *change;
        let next = self.receipt();
        let now = self.clock.now();
        let position = self.find(queue, held)?;
        let message = &mut self.live(queue)?[position];
        if !(TimeDelta::zero()..=LONGEST_VISIBILITY).contains(&hide_for) || now + hide_for >= message.expires_at {
            return Err(StorageError::OutOfRange("visibilitytimeout"));
        }
        if text.is_some_and(|text| text.len() > LONGEST_TEXT) {
            return Err(StorageError::TooLarge);
        }
        message.visible_at = now + hide_for;
        message.pop_receipt = next;
        if let Some(text) = text {
            text.clone_into(&mut message.text);
        }
        Ok(message.clone())
    }

    /// Deletes a message.
    ///
    /// # Errors
    ///
    /// If the message is gone, or was received again.
    pub fn delete(&mut self, queue: &str, held: Held<'_>) -> Result<(), StorageError> {
        let position = self.find(queue, held)?;
        self.live(queue)?.remove(position);
        Ok(())
    }

    fn find(&mut self, queue: &str, Held { id, receipt }: Held<'_>) -> Result<usize, StorageError> {
        let live = self.live(queue)?;
        let position = live.iter().position(|message| message.id == id).ok_or(StorageError::MessageNotFound)?;
        if live[position].pop_receipt != receipt {
            return Err(StorageError::PopReceiptMismatch);
        }
        Ok(position)
    }

    /// The messages of a queue, unless the account is down. Drops the expired ones first.
    pub(super) fn live(&mut self, queue: &str) -> Result<&mut Vec<Message>, StorageError> {
        if self.is_down() {
            return Err(StorageError::ServerBusy);
        }
        let now = self.clock.now();
        let messages = &mut self.queues.get_mut(queue).ok_or(StorageError::QueueNotFound)?.messages;
        messages.retain(|message| message.expires_at > now);
        Ok(messages)
    }

    fn receipt(&mut self) -> String {
        self.receipts += 1;
        STANDARD.encode(format!("receipt {}", self.receipts))
    }
}

/// The expiry date of a message that never expires.
fn never() -> DateTime<Utc> {
    DateTime::from_timestamp(253_402_300_799, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::clock::Clock;

    fn account() -> (Clock, State) {
        let clock = Clock::starting_at(DateTime::UNIX_EPOCH);
        let mut state = State::new(clock.clone(), "account", b"key");
        state.create("checks", BTreeMap::new()).unwrap();
        (clock, state)
    }

    #[test]
    fn a_delayed_message_is_received_when_it_is_due() {
        let (clock, mut state) = account();
        state.put("checks", &NewMessage { delay: TimeDelta::seconds(60), ..NewMessage::now("later") }).unwrap();

        assert_eq!(state.get("checks", 32, TimeDelta::minutes(10)).unwrap(), []);
        clock.advance(Duration::from_secs(60));
        let received = state.get("checks", 32, TimeDelta::minutes(10)).unwrap();
        assert_eq!((received.len(), received[0].dequeue_count), (1, 1));
        assert_eq!(state.get("checks", 32, TimeDelta::minutes(10)).unwrap(), []);
        clock.advance(Duration::from_secs(600));
        assert_eq!(state.get("checks", 32, TimeDelta::minutes(10)).unwrap()[0].dequeue_count, 2);
    }

    #[test]
    fn an_old_receipt_does_not_delete_a_message_that_was_received_again() {
        let (clock, mut state) = account();
        state.put("checks", &NewMessage::now("x")).unwrap();
        let first = state.get("checks", 1, TimeDelta::seconds(1)).unwrap().remove(0);
        clock.advance(Duration::from_secs(1));
        let second = state.get("checks", 1, TimeDelta::seconds(1)).unwrap().remove(0);

        assert_eq!(state.delete("checks", Held::of(&first)), Err(StorageError::PopReceiptMismatch));
        assert_eq!(state.delete("checks", Held::of(&second)), Ok(()));
        assert_eq!(state.delete("checks", Held::of(&second)), Err(StorageError::MessageNotFound));
    }

    #[test]
    fn a_message_beyond_a_limit_is_refused_and_an_expired_one_is_gone() {
        let (clock, mut state) = account();
        let life = TimeToLive::For(TimeDelta::seconds(30));
        let too_late = state.put("checks", &NewMessage { text: "x", delay: TimeDelta::seconds(30), life });
        assert_eq!(too_late, Err(StorageError::OutOfRange("visibilitytimeout")));
        let too_long =
            state.put("checks", &NewMessage { text: "x", delay: TimeDelta::days(8), life: TimeToLive::Never });
        assert_eq!(too_long, Err(StorageError::OutOfRange("visibilitytimeout")));
        let too_large = state.put("checks", &NewMessage { life, ..NewMessage::now(&"x".repeat(65_537)) });
        assert_eq!(too_large, Err(StorageError::TooLarge));

        state.put("checks", &NewMessage { life, ..NewMessage::now("x") }).unwrap();
        clock.advance(Duration::from_secs(30));
        assert_eq!(state.messages("checks"), []);
    }
}
