//! CEL expressions that answer yes or no: `expression`, `successCondition`, `failureCondition`.
//!
//! Common Expression Language, see <https://cel.dev>. An expression is compiled and checked when the file is read; at an
//! evaluation it gets the values that it mentions, and the log shows the value of each part. Its cost is limited before it
//! runs, so that its answer depends only on its values. Even so it may take seconds: see [`Rule::may_take_long`].
//!
//! [`Rule::may_take_long`]: crate::conditions::Rule::may_take_long

mod blame;
mod check;
mod compiled;
mod sizes;
mod text;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

use cel::{Context, Value};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::suggest::suggest;
use crate::yaml::Problems;

use compiled::{Compiled, Mistakes, deep};
use sizes::Cost;
use text::Source;
pub(in crate::conditions) use text::{from_json, shown};

/// The longest expression, in bytes. Bounds how deep the CEL library recurses.
const MAX_LENGTH: usize = 1_000;

/// A CEL expression that answers yes or no. All clones share what was compiled.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub(in crate::conditions) struct Predicate {
    text: String,
    compiled: Arc<OnceLock<Result<Compiled, Mistakes>>>,
}

/// The result of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::conditions) struct Evaluated {
    /// Whether it is true, or why that is not known.
    pub(in crate::conditions) answer: Result<bool, String>,
    /// The value of each part, for the log.
    pub(in crate::conditions) trace: Vec<String>,
}

/// The values that an expression may mention.
pub(in crate::conditions) type Variables<'a> = [(&'static str, Value)];

impl Predicate {
    /// The expression as it was written.
    pub(in crate::conditions) fn text(&self) -> &str {
        &self.text
    }

    /// Reports what the CEL library cannot read, and names that do not exist.
    pub(in crate::conditions) fn validate(&self, key: &str, known: &[&str], problems: &mut Problems<'_>) {
        for problem in self.problems(known) {
            problems.push(key, problem);
        }
    }

    fn problems(&self, known: &[&str]) -> Mistakes {
        let Compiled { program, check } = match self.compiled() {
            Ok(compiled) => compiled,
            Err(mistakes) => return mistakes,
        };
        let source = Source::of(program);
        let variables = check.variables.iter().filter(|(_, name)| !known.contains(&name.as_str()));
        let variables = variables.map(|(id, name)| {
            let hint = suggest(name, known.iter().copied());
            let known = known.join("`, `");
            format!("{}: there is no `{name}` here; known are `{known}`{hint}", source.place(*id))
        });
        let functions = check.unknown_functions().map(|(id, name)| {
            let hint = suggest(name, check::FUNCTIONS.iter().copied());
            format!("{}: there is no function `{name}`{hint}", source.place(id))
        });
        let cost = Cost::least(program.expression()).excess();
        let cost = cost.map(|excess| format!("{excess} with any values; compare less"));
        variables.chain(functions).chain(cost).collect()
    }

    /// Members of `variable` that the expression selects by name: `tags` of `run.tags`.
    pub(in crate::conditions) fn members_of(&self, variable: &str) -> BTreeSet<String> {
        self.compiled().map(|it| it.check.members_of(variable)).unwrap_or_default()
    }

    /// Whether every mention of `variable` selects this one member of it by name.
    pub(in crate::conditions) fn mentions_only(&self, variable: &str, member: &str) -> bool {
        self.compiled().is_ok_and(|it| it.check.mentions_only(variable, member))
    }

    /// Whether the expression treats `variable` as a list: walks through it, counts it, takes an element of it.
    pub(in crate::conditions) fn treats_as_list(&self, variable: &str) -> bool {
        self.compiled().is_ok_and(|it| it.check.lists.contains(variable))
    }

    /// The variables that the expression mentions.
    pub(in crate::conditions) fn variables(&self) -> BTreeSet<String> {
        let names = |it: &Compiled| it.check.variables.iter().map(|(_, name)| name.clone()).collect();
        self.compiled().map(names).unwrap_or_default()
    }

    /// Evaluates the expression with these values.
    pub(in crate::conditions) fn evaluate(&self, variables: &Variables<'_>) -> Evaluated {
        let outcome = self.compiled().and_then(|it| deep(|| self.run(it, variables)).ok_or_else(|| self.failed()));
        outcome.unwrap_or_else(|mistakes| Evaluated { answer: Err(mistakes.join("; ")), trace: Vec::new() })
    }

    fn run(&self, Compiled { program, .. }: &Compiled, variables: &Variables<'_>) -> Evaluated {
        let root = program.expression();
        if let Some(excess) = Cost::of(root, variables).excess() {
            let why = format!("`{}` {excess} with values this large", self.text);
            return Evaluated { answer: Err(why), trace: Vec::new() };
        }
        let mut context = Context::default();
        for (name, value) in variables {
            context.add_variable_from_value(*name, value.clone());
        }
        let source = Source::of(program);
        let answer = match program.execute(&context) {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(value) => Err(format!("`{}` is {}, not true or false", self.text, text::with_type(&value))),
            Err(_) => Err(blame::explain(root, &context, &source)),
        };
        let trace = if answer == Ok(true) { Vec::new() } else { blame::trace(program, &context, &source) };
        Evaluated { answer, trace }
    }

    /// The compiled expression: compiled now, unless this definition or a clone of it was asked before.
    fn compiled(&self) -> Result<&Compiled, Mistakes> {
        if self.compiled.get().is_none() {
            deep(|| self.compiled.get_or_init(|| Compiled::of(&self.text)).is_ok());
        }
        self.compiled.get().ok_or_else(|| self.failed())?.as_ref().map_err(Clone::clone)
    }

    fn failed(&self) -> Mistakes {
        vec![format!("`{}` cannot be read by the CEL library", self.text)]
    }
}

impl From<String> for Predicate {
    fn from(text: String) -> Self {
        Self { text, compiled: Arc::default() }
    }
}

impl From<Predicate> for String {
    fn from(predicate: Predicate) -> Self {
        predicate.text
    }
}

impl PartialEq for Predicate {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Predicate {}

impl fmt::Debug for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

impl JsonSchema for Predicate {
    fn schema_name() -> Cow<'static, str> {
        "Predicate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "A CEL expression that answers yes or no.", "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn predicate(text: &str) -> Predicate {
        Predicate::from(text.to_owned())
    }

    fn evaluate(text: &str) -> Evaluated {
        let body = json!({
            "count": 3, "ratio": 4.5, "name": "canary", "none": null, "tags": ["a", "b"],
            "items": [{ "name": "a", "ok": true }, { "name": "b", "ok": false }],
        });
        predicate(text).evaluate(&[("body", from_json(&body)), ("result", Value::Float(4.2))])
    }

    #[track_caller]
    fn fails_with(text: &str, shows: &str) {
        let why = evaluate(text).answer.expect_err(text);
        assert!(why.contains(shows), "{text}: {why}");
    }

    #[test]
    fn an_expression_may_hold_any_text() {
        let outcome = evaluate("body.name == 'grün ✓' || body.name == \"a)(\" || body.count > 5");
        assert_eq!(outcome.answer, Ok(false));
        assert!(outcome.trace.contains(&"body.name == 'grün ✓' = false".to_owned()), "{:?}", outcome.trace);
        assert!(outcome.trace.contains(&"body.count > 5 = false".to_owned()), "{:?}", outcome.trace);
    }

    #[test]
    fn numbers_of_all_types_can_be_compared() {
        for text in ["result < 5", "result < 5.0", "body.count == 3", "body.count + 1 > 3", "body.count < 3.5"] {
            assert_eq!(evaluate(text).answer, Ok(true), "{text}");
        }
    }

    #[test]
    fn argo_2169_what_is_missing_is_named_with_its_path_value_and_type() {
        fails_with("body.speed > 3", "`body.speed` does not exist: `body` has `count`, `items`, `name`");
        fails_with("body.name.first == 'x'", "`body.name.first` does not exist: `body.name` is \"canary\" (string)");
        fails_with(
            "result < '5'",
            "`result < '5'` cannot be evaluated: `result` is 4.2 (double), `'5'` is \"5\" (string)",
        );
        fails_with("body.none > 3", "`body.none` is null");
        fails_with("body.tags[7] == 'a'", "`body.tags` is [\"a\",\"b\"] (list), `7` is 7 (int)");
        fails_with("result", "is 4.2 (double), not true or false");
        fails_with("body.items.all(i, i.size > 3)", "there is no `size`");
    }

    #[test]
    fn tasks_7664_odd_payloads_give_an_error_and_never_a_panic() {
        for body in [json!(null), json!("text"), json!({ "": { "": [] } }), json!([[[]]]), json!(1e308)] {
            for text in ["body.a.b == 1", "body[0].x == 'y'", "body.all(i, i.x > 0)", "size(body.a) > 0"] {
                let outcome = predicate(text).evaluate(&[("body", from_json(&body))]);
                assert_ne!(outcome.answer, Ok(true), "{text} with {body}: without evidence it is not true");
            }
        }
        fails_with("body.count / 0 == 1", "cannot be evaluated");
        fails_with("int('x') == 1", "cannot be evaluated");
        fails_with("9223372036854775807 + body.count > 0", "cannot be evaluated");
        fails_with("body.name.matches('(')", "cannot be evaluated");
        fails_with("timestamp('nonsense') > timestamp('2026-01-01T00:00:00Z')", "cannot be evaluated");
    }

    #[test]
    fn tasks_11251_results_are_filtered_and_the_log_shows_what_came_in_between() {
        assert_eq!(evaluate("body.items.filter(i, i.ok).size() == 1").answer, Ok(true));
        let outcome = evaluate("body.items.filter(i, i.ok).map(i, i.name).size() == 2 && result < 5");
        assert_eq!(outcome.answer, Ok(false));
        assert_eq!(
            outcome.trace,
            [
                "body.items.filter(i, i.ok).map(i, i.name).size() == 2 && result < 5 = false",
                "body.items.filter(i, i.ok).map(i, i.name).size() == 2 = false",
                "body.items.filter(i, i.ok).map(i, i.name).size() = 1",
                "body.items.filter(i, i.ok).map(i, i.name) = [\"a\"]",
                "body.items.filter(i, i.ok) = [{\"name\":\"a\",\"ok\":true}]",
                "body.items = [{\"name\":\"a\",\"ok\":true},{\"name\":\"b\",\"ok\":false}]",
                "result < 5 = true",
                "result = 4.2",
            ]
        );
    }

    #[test]
    fn a_mistake_is_found_when_the_file_is_read_with_its_place() {
        for (text, shows) in [
            ("", "is empty"),
            ("result <", "column 9"),
            ("result < 5 &&", "is not a CEL expression"),
            ("resutl < 5", "column 1: there is no `resutl` here; known are `result`, `body`; did you mean `result`?"),
            ("body.items.all(i, j.ok)", "column 19: there is no `j`"),
            ("body.name.startWith('c')", "there is no function `startWith`; did you mean `startsWith`?"),
            ("result < 5 || size(body) > env", "there is no `env`"),
        ] {
            let problems = predicate(text).problems(&["result", "body"]);
            assert!(problems.first().is_some_and(|first| first.contains(shows)), "{text}: {problems:?}");
        }
        for text in ["body.items.exists(i, i.ok)", "type(result) == double", "has(body.count) ? body.count > 1 : false"]
        {
            assert_eq!(predicate(text).problems(&["result", "body"]), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn an_expression_that_costs_too_much_is_refused_before_it_runs() {
        for deep in [
            format!("{}1 > 0", "1+".repeat(497)),
            format!("{}true", "!".repeat(990)),
            format!("l{}", "[0]".repeat(333)),
        ] {
            // It may have any result, but the process must go on.
            let _ = predicate(&deep).evaluate(&[("l", Value::Int(1))]);
        }
        let nested = format!("{}true{}", "(".repeat(450), ")".repeat(450));
        assert!(!predicate(&nested).problems(&[]).is_empty());
        assert!(predicate(&"1".repeat(5_000)).problems(&[])[0].contains("5000 characters"));
        let list = Value::List(Arc::new(vec![Value::Int(1); 2_000]));
        let nested = predicate("l.all(a, l.all(b, l.all(c, a + b + c > 0)))");
        let why = nested.evaluate(&[("l", list.clone())]).answer.expect_err("too many steps");
        assert!(why.contains("too many steps"), "{why}");
        assert_eq!(predicate("l.all(a, a > 0)").evaluate(&[("l", list)]).answer, Ok(true));
    }

    #[test]
    fn an_expression_that_doubles_a_value_again_and_again_is_refused_before_it_runs() {
        let twelve = Value::List(Arc::new(vec![Value::from("twelve bytes"); 3]));
        for (doubled, levels) in [("map(a, a + a)", 30), ("map(a, [a, a])", 30), ("map(a, dyn(a) + string(a))", 30)] {
            let text = format!("size(l{}) == 3", format!(".{doubled}").repeat(levels));
            let why = predicate(&text).evaluate(&[("l", twelve.clone())]).answer.expect_err("too large");
            assert!(why.contains("would make a value that is too large with values this large"), "{why}");
        }
        let lists = format!("size([[1]]{}) == 1", ".map(a, a + a)".repeat(40));
        assert!(predicate(&lists).problems(&[])[0].contains("with any values"), "refused when it is read");
        // A few times are fine, and so is what grows with the values.
        let once = predicate("l.map(a, a + a).map(a, a + a)[2] == l[0] + l[0] + l[0] + l[0]");
        assert_eq!(once.evaluate(&[("l", twelve)]).answer, Ok(true));
        let large = Value::from("x".repeat(1024 * 1024));
        assert_eq!(predicate("size(b + b) == 2097152").evaluate(&[("b", large)]).answer, Ok(true));
    }

    #[test]
    fn an_expression_is_compiled_once_for_a_definition_and_its_clones() {
        let predicate = predicate("result < 5");
        let clone = predicate.clone();
        assert_eq!(predicate.evaluate(&[("result", Value::Float(4.2))]).answer, Ok(true));
        assert!(std::ptr::eq(predicate.compiled().expect("CEL"), clone.compiled().expect("CEL")));
    }

    #[test]
    fn only_what_is_mentioned_counts_as_mentioned() {
        let predicate = predicate("run.tags.exists(now, now == 'x') && run.reason == \"inputs\"");
        assert_eq!(predicate.variables(), BTreeSet::from(["run".to_owned()]));
        assert_eq!(predicate.members_of("run"), BTreeSet::from(["reason".to_owned(), "tags".to_owned()]));
    }
}
