//! The workbook and the dashboard of `infra/` ask for what the handler sends, and for all of it.

use std::collections::{BTreeMap, BTreeSet};

use checkgate::telemetry::{Kind, METRICS, Metric, table};
use regex::Regex;
use serde_json::Value;

use crate::support::docs;

fn read(file: &str) -> Value {
    serde_json::from_str(&docs::page(file)).expect("JSON")
}

/// The texts under this name, at any depth.
fn texts(of: &Value, name: &str) -> Vec<String> {
    match of {
        Value::Object(members) => members
            .iter()
            .flat_map(|(member, value)| match value {
                Value::String(text) if member == name => vec![text.clone()],
                value => texts(value, name),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(|item| texts(item, name)).collect(),
        _ => Vec::new(),
    }
}

/// What Prometheus calls a metric, with all that a histogram becomes there.
fn in_prometheus(metric: &Metric) -> Vec<String> {
    let name = metric.name.replace('.', "_");
    match metric.kind {
        Kind::Count => vec![format!("{name}_total")],
        Kind::Duration | Kind::Seconds(_) => {
            ["bucket", "count", "sum"].map(|part| format!("{name}_seconds_{part}")).into()
        }
    }
}

fn all(pattern: &str, text: &str) -> Vec<String> {
    let pattern = Regex::new(pattern).expect("a pattern");
    pattern.captures_iter(text).map(|found| found[1].to_owned()).collect()
}

#[test]
fn the_workbook_asks_for_every_metric_that_is_sent_and_for_no_other_attribute() {
    let mut asked = BTreeSet::new();
    for query in texts(&read("infra/workbook.json"), "query") {
        let [name] = &all(r"name == '([^']+)'", &query)[..] else { panic!("one metric in each query: {query}") };
        let metric =
            METRICS.into_iter().find(|metric| metric.name == name).unwrap_or_else(|| panic!("nobody sends {name}"));
        for attribute in all(r"customDimensions\['([^']+)'\]", &query) {
            assert!(metric.attributes.contains(&attribute.as_str()), "{name} has no {attribute}");
        }
        // A counter has a sum. A histogram has a number of values too, which is not what a counter's is.
        assert!(metric.kind != Kind::Count || !query.contains("valueCount"), "{query}");
        asked.insert(metric.name);
    }
    assert_eq!(asked, METRICS.iter().map(|metric| metric.name).collect());
}

#[test]
fn the_dashboard_asks_for_every_metric_that_is_sent_and_for_no_other_label() {
    let known: BTreeMap<String, Metric> = METRICS
        .into_iter()
        .flat_map(|metric| in_prometheus(&metric).into_iter().map(move |name| (name, metric)))
        .collect();
    let dashboard = read("infra/dashboard.json");
    let mut asked = BTreeSet::new();
    for expression in texts(&dashboard, "expr") {
        let [name] = &all(r"\((\w+)(?:\{[^}]*\})?\[", &expression)[..] else {
            panic!("one metric in each: {expression}")
        };
        let metric = known.get(name).unwrap_or_else(|| panic!("nobody sends {name}"));
        asked.insert(metric.name);
        let labels: BTreeSet<String> = metric.attributes.iter().map(|attribute| attribute.replace('.', "_")).collect();
        let grouped = all(r"by \(([^)]+)\)", &expression).join(", ");
        let selected = all(r#"(\w+)="[^"]*""#, &expression);
        for label in grouped.split(", ").map(str::to_owned).chain(selected).filter(|label| label != "le") {
            assert!(label.is_empty() || labels.contains(&label), "{name} has no {label}");
        }
        assert_eq!(name.ends_with("_bucket"), expression.starts_with("histogram_quantile("), "{expression}");
    }
    assert_eq!(asked, METRICS.iter().map(|metric| metric.name).collect());
    for legend in texts(&dashboard, "legendFormat") {
        for label in all(r"\{\{(\w+)\}\}", &legend) {
            let is_known = METRICS.iter().flat_map(|metric| metric.attributes).any(|it| it.replace('.', "_") == label);
            assert!(is_known, "{legend}");
        }
    }
}

#[test]
fn the_table_of_the_operations_page_is_that_of_the_code() {
    let table = table();
    assert!(docs::page("docs/operations.md").contains(&table), "write this into docs/operations.md:\n{table}");
}
