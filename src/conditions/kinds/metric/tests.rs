use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::check::Check;
use crate::conditions::given::{self, delivered_at, minute};
use crate::conditions::kinds::metric::*;
use crate::facts::FactError;

pub(super) fn yaml(parameters: &str) -> String {
    format!(
        "connections:
  prometheus: {{ prometheus: {{ url: 'https://prometheus.example.com' }} }}
  monitor: {{ azureMonitor: {{}} }}
checks: {{ c: {{ timeout: 2h, conditions: [ metric: {{ connection: prometheus, query: errors, {parameters} }} ] }} }}"
    )
}

/// A check with a metric, and what it remembers.
pub(super) struct Analysed {
    pub(super) check: Check,
    state: Option<Value>,
    asked: usize,
}

pub(super) type Answer = Result<Vec<f64>, FactError>;

impl Analysed {
    pub(super) fn by(parameters: &str) -> Self {
        Self { check: given::check(&yaml(parameters), &[]), state: None, asked: 0 }
    }

    pub(super) fn look(&mut self, at: DateTime<Utc>, answers: &[(&str, Answer)]) -> Finding {
        self.asked += given::wanted(&self.check, self.state.as_ref(), at).len();
        let mut facts = Facts::default();
        for (query, answer) in answers {
            let samples = Samples { connection: "prometheus".to_owned(), query: Query::Text((*query).to_owned()) };
            facts.insert(samples, answer.clone().map(Into::into));
        }
        let finding = given::evaluate(&self.check, &facts, self.state.as_ref(), at);
        self.state.clone_from(&finding.state);
        finding
    }

    pub(super) fn gets(&mut self, at: DateTime<Utc>, values: &[f64]) -> Outcome {
        self.look(at, &[("errors", Ok(values.to_vec()))]).outcome
    }

    pub(super) fn fails_to_get(&mut self, at: DateTime<Utc>) -> Finding {
        self.look(at, &[("errors", Err(FactError::because("connection `prometheus` answered 503")))])
    }
}

pub(super) const FIVE: &str = "successCondition: result < 0.05, interval: 5m, count: 3";

#[test]
fn it_passes_once_all_checkpoints_are_taken() {
    let mut canary = Analysed::by(FIVE);
    let first = canary.look(minute(0), &[("errors", Ok(vec![0.01]))]);
    assert_eq!((first.outcome, first.look_again_at), (Outcome::Waiting, Some(minute(5))));
    assert_eq!(first.found, "1 of 3 checkpoints taken, 1 successful, 0 failed, the last was 0.01");
    assert_eq!(canary.gets(minute(5), &[0.02]), Outcome::Waiting);
    let last = canary.look(minute(10), &[("errors", Ok(vec![0.0]))]);
    assert_eq!(last.outcome, Outcome::Passed);
    assert_eq!(
        last.details,
        [
            "2026-01-05T12:00:00Z  successful    0.01",
            "2026-01-05T12:05:00Z  successful    0.02",
            "2026-01-05T12:10:00Z  successful    0",
        ]
    );
    // It stays so while other conditions wait, without asking again.
    assert_eq!(canary.gets(minute(60), &[9.0]), Outcome::Passed);
    assert_eq!(canary.asked, 3);
}

#[test]
fn one_failure_too_many_fails_at_once() {
    let mut canary = Analysed::by(FIVE);
    let finding = canary.look(minute(0), &[("errors", Ok(vec![0.5]))]);
    assert_eq!(finding.outcome, Outcome::Failed);
    assert!(finding.found.starts_with("1 failed (failureLimit 0): 1 of 3 checkpoints taken"), "{}", finding.found);
    assert!(finding.details.contains(&"result < 0.05 = false".to_owned()), "{:?}", finding.details);
    let mut patient = Analysed::by("successCondition: result < 0.05, interval: 5m, count: 3, failureLimit: 1");
    assert_eq!(patient.gets(minute(0), &[0.5]), Outcome::Waiting);
    assert_eq!(patient.gets(minute(5), &[0.01]), Outcome::Waiting);
    assert_eq!(patient.gets(minute(10), &[0.01]), Outcome::Passed);
}

#[test]
fn a_checkpoint_is_taken_when_its_time_has_come_and_never_twice() {
    let mut canary = Analysed::by(&format!("{FIVE}, initialDelay: 10m"));
    let early = canary.look(minute(3), &[]);
    assert_eq!((early.outcome, early.look_again_at, canary.asked), (Outcome::Waiting, Some(minute(10)), 0));
    assert_eq!(canary.gets(minute(10), &[0.01]), Outcome::Waiting);
    // Another condition made the check look again.
    let between = canary.look(minute(12), &[]);
    assert_eq!((between.outcome, between.look_again_at, canary.asked), (Outcome::Waiting, Some(minute(15)), 1));
}

#[test]
fn kayenta_noise_the_same_state_and_facts_give_the_same_verdict() {
    let mut canary = Analysed::by(FIVE);
    canary.gets(minute(0), &[0.01]);
    let before = canary.state.clone();
    let first = canary.look(minute(5), &[("errors", Ok(vec![0.04]))]);
    canary.state = before;
    assert_eq!(canary.look(minute(5), &[("errors", Ok(vec![0.04]))]), first);
}

#[test]
fn argo_4479_errors_alone_never_allow() {
    let mut canary = Analysed::by(&format!("{FIVE}, consecutiveErrorLimit: 4"));
    for tries in 0..4 {
        let finding = canary.fails_to_get(minute(tries));
        assert_eq!((finding.outcome, finding.look_again_at), (Outcome::Errored, Some(minute(tries + 1))));
        assert!(finding.found.contains("connection `prometheus` answered 503"), "{}", finding.found);
    }
    let last = canary.fails_to_get(minute(4));
    assert_eq!(last.outcome, Outcome::Failed);
    assert!(last.found.starts_with("5 errors in a row (consecutiveErrorLimit 4): connection"), "{}", last.found);
    for (values, last) in [(vec![0.5], Outcome::Failed), (vec![], Outcome::Errored), (vec![f64::NAN], Outcome::Errored)]
    {
        let mut canary = Analysed::by(FIVE);
        let verdicts: Vec<Outcome> = (0..30).map(|at| canary.gets(minute(at * 5), &values)).collect();
        assert!(!verdicts.contains(&Outcome::Passed), "{values:?}: {verdicts:?}");
        assert_eq!(verdicts.last(), Some(&last), "{values:?}");
    }
}

#[test]
fn argo_2771_an_error_is_no_failure_and_is_forgiven_when_it_ends() {
    let mut canary = Analysed::by(FIVE);
    for at in [0, 1, 2, 3] {
        assert_eq!(canary.fails_to_get(minute(at)).outcome, Outcome::Errored);
    }
    assert_eq!(canary.gets(minute(4), &[0.01]), Outcome::Waiting);
    for at in [9, 10, 11, 12] {
        assert_eq!(canary.fails_to_get(minute(at)).outcome, Outcome::Errored);
    }
    assert_eq!(canary.gets(minute(13), &[0.01]), Outcome::Waiting);
    assert_eq!(canary.gets(minute(18), &[0.01]), Outcome::Passed);
}

#[test]
fn argo_2578_the_source_says_when_to_come_back() {
    let mut canary = Analysed::by(FIVE);
    let wait = Some(std::time::Duration::from_secs(420));
    let busy = FactError { retry_after: wait, ..FactError::because("connection `prometheus` answered 429") };
    let finding = canary.look(minute(0), &[("errors", Err(busy))]);
    assert_eq!((finding.outcome, finding.look_again_at), (Outcome::Errored, Some(minute(7))));
    let between = canary.look(minute(2), &[]);
    assert_eq!((between.outcome, canary.asked), (Outcome::Errored, 1), "it stays away until then");
}

#[test]
fn a_result_between_both_conditions_is_inconclusive() {
    let both = "successCondition: result < 0.05, failureCondition: result > 0.2, interval: 5m, count: 2";
    assert_eq!(Analysed::by(both).gets(minute(0), &[0.01]), Outcome::Waiting);
    for (value, shows) in [(0.1, "neither successCondition nor failureCondition holds"), (0.3, "1 failed")] {
        let finding = Analysed::by(both).look(minute(0), &[("errors", Ok(vec![value]))]);
        assert_eq!(finding.outcome, Outcome::Failed);
        assert!(finding.found.starts_with(shows), "{}", finding.found);
    }
    // As in Argo, a failure condition that holds beats a success condition that holds too.
    let contradiction = "successCondition: result < 1.0, failureCondition: result > 0.2, interval: 5m, count: 2";
    assert_eq!(Analysed::by(contradiction).gets(minute(0), &[0.3]), Outcome::Failed);
}

#[test]
fn successes_in_a_row_end_it_early() {
    let in_a_row =
        "successCondition: result < 0.05, interval: 5m, count: 6, failureLimit: 5, consecutiveSuccessLimit: 2";
    let mut recovering = Analysed::by(in_a_row);
    for (at, value, measured) in [
        (0, 0.01, Outcome::Waiting),
        (5, 0.5, Outcome::Waiting),
        (10, 0.01, Outcome::Waiting),
        (15, 0.01, Outcome::Passed),
    ] {
        assert_eq!(recovering.gets(minute(at), &[value]), measured, "minute {at}");
    }
    let mut flapping = Analysed::by(in_a_row);
    let verdicts: Vec<Outcome> =
        (0..6).map(|at| flapping.gets(minute(at * 5), &[if at % 2 == 0 { 0.01 } else { 0.5 }])).collect();
    assert_eq!(verdicts[5], Outcome::Failed, "{verdicts:?}");
}

#[test]
fn on_no_data_says_what_no_data_means() {
    for (on_no_data, measured) in [("error", Outcome::Errored), ("fail", Outcome::Failed), ("pass", Outcome::Waiting)] {
        for values in [&[][..], &[f64::NAN], &[f64::NAN, f64::NAN]] {
            let mut canary = Analysed::by(&format!("{FIVE}, onNoData: {on_no_data}"));
            assert_eq!(canary.gets(minute(0), values), measured, "{on_no_data} {values:?}");
        }
    }
}

#[test]
fn infinity_is_a_number_and_several_series_are_a_list() {
    assert_eq!(Analysed::by(FIVE).gets(minute(0), &[f64::INFINITY]), Outcome::Failed);
    let error = Analysed::by(FIVE).look(minute(0), &[("errors", Ok(vec![0.01, 0.02]))]);
    assert_eq!(error.outcome, Outcome::Errored, "a number was expected");
    assert!(error.found.contains("`result` is [0.01,0.02] (list)"), "{}", error.found);
    let list = "successCondition: 'result.all(r, r < 0.05)', interval: 5m, count: 3";
    assert_eq!(Analysed::by(list).gets(minute(0), &[0.01, 0.02]), Outcome::Waiting);
    assert_eq!(Analysed::by(list).gets(minute(0), &[0.01, 0.2]), Outcome::Failed);
}

#[test]
fn a_baseline_is_compared_with() {
    let compared = "successCondition: result <= baseline * 1.1, baseline: old";
    let look = |result, baseline| {
        Analysed::by(compared).look(minute(0), &[("errors", Ok(vec![result])), ("old", Ok(baseline))])
    };
    assert_eq!(look(1.05, vec![1.0]).outcome, Outcome::Passed);
    assert_eq!(look(1.2, vec![1.0]).outcome, Outcome::Failed);
    assert_eq!(look(1.2, vec![1.0]).details[0], "2026-01-05T12:00:00Z  failed        1.2 (baseline 1)");
    let without = look(1.0, vec![]);
    assert_eq!(without.outcome, Outcome::Errored);
    assert!(without.found.contains("the baseline query gave no data"), "{}", without.found);
}

#[test]
fn on_no_data_is_about_the_result_and_never_about_its_baseline() {
    let both = "successCondition: result <= baseline * 1.1, failureCondition: result > 0.5, baseline: old";
    let look = |parameters: &str, result: Vec<f64>, baseline: Answer| {
        Analysed::by(parameters).look(minute(0), &[("errors", Ok(result)), ("old", baseline)])
    };
    let down = || Err(FactError::because("connection `prometheus` answered 503"));
    for on_no_data in ["pass", "fail", "error"] {
        let parameters = format!("{both}, onNoData: {on_no_data}");
        for missing in [Ok(vec![]), Ok(vec![f64::NAN]), down()] {
            // What does not compare is judged, what does compare is not.
            assert_eq!(look(&parameters, vec![0.9], missing.clone()).outcome, Outcome::Failed, "{on_no_data}");
            assert_eq!(look(&parameters, vec![0.1], missing).outcome, Outcome::Errored, "{on_no_data}");
        }
        assert_eq!(look(&parameters, vec![0.1], Ok(vec![0.1])).outcome, Outcome::Passed);
    }
    // The control: without a result, `onNoData` decides, whatever the baseline.
    for baseline in [Ok(vec![]), Ok(vec![0.1]), down()] {
        assert_eq!(look(&format!("{both}, onNoData: pass"), vec![], baseline).outcome, Outcome::Passed);
    }
}

#[test]
fn a_condition_that_walks_through_a_list_gets_one_however_many_series_there_are() {
    for condition in [
        "result.all(r, r < 0.05)",
        "result.exists(r, r < 0.05)",
        "size(result) > 0 && result[0] < 0.05",
        "0.01 in result",
    ] {
        let list = format!("successCondition: '{condition}'");
        assert_eq!(Analysed::by(&list).gets(minute(0), &[0.01]), Outcome::Passed, "{condition}");
        assert_eq!(Analysed::by(&list).gets(minute(0), &[0.01, 0.01]), Outcome::Passed, "{condition}");
        assert_eq!(Analysed::by(&list).gets(minute(0), &[0.2]), Outcome::Failed, "{condition}");
    }
    let compared = "successCondition: 'result < baseline.map(b, b * 1.1)[0]', baseline: old";
    let finding = Analysed::by(compared).look(minute(0), &[("errors", Ok(vec![1.0])), ("old", Ok(vec![1.0]))]);
    assert_eq!(finding.outcome, Outcome::Passed, "each name by itself: {}", finding.found);
    // The controls: a condition that takes a number gets a number, and a number is not in several.
    assert_eq!(Analysed::by("successCondition: 'result in [0.01, 0.02]'").gets(minute(0), &[0.01]), Outcome::Passed);
    assert_eq!(Analysed::by("successCondition: result < 0.05").gets(minute(0), &[0.01, 0.02]), Outcome::Errored);
}

#[test]
fn its_state_stays_small() {
    let mut canary = Analysed::by("successCondition: result < 1.0, interval: 1s, count: 1000, failureLimit: 999");
    for at in 0..900 {
        canary.gets(delivered_at() + TimeDelta::seconds(at), &[1.0 / 3.0]);
    }
    let state = canary.state.expect("a state").to_string();
    assert!(state.len() < 1_000, "{} bytes", state.len());
}

#[test]
fn failures_without_data_are_not_evidence() {
    let verdict = |values: &[f64]| {
        let mut canary = Analysed::by(&format!("{FIVE}, onNoData: fail"));
        let finding = canary.look(minute(0), &[("errors", Ok(values.to_vec()))]);
        (finding.outcome, finding.has_evidence)
    };
    assert_eq!(verdict(&[]), (Outcome::Failed, false));
    assert_eq!(verdict(&[0.5]), (Outcome::Failed, true));
}
