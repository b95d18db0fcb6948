//! What must become of a check whose decision is the answer of its delivery.

use simulator::azure_pipelines::{Evaluation, Outcome};

use super::facts::{Verdict, could_be};
use super::judge::ensure;
use super::life::{Check, Event, Life};
use super::stage::Account;

/// What is wrong with the answers, or with what Azure Pipelines makes of them.
pub(super) fn judge(life: &Life, account: &Account) -> Result<(), String> {
    ensure(account.decisions.is_empty(), "a decision was posted")?;
    ensure(account.evaluations.is_empty(), "a check was queued")?;
    for answer in &account.answers {
        ensure(is_right(life, account, answer), &format!("wrong answer: {answer:?}"))?;
    }
    let has_passed = account.answers.iter().any(|answer| answer.status == 200);
    let ends = |event| life.has_event(event);
    match account.conclusion.outcome {
        Outcome::Passed => ensure(has_passed, "it passed without an answer that says so"),
        Outcome::Canceled => ensure(ends(Event::RunIsCancelled), "nobody cancelled it"),
        Outcome::Waiting => Err("Azure Pipelines waits for ever".to_owned()),
        Outcome::Failed | Outcome::Skipped => {
            // It may have been cancelled before it answered.
            ensure(!has_passed || ends(Event::RunIsCancelled), "it answered that it passes, and did not pass")
        }
    }
}

fn is_right(life: &Life, account: &Account, answer: &Evaluation) -> bool {
    let found = |wanted| could_be(life, account, (answer.begun, answer.answered), wanted);
    let is_read = life.is_calm() && life.death == 0.0;
    match answer.status {
        200 => life.check == Check::Dry || found(Verdict::Yes),
        412 => found(Verdict::No),
        409 => found(Verdict::NotYet) || !is_read || life.has_event(Event::RunIsCancelled),
        _ => !is_read,
    }
}
