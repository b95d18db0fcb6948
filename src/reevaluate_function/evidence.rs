//! What a decision rests on: kept until the decision was posted, then written into the handler's log.

use std::collections::BTreeMap;

use super::context::Context;
use super::decision::Posted;
use crate::azure_devops::Error;
use crate::azure_devops::build::Run;
use crate::decision_record::{Decided, DecisionRecord, Delivery};
use crate::evaluation::evaluator::Evaluation;
use crate::evaluation::{Memory, Status, Verdict};
use crate::facts::Evidence;
use crate::task::Decision;
use crate::telemetry;

/// What an evaluation judged, and by what.
pub(super) struct Judged {
    verdict: Verdict,
    run: Option<Run>,
    evidence: Evidence,
    /// What the conditions remembered before.
    memory: Memory,
}

/// A decision that this evaluation has made, with its record.
pub(super) struct Noted {
    /// What Azure Pipelines gets.
    posted: Decision,
    /// What was decided, and by what, in the words of the metrics.
    measured: (&'static str, &'static str),
    record: DecisionRecord,
}

/// What made a decision: the conditions, or the end of the check's time, or errors until nothing else was left.
const fn reason(judged: Option<Status>, is_over: bool) -> &'static str {
    match judged {
        Some(Status::Passed | Status::Failed) => "conditions",
        _ if is_over => "timeout",
        _ => "errors",
    }
}

impl Context<'_> {
    /// Keeps what an evaluation judged.
    pub(super) fn note_judged(&mut self, evaluation: &mut Evaluation) {
        let (verdict, run) = (evaluation.verdict.clone(), evaluation.run.clone());
        let evidence = std::mem::take(&mut evaluation.evidence);
        self.judged = Some(Judged { verdict, run, evidence, memory: self.message.progress.memory().clone() });
    }

    /// Keeps a decision with its record, until it was posted. `real` is what a dry run would have decided.
    pub(super) fn note_decision(&mut self, real: &Decision, posted: &Decision) {
        let (check, at) = (&self.message.check, self.now);
        let read_at = self.judged.as_ref().map_or(at, |judged| judged.evidence.facts.read_at(at));
        let reason = reason(self.judged.as_ref().map(|judged| judged.verdict.status()), self.message.is_over(read_at));
        let record = match self.judged.take() {
            Some(Judged { verdict, run, evidence, memory }) => {
                let run = run.as_ref().or_else(|| self.message.progress.run());
                DecisionRecord::new(check, run, Some(&verdict), at).with_evidence(check, &evidence, &memory)
            }
            None => DecisionRecord::new(check, self.message.progress.run(), None, at),
        };
        let (decision, record) = match real {
            Decision::Approved => ("succeeded", record.decided(Decided::Succeeded, "")),
            Decision::Rejected { reason } => ("failed", record.decided(Decided::Failed, reason)),
        };
        self.noted = Some(Noted { posted: posted.clone(), measured: (decision, reason), record });
    }

    /// Writes the record of the decision that this evaluation has made, if it was the one that was posted. A later message
    /// that posts the decision again writes none. There is no record either if the evaluation died before its first post, or if
    /// one that ran at the same moment followed the decision and posted it.
    pub(super) fn log_decision(&mut self, posted: &Decision, answer: &Result<Posted, Error>) {
        let Some(noted) = self.noted.take().filter(|noted| noted.posted == *posted) else { return };
        let answer = match answer {
            Ok(Posted::Confirmed) => "confirmed".to_owned(),
            Ok(Posted::Unconfirmed) => "accepted, not confirmed yet".to_owned(),
            Ok(Posted::Gone(error)) => format!("nobody waits, as it seems: {error}"),
            Err(error) => format!("not yet: {error}"),
        };
        let decided_at = self.present();
        let record = noted.record;
        let (decision, reason) = noted.measured;
        let after = decided_at - record.delivered_at();
        telemetry::decided(decision, reason, (after, self.message.check.definition.dry_run));
        let delivery = Delivery {
            evaluations: self.message.progress.evaluations().saturating_add(1),
            decided_at,
            duration_seconds: after.num_seconds(),
            calls: (self.message.progress.calls() + self.session.calls()).saturating_add(record.asked_elsewhere()),
            dry_run: self.message.check.definition.dry_run,
            told: BTreeMap::from([("azurePipelines".to_owned(), answer)]),
        };
        let checks = self.app.checks.in_force();
        let hide = |value| checks.sources.hide_secrets(self.session.hide_secrets(value));
        match record.delivered(delivery).without_secrets(&hide) {
            Some(record) => self.app.decision_log.keep(record),
            None => tracing::warn!("the record of the decision cannot be written without secrets; it is left out"),
        }
    }
}
