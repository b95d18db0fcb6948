//! `checkgate evaluate`, and the record of a decision.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Person;
use crate::support::app_root;
use crate::support::schema::Schema;

/// The address of a run's page.
fn page(person: &Person, build: u64) -> String {
    format!("{}/_build/results?buildId={build}&view=results", person.project())
}

#[tokio::test]
async fn a_run_is_evaluated_by_the_address_of_its_page_with_a_token_from_either_variable() {
    let mut person = Person::new().await;
    let build = person.azure_devops.with(|state| state.run().id);
    let address = page(&person, build);
    let printed = person.run(&["evaluate", "--check", "cmdline-executed", &address]).await;
    assert_eq!(printed.code, 0, "{printed:?}");
    assert!(printed.out.contains("The decision would be: succeeded."), "{printed:?}");

    let personal = std::mem::take(&mut person.token);
    person.environment.push(("AZURE_DEVOPS_EXT_PAT", personal));
    let project = ["--project", "FabrikamFiber", "--build", "101"];
    let url = person.azure_devops.url();
    let printed = person.run(&[&["evaluate", "--check", "code-coverage", &url][..], &project].concat()).await;
    assert!(printed.code != 0 && printed.out.contains("[waiting]"), "{printed:?}");
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_said() {
    let mut person = Person::new().await;
    let build = person.azure_devops.with(|state| state.run().id);
    for (arguments, says) in [
        (vec!["--check", "cmdline-executed", &person.project()], "the address names no run"),
        (vec!["--check", "cmdline-exceuted", &page(&person, build)], "did you mean `cmdline-executed`?"),
        (vec!["--check", "manual-run", &page(&person, build)], "add --input BuildReason="),
        (
            vec!["--check", "cmdline-executed", &format!("{}_build/results?buildId=1", person.azure_devops.url())],
            "is the address right",
        ),
    ] {
        let printed = person.run(&[&["evaluate"][..], &arguments].concat()).await;
        assert!(printed.code != 0 && printed.err.contains(says), "{says}: {printed:?}");
    }
    person.token.clear();
    let printed = person.run(&["evaluate", "--check", "cmdline-executed", &page(&person, build)]).await;
    assert!(
        printed.err.contains("set CHECKGATE_TOKEN or AZURE_DEVOPS_EXT_PAT, or sign in with `az login`"),
        "{printed:?}"
    );
}

#[tokio::test]
async fn what_explain_says_to_paste_is_what_the_guide_asks_for() {
    let person = Person::new().await;
    let printed = person.run(&["explain", "change-approved"]).await;
    assert_eq!(printed.code, 0, "{printed:?}");
    let (sentences, headers) = printed.out.split_once("Headers:\n").expect("the headers");
    for says in [
        "if not, the check waits (asks connection `servicenow`)",
        "Completion event         Callback",
        "ServiceNow is read only as it is today",
    ] {
        assert!(sentences.contains(says), "{says} is not in\n{sentences}");
    }
    let headers: Value = serde_json::from_str(headers).expect("a JSON object");
    assert_eq!((&headers["Check"], &headers["ChangeNumber"]), (&"change-approved".into(), &"$(ChangeNumber)".into()));
    assert_eq!(headers["PlanUrl"], "$(system.CollectionUri)");
    let unknown = person.run(&["explain", "change-aproved"]).await;
    assert!(unknown.code == 2 && unknown.err.contains("did you mean `change-approved`?"), "{unknown:?}");
}

/// The members that a schema requires, and all that it knows.
fn members(schema: &Value) -> (BTreeSet<&str>, BTreeSet<&str>) {
    let required = schema["required"].as_array().expect("required").iter().filter_map(Value::as_str).collect();
    (required, schema["properties"].as_object().expect("properties").keys().map(String::as_str).collect())
}

#[tokio::test]
async fn the_record_of_a_decision_has_the_members_of_the_committed_schema() {
    let text = std::fs::read_to_string(app_root().join("decision.schema.json")).expect("decision.schema.json");
    let current = checkgate::cli::decision_schema();
    assert!(text.trim() == current, "run `cargo run -- schema decision > decision.schema.json`");
    let schema: Value = serde_json::from_str(&text).expect("JSON");

    let person = Person::new().await;
    let build = person.azure_devops.with(|state| state.run().without_tasks().id);
    let printed =
        person.run(&["evaluate", "--check", "cmdline-executed", "--format", "json", &page(&person, build)]).await;
    assert_eq!(printed.code, 1, "{printed:?}");
    let record: Value = serde_json::from_str(&printed.out).expect("one line of JSON");
    Schema::read("decision.schema.json").expect(&record);
    for (part, schema) in [(&record, &schema), (&record["data"], &schema["$defs"]["Data"])] {
        let (required, known) = members(schema);
        let found: BTreeSet<&str> = part.as_object().expect("an object").keys().map(String::as_str).collect();
        assert!(required.is_subset(&found) && found.is_subset(&known), "{found:?}");
    }
    assert_eq!((&record["specversion"], &record["id"]), (&Value::from("1.0"), &record["data"]["decision_id"]));
    assert_eq!(record["data"]["input"]["run"]["id"], build);
    assert_eq!(record["data"]["result"]["decision"], "failed");
    assert_eq!(record["data"]["result"]["conditions"][0]["status"], "failed");
}
