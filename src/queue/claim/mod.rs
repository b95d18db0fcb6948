//! Claims: how the many messages that one check may have come down to one chain. Pure.
//!
//! # What must hold (`tests/it/model.rs` checks it in every state of a small model)
//!
//! The queue delivers at least once, a put may be tried twice, and Azure Pipelines may deliver a check several times. So a
//! check may have several messages at once. Each is part of a *chain*: a message, its successor, the successor's successor.
//!
//! * No check is lost: while somebody waits for its decision, at least one chain goes on.
//! * Duplicates die out: after a while, one chain is left.
//!
//! # How
//!
//! Whenever an evaluation writes into the check's record, it writes a claim with it: the time, and the queue's id of its
//! message. Its successor carries the newest claims of the chain, and compares them with the claim that the record holds:
//!
//! | the record's claim | ownership | then |
//! |---|---|---|
//! | none, this message's own, or one of its chain | ours | the evaluation goes on |
//! | newer than all claims of its chain | the other chain's | this chain ends |
//! | older, and not of its chain | unclear | the message waits for the other chain |
//!
//! A chain ends only for a newer claim. So the chain with the newest claim never ends for another, and no check is lost.
//!
//! An older claim can be there for two reasons. Another chain lives, and its write arrived after ours. Or it is a *stale
//! claim*: its write timed out and arrived after its chain had ended, because of ours. Nobody would be left if our chain ended
//! for a stale claim. So the message waits for 30 s. A chain that lives writes a newer claim in that time. If the same claim is
//! still there afterwards, it is stale, and the message goes on.
//!
//! A message that was handed out before may have made a claim in an attempt that died. This attempt knows nothing of it. If
//! it is newer than the other chain's, it ends that chain when it arrives. So such a message waits as well, instead of ending
//! at once. The same holds for a message that another app put back: it has a new id, and begins to count anew. And it holds for
//! an early successor, which takes the place of a message whose evaluation died ([`crate::queue::EarlySuccessor`]): it counts the
//! claims of that message as its own, whenever they were made.
//!
//! Such a message may also find that its own chain has promised a look that is still to come. Then an attempt came to its end,
//! and has handed on, unless it died just then. So the message waits until that look is 30 s late, and does not oust a
//! successor that sleeps for an hour. It waits just as long for another chain.
//!
//! A chain may also be dead: its message was lost, or the host has given it up. Then only another delivery of the check can
//! help. So a claim says when its chain looks again. A *newcomer*, a message whose chain has never owned the check, does not
//! end at once for another chain's claim. It looks again when the other chain should have done so. A newer claim shows that
//! the other chain lives, and the newcomer ends. Otherwise it waits until the other chain is late by more than a death can
//! make it. Then it goes on with the check, and counts the claim of the dead chain as its own.
//!
//! A chain whose claim may not have arrived looks again within 5 min, so that it does not seem dead while it sleeps.
//!
//! # Accepted races
//!
//! * Two chains that read the same old claim both write. Mostly the one goes on whose write arrived last.
//! * A chain that lives is taken for dead if for 15 min its claims do not arrive, or it dies twice in a row, and the check is
//!   delivered again just then. The check is not lost: that chain ends when it sees the newer claim.
//! * While a record cannot be read, nobody sees which chain is the one. All go on until it can be read again.

mod written;

use chrono::{DateTime, Utc};

pub use written::{Claim, ClaimTimes, ParseClaimError};

/// How late the next look of a chain is before a newcomer looks whether it came: time for a queue that is busy.
const LATE: u64 = 30 * 1_000_000;

/// How late it is before the chain counts as dead: the host's lease of 10 min on the message of a process that died, and
/// 5 min for its pick-up and the evaluation.
const DEAD: u64 = 15 * 60 * 1_000_000;

/// How many claims a message carries: the newest of its chain, and the one that the record holds. A chain recognizes an
/// older claim of its own too, but only after a wait.
const CARRIED: usize = 8;

/// Which chain of messages the check belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// This chain's: the message may go on.
    Ours,
    /// Another chain's, which lives: this message ends.
    Other,
    /// Another chain may live, or its claim may be stale: wait, and look again, at this time if it is known.
    Unclear(Option<DateTime<Utc>>),
    /// Another chain owns the check and is not known to be dead: look again at this time.
    Promised(DateTime<Utc>),
}

/// What one message knows of claims while it is evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Claims {
    /// The queue's id of this message.
    pub message_id: String,
    /// The claims of this message's chain, oldest first.
    pub known: Vec<Claim>,
    /// The record's claim, once this chain counts it as its own.
    pub recorded: Option<Claim>,
    /// The time now, in microseconds since 1970, if the message was handed out before.
    pub retried_at: Option<u64>,
    /// Whether this attempt has made a claim.
    pub has_made: bool,
    /// The time now, in microseconds since 1970, while this message is a newcomer.
    pub newcomer_at: Option<u64>,
    /// When the dead chain should have looked again whose check this message has taken over.
    pub dead_since: Option<u64>,
}

impl Claims {
    /// What the message with this id knows. It carries the newest claims of its chain, oldest first.
    #[must_use]
    pub const fn new(message_id: String, carried: Vec<Claim>) -> Self {
        Self {
            message_id,
            known: carried,
            recorded: None,
            retried_at: None,
            has_made: false,
            newcomer_at: None,
            dead_since: None,
        }
    }

    /// The same for a message that was handed out before, at this time in microseconds since 1970. It may have made a claim of
    /// which this attempt knows nothing.
    #[must_use]
    pub fn of_retry(self, now: u64) -> Self {
        Self { retried_at: Some(now), ..self }
    }

    /// The same for a newcomer, at this time in microseconds since 1970.
    #[must_use]
    pub fn of_newcomer(self, now: u64) -> Self {
        Self { newcomer_at: Some(now), ..self }
    }

    /// It is later now than when this message was handed out: this time in microseconds since 1970.
    pub fn pass_time(&mut self, now: u64) {
        self.retried_at = self.retried_at.map(|_| now);
        self.newcomer_at = self.newcomer_at.map(|_| now);
    }

    /// When the dead chain should have looked again whose check this message has taken over.
    #[must_use]
    pub fn dead_since(&self) -> Option<DateTime<Utc>> {
        self.dead_since.map(time)
    }

    /// The newest claim of this chain.
    #[must_use]
    pub fn newest(&self) -> Option<&Claim> {
        self.known.last()
    }

    /// Says which chain the check belongs to, by the claim that the record holds. `doubted` is the claim for which the last
    /// message of this chain has waited.
    pub fn judge(&mut self, recorded: Option<&Claim>, doubted: Option<&Claim>) -> Ownership {
        let ownership = self.compare(recorded, doubted);
        if ownership == Ownership::Ours {
            self.newcomer_at = None;
        }
        ownership
    }

    fn compare(&mut self, recorded: Option<&Claim>, doubted: Option<&Claim>) -> Ownership {
        let Some(recorded) = recorded else { return Ownership::Ours };
        // An attempt of this message made it, or one of an earlier message of this chain.
        let is_of = |message_id: &String| *message_id == recorded.message_id;
        if is_of(&self.message_id) || self.known.iter().any(|known| is_of(&known.message_id)) {
            // An earlier attempt came to its end. If it has handed on, its successor has its turn first.
            let until = self.looks_until(recorded).filter(|_| !self.has_made);
            if until.is_some() {
                return Ownership::Unclear(until);
            }
            self.take_over(recorded);
            return Ownership::Ours;
        }
        if let (Some(now), Some(next_look)) = (self.newcomer_at, recorded.next_look) {
            if now >= next_look.saturating_add(DEAD) {
                self.take_over(recorded);
                self.dead_since = Some(next_look);
                return Ownership::Ours;
            }
            if doubted.is_none_or(|doubted| doubted == recorded) {
                let late = next_look.saturating_add(LATE);
                return Ownership::Promised(time(if now < late { late } else { next_look.saturating_add(DEAD) }));
            }
        }
        if self.known.last() < Some(recorded) {
            // An earlier attempt may have made a newer claim. It would end the other chain when it arrives.
            let may_have_made = self.retried_at.is_some() && !self.has_made;
            return if may_have_made { Ownership::Unclear(self.looks_until(recorded)) } else { Ownership::Other };
        }
        // It is still there after the wait, so it is stale.
        if Some(recorded) == doubted {
            self.take_over(recorded);
            return Ownership::Ours;
        }
        Ownership::Unclear(None)
    }

    /// Until when the chain that made this claim may look again as it has promised. `None` where it should have looked already,
    /// where it has promised nothing yet, and where this message was not handed out before.
    fn looks_until(&self, recorded: &Claim) -> Option<DateTime<Utc>> {
        // At its begin an evaluation claims the check for now.
        let next_look = recorded.next_look.filter(|next_look| *next_look > recorded.made_at)?;
        let late = next_look.saturating_add(LATE);
        (self.retried_at? < late).then(|| time(late))
    }

    /// Counts the record's claim as one of this chain, so that the next one is newer.
    fn take_over(&mut self, recorded: &Claim) {
        if let Err(place) = self.known.binary_search(recorded) {
            self.known.insert(place, recorded.clone());
        }
        self.recorded = Some(recorded.clone());
    }

    /// Makes a claim at this time of [`ClaimTimes`], newer than all that this chain has made and seen.
    pub fn make(&mut self, now: u64) -> Claim {
        self.claim(now, None)
    }

    /// The same for a claim that says when this chain looks again.
    pub fn make_until(&mut self, now: u64, next_look: DateTime<Utc>) -> Claim {
        self.claim(now, u64::try_from(next_look.timestamp_micros()).ok())
    }

    fn claim(&mut self, now: u64, next_look: Option<u64>) -> Claim {
        let after = self.known.last().map_or(0, |newest| newest.made_at.saturating_add(1));
        let claim = Claim { made_at: now.max(after), message_id: self.message_id.clone(), next_look };
        self.known.push(claim.clone());
        self.has_made = true;
        claim
    }

    /// The claims that the successor carries, oldest first. It does not matter whether they were written: a write that timed
    /// out may still arrive.
    #[must_use]
    pub fn hand_on(mut self, now: u64) -> Vec<Claim> {
        if !self.has_made {
            // An earlier attempt may have made one that this attempt does not know. This one is newer.
            self.make(now);
        }
        let mut carried = self.known.split_off(self.known.len().saturating_sub(CARRIED));
        if let Some(recorded) = self.recorded.filter(|recorded| !carried.contains(recorded)) {
            carried[0] = recorded;
        }
        carried
    }
}

fn time(micros: u64) -> DateTime<Utc> {
    i64::try_from(micros).ok().and_then(DateTime::from_timestamp_micros).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000_000;

    /// What a newcomer makes of the claim of a chain that was to look again after 10 minutes.
    fn newcomer(minute: u64, doubted: Option<&Claim>) -> (Ownership, Claims) {
        let other = Claims::new("other".to_owned(), Vec::new()).make_until(5, time(10 * MINUTE));
        let mut own = Claims::new("own".to_owned(), Vec::new()).of_newcomer(minute * MINUTE);
        (own.judge(Some(&other), doubted), own)
    }

    #[test]
    fn a_newcomer_waits_until_the_other_chain_can_only_be_dead_and_takes_over() {
        let (late, dead) = (time(10 * MINUTE + LATE), time(25 * MINUTE));
        for (minute, ownership) in [
            (1, Ownership::Promised(late)),
            (10, Ownership::Promised(late)),
            (11, Ownership::Promised(dead)),
            (24, Ownership::Promised(dead)),
            (25, Ownership::Ours),
        ] {
            assert_eq!(newcomer(minute, None).0, ownership, "minute {minute}");
        }
        let (_, mut own) = newcomer(25, None);
        assert_eq!(own.dead_since(), Some(time(10 * MINUTE)));
        assert!(own.make(1).made_at > 5, "its claims are newer");
    }

    #[test]
    fn a_newcomer_ends_for_a_chain_that_has_made_a_newer_claim_since() {
        let before = at(3, "other");
        assert_eq!(newcomer(11, Some(&before)).0, Ownership::Other);
        let (_, mut retried) = newcomer(1, None);
        retried.retried_at = Some(MINUTE);
        let newer = Claims::new("other".to_owned(), Vec::new()).make_until(6, time(20 * MINUTE));
        let until = Some(time(20 * MINUTE + LATE));
        assert_eq!(retried.judge(Some(&newer), Some(&before)), Ownership::Unclear(until), "its own may be on its way");
    }

    fn at(time: u64, message: &str) -> Claim {
        Claims::new(message.to_owned(), Vec::new()).make(time)
    }

    fn turn(message: &str, carried: &[Claim], recorded: &Claim) -> Ownership {
        Claims::new(message.to_owned(), carried.to_vec()).judge(Some(recorded), None)
    }

    /// What the successor of a chain carries whose messages `0`, `1` ... made a claim each.
    fn chain(length: u64) -> Vec<Claim> {
        (0..length).fold(Vec::new(), |carried, time| Claims::new(time.to_string(), carried).hand_on(time))
    }

    #[test]
    fn a_message_goes_on_where_nobody_or_its_own_chain_has_claimed_the_check() {
        assert_eq!(Claims::new("own".to_owned(), chain(3)).judge(None, None), Ownership::Ours);
        // `1` was tried twice.
        for recorded in [at(0, "0"), at(1, "1"), at(5, "1"), at(2, "2"), at(9, "own")] {
            assert_eq!(turn("own", &chain(3), &recorded), Ownership::Ours);
        }
    }

    #[test]
    fn a_message_ends_for_a_newer_claim_and_doubts_an_older_one() {
        assert_eq!(turn("own", &chain(3), &at(3, "duplicate")), Ownership::Other);
        assert_eq!(turn("own", &[], &at(3, "duplicate")), Ownership::Other);
        assert_eq!(turn("own", &chain(3), &at(1, "stale")), Ownership::Unclear(None));
    }

    #[test]
    fn an_older_claim_that_nobody_renews_is_stale() {
        let (stale, other) = (at(1, "stale"), at(1, "other"));
        let mut own = Claims::new("own".to_owned(), chain(3));
        assert_eq!(own.judge(Some(&other), Some(&stale)), Ownership::Unclear(None));
        assert_eq!(own.judge(Some(&stale), Some(&stale)), Ownership::Ours);
        assert_eq!(own.judge(Some(&at(4, "duplicate")), Some(&stale)), Ownership::Other);
    }

    #[test]
    fn of_two_claims_of_the_same_moment_one_is_newer() {
        assert_eq!(turn("successor of a", &[at(7, "a")], &at(7, "b")), Ownership::Other);
        assert_eq!(turn("successor of b", &[at(7, "b")], &at(7, "a")), Ownership::Unclear(None));
    }

    #[test]
    fn an_attempt_after_one_that_died_makes_a_newer_claim_for_its_successor() {
        let carried = Claims::new("own".to_owned(), vec![at(7, "predecessor")]).of_retry(8).hand_on(9);
        assert_eq!(turn("successor", &carried, &at(8, "own")), Ownership::Ours);
        assert!(carried.last() > Some(&at(8, "duplicate")));
    }

    #[test]
    fn a_message_whose_earlier_attempt_may_have_made_a_newer_claim_does_not_end_for_another_chain() {
        let mut again = Claims::new("own".to_owned(), Vec::new()).of_retry(4);
        assert_eq!(again.judge(Some(&at(3, "duplicate")), None), Ownership::Unclear(None));
        again.make(4);
        assert_eq!(again.judge(Some(&at(5, "duplicate")), None), Ownership::Other, "this attempt has made one");
    }

    /// What a message that is tried again makes of the claim of this other message, which promises a look after 10 minutes.
    fn again(other: &str, minute: u64) -> Ownership {
        let recorded = Claims::new(other.to_owned(), Vec::new()).make_until(5, time(10 * MINUTE));
        Claims::new("own".to_owned(), vec![at(0, "interrupted")]).of_retry(minute * MINUTE).judge(Some(&recorded), None)
    }

    #[test]
    fn a_message_that_is_tried_again_waits_until_a_promised_look_is_late() {
        let late = Some(time(10 * MINUTE + LATE));
        for other in ["own", "interrupted", "other"] {
            assert_eq!(again(other, 1), Ownership::Unclear(late), "{other}");
            assert_eq!(again(other, 10), Ownership::Unclear(late), "{other}");
        }
        assert_eq!([again("own", 11), again("interrupted", 11)], [Ownership::Ours; 2]);
        let begun = Claims::new("own".to_owned(), Vec::new()).make_until(MINUTE, time(MINUTE));
        let soon = Claims::new("own".to_owned(), Vec::new()).of_retry(MINUTE + 1).judge(Some(&begun), None);
        assert_eq!(soon, Ownership::Ours, "an evaluation that has only begun promises nothing");
        assert_eq!(again("other", 11), Ownership::Unclear(None));
    }

    #[test]
    fn a_message_that_is_tried_again_goes_on_when_the_promised_look_has_become_late_meanwhile() {
        let recorded = Claims::new("own".to_owned(), Vec::new()).make_until(5, time(10 * MINUTE));
        let mut again = Claims::new("own".to_owned(), Vec::new()).of_retry(MINUTE);
        again.judge(Some(&recorded), None);
        again.pass_time(11 * MINUTE);
        assert_eq!(again.judge(Some(&recorded), None), Ownership::Ours);
    }

    #[test]
    fn an_outage_of_any_length_does_not_end_a_chain_for_its_own_claim() {
        let carried = chain(1_000);
        assert_eq!(carried.len(), CARRIED);
        assert_eq!(turn("last", &carried, &at(0, "0")), Ownership::Unclear(None));
    }

    #[test]
    fn the_claim_that_the_record_holds_is_known_however_many_later_ones_never_arrived() {
        let mut carried = vec![at(0, "first")];
        for time in 1..100 {
            let mut claims = Claims::new(time.to_string(), carried);
            assert_eq!(claims.judge(Some(&at(0, "first")), None), Ownership::Ours);
            claims.make(time);
            carried = claims.hand_on(time);
        }
        assert_eq!(carried.len(), CARRIED);
    }

    #[test]
    fn a_chain_that_takes_over_and_a_clock_that_goes_backwards_make_newer_claims_all_the_same() {
        let ahead = at(5, "ahead");
        let mut own = Claims::new("own".to_owned(), chain(3));
        own.take_over(&ahead);
        assert!(own.make(3) > ahead);
        assert_eq!(own.hand_on(3).first(), Some(&at(0, "0")), "oldest first");
    }

    #[test]
    fn two_claims_of_a_process_never_have_the_same_time() {
        let (times, now) = (ClaimTimes::default(), DateTime::from_timestamp(1_767_600_000, 0).expect("a time"));
        assert!(times.next(now) < times.next(now));
        assert_eq!(times.next(now), 1_767_600_000_000_002);
    }

    #[test]
    fn claims_are_read_as_they_are_written_and_other_text_is_not_a_claim() {
        let claim = at(7, "800ae4b3.with.dots");
        assert_eq!(claim.to_string().parse(), Ok(claim.clone()));
        let promising = Claim { next_look: Some(9), ..claim };
        assert_eq!(promising.to_string(), "0000000000000007-0000000000000009.800ae4b3.with.dots");
        assert_eq!(promising.to_string().parse(), Ok(promising));
        let long = format!("0000000000000007.{}", "x".repeat(65));
        for text in [&long, "", "gone", ".own", "7.own", "zzzzzzzzzzzzzzzz.own", "0000000000000000000007.own"] {
            assert_eq!(text.parse::<Claim>(), Err(ParseClaimError), "{text}");
        }
    }
}
