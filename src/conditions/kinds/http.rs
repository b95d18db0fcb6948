//! `http`: another system's answer satisfies a condition.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::conditions::shared::predicate::{Predicate, from_json};
use crate::conditions::shared::variables;
use crate::conditions::{Declared, Finding, Rule, Scope, WhenNotMet};
use crate::facts::{FactError, Facts, Wanted};
use crate::sources::check_path;
use crate::sources::http::{Body, HttpRequest, HttpResponse};
use crate::yaml::Problems;

/// What a condition may mention.
const VARIABLES: [&str; 4] = ["response", "run", "inputs", "now"];

/// The parameters of `http`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Http {
    /// The name of a connection of kind `http`.
    connection: String,
    /// The path below the connection's URL, with its query: `api/status?project=web`. `{run.sourceVersion}` in it stands
    /// for the run's commit.
    path: String,
    /// `GET`, or `POST` for systems that are searched with one. It is sent at every evaluation.
    #[serde(default)]
    method: Method,
    /// What a `POST` sends, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<serde_json::Value>,
    /// A CEL expression over `response.status` (a number), `response.body` (its JSON, or text where it is none), `run`,
    /// `inputs` and `now`.
    success_condition: Predicate,
}

/// The request's method.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Method {
    /// Reads.
    #[default]
    Get,
    /// Searches, with a body.
    Post,
}

impl Http {
    fn fact(&self) -> HttpRequest {
        HttpRequest {
            connection: self.connection.clone(),
            post: self.method == Method::Post,
            path: self.path.clone(),
            body: self.body.as_ref().map(ToString::to_string),
        }
    }
}

impl Http {
    /// Why nothing can be said about the body of an answer; nothing where the condition is about the status alone.
    fn flaw(&self, answer: &HttpResponse) -> Option<&'static str> {
        if self.success_condition.mentions_only("response", "status") {
            return None;
        }
        // A page to sign in contains no `blocked`, and neither does a body that is not there.
        match &answer.body {
            _ if (200..300).contains(&answer.status) && answer.is_web_page => {
                Some("with a web page; check the path and the credentials")
            }
            Body::Missing => Some("without a body, so there is nothing to judge; check the path"),
            Body::Broken => Some("with a body that claims to be JSON and is not; check the system that sends it"),
            Body::Value(_) => None,
        }
    }
}

impl Http {
    fn values(
        &self,
        answer: &HttpResponse,
        facts: &Facts,
        scope: &Scope<'_>,
    ) -> Result<Vec<(&'static str, cel::Value)>, FactError> {
        let mut response = json!({ "status": answer.status });
        if let Body::Value(body) = &answer.body {
            response["body"] = body.clone();
        }
        let mut values = variables::values(&self.success_condition, facts, scope)?;
        values.push(("response", from_json(&response)));
        Ok(values)
    }
}

impl Rule for Http {
    fn describe(&self) -> String {
        format!("the answer of {} satisfies {}", self.connection, self.success_condition.text())
    }

    fn when_not_met(&self) -> WhenNotMet {
        WhenNotMet::Wait
    }

    fn validate(&self, declared: &Declared<'_>, problems: &mut Problems<'_>) {
        declared.expect_connection(&self.connection, &["http"], problems.inside("connection"));
        if let Err(why) = check_path(&self.path) {
            problems.push("path", format!("`{}` is not a path below the connection's URL: {why}", self.path));
        }
        // A POST may change something, with the operator's credentials. The author of a pipeline must not be able to do that.
        if declared.is_inline && self.method == Method::Post {
            problems
                .push("method", "`POST` is sent for checks of checks.yaml only; an inline definition reads with `GET`");
        }
        if self.body.is_some() && self.method == Method::Get {
            problems.push("body", "is sent with `method: POST` only");
        }
        if self.path.replace(HttpRequest::COMMIT, "").contains(['{', '}']) {
            problems.push("path", format!("only `{}` may stand in braces", HttpRequest::COMMIT));
        }
        self.success_condition.validate("successCondition", &VARIABLES, problems);
        variables::validate(&self.success_condition, "successCondition", declared, problems);
    }

    fn facts(&self, _: &Scope<'_>, wanted: &mut Wanted) {
        variables::want(&self.success_condition, wanted);
        wanted.add(self.fact());
    }

    fn reads_run(&self) -> bool {
        self.fact().is_about_commit() || variables::mentions_run(&self.success_condition)
    }

    fn may_take_long(&self) -> bool {
        true
    }

    fn evaluate(&self, facts: &Facts, scope: &Scope<'_>) -> Finding {
        let expected = format!("`{}`", self.success_condition.text());
        let answer = match facts.get(&self.fact()) {
            Ok(answer) => answer,
            Err(error) => return Finding::unread(&error, expected, scope.now),
        };
        let found = format!("{} answered {}", self.connection, answer.status);
        let is_success = (200..300).contains(&answer.status);
        // An error page is not evidence, unless the condition is about statuses.
        if !is_success && !self.success_condition.members_of("response").contains("status") {
            let advice = "mention `response.status` in the condition if that is an answer";
            return Finding::errored(format!("{found}; {advice}"), expected);
        }
        if let Some(why) = self.flaw(&answer) {
            return Finding::errored(format!("{found} {why}"), expected);
        }
        let values = match self.values(&answer, facts, scope) {
            Ok(values) => values,
            Err(error) => return Finding::unread(&error, expected, scope.now),
        };
        let outcome = self.success_condition.evaluate(&values);
        let finding = match outcome.answer {
            Ok(met) => Finding::passed_if(met, found, expected).remedy(if met {
                String::new()
            } else {
                format!("make {} answer as expected", self.connection)
            }),
            Err(why) => Finding::errored(format!("{found}; {why}"), expected),
        };
        Finding { details: outcome.trace, ..finding }
    }

    fn connection(&self) -> Option<&str> {
        Some(&self.connection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conditions::Outcome;
    use crate::conditions::given::{check, evaluate, measure, minute, problems};
    use crate::facts::FactError;

    fn yaml(parameters: &str) -> String {
        format!(
            "connections: {{ sonar: {{ http: {{ url: 'https://sonar.example.com' }} }}, snow: {{ prometheus: {{ url: 'https://p' }} }} }}
checks: {{ c: {{ conditions: [ http: {{ {parameters} }} ] }} }}"
        )
    }

    fn answered(condition: &str, status: u16, body: serde_json::Value) -> (Outcome, String) {
        given(condition, HttpResponse { status, is_web_page: false, body: Body::Value(body) })
    }

    fn given(condition: &str, response: HttpResponse) -> (Outcome, String) {
        let check =
            check(&yaml(&format!("connection: sonar, path: api/status, successCondition: \"{condition}\"")), &[]);
        let mut facts = Facts::default();
        let fact =
            HttpRequest { connection: "sonar".to_owned(), post: false, path: "api/status".to_owned(), body: None };
        facts.insert(fact, Ok(response));
        measure(&check, &facts)
    }

    #[test]
    fn the_answer_decides() {
        let ok = "response.body.status == 'OK'";
        assert_eq!(answered(ok, 200, json!({ "status": "OK" })).0, Outcome::Passed);
        assert_eq!(answered(ok, 200, json!({ "status": "ERROR" })).0, Outcome::NotMet);
        assert_eq!(answered("response.status == 404", 404, json!("gone")).0, Outcome::Passed);
        assert_eq!(answered("response.body.contains('up')", 200, json!("all up")).0, Outcome::Passed);
    }

    #[test]
    fn an_error_page_is_not_evidence() {
        let (measured, found) = answered("!('blocked' in response.body)", 404, json!({}));
        assert_eq!((measured, found.contains("answered 404")), (Outcome::Errored, true), "{found}");
        let (measured, found) = answered("response.body.status == 'OK'", 200, json!("<html>sign in</html>"));
        assert_eq!(measured, Outcome::Errored);
        assert!(found.contains("`response.body` is \"<html>sign in</html>\" (string)"), "{found}");
    }

    #[test]
    fn a_sign_in_page_is_not_evidence_about_the_body() {
        let page = || HttpResponse { status: 200, is_web_page: true, body: Body::Value(json!("<html>sign in</html>")) };
        for negative in ["!response.body.contains('blocked')", "!response['body'].contains('blocked')"] {
            let (measured, found) = given(negative, page());
            assert_eq!((measured, found.contains("answered 200 with a web page")), (Outcome::Errored, true), "{found}");
        }
        assert_eq!(given("response.status == 200", page()).0, Outcome::Passed);
    }

    #[test]
    fn an_answer_is_compared_with_the_run() {
        let parameters =
            "connection: sonar, path: 'c/{run.sourceVersion}', successCondition: response.body == run.sourceVersion";
        let check = check(&yaml(parameters), &[]);
        assert!(check.definition.conditions[0].reads_run());
        for (commit, outcome) in [("abc", Outcome::Passed), ("abd", Outcome::NotMet), ("", Outcome::Errored)] {
            let run = serde_json::from_value(json!({ "id": 7, "sourceVersion": commit })).expect("a run");
            let path = "c/{run.sourceVersion}".to_owned();
            let fact = HttpRequest { connection: "sonar".to_owned(), post: false, path, body: None };
            let answer = HttpResponse { status: 200, is_web_page: false, body: Body::Value(json!("abc")) };
            let mut facts = Facts::default();
            facts.insert(crate::facts::run::RunDetails, Ok(run));
            facts.insert(fact, Ok(answer));
            assert_eq!(measure(&check, &facts).0, outcome, "{commit}");
        }
    }

    #[test]
    fn argo_2578_a_wish_to_be_left_alone_is_kept() {
        let check = check(&yaml("connection: sonar, path: api/status, successCondition: response.status == 200"), &[]);
        let mut facts = Facts::default();
        let wait = Some(std::time::Duration::from_secs(300));
        let busy = FactError { retry_after: wait, ..FactError::because("connection `sonar` answered 429") };
        let fact = HttpRequest { connection: "sonar".into(), post: false, path: "api/status".into(), body: None };
        facts.insert(fact, Err(busy));
        let finding = evaluate(&check, &facts, None, minute(0));
        assert_eq!((finding.outcome, finding.look_again_at), (Outcome::Errored, Some(minute(5))));
    }

    #[test]
    fn mistakes_are_found_when_the_file_is_read() {
        for (parameters, shows) in [
            ("connection: sonr, path: a, successCondition: 'true'", "did you mean `sonar`?"),
            ("connection: snow, path: a, successCondition: 'true'", "is of kind `prometheus`; this needs `http`"),
            ("connection: sonar, path: '../a', successCondition: 'true'", "is not a path below the connection's URL"),
            (
                "connection: sonar, path: '//evil/a', successCondition: 'true'",
                "is not a path below the connection's URL",
            ),
            (
                "connection: sonar, path: 'a/{run.id}', successCondition: 'true'",
                "only `{run.sourceVersion}` may stand in braces",
            ),
            ("connection: sonar, path: a, successCondition: 'run.commit == response.body'", "`run` has no `commit`"),
            ("connection: sonar, path: a, successCondition: 'inputs.N == response.body'", "declares no input `N`"),
            ("connection: sonar, path: a, method: PUT, successCondition: 'true'", "Expected `GET` or `POST`"),
            ("connection: sonar, path: a, body: {}, successCondition: 'true'", "method: POST"),
            ("connection: sonar, path: a, successCondition: 'body.ok'", "there is no `body` here"),
            ("connection: sonar, path: a", "successCondition"),
        ] {
            let found = problems(&yaml(parameters));
            assert!(found.iter().any(|problem| problem.contains(shows)), "{parameters}: {found:?}");
        }
    }
}
