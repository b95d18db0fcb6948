//! What must become of a life, known without checkgate.

use chrono::{DateTime, TimeDelta, Utc};
use simulator::azure_pipelines::Outcome;
use simulator::functions_host::Invocation;

use super::answers;
use super::facts::{Verdict, could_be};
use super::life::{CLEARS_UP, Check, Event, Life, Mode};
use super::stage::{Account, Death};

/// How long a decision may take once it can be made and nothing fails any more: a lease, a backoff and an interval.
const PROMPT: TimeDelta = TimeDelta::minutes(30);

/// The same where nothing ever fails: an interval of any check. A duplicate may be the first to see that the conditions are
/// met, and leaves it to the chain that lives.
const PROMPT_IF_UNDISTURBED: TimeDelta = TimeDelta::seconds(4 * 60 + 15);

/// How much longer it takes for each machine that dies.
const DEATH: TimeDelta = TimeDelta::minutes(2);

/// The same where it dies at once: the host's lease of its message.
const EARLY_DEATH: TimeDelta = TimeDelta::minutes(11);

/// How much longer it takes where calls and messages take their time.
const SLOWER: TimeDelta = TimeDelta::minutes(1);

/// The last tries of a message, which fail the check.
const LAST_TRIES: u64 = 9;

/// So many deaths in a row fail the check as well.
const DEATHS_IN_A_ROW: usize = 8;

/// How a life ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum End {
    Succeeded,
    Failed,
    TimedOut,
    GivenUp,
    EndedByOthers,
    /// The check's *Timeout* in Azure Pipelines came first: something had held up the check for longer than the margin.
    TooLate,
    RunCancelled,
    Skipped,
    TokenDead,
    Poisoned,
    NeverAccepted,
    /// Its messages were lost for good, and the delivery that would have brought it back was refused.
    LostAndRefused,
    /// Azure Pipelines took the acknowledgement for a decision.
    PassedUndecided,
    /// The decision was the answer.
    Answered,
}

impl End {
    /// What Azure Pipelines may conclude then.
    const fn conclusions(self) -> &'static [Outcome] {
        match self {
            Self::Succeeded | Self::PassedUndecided => &[Outcome::Passed],
            Self::Failed | Self::TimedOut | Self::GivenUp | Self::NeverAccepted => &[Outcome::Failed],
            Self::EndedByOthers => &[Outcome::Canceled, Outcome::Passed, Outcome::Failed],
            Self::TooLate => &[Outcome::Skipped],
            Self::RunCancelled | Self::Skipped | Self::TokenDead | Self::Poisoned | Self::LostAndRefused => {
                &[Outcome::Waiting, Outcome::Skipped]
            }
            Self::Answered => &[Outcome::Passed, Outcome::Failed, Outcome::Skipped, Outcome::Canceled],
        }
    }
}

pub(super) fn ensure(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

/// How the life ended, or what is wrong with it.
pub(super) fn judge(life: &Life, account: &Account) -> Result<End, String> {
    ensure(account.trouble.is_empty(), "the simulated world was misused")?;
    ensure(account.left.is_empty(), "messages are left")?;
    let end = match life.mode {
        Mode::Callback => of_callback(life, account)?,
        Mode::Acknowledged => of_acknowledged(life, account)?,
        Mode::Answered => answers::judge(life, account).map(|()| End::Answered)?,
    };
    let outcome = account.conclusion.outcome;
    let is_ended_by_others = account.end.is_some() && !account.timed_out;
    // Where somebody ends it at the moment of its *Timeout*, either may come first.
    let is_at_timeout = account.end.is_some_and(|end| end.at >= account.begin + life.settings.timeout);
    let is_right = end.conclusions().contains(&outcome)
        || (is_ended_by_others && End::EndedByOthers.conclusions().contains(&outcome))
        || (is_ended_by_others && is_at_timeout && outcome == Outcome::Skipped);
    ensure(is_right, &format!("it ended as {end:?}, and Azure Pipelines concludes {outcome:?}"))?;
    Ok(end)
}

fn of_callback(life: &Life, account: &Account) -> Result<End, String> {
    ensure(!life.is_undisturbed() || is_one_chain(life, account), "duplicates live on")?;
    let results: Vec<&str> = account.decisions.iter().map(|event| event.result.as_str()).collect();
    // Nothing but the plan and the run shows the end of a check without a record, and they may not answer. Nor is there a
    // place for its decision: two attempts at one moment may decide differently. Azure Pipelines then takes the first.
    let is_seen = life.has_record || life.is_calm();
    let are_equal = results.iter().all(|result| *result == results[0]);
    ensure(!is_seen || are_equal, "different decisions were posted")?;
    ensure(!is_seen || !is_posted_after_the_end(account), "a decision was posted after the end")?;
    let mut accepted = account.decisions.iter().filter(|event| event.accepted);
    match (accepted.next(), accepted.next()) {
        (Some(_), Some(_)) => Err("two decisions were accepted".to_owned()),
        (Some(decision), None) => {
            let end = match decision.result.as_str() {
                "succeeded" => why_succeeded(life, account, decision.at),
                "failed" => why_failed(life, account, decision.at),
                other => Err(format!("the decision is {other}")),
            }?;
            ensure(decision.at - account.begin <= latest(life, account), "the decision took too long")?;
            Ok(end)
        }
        (None, _) => why_undecided(life, account),
    }
}

/// Whether a decision was posted by an evaluation that began after the end of the check.
fn is_posted_after_the_end(account: &Account) -> bool {
    let Some(end) = account.end else { return false };
    let has_begun_before =
        |decision: DateTime<Utc>| account.evaluations.iter().any(|it| it.at < end.at && it.ended >= decision);
    account.decisions[end.decisions..].iter().any(|decision| !has_begun_before(decision.at))
}

/// Whether one chain is left an interval after the last delivery.
fn is_one_chain(life: &Life, account: &Account) -> bool {
    let (last, interval) = (life.deliveries().max().unwrap_or_default(), life.check.interval());
    let begin = account.begin + last + interval;
    let again = |it: &&Invocation| it.at >= begin && it.body.contains("queued again: next evaluation");
    let most = (life.check.time() - interval).num_seconds() / interval.num_seconds() + 1;
    account.evaluations.iter().filter(again).count() <= usize::try_from(most.max(1)).unwrap_or(1)
}

/// When the decision must have been posted, from the beginning on.
fn latest(life: &Life, account: &Account) -> TimeDelta {
    let end = life.deliveries().max().unwrap_or_default() + life.check.time();
    let is_undisturbed = life.has_nothing_but_deaths();
    let clear = if is_undisturbed { TimeDelta::zero() } else { CLEARS_UP };
    let decides = |it: &&Invocation| it.succeeded() && !could_be(life, account, (it.at, it.ended), Verdict::NotYet);
    let evaluated = account.evaluations.iter().find(decides).map(|it| it.ended - account.begin);
    // A dead chain counts as dead 15 minutes after its next look.
    let taken_over = life.redelivery().map_or(clear, |at| at + TimeDelta::minutes(20));
    let prompt = if is_undisturbed { PROMPT_IF_UNDISTURBED } else { PROMPT };
    let slower = if life.is_slow() { SLOWER } else { TimeDelta::zero() };
    // Where nothing was prepared for a death, its message is tried again, and later tries prepare nothing either.
    let prepared = account.deaths.iter().take_while(|death| **death == Death::Late).count();
    let cost = |at: usize| if at < prepared { DEATH } else { EARLY_DEATH };
    let deaths = (0..account.deaths.len()).map(cost).sum();
    evaluated.unwrap_or(end).max(clear).max(taken_over) + prompt + slower + deaths
}

/// The evaluations that had begun by then.
fn before(account: &Account, at: DateTime<Utc>) -> impl Iterator<Item = &Invocation> {
    account.evaluations.iter().filter(move |it| it.at <= at)
}

/// It may succeed only if an evaluation has seen the conditions met.
fn why_succeeded(life: &Life, account: &Account, at: DateTime<Utc>) -> Result<End, String> {
    let is_met = before(account, at).any(|it| could_be(life, account, (it.at, it.ended), Verdict::Yes));
    // A dry run lets everything pass, but only when it would have decided.
    let dry_run = life.check == Check::Dry && why_failed(life, account, at).is_ok();
    if is_met || dry_run { Ok(End::Succeeded) } else { Err("it succeeded, but was never met".to_owned()) }
}

fn why_failed(life: &Life, account: &Account, at: DateTime<Utc>) -> Result<End, String> {
    // Nobody waits for a log that could not be written, and one of a dry run that died gives no reason.
    let is_logged = life.check != Check::Dry && account.log.contains("Decision: ");
    let says = |what: &str| !is_logged || account.log.contains(what);
    let found = |it: &Invocation, wanted| could_be(life, account, (it.at, it.ended), wanted);
    if before(account, at).any(|it| found(it, Verdict::No)) && says("Not met: ") {
        return Ok(End::Failed);
    }
    let deadline = account.begin + life.deliveries().min().unwrap_or_default() + life.check.time();
    let missed = |it: &Invocation| it.ended >= deadline && (found(it, Verdict::NotYet) || !life.is_calm());
    if before(account, at).any(missed) && says("The check's time is over") {
        return Ok(End::TimedOut);
    }
    let are_last_tries = before(account, at).any(|it| it.dequeue_count >= LAST_TRIES)
        || before(account, at).filter(|it| !it.succeeded()).count() >= DEATHS_IN_A_ROW;
    if are_last_tries && says("checkgate could not evaluate the check") {
        return Ok(End::GivenUp);
    }
    let is_queue_out = |event: &Event| matches!(event, Event::OutageOfQueue(..) | Event::StorageIsDown(_));
    let was_queue_out = life.events.iter().any(|(_, event)| is_queue_out(event));
    // The log must say so itself: a failure without a word is not explained by an outage.
    if was_queue_out && account.log.contains("could not be queued for its next evaluation") {
        return Ok(End::GivenUp);
    }
    Err("it failed without a reason".to_owned())
}

fn why_undecided(life: &Life, account: &Account) -> Result<End, String> {
    let has_ended = |end: super::stage::End| account.evaluations.iter().any(|it| it.ended >= end.at);
    // Somebody still took care of the check when it ended.
    if account.end.is_some_and(|end| !account.timed_out && has_ended(end)) {
        return Ok(End::EndedByOthers);
    }
    if life.check == Check::Skips && account.says("it does not decide then") {
        return Ok(End::Skipped);
    }
    if !account.is_accepted && account.timed_out {
        return Ok(End::TooLate);
    }
    if !account.is_accepted && account.answers[0].status == 200 {
        if account.end.is_some() {
            return Ok(End::EndedByOthers);
        }
        let is_alerted = account.says("delivery_not_accepted");
        return if is_alerted { Ok(End::LostAndRefused) } else { Err("it was lost, and nobody is alerted".to_owned()) };
    }
    if !account.is_accepted {
        return Ok(End::NeverAccepted);
    }
    if life.has_event(Event::RunIsBeingCancelled) || life.has_event(Event::RunIsCancelled) {
        let says = account.says("nobody waits for the check any more");
        if !life.has_record && says {
            return Ok(End::RunCancelled);
        }
    }
    if life.has_event(Event::TokenExpires)
        && (account.says("the token is dead") || account.says("cannot be delivered any more"))
    {
        return Ok(End::TokenDead);
    }
    if !account.poison.is_empty() && account.says("evaluation failed") {
        return Ok(End::Poisoned);
    }
    if account.timed_out && !life.is_undisturbed() && account.end.is_some_and(has_ended) {
        return Ok(End::TooLate);
    }
    Err("it was lost".to_owned())
}

/// Azure Pipelines takes the acknowledgement for a decision, and nobody waits for another one.
fn of_acknowledged(life: &Life, account: &Account) -> Result<End, String> {
    if account.answers[0].status != 200 {
        return Ok(End::NeverAccepted);
    }
    ensure(account.decisions.iter().all(|decision| !decision.accepted), "a decision was accepted")?;
    let is_seen = life.has_record && life.is_undisturbed() && !life.has_event(Event::TokenExpires);
    ensure(!is_seen || account.says("passed_undecided"), "it passed, and no operator is alerted")?;
    Ok(End::PassedUndecided)
}
