use checkgate::evaluation::{Explanation, Memory, Status, Verdict};
use checkgate::task_log;

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The log of one evaluation, as the product writes it.
fn written(verdict: &Verdict) -> String {
    let now = at("2026-11-26T12:00:00Z");
    let mut lines = vec!["Check `a` was delivered at 2026-11-26T12:00:00Z.".to_owned(), "  - something".to_owned()];
    lines.extend(task_log::conditions(verdict));
    lines.push(task_log::looks_again(at("2026-11-26T12:01:00Z"), at("2026-11-27T12:00:00Z")));
    task_log::render(&lines, now)
}

fn leaf(condition: &str, status: Status) -> Explanation {
    Explanation {
        condition: condition.to_owned(),
        status,
        found: "something: else".to_owned(),
        expected: "a thing".to_owned(),
        remedy: "do it".to_owned(),
        details: vec!["Next open: Fri 2026-11-27 09:00 Europe/Berlin (2026-11-27 08:00 UTC)".to_owned()],
        conditions: Vec::new(),
        errored_since: None,
        has_evidence: true,
        combined: checkgate::conditions::Combinator::Leaf,
    }
}

fn verdict(conditions: Vec<Explanation>) -> Verdict {
    let explanation = Explanation { conditions, ..leaf("all", Status::Waiting) };
    Verdict { explanation, look_again_at: at("2026-11-26T12:01:00Z"), stay_away_until: None, memory: Memory::default() }
}

#[test]
fn the_conditions_of_an_evaluation_are_read_as_they_were_written() {
    let group =
        Explanation { conditions: vec![leaf("inner", Status::Failed)], ..leaf("any of these", Status::Waiting) };
    let log = written(&verdict(vec![leaf("first", Status::Passed), group]));

    let read = conditions(&log);

    let shown: Vec<_> = read.iter().map(|it| (it.depth, it.status.as_str(), it.title.as_str())).collect();
    assert_eq!(shown, [(0, "passed", "first"), (0, "waiting", "any of these"), (1, "failed", "inner")]);
    assert_eq!((read[2].found.as_str(), read[2].expected.as_str()), ("something: else", "a thing"));
    assert_eq!(read[2].remedy, "do it");
    assert_eq!(next_look("", &log), Some(at("2026-11-26T12:01:00Z")));
}

#[test]
fn the_record_says_when_the_check_looks_again() {
    let verdict = verdict(vec![leaf("first", Status::Errored)]);
    let operation = task_log::current_operation(&verdict, at("2026-11-26T12:05:00Z"));
    assert_eq!(next_look(&operation, ""), Some(at("2026-11-26T12:05:00Z")));
}

#[test]
fn the_next_opening_of_a_window_is_read() {
    let read = conditions(&written(&verdict(vec![leaf("the window is open", Status::Waiting)])));
    assert_eq!(next_opening(&read), Some(at("2026-11-27T08:00:00Z")));
}

#[test]
fn checkpoints_are_gathered_from_the_whole_log() {
    let metric_with = |details: &[&str]| {
        let details = details.iter().map(|detail| (*detail).to_owned()).collect();
        let found = "2 of 3 checkpoints taken".to_owned();
        verdict(vec![Explanation {
            details,
            found,
            ..leaf("rate of prometheus satisfies result < 0.05", Status::Waiting)
        }])
    };
    let first = written(&metric_with(&["2026-11-26T12:00:00Z  successful    0.01"]));
    let second = written(&metric_with(&["2026-11-26T12:01:00Z  failed        NaN", "result = NaN"]));

    let table = metric(&format!("{first}{second}")).unwrap();

    let values: Vec<_> = table.checkpoints.iter().map(|it| (it.phase.as_str(), it.value.as_str())).collect();
    assert_eq!(values, [("successful", "0.01"), ("failed", "NaN")]);
    assert_eq!((table.threshold, table.passes_below, table.query.as_str()), (Some(0.05), true, "rate of prometheus"));
}

#[test]
fn a_log_of_other_people_stays_as_it_is() {
    let log = "anything\n  [weird  ] at all\n            found: nothing\n";
    assert_eq!(conditions(log), []);
    assert_eq!(metric(log), None);
    assert_eq!(next_look("Working", log), None);
}
