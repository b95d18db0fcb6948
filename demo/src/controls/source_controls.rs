//! Controls of what other systems answer: ServiceNow, monitoring systems, any HTTP service.

use serde_json::{Map, Value, json};

use super::run_controls::{choice, number, texts};
use super::{Control, Input, Subject};

/// The states of a change request, as they are stored and as they are shown.
const STATES: [(&str, &str); 8] = [
    ("-5", "New"),
    ("-4", "Assess"),
    ("-3", "Authorize"),
    ("-2", "Scheduled"),
    ("-1", "Implement"),
    ("0", "Review"),
    ("3", "Closed"),
    ("4", "Canceled"),
];

/// The fields that a condition on the change request with this number reads.
pub(super) fn change(parameters: &Value, number: &str) -> Vec<Control> {
    let group = format!("ServiceNow change {number}");
    let control = |field: &str, input| {
        let subject = Subject::ChangeField { number: number.to_owned(), field: field.to_owned() };
        let label = field.replace('_', " ");
        let (first, rest) = label.split_at_checked(1).unwrap_or_default();
        Control::new(format!("change:{number}:{field}"), (&group, &(first.to_uppercase() + rest)), input, subject)
    };
    let rejected = texts(&parameters["rejected"]);
    let mut controls = Vec::new();
    if !parameters["approval"].is_null() {
        let options = ["not requested", "requested", "approved", "rejected"].map(|word| (word, word));
        let wanted = texts(&parameters["approval"]).into_iter().next().unwrap_or_default().to_lowercase();
        let mut approval = control("approval", choice(&options)).with("requested").button("Approve", wanted);
        if rejected.iter().any(|word| word.eq_ignore_ascii_case("rejected")) {
            approval = approval.button("Reject", "rejected");
        }
        controls.push(approval);
    }
    if !parameters["state"].is_null() {
        let wanted = texts(&parameters["state"]).into_iter().next().unwrap_or_default();
        let known = STATES.iter().find(|(stored, shown)| *stored == wanted || shown.eq_ignore_ascii_case(&wanted));
        let (stored, shown) = known.copied().unwrap_or(("-2", "Scheduled"));
        controls.push(control("state", choice(&STATES)).with("-5").button(format!("Set to {shown}"), stored));
    }
    for (field, values) in parameters["fields"].as_object().into_iter().flatten() {
        let values = texts(values);
        let wanted = values.first().cloned().unwrap_or_default();
        let field = control(field, Input::Text { suggestions: values }).with(wanted.clone());
        controls.push(field.button(format!("Set to {wanted}"), wanted));
    }
    if parameters["withinWindow"] == true {
        let options = [("later", "in 2 hours"), ("now", "now"), ("over", "over")];
        let subject = Subject::ChangeWindow { number: number.to_owned() };
        let window = Control::new(format!("change:{number}:window"), (&group, "Planned"), choice(&options), subject);
        controls.push(window.with("later").button("Plan it for now", "now"));
    }
    controls
}

/// The numbers that a metric reads. `kind` is the kind of its connection.
pub(super) fn metric(parameters: &Value, kind: &str) -> Vec<Control> {
    let condition = parameters["successCondition"].as_str().unwrap_or_default();
    let (is_below, threshold) = limit(condition).unwrap_or((true, 1.0));
    let (good, bad) = if is_below { (threshold / 5.0, threshold * 2.0) } else { (threshold * 1.2, threshold / 2.0) };
    let (good, bad) = (rounded(good), rounded(bad));
    let top = rounded((threshold * 4.0).max(1e-6));
    let control = |query: &Value, names: (&str, &str)| {
        let query = query.as_str().unwrap_or_default();
        let subject = match kind {
            "prometheus" => Subject::Prometheus { query: query.to_owned() },
            "azureMonitor" => Subject::AzureMetric {
                resource: parameters["resource"].as_str().unwrap_or_default().to_owned(),
                name: parameters["metric"].as_str().unwrap_or_default().to_owned(),
            },
            _ => Subject::Kusto { query: query.to_owned() },
        };
        let input =
            Input::Number { min: 0.0, max: top, step: rounded(top / 200.0), unit: String::new(), is_slider: true };
        let id = format!("metric:{}", if query.is_empty() { names.1 } else { query });
        Control::new(id, names, input, subject).with(good)
    };
    let name = parameters["metric"].as_str().or_else(|| parameters["query"].as_str()).unwrap_or_default().trim();
    let first = name.lines().next().unwrap_or_default();
    let result = control(&parameters["query"], ("Monitoring", first))
        .note(format!("The check demands: {condition}"))
        .button(format!("Set to {good}"), good)
        .button(format!("Set to {bad}"), bad)
        .button("No data", Value::Null);
    let baseline = parameters.get("baseline").filter(|query| !query.is_null());
    let baseline = baseline.map(|query| control(query, ("Monitoring", "Baseline")).with(rounded(threshold.max(good))));
    [Some(result), baseline].into_iter().flatten().collect()
}

fn rounded(number: f64) -> f64 {
    format!("{number:.6}").parse().unwrap_or(number)
}

/// The limit in a condition such as `result < 0.05`: whether a number below it passes, and the number.
pub(crate) fn limit(condition: &str) -> Option<(bool, f64)> {
    let place = condition.find(['<', '>'])?;
    let is_below = condition[place..].starts_with('<');
    let rest = condition[place + 1..].trim_start_matches('=').trim_start();
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-')).unwrap_or(rest.len());
    Some((is_below, rest[..end].parse().ok()?))
}

/// What the page of another system answers, which stands at this place.
pub(super) fn page(parameters: &Value, place: &str) -> Vec<Control> {
    let connection = parameters["connection"].as_str().unwrap_or_default();
    let path = parameters["path"].as_str().unwrap_or_default().trim_start_matches('/');
    let condition = parameters["successCondition"].as_str().unwrap_or_default();
    let (path, group) = (format!("{place}/{path}"), format!("{connection}: {path}"));
    let good = body_for(condition).to_string();
    vec![
        Control::new(
            format!("page:{path}:body"),
            (&group, "Body"),
            Input::Json,
            Subject::PageBody { path: path.clone() },
        )
        .with("{}")
        .note(format!("The check demands: {condition}"))
        .button(format!("Answer {good}"), good),
        Control::new(
            format!("page:{path}:status"),
            (&group, "Status"),
            number(200.0, 599.0, ""),
            Subject::PageStatus { path },
        )
        .with(200)
        .button("Answer 200", 200)
        .button("Answer 503", 503),
    ]
}

/// A body that meets a condition such as `response.body.status == 'OK'`; for others, a person writes one.
fn body_for(condition: &str) -> Value {
    let Some((_, rest)) = condition.split_once("response.body.") else { return json!({ "status": "OK" }) };
    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '.' || c == '_')).unwrap_or(rest.len());
    let (path, rest) = rest.split_at(end);
    let literal = rest.trim_start().trim_start_matches(['=', '<', '>', '!']).trim_start();
    let end = literal.find("&&").or_else(|| literal.find("||")).unwrap_or(literal.len());
    let literal = literal[..end].trim().trim_end_matches(')');
    let value = serde_json::from_str(&literal.replace('\'', "\"")).unwrap_or(Value::Bool(true));
    path.split('.').rev().fold(value, |inner, name| Value::Object(Map::from_iter([(name.to_owned(), inner)])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_a_condition_is_read() {
        assert_eq!(limit("result < 0.05"), Some((true, 0.05)));
        assert_eq!(limit("result >= 99.5 && result < 101.0"), Some((false, 99.5)));
        assert_eq!(limit("result == 1.0"), None);
    }

    #[test]
    fn a_body_is_made_for_a_condition() {
        assert_eq!(body_for("response.body.projectStatus.status == 'OK'"), json!({"projectStatus": {"status": "OK"}}));
        assert_eq!(body_for("response.status == 200 && response.body.errors == 0"), json!({"errors": 0}));
        assert_eq!(body_for("response.status == 200"), json!({"status": "OK"}));
    }
}
