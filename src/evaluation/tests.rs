//! The logic of conditions, as tables and as laws.

use chrono::{DateTime, TimeDelta};

use super::Status::{Errored, Failed, Passed, Waiting};
use super::explanation::combine;
use super::{Explanation, Memory, Status, Verdict};
use crate::conditions::Combinator;

const ALL: [Status; 4] = [Passed, Failed, Waiting, Errored];

fn leaf(status: Status) -> Explanation {
    Explanation { status, ..combine(format!("{status:?}"), Combinator::Leaf, Vec::new()) }
}

fn combined(combinator: Combinator, statuses: &[Status]) -> Status {
    combine(String::new(), combinator, statuses.iter().copied().map(leaf).collect()).status
}

#[test]
fn all_follows_its_table() {
    for (row, expected) in [
        //        Passed   Failed  Waiting  Errored
        (Passed, [Passed, Failed, Waiting, Errored]),
        (Failed, [Failed, Failed, Failed, Failed]),
        (Waiting, [Waiting, Failed, Waiting, Errored]),
        (Errored, [Errored, Failed, Errored, Errored]),
    ] {
        assert_eq!(
            ALL.map(|column| combined(Combinator::AtLeast(2), &[row, column])),
            expected,
            "all of {row:?} and …"
        );
    }
}

#[test]
fn any_follows_its_table() {
    for (row, expected) in [
        //        Passed   Failed   Waiting  Errored
        (Passed, [Passed, Passed, Passed, Passed]),
        (Failed, [Passed, Failed, Waiting, Errored]),
        (Waiting, [Passed, Waiting, Waiting, Waiting]),
        (Errored, [Passed, Errored, Waiting, Errored]),
    ] {
        assert_eq!(
            ALL.map(|column| combined(Combinator::AtLeast(1), &[row, column])),
            expected,
            "any of {row:?} and …"
        );
    }
}

#[test]
fn not_follows_its_table() {
    assert_eq!(ALL.map(|inner| combined(Combinator::Not, &[inner])), [Failed, Passed, Waiting, Errored]);
}

#[test]
fn two_of_three_follow_their_table() {
    for (statuses, expected) in [
        ([Passed, Passed, Passed], Passed),
        ([Passed, Passed, Failed], Passed),
        ([Passed, Passed, Waiting], Passed),
        ([Passed, Passed, Errored], Passed),
        ([Passed, Failed, Failed], Failed),
        ([Passed, Failed, Waiting], Waiting),
        ([Passed, Failed, Errored], Errored),
        ([Passed, Waiting, Waiting], Waiting),
        ([Passed, Waiting, Errored], Waiting),
        ([Passed, Errored, Errored], Errored),
        ([Failed, Failed, Failed], Failed),
        ([Failed, Failed, Waiting], Failed),
        ([Failed, Failed, Errored], Failed),
        ([Failed, Waiting, Waiting], Waiting),
        ([Failed, Waiting, Errored], Errored),
        ([Failed, Errored, Errored], Errored),
        ([Waiting, Waiting, Waiting], Waiting),
        ([Waiting, Waiting, Errored], Waiting),
        ([Waiting, Errored, Errored], Errored),
        ([Errored, Errored, Errored], Errored),
    ] {
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let shuffled = order.map(|index| statuses[index]);
            assert_eq!(combined(Combinator::AtLeast(2), &shuffled), expected, "{shuffled:?}");
        }
    }
}

#[test]
fn without_conditions_nothing_passes() {
    assert_eq!(combined(Combinator::AtLeast(0), &[]), Failed);
    assert_eq!(combined(Combinator::AtLeast(0), &[Passed]), Failed);
    assert_eq!(combined(Combinator::Not, &[]), Errored);
    assert_eq!(combined(Combinator::Leaf, &[]), Errored);
}

/// All combinations of `length` statuses.
fn combinations(length: usize) -> Vec<Vec<Status>> {
    (0..length).fold(vec![Vec::new()], |shorter, _| {
        shorter.iter().flat_map(|statuses| ALL.map(|status| [statuses.as_slice(), &[status]].concat())).collect()
    })
}

#[test]
fn an_error_decides_nothing() {
    for length in 1..=5 {
        for needed in 1..=length {
            for statuses in combinations(length) {
                let whole = combined(Combinator::AtLeast(needed), &statuses);
                for unknown in (0..length).filter(|place| statuses[*place] == Errored) {
                    // What is decided in spite of an error stays, whatever the condition turns out to be.
                    let decided = matches!(whole, Passed | Failed);
                    let with = |status| {
                        let mut known = statuses.clone();
                        known[unknown] = status;
                        combined(Combinator::AtLeast(needed), &known)
                    };
                    assert!(!decided || (with(Passed) == whole && with(Failed) == whole), "{needed} of {statuses:?}");
                }
                let more = [statuses.as_slice(), &[Errored]].concat();
                // One more condition that cannot be measured, and must hold.
                let all = combined(Combinator::AtLeast(length), &statuses);
                let all_and_more = combined(Combinator::AtLeast(length + 1), &more);
                assert!(all_and_more != Passed && (all != Failed || all_and_more == Failed), "all of {more:?}");
                // One more that would be enough.
                assert!(
                    whole == Passed || combined(Combinator::AtLeast(needed), &more) != Passed,
                    "{needed} of {more:?}"
                );
            }
        }
    }
}

/// Could not be measured since that hour; it is ten o'clock.
fn errored_since(hour: i64) -> Explanation {
    Explanation { errored_since: Some(DateTime::UNIX_EPOCH + TimeDelta::hours(hour)), ..leaf(Errored) }
}

/// Since when the condition could not be measured that fails a check, if errors are borne for five hours.
fn given_up(combinator: Combinator, conditions: &[Explanation]) -> Option<i64> {
    let now = DateTime::UNIX_EPOCH + TimeDelta::hours(10);
    let explanation = combine(String::new(), combinator, conditions.to_vec());
    let verdict = Verdict { explanation, look_again_at: now, stay_away_until: None, memory: Memory::default() };
    let blamed = verdict.over_budget(TimeDelta::hours(5), now)?;
    blamed.errored_since.map(|since| (since - DateTime::UNIX_EPOCH).num_hours())
}

#[test]
fn a_used_up_error_budget_fails_the_check_only_if_the_rest_cannot_pass() {
    use Combinator::{AtLeast, Not};

    let (old, young) = (|| errored_since(3), || errored_since(9));
    for (conditions, one, two) in [
        ([old(), young(), leaf(Failed)], None, Some(3)),
        ([young(), old(), leaf(Failed)], None, Some(3)),
        ([old(), errored_since(2), leaf(Passed)], None, Some(3)),
        ([old(), young(), leaf(Passed)], None, None),
        ([old(), young(), leaf(Waiting)], None, None),
        ([young(), young(), old()], None, None),
        ([old(), old(), leaf(Failed)], Some(3), Some(3)),
    ] {
        assert_eq!(given_up(AtLeast(1), &conditions), one, "any of {conditions:#?}");
        assert_eq!(given_up(AtLeast(2), &conditions), two, "two of {conditions:#?}");
    }
    assert_eq!(given_up(Not, &[old()]), Some(3));
    assert_eq!(given_up(Not, &[young()]), None);
    let any = |conditions: &[Explanation]| combine(String::new(), AtLeast(1), conditions.to_vec());
    // What never answered lets neither itself nor its negation pass.
    assert_eq!(given_up(Not, &[any(&[old(), old()])]), Some(3));
    assert_eq!(given_up(AtLeast(2), &[any(&[old(), young()]), leaf(Passed)]), None);
}

#[test]
fn the_blocking_conditions_are_those_that_must_change() {
    for length in 1..=4 {
        for needed in 1..=length {
            for statuses in combinations(length) {
                let leaves: Vec<Explanation> = statuses.iter().copied().map(leaf).collect();
                let whole = combine(String::new(), Combinator::AtLeast(needed), leaves);
                let passed = statuses.iter().filter(|status| **status == Passed).count();
                let blocking = whole.blocking();
                assert_eq!(blocking.is_empty(), whole.status == Passed, "{needed} of {statuses:?}");
                assert!(blocking.iter().all(|leaf| leaf.status != Passed), "{needed} of {statuses:?}");
                assert!(blocking.len() <= needed.saturating_sub(passed), "{needed} of {statuses:?}");
            }
        }
    }
}
