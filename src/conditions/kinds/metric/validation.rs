//! What contradicts what in the parameters of `metric`.

use chrono::TimeDelta;

use crate::conditions::Declared;
use crate::conditions::kinds::metric::{Metric, VARIABLES};
use crate::sources::Connection;
use crate::task::CompletionEvent;
use crate::yaml::{Duration, Problems};

/// How late the last checkpoint may be: its message is picked up and its query answered by then.
const LAST_CHECKPOINT_SLACK: TimeDelta = TimeDelta::seconds(30);

impl Metric {
    /// Reports all mistakes.
    pub(super) fn report(&self, declared: &Declared<'_>, problems: &mut Problems<'_>) {
        self.validate_query(declared, problems);
        self.validate_schedule(declared, problems);
        self.success_condition.validate("successCondition", &VARIABLES, problems);
        if let Some(failure) = &self.failure_condition {
            failure.validate("failureCondition", &VARIABLES, problems);
        }
        let conditions = [Some(&self.success_condition), self.failure_condition.as_ref()];
        let compares = conditions.into_iter().flatten().any(|condition| condition.variables().contains("baseline"));
        match (&self.baseline, compares) {
            (None, true) => problems.push("baseline", "is mentioned in a condition; write its query"),
            (Some(_), false) => problems.push("baseline", "is mentioned in no condition; compare `result` with it"),
            _ => {}
        }
    }

    fn validate_query(&self, declared: &Declared<'_>, problems: &mut Problems<'_>) {
        const KINDS: [&str; 4] = ["prometheus", "applicationInsights", "logAnalytics", "azureMonitor"];
        declared.expect_connection(&self.connection, &KINDS, problems.inside("connection"));
        let of_resource = [self.resource.is_some(), self.metric.is_some(), self.aggregation.is_some()];
        match declared.connections.get(&self.connection) {
            Some(Connection::AzureMonitor(_)) => {
                if of_resource != [true; 3] || self.query.is_some() {
                    problems.push(
                        "",
                        "needs `resource`, `metric` and `aggregation` with a connection of kind `azureMonitor`",
                    );
                }
                if self.baseline.is_some() {
                    problems.push("baseline", "is a query, which a connection of kind `azureMonitor` does not answer");
                }
            }
            _ => {
                if self.query.as_deref().is_none_or(|query| query.trim().is_empty()) {
                    problems.push("query", "is missing; write the query in the language of the connection");
                }
                let only_there = self.window.is_some() || self.namespace.is_some() || self.filter.is_some();
                if of_resource.contains(&true) || only_there {
                    problems.push(
                        "",
                        "`resource`, `metric`, `aggregation`, `namespace`, `filter` and `window` are for connections of kind `azureMonitor`",
                    );
                }
            }
        }
        if let Some(resource) = &self.resource
            && (!resource.to_ascii_lowercase().starts_with("/subscriptions/")
                || crate::sources::check_path(resource).is_err()
                || resource.contains('?'))
        {
            problems.push("resource", format!("`{resource}` is not a resource id; it begins with `/subscriptions/`"));
        }
    }

    fn validate_schedule(&self, declared: &Declared<'_>, problems: &mut Problems<'_>) {
        let zero = |limit: Option<u32>| limit == Some(0);
        if zero(self.count) {
            problems.push("count", "0 would let everything pass; write at least 1");
        }
        if zero(self.consecutive_success_limit) {
            problems.push("consecutiveSuccessLimit", "0 would let everything pass; write at least 1");
        }
        let count = self.effective_count();
        if count.is_none() && self.consecutive_success_limit.is_none() {
            problems.push("interval", "would be repeated for ever; write `count`, or `consecutiveSuccessLimit`");
        }
        if self.count.is_some_and(|count| count > 1) && self.interval.is_none() {
            problems.push("interval", "is missing; write the time from one checkpoint to the next, such as `5m`");
        }
        if let Some(count) = count.filter(|count| self.failure_limit >= *count) {
            let message = format!("{} of {count} checkpoints may fail, so that all could", self.failure_limit);
            problems.push("failureLimit", message);
        }
        if let (Some(limit), Some(count)) = (self.consecutive_success_limit, count)
            && limit > count
        {
            problems.push("consecutiveSuccessLimit", format!("{limit} can never be reached by {count} checkpoints"));
        }
        let last = count.or(self.consecutive_success_limit).unwrap_or(1).saturating_sub(1);
        let interval = self.interval.map_or_else(TimeDelta::zero, Duration::delta);
        let takes = self.initial_delay.map_or_else(TimeDelta::zero, Duration::delta)
            + interval.checked_mul(i32::try_from(last).unwrap_or(i32::MAX)).unwrap_or(TimeDelta::MAX / 2);
        if takes > TimeDelta::zero() && takes + LAST_CHECKPOINT_SLACK > declared.until_deadline {
            let timeout = declared.timeout;
            let margin = (timeout.delta() - declared.until_deadline).num_seconds();
            let message = format!(
                "the last checkpoint is taken too late for the check's timeout, {timeout}: the check decides {margin} s before it, and the checkpoint may be {} s late; write a longer `timeout`, or fewer checkpoints",
                LAST_CHECKPOINT_SLACK.num_seconds()
            );
            problems.push("count", message);
        }
        let by_the_deadline = declared.until_deadline.num_seconds() / interval.num_seconds().max(1);
        let evaluations = count.map_or(by_the_deadline, i64::from);
        if evaluations > i64::from(declared.max_evaluations) {
            let (key, most) = (if count.is_some() { "count" } else { "interval" }, declared.max_evaluations);
            problems
                .push(key, format!("needs {evaluations} evaluations, and a check is evaluated at most {most} times"));
        }
        if declared.completion_event == CompletionEvent::ApiResponse && takes > TimeDelta::zero() {
            problems.push("", "takes its checkpoints over time, which needs `completionEvent: Callback`");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::yaml;
    use crate::conditions::given;

    #[test]
    fn mistakes_are_found_when_the_file_is_read() {
        for (parameters, shows) in [
            ("successCondition: 'resutl < 1'", "did you mean `result`?"),
            ("successCondition: result < 1, interval: 5m", "would be repeated for ever"),
            ("successCondition: result < 1, count: 3", "interval: is missing"),
            ("successCondition: result < 1, count: 0", "0 would let everything pass"),
            ("successCondition: result < 1, count: 3, interval: 5m, failureLimit: 3", "so that all could"),
            (
                "successCondition: result < 1, count: 3, interval: 5m, consecutiveSuccessLimit: 4",
                "can never be reached",
            ),
            ("successCondition: result < 1, count: 30, interval: 5m", "too late for the check's timeout, 2h"),
            ("successCondition: result < baseline", "baseline: is mentioned in a condition"),
            ("successCondition: result < 1, baseline: old", "is mentioned in no condition"),
            ("successCondition: result < 1, resource: /subscriptions/x", "for connections of kind `azureMonitor`"),
            ("successCondition: result < 1, filter: Instance eq 'a'", "for connections of kind `azureMonitor`"),
            ("successCondition: result < 1, onNoData: ignore", "`error`, `fail`, `pass`"),
        ] {
            let found = given::problems(&yaml(parameters));
            assert!(found.iter().any(|problem| problem.contains(shows)), "{parameters}: {found:?}");
        }
        let monitor = |parameters: &str| {
            let yaml = yaml("successCondition: result < 1");
            given::problems(&yaml.replace("connection: prometheus, query: errors", parameters))
        };
        let right =
            "connection: monitor, resource: /subscriptions/s/resourceGroups/g, metric: Http5xx, aggregation: Total";
        assert_eq!(monitor(right), Vec::<String>::new());
        assert!(monitor("connection: monitor, query: x")[0].contains("needs `resource`, `metric` and `aggregation`"));
        for wrong in ["/subscriptions/../x", "https://evil/", "/subscriptions/x?y"] {
            let problems = monitor(&right.replace("/subscriptions/s/resourceGroups/g", &format!("'{wrong}'")));
            assert!(problems[0].contains("is not a resource id"), "{wrong}: {problems:?}");
        }
        assert!(monitor("connection: promtheus, query: x")[0].contains("did you mean `prometheus`?"));
    }
}
