//! How often the host has handed out a message, and what that says about its evaluations. Pure.
//!
//! A try that ended in an error is either a crash or an outage of the queue. An evaluation that crashes again and again has
//! to be given up. One that could not queue its successor did its work, and goes on when the queue does. It leaves a note in
//! the check's record, so that every instance can tell the two apart.

/// How many of the host's tries, `maxDequeueCount` in `host.json`, are the last: they do not evaluate the check any more. There
/// are two, because the process may be killed in the middle of one.
const LAST_TRIES: u32 = 2;

/// How often a message was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tries {
    /// How often the host has handed out the message, this time included.
    handed_out: u32,
    /// How often it does so at most.
    most: u32,
    /// How many evaluations before this message did not end: it is the early successor of the last one.
    interrupted: u32,
    /// How many of the tries before this one could not queue a successor.
    not_queued: u32,
}

impl Tries {
    pub(super) const fn new(handed_out: u32, most: u32, interrupted: u32) -> Self {
        Self { handed_out, most, interrupted, not_queued: 0 }
    }

    /// Whether an earlier try of this message may have begun an evaluation.
    pub(super) const fn is_retry(self) -> bool {
        self.handed_out > 1
    }

    /// So many tries could not queue a successor.
    pub(super) fn note_not_queued(&mut self, tries: u32) {
        self.not_queued = tries.min(self.handed_out.saturating_sub(1));
    }

    /// How many tries could not queue a successor, where this one cannot either.
    pub(super) const fn not_queued_with_this(self) -> u32 {
        self.not_queued + 1
    }

    /// Whether the evaluation of this message was cut off so often that it must be the reason itself.
    pub(super) const fn seem_to_crash(self) -> bool {
        (self.handed_out - self.not_queued).saturating_add(self.interrupted).saturating_add(LAST_TRIES) > self.most
    }

    /// Whether the message has to be queued anew before anything else: the host hands it out once more at most.
    pub(super) const fn are_used_up(self) -> bool {
        self.handed_out.saturating_add(LAST_TRIES) > self.most
    }

    /// Whether the host does not hand out the message again.
    pub(super) const fn is_last(self) -> bool {
        self.handed_out >= self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tries(handed_out: u32, not_queued: u32) -> Tries {
        let mut tries = Tries::new(handed_out, 10, 0);
        tries.note_not_queued(not_queued);
        tries
    }

    #[test]
    fn eight_tries_that_were_cut_off_are_a_crash() {
        for (handed_out, not_queued, expected) in
            [(0, 0, false), (1, 0, false), (8, 0, false), (9, 0, true), (10, 0, true), (10, 1, true), (10, 2, false)]
        {
            assert_eq!(tries(handed_out, not_queued).seem_to_crash(), expected, "{handed_out} {not_queued}");
        }
    }

    #[test]
    fn evaluations_that_were_cut_off_before_count_for_an_early_successor() {
        assert!(!Tries::new(1, 10, 7).seem_to_crash());
        assert!(Tries::new(1, 10, 8).seem_to_crash() && !Tries::new(1, 10, 8).are_used_up());
    }

    #[test]
    fn an_outage_of_the_queue_is_not_a_crash_and_uses_up_the_tries_all_the_same() {
        let ninth = tries(9, 8);
        assert!(!ninth.seem_to_crash() && ninth.are_used_up() && !ninth.is_last());
        let tenth = tries(10, 9);
        assert!(!tenth.seem_to_crash() && tenth.are_used_up() && tenth.is_last());
        assert!(!tries(8, 7).are_used_up());
    }

    #[test]
    fn a_note_that_is_wrong_counts_no_more_tries_than_there_were() {
        assert_eq!(tries(3, 99), tries(3, 2));
        assert_eq!(tries(0, 99), tries(0, 0));
    }
}
