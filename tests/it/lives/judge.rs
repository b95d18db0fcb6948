//! What must become of a life, known without checkgate.

use chrono::TimeDelta;
use simulator::functions_host::Invocation;

use super::life::{CLEARS_UP, Check, Event, Life};
use super::stage::Account;

/// How long a decision may take once it can be made and nothing fails any more: a lease, a backoff and an interval.
const PROMPT: TimeDelta = TimeDelta::minutes(30);

/// The same where nothing ever fails: an interval of any check. A duplicate may be the first to see that the conditions are
/// met, and leaves it to the chain that lives.
const PROMPT_IF_UNDISTURBED: TimeDelta = TimeDelta::seconds(4 * 60 + 15);

/// The last tries of a message, which fail the check.
const LAST_TRIES: u64 = 9;

/// How a life ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum End {
    Succeeded,
    Failed,
    TimedOut,
    GivenUp,
    EndedByOthers,
    RunCancelled,
    Skipped,
    TokenDead,
    Poisoned,
    NeverAccepted,
}

/// What the conditions come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Yes,
    No,
    NotYet,
}

/// The verdict on the facts as they were at this time.
fn verdict(life: &Life, at: TimeDelta) -> Verdict {
    let changes = life.events.iter().filter(|(when, _)| *when <= at);
    let is_closed = changes.fold(life.is_closed, |is_closed, (_, event)| match event {
        Event::Closes => true,
        Event::Reopens => false,
        _ => is_closed,
    });
    match (life.check, life.has_task, is_closed) {
        (Check::Task, true, _) | (Check::NoTask, false, _) => Verdict::Yes,
        (Check::Task, false, _) | (Check::NoTask, true, _) => Verdict::No,
        (Check::Both | Check::Dry, false, _) => Verdict::No,
        (Check::Either, true, _) => Verdict::Yes,
        (_, _, true) => Verdict::Yes,
        (_, _, false) => Verdict::NotYet,
    }
}

/// How the life ended, or what is wrong with it.
pub(super) fn judge(life: &Life, account: &Account) -> Result<End, String> {
    let ensure = |holds: bool, what: &str| if holds { Ok(()) } else { Err(what.to_owned()) };
    ensure(account.trouble.is_empty(), "the simulated world was misused")?;
    ensure(account.left.is_empty(), "messages are left")?;
    ensure(!life.is_undisturbed() || is_one_chain(life, account), "duplicates live on")?;
    let results: Vec<&str> = account.decisions.iter().map(|event| event.result.as_str()).collect();
    // Nothing but the plan and the run shows the end of a check without a record, and they may not answer. Nor is there a
    // place for its decision: two attempts at one moment may decide differently. Azure Pipelines then takes the first.
    let is_seen = life.has_record || life.is_calm();
    let are_equal = results.iter().all(|result| *result == results[0]);
    ensure(!is_seen || are_equal, "different decisions were posted")?;
    let is_late = is_seen && account.before_end.is_some_and(|before| before != results.len());
    ensure(!is_late, "a decision was posted after the end")?;
    let mut accepted = account.decisions.iter().filter(|event| event.accepted);
    match (accepted.next(), accepted.next()) {
        (Some(_), Some(_)) => Err("two decisions were accepted".to_owned()),
        (Some(decision), None) => {
            let at = decision.at - account.begin;
            let end = match decision.result.as_str() {
                "succeeded" => why_succeeded(life, account, at),
                "failed" => why_failed(life, account, at),
                other => Err(format!("the decision is {other}")),
            }?;
            ensure(at <= latest(life, account), "the decision took too long")?;
            Ok(end)
        }
        (None, _) => why_undecided(life, account),
    }
}

/// Whether one chain is left an interval after the last delivery.
fn is_one_chain(life: &Life, account: &Account) -> bool {
    let (last, interval) = (deadlines(life).max().unwrap_or_default() - life.check.time(), life.check.interval());
    let begin = last + interval;
    let again = |it: &&Invocation| it.at - account.begin >= begin && it.body.contains("queued again: next evaluation");
    let most = (life.check.time() - interval).num_seconds() / interval.num_seconds() + 1;
    account.evaluations.iter().filter(again).count() <= usize::try_from(most.max(1)).unwrap_or(1)
}

/// When the decision must have been posted.
fn latest(life: &Life, account: &Account) -> TimeDelta {
    let end = deadlines(life).max().unwrap_or_default();
    let is_undisturbed = life.is_undisturbed();
    let clear = if is_undisturbed { TimeDelta::zero() } else { CLEARS_UP };
    let evaluated = evaluations(account).filter(|at| verdict(life, *at) != Verdict::NotYet).min();
    // A dead chain counts as dead 15 minutes after its next look.
    let taken_over = life.redelivery().map_or(clear, |at| at + TimeDelta::minutes(20));
    evaluated.unwrap_or(end).max(clear).max(taken_over) + if is_undisturbed { PROMPT_IF_UNDISTURBED } else { PROMPT }
}

/// The deadlines of its deliveries.
fn deadlines(life: &Life) -> impl Iterator<Item = TimeDelta> + '_ {
    let deliveries = life.events.iter().filter(|(_, event)| *event == Event::Delivery);
    deliveries.map(|(at, _)| *at + life.check.time())
}

fn evaluations(account: &Account) -> impl Iterator<Item = TimeDelta> + '_ {
    account.evaluations.iter().map(|evaluation| evaluation.at - account.begin)
}

/// It may succeed only if an evaluation has seen the conditions met.
fn why_succeeded(life: &Life, account: &Account, at: TimeDelta) -> Result<End, String> {
    let mut before = evaluations(account).filter(|evaluated| *evaluated <= at);
    let is_met = before.any(|evaluated| verdict(life, evaluated) == Verdict::Yes);
    // A dry run lets everything pass, but only when it would have decided.
    let dry_run = life.check == Check::Dry && why_failed(life, account, at).is_ok();
    if is_met || dry_run { Ok(End::Succeeded) } else { Err("it succeeded, but was never met".to_owned()) }
}

fn why_failed(life: &Life, account: &Account, at: TimeDelta) -> Result<End, String> {
    let before = || account.evaluations.iter().filter(|it| it.at - account.begin <= at);
    let when = |it: &Invocation| it.at - account.begin;
    // Nobody waits for a log that could not be written, and one of a dry run that died gives no reason.
    let is_logged = life.check != Check::Dry && account.log.contains("Decision: ");
    let says = |what: &str| !is_logged || account.log.contains(what);
    let deadline = deadlines(life).min().unwrap_or_default();
    if before().any(|it| verdict(life, when(it)) == Verdict::No) && says("Not met: ") {
        return Ok(End::Failed);
    }
    let missed =
        |it: &Invocation| when(it) >= deadline && (verdict(life, when(it)) == Verdict::NotYet || !life.is_calm());
    if before().any(missed) && says("The check's time is over") {
        return Ok(End::TimedOut);
    }
    if before().any(|it| it.dequeue_count >= LAST_TRIES) && says("checkgate could not evaluate the check") {
        return Ok(End::GivenUp);
    }
    Err("it failed without a reason".to_owned())
}

fn why_undecided(life: &Life, account: &Account) -> Result<End, String> {
    let says =
        |what: &str| account.handler_log.iter().any(|line| line.contains(what) && line.contains(&account.plan_id));
    let happened = |wanted: Event| life.events.iter().any(|(_, event)| *event == wanted);
    if !account.is_waiting {
        return Ok(End::EndedByOthers);
    }
    if !account.is_accepted {
        return Ok(End::NeverAccepted);
    }
    if happened(Event::RunIsBeingCancelled) && !life.has_record && says("nobody waits for the check any more") {
        return Ok(End::RunCancelled);
    }
    if life.check == Check::Skips && says("it does not decide then") {
        return Ok(End::Skipped);
    }
    if happened(Event::TokenExpires) && (says("the token is dead") || says("cannot be delivered any more")) {
        return Ok(End::TokenDead);
    }
    if !account.poison.is_empty() && says("evaluation failed") {
        return Ok(End::Poisoned);
    }
    Err("it was lost".to_owned())
}
