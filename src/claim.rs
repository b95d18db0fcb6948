//! Claims: how the many messages that one check may have collapse into one chain. Pure; see "Claims" in
//! `docs/ARCHITECTURE.md`.

/// How many claims a message carries at most: the newest. An older write that is still on its way would have to be
/// overtaken by all of them.
const MAX_CLAIMS: usize = 16;

/// Which chain of messages a check belongs to: see "Exactly one decision" in `docs/ARCHITECTURE.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// This message may go on.
    Ours,
    /// Another chain lives; this message ends here.
    Anothers,
}

/// Compares the record's claim with those of a message: its own, or carried from its predecessors.
#[must_use]
pub fn judge_claim(recorded: Option<&str>, own: &str, carried: &[String]) -> Claim {
    match recorded {
        None => Claim::Ours,
        Some(recorded) if recorded == own || carried.iter().any(|carried| carried == recorded) => Claim::Ours,
        Some(_) => Claim::Anothers,
    }
}

/// The claims that a successor carries: those that the record may hold when it looks.
///
/// `tried` tells whether this message tried to write its own; whether that happened is not asked, since a write that
/// timed out may still arrive, after later ones even. For the same reason the earlier ones are kept. Twins stay apart all
/// the same: neither ever carries a claim that the other one wrote.
#[must_use]
pub fn carry_claims(own: &str, tried: bool, recorded: Option<&str>, carried: &[String]) -> Vec<String> {
    // A message that did not try takes the last place, so that those of a long outage push out only each other, and never
    // the claim that the record holds. It has one at all because it may have tried when it was handed out before.
    let (first, last) = if tried { (Some(own), None) } else { (None, Some(own)) };
    let room = MAX_CLAIMS - usize::from(last.is_some());
    let mut claims: Vec<String> = Vec::new();
    for claim in first.into_iter().chain(recorded).chain(carried.iter().map(String::as_str)) {
        if !claims.iter().any(|known| known == claim) && claims.len() < room {
            claims.push(claim.to_owned());
        }
    }
    claims.extend(last.filter(|own| !claims.iter().any(|known| known == own)).map(str::to_owned));
    claims
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the successors carry of a chain whose messages `0`, `1` … tried to write their claims, or did not.
    fn chain(tries: impl IntoIterator<Item = bool>) -> Vec<String> {
        let steps = tries.into_iter().enumerate();
        steps.fold(Vec::new(), |carried, (number, tried)| carry_claims(&number.to_string(), tried, None, &carried))
    }

    #[test]
    fn an_outage_of_any_length_does_not_make_a_chain_a_stranger_to_its_own_claim() {
        let carried = chain([true].into_iter().chain([false; 1_000]));
        assert_eq!(judge_claim(Some("0"), "1001", &carried), Claim::Ours);
    }

    #[test]
    fn a_message_that_wrote_its_claim_and_died_is_known_to_its_successor() {
        let carried = carry_claims("message", false, None, &[]);
        assert_eq!(judge_claim(Some("message"), "successor", &carried), Claim::Ours);
    }

    #[test]
    fn a_write_that_arrives_after_a_later_one_is_still_known() {
        let carried = chain([true, true, true]);
        assert_eq!(judge_claim(Some("0"), "3", &carried), Claim::Ours);
        assert_eq!(judge_claim(Some("twin"), "3", &carried), Claim::Anothers);
    }

    #[test]
    fn a_chain_carries_few_claims_and_always_the_one_it_read() {
        let carried = chain([true; 100]);
        let claims = carry_claims("100", true, Some("0"), &carried);
        assert_eq!(claims.len(), MAX_CLAIMS);
        assert_eq!(claims[..2], ["100", "0"]);
    }
}
