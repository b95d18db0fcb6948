//! Judges one run of the past.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Options, Policy};
use crate::azure_devops::build::Run;
use crate::azure_devops::builds::Checkpoint;
use crate::check::{Check, OnTimeout};
use crate::cli::connect::{Organization, explain, patiently};
use crate::cli::evaluate::check_at;
use crate::clock::Clock;
use crate::decision_record::{Decided, DecisionRecord};
use crate::evaluation::past::{PastVerdict, judge_past};
use crate::evaluation::{Status, Verdict};
use crate::facts::ReadingTime;
use crate::task_log;
use crate::text::is_same;

/// How long reading the facts of one run may take.
const LIMIT: Duration = Duration::from_secs(60);

/// How often a run is read again whose facts could not be read.
const TRIES: usize = 3;

/// What a policy says of a run.
pub(super) struct Opinion {
    pub(super) decided: Decided,
    /// When it would have been decided.
    pub(super) at: Option<DateTime<Utc>>,
    /// What blocks the check.
    pub(super) why: String,
    /// Whether a fact could not be read that should be there.
    pub(super) is_unread: bool,
    record: Option<DecisionRecord>,
}

/// A run with what the policies say of it.
pub(super) struct Judged {
    pub(super) run: Run,
    /// The gate where the stage waited, if the timeline shows one.
    pub(super) gate: Option<Checkpoint>,
    pub(super) own: Opinion,
    pub(super) other: Option<Opinion>,
}

impl Judged {
    pub(super) fn differs(&self) -> bool {
        self.other.as_ref().is_some_and(|other| other.decided != self.own.decided)
    }

    pub(super) fn is_unread(&self) -> bool {
        self.own.is_unread || self.other.as_ref().is_some_and(|other| other.is_unread)
    }

    pub(super) fn records(&self) -> impl Iterator<Item = &DecisionRecord> {
        [Some(&self.own), self.other.as_ref()].into_iter().flatten().filter_map(|opinion| opinion.record.as_ref())
    }
}

/// What judging needs to know besides the run.
pub(super) struct Judging<'a> {
    pub(super) organization: &'a Organization,
    pub(super) project: Uuid,
    pub(super) options: &'a Options,
    pub(super) clock: &'a Clock,
}

impl Judging<'_> {
    /// Judges a run by one policy or two.
    ///
    /// # Errors
    ///
    /// When nothing more can be read, or an input is missing: a sentence for the person.
    pub(super) async fn judge(&self, run: Run, own: &Policy, other: Option<&Policy>) -> Result<Judged, String> {
        let gate = match self.gate(&run).await {
            Ok(gate) => gate,
            Err(why) => {
                let own = Opinion::unread(why);
                return Ok(Judged { run, gate: None, own, other: None });
            }
        };
        let own = self.opinion(&run, own, gate.as_ref()).await?;
        let other = match other {
            Some(policy) => Some(self.opinion(&run, policy, gate.as_ref()).await?),
            None => None,
        };
        Ok(Judged { run, gate, own, other })
    }

    async fn gate(&self, run: &Run) -> Result<Option<Checkpoint>, String> {
        let session = self.organization.session(self.project, Some(run.id)).map_err(|error| explain(&error))?;
        let gates = patiently(|| session.checkpoints()).await.map_err(|error| explain(&error))?;
        let wanted = self.options.stage.as_ref();
        let is_wanted =
            |gate: &Checkpoint| wanted.is_none_or(|name| gate.stage.iter().any(|stage| is_same(stage, name)));
        Ok(gates.into_iter().rfind(is_wanted))
    }

    async fn opinion(&self, run: &Run, policy: &Policy, gate: Option<&Checkpoint>) -> Result<Opinion, String> {
        let Some(gate) = gate else {
            let stage =
                self.options.stage.as_ref().map_or_else(|| "no stage".to_owned(), |name| format!("no stage `{name}`"));
            return Ok(Opinion::unknown(format!("{stage} of it waited for checks")));
        };
        let organization = self.organization;
        let properties = organization.properties(self.project, Some(run.id)).map_err(|error| explain(&error))?;
        let named = (self.options.check.as_str(), policy.definition.clone());
        let check = check_at(named, properties, &self.options.inputs, gate.start_time)?;
        let now = self.clock.now();
        // The check looks at once, and again and again while the stage waits. Between these moments nothing is known that a
        // real check would not have seen too.
        let mut moments = vec![gate.start_time];
        moments.extend(gate.finish_time.filter(|finish| *finish > gate.start_time && *finish < check.deadline));
        moments.extend(Some(check.deadline).filter(|deadline| *deadline <= now));
        let mut last = None;
        for at in moments {
            let verdict = match self.verdict(&check, policy, at).await? {
                PastVerdict::Known(verdict) => verdict,
                PastVerdict::Unknown(why) => return Ok(Opinion::unknown(why.join("; ")).with_record(&check, run, at)),
                PastVerdict::Unread(why) => return Ok(Opinion::unread(why).with_record(&check, run, at)),
            };
            if matches!(verdict.status(), Status::Passed | Status::Failed) {
                return Ok(Opinion::decided(&check, run, &verdict, at));
            }
            last = Some((verdict, at));
        }
        Ok(last
            .map_or_else(|| Opinion::unknown(String::new()), |(verdict, at)| at_the_end((&check, run), &verdict, at)))
    }

    async fn verdict(&self, check: &Check, policy: &Policy, at: DateTime<Utc>) -> Result<PastVerdict, String> {
        let shift = self.clock.now() - at;
        let real = self.clock.clone();
        let then = self.organization.azure_devops.as_of(at, Clock::from_fn(move || real.now() - shift));
        let limit = ReadingTime { usual: LIMIT, most: LIMIT };
        let read = || async {
            let session = then.session(&check.properties, self.organization.token());
            match judge_past(check, (&session, &policy.sources), at, limit).await {
                Ok(PastVerdict::Unread(why)) => Err(Ok(PastVerdict::Unread(why))),
                Ok(verdict) => Ok(verdict),
                Err(refused) => Err(Err(refused.why)),
            }
        };
        let pauses = ExponentialBuilder::default().with_max_times(TRIES);
        read.retry(pauses).when(|error: &Result<PastVerdict, String>| error.is_ok()).await.or_else(|error| error)
    }
}

/// What follows from a check that still waited when nothing more could change.
fn at_the_end((check, run): (&Check, &Run), verdict: &Verdict, at: DateTime<Utc>) -> Opinion {
    let why = task_log::blockers_in_one_line(&verdict.explanation);
    let (decided, at) = match (at >= check.deadline, check.definition.on_timeout) {
        (true, OnTimeout::Fail) => (Decided::Failed, Some(at)),
        (true, OnTimeout::Skip) | (false, _) => (Decided::Waiting, None),
    };
    let record = DecisionRecord::new(check, Some(run), Some(verdict), at.unwrap_or(check.delivered_at));
    let record = Some(record.decided(decided, &why));
    Opinion { decided, at, why, is_unread: false, record }
}

impl Opinion {
    fn decided(check: &Check, run: &Run, verdict: &Verdict, at: DateTime<Utc>) -> Self {
        let why = task_log::blockers_in_one_line(&verdict.explanation);
        let record = Some(DecisionRecord::new(check, Some(run), Some(verdict), at));
        Self { decided: verdict.status().into(), at: Some(at), why, is_unread: false, record }
    }

    const fn unknown(why: String) -> Self {
        Self { decided: Decided::Unknown, at: None, why, is_unread: false, record: None }
    }

    fn unread(why: String) -> Self {
        Self { is_unread: true, ..Self::unknown(why) }
    }

    fn with_record(mut self, check: &Check, run: &Run, at: DateTime<Utc>) -> Self {
        let record = DecisionRecord::new(check, Some(run), None, at);
        self.record = Some(record.decided(self.decided, &self.why));
        self
    }
}
