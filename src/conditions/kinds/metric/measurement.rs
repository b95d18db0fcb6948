//! One checkpoint: from the numbers to its phase.

use std::sync::Arc;
use std::time::Duration;

use cel::Value;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conditions::kinds::metric::Metric;
use crate::conditions::kinds::metric::analysis::Phase;
use crate::conditions::shared::predicate::shown;
use crate::facts::{FactError, Facts};
use crate::sources::metrics::Samples;

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
    /// Whether a number stands behind it.
    pub(super) has_data: bool,
}

impl Measurement {
    fn new(phase: Phase, value: impl Into<String>) -> Self {
        Self { phase, value: value.into(), baseline: None, trace: Vec::new(), retry_after: None, has_data: true }
    }
}

impl Metric {
    /// Takes a checkpoint from the facts.
    pub(super) fn measure(&self, facts: &Facts) -> Measurement {
        let mut variables = Vec::new();
        for (name, samples) in [("result", self.samples()), ("baseline", self.baseline())] {
            let Some(samples) = samples else { continue };
            match read(&samples, facts) {
                Ok(Some(value)) => variables.push((name, value)),
                Ok(None) => return self.without_data(name),
                Err(error) => {
                    let retry_after = error.retry_after;
                    return Measurement { retry_after, ..Measurement::new(Phase::Error, error.why) };
                }
            }
        }
        let Some((_, result)) = variables.first() else {
            return Measurement::new(Phase::Error, "there is nothing to ask for");
        };
        let value = shown(result);
        let baseline = variables.get(1).map(|(_, value)| shown(value));
        let (phase, trace) = match self.judge(&variables) {
            Ok(judged) => judged,
            Err((why, trace)) => return Measurement { trace, ..Measurement::new(Phase::Error, why) },
        };
        Measurement { baseline, trace, ..Measurement::new(phase, value) }
    }

    fn judge(&self, variables: &[(&'static str, Value)]) -> Result<(Phase, Vec<String>), (String, Vec<String>)> {
        let success = self.success_condition.evaluate(variables);
        let succeeds = success.answer.map_err(|why| (why, success.trace.clone()))?;
        let fails = match &self.failure_condition {
            None => !succeeds,
            Some(failure) => {
                let outcome = failure.evaluate(variables);
                outcome.answer.map_err(|why| (why, outcome.trace))?
            }
        };
        Ok(match (fails, succeeds) {
            (true, _) => (Phase::Failed, success.trace),
            (false, false) => (Phase::Inconclusive, success.trace),
            (false, true) => (Phase::Successful, Vec::new()),
        })
    }

    fn without_data(&self, name: &str) -> Measurement {
        let what = if name == "result" { "the query" } else { "the baseline query" };
        match self.on_no_data {
            OnNoData::Error => Measurement::new(Phase::Error, format!("{what} gave no data")),
            OnNoData::Fail => Measurement { has_data: false, ..Measurement::new(Phase::Failed, "no data") },
            OnNoData::Pass => Measurement::new(Phase::Successful, "no data"),
        }
    }
}

/// A number for one series, a list for several, nothing where there are no numbers.
fn read(samples: &Samples, facts: &Facts) -> Result<Option<Value>, FactError> {
    let numbers = facts.get(samples)?;
    Ok(match numbers.as_slice() {
        numbers if numbers.iter().all(|number| number.is_nan()) => None,
        [one] => Some(Value::Float(*one)),
        many => Some(Value::List(Arc::new(many.iter().map(|number| Value::Float(*number)).collect()))),
    })
}
