//! Judges the facts of a record again: the verdict and the decision must be the same.

use super::evidence::digest;
use super::{Condition, Decided, DecisionRecord, KIND, conditions, digest_of};
use crate::check::CheckDefinition;
use crate::checks_file::ChecksFile;
use crate::evaluation::Status;
use crate::evaluation::replay::Replay;
use crate::facts::Mismatch;

/// Why a record does not verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unverified {
    /// The facts lead to something else than the record says.
    Disagrees(Vec<String>),
    /// It cannot be judged again, for this reason.
    CannotJudge(String),
}

impl DecisionRecord {
    /// What the record is about, for people: the check and the run.
    #[must_use]
    pub fn title(&self) -> String {
        let run = self.data.input.run.id.map_or_else(String::new, |id| format!(", run {id}"));
        format!("{}{run}, {}", self.data.path, crate::task_log::time(self.data.evaluated_now))
    }

    /// What was decided.
    #[must_use]
    pub const fn decision(&self) -> Decided {
        self.data.result.decision
    }

    /// Judges the facts again. The definition is the recorded one, or that of the same name and digest in `checks`.
    ///
    /// # Errors
    ///
    /// In what the record disagrees with itself, or why it cannot be judged again.
    pub fn verify(&self, checks: Option<&ChecksFile>) -> Result<(), Unverified> {
        if self.kind != KIND {
            return Err(Unverified::CannotJudge(format!("it is of type `{}`, not `{KIND}`", self.kind)));
        }
        let data = &self.data;
        let recorded = data.facts.iter().filter(|fact| fact.value.is_some() || fact.error.is_some());
        let changed = recorded.filter(|fact| fact.digest.as_deref() != Some(&digest(fact)));
        let mut found: Vec<String> =
            changed.map(|fact| format!("the fact `{}` is not the one that its digest is of", fact.fact)).collect();
        let definition = self.definition(checks)?;
        if data.replayable {
            found.extend(self.compare(&definition));
        }
        match (found.is_empty(), data.replayable) {
            (false, _) => Err(Unverified::Disagrees(found)),
            (true, false) => {
                Err(Unverified::CannotJudge("not everything that the decision rests on is in the record".to_owned()))
            }
            (true, true) => Ok(()),
        }
    }

    /// Judges the facts by this definition, and says what differs.
    fn compare(&self, definition: &CheckDefinition) -> Vec<String> {
        let data = &self.data;
        let replay = Replay {
            definition,
            inputs: &data.input.inputs,
            delivered_at: data.delivered_at,
            deadline: data.deadline.unwrap_or_else(|| definition.deadline(data.delivered_at)),
            at: data.evaluated_now,
            read_at: data.read_at.unwrap_or(data.evaluated_now),
            memory: &data.memory,
        };
        let (verdict, mismatches) = replay.judge(&data.facts);
        if !mismatches.is_empty() {
            let name = |index: usize| data.facts.get(index).map_or("", |fact| &fact.fact);
            let line = |it: &Mismatch| format!("fact `{}` {}: {}", name(it.index), it.path, it.message);
            return mismatches.iter().map(line).collect();
        }
        let again = conditions(&verdict.explanation);
        let mut found: Vec<String> =
            data.result.conditions.iter().zip(&again).filter_map(|(was, is)| difference(was, is)).collect();
        if again.len() != data.result.conditions.len() {
            found.push("the record does not have the conditions of its definition".to_owned());
        }
        let (was, is) = (data.result.decision, Decided::from(self.status(definition, replay.status(&verdict))));
        if was != is {
            found.push(format!("the decision was {}, and by the recorded facts it is {}", was.word(), is.word()));
        }
        found
    }

    /// A check that was evaluated as often as it may be fails, however much it waits.
    fn status(&self, definition: &CheckDefinition, status: Status) -> Status {
        let evaluations = self.data.delivery.as_ref().map_or(0, |delivery| delivery.evaluations);
        match status {
            Status::Waiting | Status::Errored if evaluations > definition.max_evaluations() => Status::Failed,
            status => status,
        }
    }

    fn definition(&self, checks: Option<&ChecksFile>) -> Result<CheckDefinition, Unverified> {
        let (policy, name) = (&self.data.policy, &self.data.path);
        let from_file = || checks.and_then(|checks| checks.checks.get(name)).cloned();
        let recorded = policy.definition.clone().and_then(|definition| serde_json::from_value(definition).ok());
        let definition = recorded.or_else(from_file).ok_or_else(|| {
            let why = "the record does not hold its definition: name the checks.yaml of that time with --file";
            Unverified::CannotJudge(why.to_owned())
        })?;
        if digest_of(&definition) == policy.digest {
            return Ok(definition);
        }
        let why =
            format!("the definition of `{name}` is not the one that was applied, whose digest is {}", policy.digest);
        Err(Unverified::Disagrees(vec![why]))
    }
}

/// In what a condition of a record differs from the one that is judged again.
fn difference(was: &Condition, is: &Condition) -> Option<String> {
    let of = |it: &Condition| (it.condition.clone(), it.status, it.found.clone(), it.expected.clone());
    let word = |it: &Condition| format!("{:?}", it.status).to_lowercase();
    (of(was) != of(is)).then(|| {
        format!(
            "`{}` was {} ({}), and by the recorded facts it is {} ({})",
            was.condition,
            word(was),
            was.found,
            word(is),
            is.found
        )
    })
}
