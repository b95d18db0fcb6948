//! What Azure Pipelines concludes for a stage from the histories of its checks.
//!
//! A stage passes at the first moment at which all of its checks pass. A final negative decision fails it. A check that
//! does not pass within its *Timeout* makes the platform skip it.

use std::fmt;

use chrono::{DateTime, Utc};

use super::history::{CheckHistory, MAX_EVALUATIONS, Verdict};

/// What became of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It runs.
    Passed,
    /// A check failed it.
    Failed,
    /// A check did not pass in time.
    Skipped,
    /// The run was cancelled, or somebody else ended a check.
    Canceled,
    /// It still waits.
    Waiting,
}

/// What Azure Pipelines concludes for a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conclusion {
    /// What became of the stage.
    pub outcome: Outcome,
    /// When it was concluded. The present moment while the stage waits.
    pub at: DateTime<Utc>,
    /// The reason, as a sentence.
    pub why: String,
}

impl fmt::Display for Conclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {}: {}", self.outcome, self.at.format("%H:%M:%S"), self.why)
    }
}

/// How one check stands at one moment. Where there is a reason, it is a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not decided, or its decision does not count any more.
    Waiting(String),
    /// Lets the stage run.
    Passes,
    /// Fails the stage.
    Failed(String),
    /// Did not pass in time.
    TimedOut(String),
    /// The run was cancelled, or somebody else ended the check.
    Canceled,
}

/// What Azure Pipelines has concluded at `now`.
pub fn conclude(checks: &[CheckHistory], now: DateTime<Utc>) -> Conclusion {
    let mut moments: Vec<_> = checks.iter().flat_map(moments).filter(|moment| *moment <= now).collect();
    moments.sort();
    moments.dedup();
    let concluded = moments.into_iter().find_map(|moment| conclude_at(checks, moment));
    concluded.unwrap_or_else(|| {
        let waits = checks.iter().find_map(|check| match standing(check, now) {
            Standing::Waiting(why) => Some(why),
            _ => None,
        });
        let why = waits.unwrap_or_else(|| "The stage has no check that was evaluated.".to_owned());
        Conclusion { outcome: Outcome::Waiting, at: now, why }
    })
}

/// The moments at which the standing of a check can change.
fn moments(check: &CheckHistory) -> Vec<DateTime<Utc>> {
    let verdicts = check.evaluations.iter().filter_map(|evaluation| check.verdict(evaluation));
    let changes = verdicts.flat_map(|(at, verdict)| [Some(at), check.valid_until(at, &verdict)]);
    changes.flatten().chain([check.deadline()]).collect()
}

/// The conclusion that is drawn at this moment, if any.
fn conclude_at(checks: &[CheckHistory], at: DateTime<Utc>) -> Option<Conclusion> {
    let standings: Vec<_> = checks.iter().map(|check| standing(check, at)).collect();
    let concluded = |outcome, why: &str| Some(Conclusion { outcome, at, why: why.to_owned() });
    let failed = standings.iter().find_map(|it| if let Standing::Failed(why) = it { Some(why) } else { None });
    if let Some(why) = failed {
        return concluded(Outcome::Failed, why);
    }
    if standings.iter().all(|standing| *standing == Standing::Passes) {
        return concluded(Outcome::Passed, "All checks pass.");
    }
    let late = standings.iter().find_map(|it| if let Standing::TimedOut(why) = it { Some(why) } else { None });
    if let Some(why) = late {
        return concluded(Outcome::Skipped, why);
    }
    let canceled = standings.contains(&Standing::Canceled);
    let why = "The run was cancelled, or somebody else ended the check.";
    canceled.then(|| concluded(Outcome::Canceled, why)).flatten()
}

/// How a check stands at this moment.
pub fn standing(check: &CheckHistory, at: DateTime<Utc>) -> Standing {
    let mut known = check.evaluations.iter().filter(|evaluation| evaluation.begun <= at);
    let evaluations = known.clone().count();
    let verdict = known.next_back().and_then(|last| check.verdict(last)).filter(|(decided, _)| *decided <= at);
    let is_late = at >= check.deadline();
    let minutes = check.settings.timeout.num_minutes();
    let waiting = |why: String| if is_late { timed_out(minutes, &why) } else { Standing::Waiting(why) };
    let Some((decided, verdict)) = verdict else {
        return waiting("The check has not decided.".to_owned());
    };
    let asked_again = check.settings.is_asked_again();
    let spent = evaluations >= MAX_EVALUATIONS;
    match verdict {
        Verdict::Bypassed => Standing::Passes,
        Verdict::Canceled => Standing::Canceled,
        Verdict::Positive if check.valid_until(decided, &verdict).is_none_or(|until| at < until) => Standing::Passes,
        Verdict::Refused(why) => Standing::Failed(format!("The check failed: {why}.")),
        Verdict::Negative(why) if !asked_again => Standing::Failed(format!("The check failed: {why}.")),
        Verdict::Positive | Verdict::Negative(_) if spent => {
            Standing::Failed(format!("The check failed: it was evaluated {MAX_EVALUATIONS} times."))
        }
        Verdict::Positive => waiting("The check's last decision is no longer valid.".to_owned()),
        Verdict::Negative(why) => waiting(format!("The check is asked again: {why}.")),
    }
}

fn timed_out(minutes: i64, why: &str) -> Standing {
    Standing::TimedOut(format!("The check did not pass within its timeout of {minutes} minutes. {why}"))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::azure_devops::TaskResult;
    use crate::azure_pipelines::history::Evaluation;
    use crate::azure_pipelines::settings::{CheckSettings, ErrorStatus};

    fn minute(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    fn acknowledged(status: u16) -> Evaluation {
        let (begun, body) = (minute(0), String::new());
        Evaluation { begun, answered: begun, status, body, decision: None, ended: None }
    }

    fn decided(at: i64, result: &str) -> Evaluation {
        Evaluation { decision: Some((minute(at), result.to_owned())), ..acknowledged(200) }
    }

    fn answered(at: i64, word: &str) -> Evaluation {
        let body = format!(r#"{{"status":"{word}"}}"#);
        Evaluation { begun: minute(at), answered: minute(at), body, ..acknowledged(200) }
    }

    fn check(settings: CheckSettings, evaluations: impl IntoIterator<Item = Evaluation>) -> CheckHistory {
        CheckHistory { evaluations: evaluations.into_iter().collect(), ..CheckHistory::new(settings, minute(0)) }
    }

    fn callback(evaluation: Evaluation) -> CheckHistory {
        check(CheckSettings::callback(TimeDelta::minutes(60)), [evaluation])
    }

    fn polled(interval: i64, answers: &[(i64, &str)]) -> CheckHistory {
        let settings = CheckSettings::api_response(TimeDelta::minutes(60), TimeDelta::minutes(interval));
        check(settings, answers.iter().map(|(at, word)| answered(*at, word)))
    }

    #[track_caller]
    fn expect(checks: &[CheckHistory], now: i64, outcome: Outcome, at: i64, why: &str) {
        let conclusion = conclude(checks, minute(now));
        assert_eq!((conclusion.outcome, conclusion.at), (outcome, minute(at)), "{conclusion}");
        assert!(conclusion.why.contains(why), "{conclusion}");
    }

    #[test]
    fn a_callback_decides_the_stage() {
        expect(&[callback(acknowledged(200))], 59, Outcome::Waiting, 59, "has not decided");
        expect(&[callback(decided(9, "succeeded"))], 8, Outcome::Waiting, 8, "has not decided");
        expect(&[callback(decided(9, "succeeded"))], 99, Outcome::Passed, 9, "All checks pass");
        expect(&[callback(decided(9, "failed"))], 99, Outcome::Failed, 9, "the decision is failed");
    }

    #[test]
    fn a_decision_after_the_timeout_does_not_count() {
        expect(&[callback(decided(60, "succeeded"))], 99, Outcome::Skipped, 60, "within its timeout of 60 minutes");
        expect(&[callback(decided(61, "failed"))], 99, Outcome::Skipped, 60, "within its timeout");
        expect(&[callback(decided(59, "succeeded"))], 99, Outcome::Passed, 59, "All checks pass");
    }

    #[test]
    fn a_refused_delivery_fails_the_check() {
        expect(&[callback(acknowledged(503))], 1, Outcome::Failed, 0, "status 503");
        expect(&[callback(acknowledged(0))], 1, Outcome::Failed, 0, "no answer in 20 seconds");
    }

    #[test]
    fn somebody_else_ends_the_check() {
        let ended = |result| callback(Evaluation { ended: Some((minute(3), result)), ..acknowledged(200) });
        expect(&[ended(TaskResult::Canceled)], 9, Outcome::Canceled, 3, "somebody else");
        expect(&[ended(TaskResult::Skipped)], 9, Outcome::Passed, 3, "All checks pass");
    }

    #[test]
    fn every_answer_200_passes_without_criteria() {
        let passes = check(CheckSettings::default(), [answered(0, "failed")]);
        expect(&[passes], 0, Outcome::Passed, 0, "All checks pass");
    }

    #[test]
    fn an_answer_that_does_not_meet_the_criteria_is_final_only_without_an_interval() {
        expect(&[polled(0, &[(0, "pending")])], 1, Outcome::Failed, 0, "does not meet the success criteria");
        expect(&[polled(5, &[(0, "pending")])], 1, Outcome::Waiting, 1, "asked again");
        expect(&[polled(5, &[(0, "pending"), (5, "successful")])], 9, Outcome::Passed, 5, "All");
        expect(&[polled(5, &[(0, "pending"), (55, "failed")])], 99, Outcome::Skipped, 60, "within its timeout");
    }

    #[test]
    fn an_error_status_is_final_or_asked_again() {
        let refused = |error_status, interval| {
            let settings = CheckSettings::api_response(TimeDelta::minutes(60), TimeDelta::minutes(interval));
            let evaluation = Evaluation { status: 400, ..answered(0, "failed") };
            check(CheckSettings { error_status, ..settings }, [evaluation])
        };
        expect(&[refused(ErrorStatus::Final, 5)], 1, Outcome::Failed, 0, "status 400");
        expect(&[refused(ErrorStatus::AskedAgain, 5)], 1, Outcome::Waiting, 1, "status 400");
        expect(&[refused(ErrorStatus::AskedAgain, 0)], 1, Outcome::Failed, 0, "status 400");
    }

    /// The two examples of the platform's documentation.
    #[test]
    fn checks_of_one_stage_must_pass_at_the_same_moment() {
        let reason = polled(7, &[(0, "failed"), (7, "successful"), (14, "successful")]);
        let approval = callback(decided(15, "succeeded"));
        expect(&[approval, reason], 99, Outcome::Passed, 15, "All checks pass");

        let first = polled(5, &[(0, "successful"), (5, "failed"), (10, "failed"), (15, "successful")]);
        let second = polled(7, &[(0, "failed"), (7, "successful"), (14, "successful")]);
        expect(&[first.clone(), second.clone()], 14, Outcome::Waiting, 14, "asked again");
        expect(&[first, second], 99, Outcome::Passed, 15, "All checks pass");
    }

    #[test]
    fn one_final_negative_decision_fails_the_stage() {
        let checks = [callback(decided(9, "failed")), callback(decided(12, "succeeded"))];
        expect(&checks, 99, Outcome::Failed, 9, "the decision is failed");
    }

    #[test]
    fn the_last_of_two_thousand_evaluations_is_final() {
        let settings = CheckSettings::api_response(TimeDelta::minutes(43_200), TimeDelta::minutes(1));
        let answers = |count| (0..count).map(|at| answered(at, "pending"));
        let almost = check(settings.clone(), answers(1999));
        expect(std::slice::from_ref(&almost), 1998, Outcome::Waiting, 1998, "asked again");
        assert_eq!(almost.next_evaluation_at(), Some(minute(1999)));
        let spent = check(settings, answers(2000));
        expect(std::slice::from_ref(&spent), 2000, Outcome::Failed, 1999, "evaluated 2000 times");
        assert_eq!(spent.next_evaluation_at(), None);
    }

    #[test]
    fn the_next_evaluation_follows_after_the_interval_and_before_the_timeout() {
        assert_eq!(polled(5, &[]).next_evaluation_at(), Some(minute(0)));
        assert_eq!(polled(5, &[(0, "pending")]).next_evaluation_at(), Some(minute(5)));
        assert_eq!(polled(5, &[(0, "successful")]).next_evaluation_at(), Some(minute(5)));
        assert_eq!(polled(5, &[(55, "pending")]).next_evaluation_at(), None);
        assert_eq!(polled(0, &[(0, "pending")]).next_evaluation_at(), None);
        assert_eq!(callback(acknowledged(200)).next_evaluation_at(), None);
    }
}
