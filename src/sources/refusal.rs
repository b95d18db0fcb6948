//! What another system says about a request that it refuses.

use serde_json::Value;

use super::call::Answered;
use crate::http::json;
use crate::text::{cut, one_line};

/// The longest text that is repeated, in characters.
const MAX_SAID: usize = 300;

/// The members in which systems say it, the most exact first: Azure's `error.innererror.message`, Jira's `errorMessages`,
/// SonarQube's `errors[].msg`, ServiceNow's `error.message`, OAuth's `error_description`.
const SAYING: [&str; 9] =
    ["innererror", "error_description", "errorMessages", "message", "msg", "detail", "title", "errors", "error"];

/// What an answer says in its JSON, on one line. The text of a page for people is never repeated.
pub(super) fn said(answered: &Answered) -> Option<String> {
    let answer: Value = json::read(&answered.body).ok()?;
    text_of(&answer).filter(|_| answer.is_object()).map(|text| cut(&one_line(text.trim()), MAX_SAID))
}

fn text_of(answer: &Value) -> Option<&str> {
    match answer {
        Value::String(text) => (!text.trim().is_empty()).then_some(text),
        Value::Array(items) => items.iter().find_map(text_of),
        Value::Object(members) => {
            // Jira's `errors` has one member for each parameter that is wrong.
            let of_parameters = || members.get("errors")?.as_object()?.values().find_map(text_of);
            SAYING.iter().find_map(|name| text_of(members.get(*name)?)).or_else(of_parameters)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;

    use super::*;

    fn says(body: &str) -> Option<String> {
        let (status, content_type) = (StatusCode::BAD_REQUEST, "application/json".to_owned());
        said(&Answered { status, content_type, body: body.to_owned().into(), continuation: None })
    }

    #[test]
    fn what_a_system_says_is_found_where_each_writes_it() {
        for (body, expected) in [
            (r#"{"errorMessages":["Unbounded JQL queries are not allowed here."],"errors":{}}"#, "Unbounded JQL"),
            (r#"{"errorMessages":[],"errors":{"jql":"The field 'x' does not exist."}}"#, "The field 'x'"),
            (r#"{"errors":[{"msg":"Component 'web' not found"}]}"#, "Component 'web' not found"),
            (r#"{"error":{"code":"BadRequest","message":"Detected multiple"}}"#, "Detected multiple"),
            (
                r#"{"error":{"message":"invalid","innererror":{"code":"E","message":"outer","innererror":{"message":"line 1"}}}}"#,
                "line 1",
            ),
            (r#"{"error":{"message":"Invalid table u_x","detail":null},"status":"failure"}"#, "Invalid table u_x"),
            (r#"{"error":"invalid_client","error_description":"unknown client"}"#, "unknown client"),
            (r#"{"error":"invalid_request"}"#, "invalid_request"),
            ("{\"message\":\"two\\nlines ##vso[a]\"}", "two lines # #vso[a]"),
        ] {
            let found = says(body).unwrap_or_default();
            assert!(found.starts_with(expected), "{body}: {found}");
        }
        for nothing in ["", "<html>Sign in</html>", "\"text\"", "[]", "{}", r#"{"errors":[]}"#, r#"{"message":"  "}"#] {
            assert_eq!(says(nothing), None, "{nothing}");
        }
        let long = says(&format!(r#"{{"message":"{}"}}"#, "a".repeat(10_000))).unwrap_or_default();
        assert_eq!(long.chars().count(), MAX_SAID);
    }
}
