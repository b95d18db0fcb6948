//! One checkpoint: from the numbers to its phase.

use std::sync::Arc;
use std::time::Duration;

use cel::Value;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conditions::kinds::metric::Metric;
use crate::conditions::kinds::metric::analysis::Phase;
use crate::conditions::shared::predicate::{Predicate, shown};
use crate::facts::{FactError, Facts};

/// How a metric of Azure Monitor is aggregated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(in crate::conditions) enum Aggregation {
    Average,
    Count,
    Maximum,
    Minimum,
    Total,
}

/// What a checkpoint without data is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::conditions) enum OnNoData {
    /// An error: nothing was measured.
    #[default]
    Error,
    /// Failed: there ought to be traffic.
    Fail,
    /// Successful: no news is good news. Only for metrics that count failures.
    Pass,
}

/// What one checkpoint gave.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Measurement {
    pub(super) phase: Phase,
    /// The number, or what went wrong.
    pub(super) value: String,
    pub(super) baseline: Option<String>,
    /// The values of the parts of a condition that does not hold.
    pub(super) trace: Vec<String>,
    pub(super) retry_after: Option<Duration>,
    /// Whether it is based on a number.
    pub(super) has_data: bool,
    /// What the system notes about the queries.
    pub(super) hints: Vec<String>,
}

impl Measurement {
    fn new(phase: Phase, value: impl Into<String>) -> Self {
        Self {
            phase,
            value: value.into(),
            baseline: None,
            trace: Vec::new(),
            retry_after: None,
            has_data: true,
            hints: Vec::new(),
        }
    }

    fn error(error: FactError) -> Self {
        Self { retry_after: error.retry_after, ..Self::new(Phase::Error, error.why) }
    }
}

/// The numbers of one checkpoint.
struct Checkpoint<'a> {
    result: &'a [f64],
    /// The baseline's, or why there are none; nothing where the metric has no baseline.
    baseline: Option<Result<&'a [f64], FactError>>,
}

impl Checkpoint<'_> {
    /// Whether a condition holds. One that compares cannot be measured without the baseline, unless its other parts decide.
    fn holds(&self, condition: &Predicate) -> (Result<bool, FactError>, Vec<String>) {
        let baseline = self.baseline.as_ref().and_then(|baseline| baseline.as_ref().ok().copied());
        let given = [("result", Some(self.result)), ("baseline", baseline)];
        let variables: Vec<(&'static str, Value)> = given
            .into_iter()
            .filter_map(|(name, numbers)| Some((name, value(numbers?, condition.treats_as_list(name)))))
            .collect();
        let outcome = condition.evaluate(&variables);
        let answer = outcome.answer.map_err(|why| match &self.baseline {
            Some(Err(missing)) if condition.variables().contains("baseline") => missing.clone(),
            _ => FactError::because(why),
        });
        (answer, outcome.trace)
    }
}

impl Metric {
    /// Takes a checkpoint from the facts.
    pub(super) fn measure(&self, facts: &Facts) -> Measurement {
        let Some(samples) = self.samples() else {
            return Measurement::new(Phase::Error, "there is nothing to ask for");
        };
        let result = match facts.get(&samples) {
            Ok(numbers) if has_data(&numbers.values) => numbers,
            Ok(_) => return self.without_data(),
            Err(error) => return Measurement::error(error),
        };
        let baseline = self.baseline().map(|samples| facts.get(&samples));
        let values = baseline.as_ref().map(|baseline| match baseline {
            Ok(numbers) if has_data(&numbers.values) => Ok(numbers.values.as_slice()),
            Ok(_) => Err(FactError::because("the baseline query gave no data")),
            Err(error) => Err(error.clone()),
        });
        let shown_baseline = values.as_ref().and_then(|values| Some(shown(&value(values.as_ref().ok()?, false))));
        let checkpoint = Checkpoint { result: &result.values, baseline: values };
        let (phase, trace) = match self.judge(&checkpoint) {
            Ok(judged) => judged,
            Err((error, trace)) => return Measurement { trace, ..Measurement::error(error) },
        };
        let hints =
            [Ok(result.clone())].into_iter().chain(baseline).flatten().flat_map(|it| it.hints.clone()).collect();
        let found = shown(&value(&result.values, false));
        Measurement { baseline: shown_baseline, trace, hints, ..Measurement::new(phase, found) }
    }

    fn judge(&self, checkpoint: &Checkpoint<'_>) -> Result<(Phase, Vec<String>), (FactError, Vec<String>)> {
        let (success, trace) = checkpoint.holds(&self.success_condition);
        let (failure, failure_trace) = match &self.failure_condition {
            None => (success.clone().map(|succeeds| !succeeds), trace.clone()),
            Some(condition) => checkpoint.holds(condition),
        };
        match (failure, success) {
            // It is seen to fail, whatever else cannot be measured.
            (Ok(true), _) => Ok((Phase::Failed, trace)),
            (_, Err(error)) => Err((error, trace)),
            (Err(error), _) => Err((error, failure_trace)),
            (Ok(false), Ok(false)) => Ok((Phase::Inconclusive, trace)),
            (Ok(false), Ok(true)) => Ok((Phase::Successful, Vec::new())),
        }
    }

    fn without_data(&self) -> Measurement {
        match self.on_no_data {
            OnNoData::Error => Measurement::new(Phase::Error, "the query gave no data"),
            OnNoData::Fail => Measurement { has_data: false, ..Measurement::new(Phase::Failed, "no data") },
            OnNoData::Pass => Measurement::new(Phase::Successful, "no data"),
        }
    }
}

fn has_data(numbers: &[f64]) -> bool {
    !numbers.iter().all(|number| number.is_nan())
}

/// A number for one series, a list for several. A condition that treats it as a list gets one in any case: how many series
/// there are changes with the pods.
fn value(numbers: &[f64], as_list: bool) -> Value {
    match numbers {
        [one] if !as_list => Value::Float(*one),
        many => Value::List(Arc::new(many.iter().map(|number| Value::Float(*number)).collect())),
    }
}
