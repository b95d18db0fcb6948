//! One evaluation, from top to bottom: precheck, facts, verdict, and then exactly one end.

use chrono::{DateTime, Utc};

use super::context::Context;
use super::decide::{adopt, agree_on, decide, deliver};
use super::next::{self, Next};
use super::precheck::{self, Precheck, Seen};
use super::retry::{Moment, StepError};
use super::successor::NotQueued;
use super::{Ended, Failure, status};
use crate::evaluation::evaluator::Evaluation;
use crate::evaluation::{Status, Verdict};
use crate::task_log;

/// What an attempt is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To evaluate the check, or to end one that evaluations crash on.
    Evaluate,
    /// To end a check that nobody has evaluated until its deadline.
    EndUnevaluated,
}

/// Runs an attempt to its end.
pub(super) async fn run(context: &mut Context<'_>, purpose: Purpose) -> Result<Ended, Failure> {
    if purpose == Purpose::Evaluate {
        context.queue_early_successor().await;
    }
    let mut next = evaluate(context, purpose).await;
    loop {
        next = match next {
            Next::Decide { decision, lines } => decide(context, decision, lines).await,
            Next::Deliver(pending) => deliver(context, pending).await,
            Next::Report { verdict, at } => report(context, *verdict, at).await,
            // The queue has not brought its first message either: who called keeps the check.
            Next::Requeue { why, .. } if purpose == Purpose::EndUnevaluated => Next::End(Ended::Requeued(why)),
            Next::Requeue { at, why } => match context.queue_successor(at).await {
                Ok(()) => Next::End(Ended::Requeued(why)),
                Err(NotQueued::Due) => {
                    context.begin_again();
                    evaluate(context, purpose).await
                }
                Err(NotQueued::Refused(error)) => context.after_not_queued(error).await?,
            },
            Next::Skip { why, lines } => {
                context.write_log([lines, vec![why.clone()]].concat()).await;
                context.release_record().await;
                Next::stop(why)
            }
            Next::GiveUp { event, why } => {
                event.report(&why);
                Next::stop(format!("{event}: {why}"))
            }
            Next::End(ended) => {
                context.withdraw_early_successor().await;
                context.send_notices(&ended);
                return Ok(ended);
            }
        }
    }
}

/// Precheck, facts, verdict.
async fn evaluate(context: &mut Context<'_>, purpose: Purpose) -> Next {
    let is_first = context.message.progress.is_first();
    let seen = match context.look().await {
        Ok(seen) => seen,
        Err(error) => return context.after_error(&StepError::Precheck(&error)),
    };
    let gives_up = purpose == Purpose::EndUnevaluated || context.tries.seem_to_crash();
    let (reader, claims) = context.judges();
    let pending = match precheck::judge(&seen, reader, claims, gives_up) {
        Precheck::Proceed(pending) => pending,
        Precheck::WaitForOtherChain(claim, until) => return context.wait_for_other_chain(claim, until),
        Precheck::Gone(why) => return context.look_again_before_believing(&why),
        Precheck::Stop { ended, lines } => {
            context.add_to_log(lines).await;
            return Next::End(ended);
        }
    };
    context.begin();
    let is_settled = precheck::is_settled(&seen, context.judges().0);
    match seen {
        Seen::Missing => context.create_record().await,
        Seen::Record(record) => context.take_over(&record),
        Seen::Hidden | Seen::Gone(_) => {}
    }
    match pending {
        Some(pending) if is_settled || pending.accepted => return adopt(context, pending, is_first).await,
        Some(pending) => return agree_on(context, pending, is_first).await,
        None => {}
    }
    context.open_log(is_first).await;
    if let Some(next) = without_evaluating(context, purpose) {
        return next;
    }
    let evaluation = match context.evaluate().await {
        Ok(evaluation) => evaluation,
        Err(refused) if context.is_over() => {
            return next::time_is_over(&context.message, context.now, &refused.why, Vec::new());
        }
        Err(refused) => return context.after_error(&StepError::Gather(&refused.why)),
    };
    conclude(context, evaluation)
}

/// What follows from what was read.
fn conclude(context: &mut Context<'_>, mut evaluation: Evaluation) -> Next {
    if evaluation.run_was_cancelled {
        return context.look_again_before_believing("the run was cancelled");
    }
    // What a record is judged by again.
    let read_at = evaluation.evidence.facts.read_at(context.now);
    context.note_judged(&mut evaluation);
    context.progress().note_awaited();
    context.progress().forget_refusals();
    context.progress().note_run(evaluation.run);
    context.message.waits = evaluation.waits;
    next::conclude(evaluation.verdict, &context.message, Moment { now: read_at, ..context.moment() })
}

/// What to do about a check that is not to be evaluated now.
fn without_evaluating(context: &Context<'_>, purpose: Purpose) -> Option<Next> {
    if purpose == Purpose::EndUnevaluated {
        return Some(Next::was_not_evaluated(&context.message, context.now));
    }
    if context.tries.seem_to_crash() {
        return Some(Next::cannot_evaluate());
    }
    let why = "the host would not hand out this message again".to_owned();
    context.tries.are_used_up().then_some(Next::Requeue { at: context.now, why })
}

/// Not yet: shows what the check waits for.
async fn report(context: &mut Context<'_>, verdict: Verdict, at: DateTime<Utc>) -> Next {
    let shown = status::waiting(&context.message, &verdict, at, context.now);
    context.prepare_notices(&verdict);
    context.progress().note_evaluation(verdict.status() == Status::Errored, verdict.memory);
    context.progress().note_warnings(shown.warnings);
    if context.write_log(shown.lines).await {
        context.progress().note_status(shown.digest);
    }
    let at = context.announce_next(shown.record, at).await;
    Next::Requeue { at, why: format!("next evaluation at {}", task_log::time(at)) }
}
