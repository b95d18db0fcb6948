//! Messages that this app has no key for: they go back into the queue as they are, for somebody who has it.
//!
//! Two function apps may read one queue, or an operator may lose a key. The host's tries would be over in minutes, so a
//! message is not given back to the host: a copy takes its place, whose tries begin anew. It becomes visible after a pause,
//! so that two apps do not throw it to and fro.
//!
//! The copy has another id than the message that it stands for. An attempt of its own app may have died and left a claim
//! under the former id, which nobody knows any more. So a message that came into the queue after it was due counts as one
//! that was handed out before. See [`crate::queue::claim`].

use chrono::{DateTime, TimeDelta, Utc};

use super::envelope::Invocation;
use super::{Ended, Failure, micros};
use crate::App;
use crate::events::Event;
use crate::queue::claim::Claim;
use crate::queue::message::MessageV1;
use crate::queue::{EVALUATION_PUT, Schedule};
use crate::span;

/// How long a message is hidden that is put back: each time another app may take it.
const PAUSE: TimeDelta = TimeDelta::seconds(60);

/// The same once the check has to be decided: Azure Pipelines stops waiting soon.
const PAUSE_WHEN_DUE: TimeDelta = TimeDelta::seconds(10);

/// How long after its deadline a message is put back: Azure Pipelines waits no longer for any check.
const GRACE: TimeDelta = TimeDelta::minutes(15);

/// The farthest deadline. No check takes longer than the 30 days that Azure Pipelines waits, so that a message with a later
/// one is not a check.
const FARTHEST_DEADLINE: TimeDelta = TimeDelta::days(30);

/// How much later than it was written a message comes into the queue, if nobody has put it back: longer than a put takes. In
/// microseconds, as claims count.
const ARRIVES_WITHIN: u64 = 25 * 1_000_000;

/// Queues a message again as it is, with the time to live that its deadline gives it. An app that has its key finds the check
/// where it was.
pub(super) async fn put_back(
    app: &App,
    (message, key): (&MessageV1, &str),
    invocation: &Invocation,
) -> Result<Ended, Failure> {
    let (event, why) = reason(app, key);
    let (now, deadline) = (app.clock.now(), message.check.deadline);
    let due = due(deadline, now).filter(|_| invocation.dequeue_count <= 1 || is_late(message, now));
    let Some(due) = due else { return Err(Failure::Unusable(why)) };
    span::of(&message.check, message.progress.evaluations()).in_scope(|| event.report(&why));
    app.queue.put(&invocation.message, Schedule { due, deadline }, EVALUATION_PUT).await?;
    Ok(Ended::Requeued(why))
}

fn reason(app: &App, key: &str) -> (Event, String) {
    if app.sealer.is_of_nobody() {
        let why = "the function app has no TokenSealingKey with which the check could go on";
        return (Event::SealingKeyMissing, why.to_owned());
    }
    let ours = app.sealer.key_ids().join(" and ");
    let why = format!(
        "the message was sealed with the key {key}, and this app has {ours}: if another app reads the queue {}, give each its own; if the key was replaced, set TokenSealingKeyPrevious to the former key",
        app.host.queue_name
    );
    (Event::SealedByAnotherApp, why)
}

/// When a message is due that is put back now. `None` if it is too late, or too early for any check.
fn due(deadline: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if now < deadline {
        return (deadline - now <= FARTHEST_DEADLINE).then(|| deadline.min(now + PAUSE));
    }
    (now < deadline + GRACE).then(|| now + PAUSE_WHEN_DUE)
}

/// Whether a message was put back, so that an attempt under another id may have made a claim.
pub(super) fn was_put_back(message: &MessageV1, invocation: &Invocation) -> bool {
    invocation.inserted_at.is_some_and(|inserted| is_late(message, inserted))
}

/// Whether this is later than the message can have come into the queue, unless it was put back.
fn is_late(message: &MessageV1, inserted: DateTime<Utc>) -> bool {
    let delivered = (micros(message.check.delivered_at), 0);
    let claimed = |claim: &Claim| (claim.made_at, claim.next_look.unwrap_or_default());
    let (written, due) = message.progress.claims().last().map_or(delivered, claimed);
    micros(inserted) > due.max(written.saturating_add(ARRIVES_WITHIN))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{a_message, minute};
    use super::*;
    use crate::queue::claim::Claims;

    #[test]
    fn a_message_is_put_back_for_a_minute_and_around_its_deadline_for_less() {
        let deadline = minute(60);
        for (now, expected) in [
            (minute(0), Some(minute(1))),
            (minute(59) + TimeDelta::seconds(20), Some(deadline)),
            (deadline, Some(deadline + PAUSE_WHEN_DUE)),
            (minute(74), Some(minute(74) + PAUSE_WHEN_DUE)),
            (minute(75), None),
            (deadline - TimeDelta::days(30), Some(deadline - TimeDelta::days(30) + PAUSE)),
            (deadline - TimeDelta::days(30) - TimeDelta::seconds(1), None),
        ] {
            assert_eq!(due(deadline, now), expected, "{now}");
        }
    }

    #[test]
    fn a_message_that_came_into_the_queue_after_it_was_due_was_put_back() {
        let mut message = a_message(&[]);
        let is_late = |message: &MessageV1, seconds| is_late(message, minute(0) + TimeDelta::seconds(seconds));
        for (after, expected) in [(-60, false), (0, false), (25, false), (26, true)] {
            assert_eq!(is_late(&message, after), expected, "{after} s after the delivery");
        }
        let micros = |minutes| micros(minute(minutes));
        message.progress.hand_on(Claims::new("own".to_owned(), Vec::new()).hand_on(micros(7)));
        for (after, expected) in [(7 * 60 + 25, false), (7 * 60 + 26, true)] {
            assert_eq!(is_late(&message, after), expected, "{after} s");
        }
        let mut promising = Claims::new("own".to_owned(), Vec::new());
        promising.make_until(micros(7), minute(9));
        message.progress.hand_on(promising.hand_on(micros(7)));
        for (after, expected) in [(9 * 60, false), (9 * 60 + 1, true)] {
            assert_eq!(is_late(&message, after), expected, "{after} s");
        }
    }
}
