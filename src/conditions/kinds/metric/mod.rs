//! `metric`: checkpoints of a metric over time. The guide's *performance criteria must be met*.
//!
//! Words and meaning are those of Argo Rollouts' analysis, see
//! <https://argo-rollouts.readthedocs.io/en/stable/features/analysis/>: each checkpoint is one measurement, which is
//! successful, failed, inconclusive or an error; only the first three count. The checkpoints travel in the queue message;
//! the next one is taken when its time has come, and never twice.

mod analysis;
mod measurement;
mod planning;
mod validation;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conditions::shared::predicate::Predicate;
use crate::conditions::{Declared, Finding, Outcome, Rule, Scope};
use crate::facts::{FactError, Facts, Wanted};
use crate::sources::metrics::{Query, Samples};
use crate::yaml::{Duration, Problems};

use analysis::{Analysis, Assessment, Limits};
use measurement::{Aggregation, OnNoData};

/// What `successCondition` and `failureCondition` may mention.
const VARIABLES: [&str; 2] = ["result", "baseline"];

/// The window of a metric of Azure Monitor, unless it is given or there is an interval.
const DEFAULT_WINDOW: Duration = Duration::minutes(5);

/// The parameters of `metric`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metric {
    /// The name of a connection of kind `prometheus`, `applicationInsights`, `logAnalytics` or `azureMonitor`.
    connection: String,
    /// The query: PromQL, or Kusto whose result has one column of numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    /// The id of an Azure resource, `/subscriptions/…`; with `metric` and `aggregation` instead of a query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    /// The name of the resource's metric, such as `Http5xx`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    metric: Option<String>,
    /// How the metric is aggregated over its window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    aggregation: Option<Aggregation>,
    /// The metric's namespace, where it is not the resource's type, such as `azure.applicationinsights`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    /// Which dimensions of the metric count, as Azure's `$filter`: `Instance eq 'a'`. With `'*'` there is a number for each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    filter: Option<String>,
    /// How far back a metric of Azure Monitor looks; the interval, or 5m, unless given. It ends 3 minutes ago.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    window: Option<Duration>,
    /// A second query, whose number is `baseline` in the conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    baseline: Option<String>,
    /// A CEL expression over `result` and `baseline`: numbers, or lists where the expression treats them as such.
    success_condition: Predicate,
    /// The same for failure. Where neither holds, the checkpoint is inconclusive and the check fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure_condition: Option<Predicate>,
    /// How long after the delivery the first checkpoint is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    initial_delay: Option<Duration>,
    /// The time from one checkpoint to the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    interval: Option<Duration>,
    /// How many checkpoints are taken; 1 unless there is an interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
    /// How many of them may fail.
    #[serde(default)]
    failure_limit: u32,
    /// Passes as soon as so many checkpoints in a row were successful; fails if `count` is reached before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    consecutive_success_limit: Option<u32>,
    /// How many errors in a row are allowed; one more fails the check. Unless given, the check's `errorBudget` governs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    consecutive_error_limit: Option<u32>,
    /// What a checkpoint without data is.
    #[serde(default)]
    on_no_data: OnNoData,
}

impl Metric {
    fn samples(&self) -> Option<Samples> {
        let connection = self.connection.clone();
        let query = match (&self.query, &self.resource, &self.metric, self.aggregation) {
            (Some(query), ..) => Query::Text(query.clone()),
            (None, Some(resource), Some(metric), Some(aggregation)) => Query::Metric {
                resource: resource.clone(),
                metric: metric.clone(),
                aggregation: format!("{aggregation:?}"),
                window: self.window.or(self.interval).unwrap_or(DEFAULT_WINDOW).delta().num_seconds(),
                namespace: self.namespace.clone(),
                filter: self.filter.clone(),
            },
            _ => return None,
        };
        Some(Samples { connection, query })
    }

    fn baseline(&self) -> Option<Samples> {
        let query = Query::Text(self.baseline.clone()?);
        Some(Samples { connection: self.connection.clone(), query })
    }

    /// Why the connection was not asked, if it was not: that is not a measurement.
    fn unasked(&self, facts: &Facts) -> Option<FactError> {
        let asked = self.samples().into_iter().chain(self.baseline());
        asked.filter_map(|samples| facts.get(&samples).err()).find(|error| error.unasked)
    }

    /// How many checkpoints end the analysis; `None` where only successes in a row do.
    fn effective_count(&self) -> Option<u32> {
        self.count.or_else(|| self.interval.is_none().then_some(1))
    }

    fn limits(&self) -> Limits {
        Limits {
            count: self.effective_count(),
            failure: self.failure_limit,
            consecutive_success: self.consecutive_success_limit,
            consecutive_error: self.consecutive_error_limit,
        }
    }

    fn expected(&self) -> String {
        let condition = self.success_condition.text();
        match (self.effective_count(), self.consecutive_success_limit) {
            (Some(1), None) => format!("`{condition}`"),
            (Some(count), None) => {
                format!("{count} checkpoints with `{condition}`, of which {} may fail", self.failure_limit)
            }
            (count, Some(limit)) => {
                let within = count.map_or_else(String::new, |count| format!(" within {count} checkpoints"));
                format!("`{condition}` {limit} times in a row{within}, {} may fail", self.failure_limit)
            }
            (None, None) => format!("`{condition}`"),
        }
    }

    fn conclude(&self, analysis: &Analysis, trace: Vec<String>) -> Finding {
        let progress = analysis.progress(self.effective_count());
        let assessment = analysis.assess(self.limits());
        // An analysis that was broken off says nothing about the metric, nor about its opposite.
        let has_evidence = match assessment {
            Assessment::Inconclusive(_) | Assessment::Error(_) => false,
            Assessment::Failed(_) => analysis.is_seen_to_fail(self.limits()),
            Assessment::Successful | Assessment::Running => true,
        };
        let (measured, found, remedy) = match assessment {
            Assessment::Successful => (Outcome::Passed, progress, ""),
            Assessment::Failed(why) => {
                let remedy = "roll back, or deploy a version that performs as expected";
                (Outcome::Failed, format!("{why}: {progress}"), remedy)
            }
            Assessment::Inconclusive(why) => {
                let remedy = "look at the metric, then run the stage again";
                (Outcome::Failed, format!("{why}: {progress}"), remedy)
            }
            Assessment::Error(why) => {
                let remedy = "repair the query or its source, then run the stage again";
                (Outcome::Failed, format!("{why}: {}", analysis.last_error()), remedy)
            }
            Assessment::Running if analysis.is_in_error() => {
                let found = format!("the checkpoint could not be taken: {}; {progress}", analysis.last_error());
                (Outcome::Errored, found, "")
            }
            Assessment::Running => (Outcome::Waiting, progress, "nothing: the next checkpoint is taken in time"),
        };
        let mut finding = Finding::new(measured, found, self.expected()).remedy(remedy);
        finding.has_evidence = has_evidence;
        let is_running = matches!(measured, Outcome::Waiting | Outcome::Errored);
        Finding {
            details: analysis.table().into_iter().chain(trace).collect(),
            look_again_at: is_running.then(|| analysis.next_at()),
            state: Some(analysis.write()),
            ..finding
        }
    }
}

impl Rule for Metric {
    fn describe(&self) -> String {
        let what = self.metric.as_deref().or(self.query.as_deref()).unwrap_or_default();
        format!("{} of {} satisfies {}", what.trim(), self.connection, self.success_condition.text())
    }

    fn validate(&self, declared: &Declared<'_>, problems: &mut Problems<'_>) {
        self.report(declared, problems);
    }

    fn facts(&self, scope: &Scope<'_>, wanted: &mut Wanted) {
        let (_, is_due) = self.analysis(scope);
        if is_due {
            for samples in self.samples().into_iter().chain(self.baseline()) {
                wanted.add(samples);
            }
        }
    }

    fn may_take_long(&self) -> bool {
        true
    }

    fn evaluate(&self, facts: &Facts, scope: &Scope<'_>) -> Finding {
        let (mut analysis, is_due) = self.analysis(scope);
        let mut trace = Vec::new();
        if is_due {
            if let Some(error) = self.unasked(facts) {
                let finding = Finding::unread(&error, self.expected(), scope.now);
                return Finding { state: Some(analysis.write()), ..finding };
            }
            let measurement = self.measure(facts);
            let next = self.next_at(measurement.phase, measurement.retry_after, scope);
            trace.clone_from(&measurement.trace);
            trace.extend(analysis.new_hints(&measurement.hints));
            analysis.take(measurement, scope.now, next);
        }
        self.conclude(&analysis, trace)
    }

    fn connection(&self) -> Option<&str> {
        Some(&self.connection)
    }
}

#[cfg(test)]
mod tests;
