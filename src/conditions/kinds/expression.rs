//! `expression`: a CEL expression over the run, its timeline, its work items, the inputs and the time.

use cel::Value;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::azure_devops::work_items::WorkItem;
use crate::conditions::shared::predicate::{Predicate, from_json};
use crate::conditions::shared::variables;
use crate::conditions::{Declared, Finding, Rule, Scope};
use crate::facts::timeline::RunTimeline;
use crate::facts::work_items::{LinkSource, LinkedWorkItems};
use crate::facts::{FactError, Facts, Wanted};
use crate::yaml::Problems;

/// What an expression may mention.
const VARIABLES: [&str; 5] = ["run", "timeline", "inputs", "workItems", "now"];

/// A CEL expression over `run`, `timeline`, `inputs`, `workItems` and `now`, such as
/// `run.sourceBranch.startsWith('refs/heads/release/')`. Only what it mentions is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Expression(Predicate);

impl Expression {
    fn work_items(&self) -> LinkedWorkItems {
        // Categories cost a call for each type of work item, so they are read only where the name is mentioned.
        LinkedWorkItems { source: LinkSource::Commit, with_categories: self.0.text().contains("category") }
    }

    fn values(&self, facts: &Facts, scope: &Scope<'_>) -> Result<Vec<(&'static str, Value)>, FactError> {
        let mentioned = self.0.variables();
        let mut values = variables::values(&self.0, facts, scope)?;
        if mentioned.contains("timeline") {
            values.push(("timeline", from_json(&serde_json::to_value(&*facts.get(&RunTimeline)?).unwrap_or_default())));
        }
        if mentioned.contains("workItems") {
            let items = facts.get(&self.work_items())?;
            values.push(("workItems", from_json(&items.iter().map(work_item).collect())));
        }
        Ok(values)
    }
}

/// What Azure DevOps does not give is left out: empty text would satisfy a negative expression.
fn work_item(item: &WorkItem) -> Json {
    let mut members = json!({
        "id": item.id,
        "type": item.kind,
        "title": item.title,
        "state": item.state,
        "project": item.project,
        "category": item.category,
    });
    if let Json::Object(members) = &mut members {
        members.retain(|_, value| !value.is_null() && value != "");
    }
    members
}

impl Rule for Expression {
    fn describe(&self) -> String {
        self.0.text().to_owned()
    }

    fn validate(&self, declared: &Declared<'_>, problems: &mut Problems<'_>) {
        self.0.validate("", &VARIABLES, problems);
        variables::validate(&self.0, "", declared, problems);
    }

    fn facts(&self, _: &Scope<'_>, wanted: &mut Wanted) {
        let mentioned = self.0.variables();
        variables::want(&self.0, wanted);
        if mentioned.contains("timeline") {
            wanted.add(RunTimeline);
        }
        if mentioned.contains("workItems") {
            wanted.add(self.work_items());
        }
    }

    fn evaluate(&self, facts: &Facts, scope: &Scope<'_>) -> Finding {
        let expected = "the expression to be true";
        let values = match self.values(facts, scope) {
            Ok(values) => values,
            Err(error) => return Finding::unread(&error, expected, scope.now),
        };
        let outcome = self.0.evaluate(&values);
        let finding = match outcome.answer {
            Ok(true) => Finding::passed_if(true, "it is true", expected),
            Ok(false) => Finding::passed_if(false, "it is false", expected)
                .remedy("see the value of each part below, and change what makes it false"),
            Err(why) => Finding::errored(why, expected),
        };
        Finding { details: outcome.trace, ..finding }
    }

    fn may_take_long(&self) -> bool {
        true
    }

    fn reads_run(&self) -> bool {
        let mentioned = self.0.variables();
        ["run", "timeline", "workItems"].iter().any(|name| mentioned.contains(*name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure_devops::build::Run;
    use crate::azure_devops::timeline::Timeline;
    use crate::conditions::Outcome;
    use crate::conditions::given::{check, delivered_at, evaluate, measure, problems, wanted};
    use crate::facts::run::{CurrentRunState, RunDetails};

    fn yaml(expression: &str) -> String {
        let expression = serde_json::to_string(expression).expect("a text");
        format!(
            "checks: {{ c: {{ inputs: {{ Ring: {{ default: '' }} }}, conditions: [ expression: {expression} ] }} }}"
        )
    }

    fn facts() -> Facts {
        let run: Run = serde_json::from_value(json!({
            "id": 7, "reason": "manual", "sourceBranch": "refs/heads/release/1", "definition": { "id": 3, "name": "web" },
        }))
        .expect("a run");
        let timeline: Timeline = serde_json::from_value(json!({ "records": [
            { "id": "1", "type": "Stage", "name": "Build", "state": "completed", "result": "succeeded" },
            { "id": "2", "type": "Task", "name": "Test", "state": "completed", "result": "failed",
              "task": { "id": "d9bafed4-0b18-4f58-968d-86655b4d2ce9", "name": "CmdLine" } },
        ] }))
        .expect("a timeline");
        let mut facts = Facts::default();
        facts.insert(RunDetails, Ok(run));
        facts.insert(RunTimeline, Ok(timeline));
        facts
    }

    #[test]
    fn an_expression_reads_the_run_its_timeline_the_inputs_and_the_time() {
        for (expression, measured) in [
            ("run.reason == 'manual' && run.sourceBranch.startsWith('refs/heads/release/')", Outcome::Passed),
            ("run.definition.id == 3", Outcome::Passed),
            ("timeline.records.exists(r, r.type == 'Task' && r.task.name == 'CmdLine')", Outcome::Passed),
            ("timeline.records.filter(r, r.type == 'Task').all(r, r.result == 'succeeded')", Outcome::NotMet),
            ("inputs.Ring == 'canary'", Outcome::Passed),
            ("now > timestamp('2026-01-01T00:00:00Z') && now.getHours() == 12", Outcome::Passed),
            ("run.reason == 'schedule'", Outcome::NotMet),
            ("run.reason", Outcome::Errored),
            ("workItems.size() > 0", Outcome::Errored),
        ] {
            let check = check(&yaml(expression), &[("Ring", "canary")]);
            assert_eq!(measure(&check, &facts()).0, measured, "{expression}");
        }
    }

    #[test]
    fn what_is_false_or_missing_is_shown_with_its_values() {
        let check_of = |expression: &str| check(&yaml(expression), &[]);
        let check = check_of("run.reason == 'schedule' || inputs.Ring == 'canary'");
        let finding = evaluate(&check, &facts(), None, delivered_at());
        assert!(finding.details.contains(&"run.reason = \"manual\"".to_owned()), "{:?}", finding.details);
        assert!(finding.details.contains(&"inputs.Ring = \"\"".to_owned()), "{:?}", finding.details);
        let (measured, found) = measure(&check_of("run.repository.id == 'me'"), &facts());
        assert_eq!(measured, Outcome::Errored);
        assert!(found.starts_with("`run.repository` does not exist: `run` has `definition`"), "{found}");
        let (measured, found) = measure(&check_of("run.buildNumber != '20260101.1'"), &facts());
        assert_eq!(measured, Outcome::Errored, "a missing value is left out, not empty: {found}");
    }

    #[test]
    fn only_what_is_mentioned_is_read() {
        for (expression, reads_run, facts) in [
            ("inputs.Ring == 'x'", false, 0),
            ("now.getHours() > 8", false, 0),
            ("run.reason == 'manual'", true, 1),
            ("'beta' in run.tags", true, 2),
            ("run.triggerInfo['ci.message'] == 'x'", true, 2),
            ("size(timeline.records) > 0 && size(workItems) > 0", true, 2),
        ] {
            let check = check(&yaml(expression), &[]);
            let wanted = wanted(&check, None, delivered_at());
            assert_eq!(check.definition.conditions[0].reads_run(), reads_run, "{expression}");
            assert_eq!(wanted.len(), facts, "{expression}");
        }
    }

    #[test]
    fn what_triggered_a_run_is_there_as_azure_devops_sent_it() {
        let message = format!("{}[skip gate]", "x".repeat(300));
        let build: crate::azure_devops::build::Build = serde_json::from_value(json!({ "id": 7, "triggerInfo": {
            "scheduleName": "nightly", "ci.message": message, "pr.number": "3", "none": null,
        } }))
        .expect("a run");
        let mut facts = Facts::default();
        facts.insert(RunDetails, Ok(build.run));
        facts.insert(CurrentRunState, Ok(build.state));
        for (expression, measured) in [
            ("run.triggerInfo.scheduleName == 'nightly'", Outcome::Passed),
            ("!has(run.triggerInfo.scheduleName)", Outcome::NotMet),
            ("run.triggerInfo.scheduleName != 'nightly'", Outcome::NotMet),
            ("!run.triggerInfo['ci.message'].contains('[skip gate]')", Outcome::NotMet),
            ("run.triggerInfo['pr.number'] == '3'", Outcome::Passed),
            ("run.triggerInfo.none != 'x'", Outcome::Errored),
        ] {
            assert_eq!(measure(&check(&yaml(expression), &[]), &facts).0, measured, "{expression}");
        }
    }

    #[test]
    fn records_are_paired_on_a_timeline_of_five_and_the_real_sizes_count() {
        let pairs = "timeline.records.filter(s, s.type == 'Stage').all(s, timeline.records.filter(r, r.parentId == s.id)\
                     .all(r, r.result == 'succeeded'))";
        let facts_of = |count: usize| {
            let record = |number: usize| {
                let (kind, parent) = if number == 0 { ("Stage", None) } else { ("Phase", Some("0")) };
                json!({ "id": number.to_string(), "parentId": parent, "type": kind, "result": "succeeded" })
            };
            let records: Vec<_> = (0..count).map(record).collect();
            let mut facts = Facts::default();
            facts.insert(RunTimeline, Ok(serde_json::from_value(json!({ "records": records })).expect("a timeline")));
            facts
        };
        let check = check(&yaml(pairs), &[]);
        assert_eq!(measure(&check, &facts_of(5)).0, Outcome::Passed);
        assert_eq!(measure(&check, &facts_of(200)).0, Outcome::Passed);
        let (outcome, found) = measure(&check, &facts_of(5_000));
        assert_eq!((outcome, found.contains("too many steps")), (Outcome::Errored, true), "{found}");
    }

    #[test]
    fn mistakes_are_found_when_the_file_is_read() {
        for (expression, shows) in [
            ("runs.reason == 'manual'", "there is no `runs`"),
            ("inputs.Rng == 'x'", "the check declares no input `Rng`"),
            ("run.reason = 'manual'", "column 12"),
            ("!has(run.scheduleName)", "`run` has no `scheduleName`; known are `id`"),
            ("run.triggerinfo.x == 'y'", "did you mean `triggerInfo`?"),
            (
                &format!("[{0}].all(a, [{0}].all(b, [{0}].all(c, a + b + c > 0)))", "1,".repeat(99) + "1"),
                "too many steps",
            ),
        ] {
            let found = problems(&yaml(expression));
            assert!(found.iter().any(|problem| problem.contains(shows)), "{expression}: {found:?}");
        }
    }
}
