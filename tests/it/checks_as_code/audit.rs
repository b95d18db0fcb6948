//! `checkgate audit`.

use std::collections::BTreeSet;

use serde_json::Value;
use simulator::azure_devops::{Area, KeyAnswer, ResourceKind};
use simulator::faults::{Fault, RetryAfter};

use super::{FUNCTION, KEY, Person, planted, with_headers};
use crate::support::schema::Schema;

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect(text)
}

/// The rules of the open findings, each with the name of its resource.
fn open(report: &Value) -> BTreeSet<(String, String)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let resources = report["resources"].as_array().expect("resources").iter();
    let findings = resources.flat_map(|at| {
        let findings = at["findings"].as_array().expect("findings").iter();
        findings.filter(|it| it["accepted"] == false).map(|it| (text(&it["rule"]), text(&at["name"])))
    });
    findings.collect()
}

#[tokio::test]
async fn each_planted_misconfiguration_is_found_with_the_words_that_mend_it_and_nothing_else() {
    let person = Person::new().await;
    let count = planted::plant(&person);
    assert!(count >= 16, "{count}");
    let printed = person.run(&["audit", &person.project(), "--require", "unprotected", "--format", "json"]).await;
    assert_eq!(printed.code, 1, "{printed:?}");
    let found = open(&json(&printed.out));
    let rules = planted::all().iter().map(|it| it.rule).chain(["several-checks", "unprotected"]).collect::<Vec<_>>();
    assert_eq!(found, rules.iter().map(|rule| ((*rule).to_owned(), (*rule).to_owned())).collect());
    let table = person.run(&["audit", &person.project(), "--require", "securefile/unprot*"]).await;
    for it in planted::all() {
        let at = format!("{}/{} in FabrikamFiber", it.kind.word(), it.rule);
        let (_, after) = table.out.split_once(&at).unwrap_or_else(|| panic!("{at} is not in\n{}", table.out));
        let own = after.split("\n\n").next().unwrap_or_default();
        assert!(own.contains(it.says), "{}: {} is not in\n{own}", it.rule, it.says);
    }
    assert!(table.out.contains("2 checks call the same function in the same mode"), "{}", table.out);
    assert!(table.out.contains("The resource has no check that is enabled"), "{}", table.out);
    let (first_warning, last_error) = (table.out.find("warning  "), table.out.rfind("error    "));
    assert!(first_warning > last_error, "the worst comes first:\n{}", table.out);
}

#[tokio::test]
async fn nothing_is_found_in_a_clean_project_of_200_resources() {
    let person = Person::new().await;
    person.azure_devops.with(|state| state.page_size = 30);
    for number in 0..200 {
        let kind = ResourceKind::ALL[number % 6];
        let resource = person.resource(kind, &format!("clean {number}"));
        match number % 5 {
            0 => {
                person.check(&resource, "work-item-completed", |it| it.timeout = 2880);
            }
            1 => {
                person.check(&resource, "manual-run", |it| {
                    let headers = with_headers(&[("Check", "manual-run"), ("BuildReason", "$(Build.Reason)")]);
                    it.input("waitForCompletion", "false").input("successCriteria", "eq(root.status, 'successful')");
                    it.input("headers", &headers).every(144);
                });
            }
            2 => person.azure_devops.with(|state| state.approval(&resource).timeout = 43_200),
            3 => {
                person.check(&resource, "canary-performance", |it| {
                    let headers = with_headers(&[("TimelineId", "")]);
                    it.input("headers", &headers)
                        .input("queryParameters", "check=canary-performance")
                        .input("key", "$(CheckKey)");
                });
            }
            _ => person.azure_devops.with(|state| {
                // Somebody else's function. What its headers mean, only they know.
                let inputs = [
                    ("function", "https://other.example.com/api/Gate"),
                    ("headers", "{}"),
                    ("waitForCompletion", "true"),
                ];
                state.function_check(&resource, &inputs);
            }),
        }
    }
    person.azure_devops.take_calls();
    let printed = person.run(&["audit", &person.project(), "--require", "*", "--fail-on", "warning"]).await;
    assert_eq!(printed.code, 0, "{printed:?}");
    assert_eq!(printed.out.trim(), "200 resources with 160 checks, 0 errors, 0 warnings.");
    let calls = person.azure_devops.take_calls().len();
    println!("200 resources were read with {calls} calls");
    assert!(calls <= 20, "{calls} calls");
}

#[tokio::test]
async fn fix_mends_what_it_can_and_says_why_it_leaves_the_rest() {
    let person = Person::new().await;
    planted::plant(&person);
    let require = ["--require", "unprotected"];
    let asked = person.run(&[&["audit", &person.project(), "--fix"][..], &require].concat()).await;
    assert!(asked.err.contains("nothing was changed: there is nobody to ask; add --yes"), "{asked:?}");
    let mendable = planted::all().iter().filter(|it| it.is_mended).count();
    assert!(asked.err.contains(&format!("\n{mendable} findings not mended yet\n")), "{asked:?}");
    assert_eq!((asked.code, person.writes()), (2, 0));

    let fixed =
        person.run(&[&["audit", &person.project(), "--fix", "--yes", "--format", "json"][..], &require].concat()).await;
    let left: BTreeSet<String> = open(&json(&fixed.out)).into_iter().map(|(rule, _)| rule).collect();
    let by_hand = planted::all().into_iter().filter(|it| !it.is_mended).map(|it| it.rule.to_owned());
    assert_eq!(left, by_hand.chain(["several-checks".to_owned(), "unprotected".to_owned()]).collect());
    for rule in &left {
        let reason = fixed
            .err
            .lines()
            .find(|line| line.contains(&format!(", {rule}: ")) || line.contains(&format!("{rule}, {rule}: ")));
        assert!(reason.is_some_and(|line| line.starts_with("left: ")), "{rule} has no reason in\n{}", fixed.err);
    }
    assert!(fixed.err.contains("- settings.retryInterval: 5\n  + settings.retryInterval: 0"), "{}", fixed.err);
    assert_eq!(fixed.err.matches("  renew the function key: everybody who may see").count(), 3, "{}", fixed.err);
    // Each key is where it belongs, whole.
    let checks = person.azure_devops.with(|state| state.check_configurations.clone());
    for check in checks.values() {
        assert_eq!(check.input_value("key"), KEY, "{}", check.resource.name);
        assert!(
            !check.input_value("function").contains("code=") && !check.input_value("queryParameters").contains("code=")
        );
    }
    person.azure_devops.take_calls();
    person.run(&[&["audit", &person.project(), "--fix", "--yes"][..], &require].concat()).await;
    assert_eq!(person.writes(), 0, "what is mended is not mended again");
}

#[tokio::test]
async fn a_key_that_azure_devops_hides_is_never_overwritten() {
    for hidden in [KeyAnswer::Masked, KeyAnswer::Null] {
        let mut person = Person::new().await;
        let resource = person.resource(ResourceKind::Environment, "prod");
        let id = person.check(&resource, "work-item-completed", |it| {
            it.every(5);
        });
        person.azure_devops.with(|state| state.key_answer = hidden);
        let refused = person.run(&["audit", &person.project(), "--fix", "--yes"]).await;
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(
            refused.err.contains("does not show its function key") && refused.err.contains("CHECKGATE_FUNCTION_KEY")
        );
        assert_eq!((person.writes(), person.configuration(id).input_value("key")), (0, KEY));

        person.environment.push(("CHECKGATE_FUNCTION_KEY", KEY.to_owned()));
        let fixed = person.run(&["audit", &person.project(), "--fix", "--yes"]).await;
        assert_eq!((fixed.code, person.writes()), (0, 1), "{fixed:?}");
        assert_eq!(person.configuration(id).input_value("key"), KEY);
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_reported_and_the_rest_is_read() {
    let person = Person::new().await;
    for number in 0..7 {
        let resource = person.resource(ResourceKind::Environment, &format!("stage {number}"));
        person.check(&resource, "work-item-completed", |it| {
            it.every(number);
        });
    }
    let hidden = person.resource(ResourceKind::Environment, "hidden");
    person.azure_devops.with(|state| {
        state.hide_checks_of(&hidden);
        state.deny(&person.token, Area::Library);
    });
    person.azure_devops.fail(Fault::throttle(RetryAfter::Seconds(1))).on("GET", "environments").once();
    let printed = person.run(&["audit", &person.project(), "--format", "json"]).await;
    assert_eq!(printed.code, 2, "{printed:?}");
    let report = json(&printed.out);
    assert_eq!(open(&report).len(), 6);
    let unread: Vec<&str> = report["unread"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert!(unread.iter().any(|line| line.contains("could not read the variable groups")), "{unread:?}");
    assert!(unread.iter().any(|line| line.contains("could not read the secure files")), "{unread:?}");
    let hidden = report["resources"].as_array().expect("resources").iter().find(|it| it["name"] == "hidden");
    assert!(hidden.expect("the resource")["error"].as_str().expect("why").contains("but not its checks"));
    assert_eq!(report["summary"]["complete"], false);
    let log = json(&person.run(&["audit", &person.project(), "--format", "sarif"]).await.out);
    Schema::read("tests/schemas/sarif-schema-2.1.0.json").expect(&log);
    assert!(log["runs"][0]["invocations"][0]["toolExecutionNotifications"].as_array().is_some_and(|it| it.len() >= 3));
}

#[tokio::test]
async fn a_wrong_address_or_token_ends_with_advice_and_code_2() {
    let mut person = Person::new().await;
    let wrong = format!("{}NoSuchProject", person.azure_devops.url());
    for (address, says) in [
        (wrong.as_str(), "is the address right, and may the token see it?"),
        ("fabrikam", "write it as https://dev.azure.com/fabrikam/shop"),
    ] {
        let printed = person.run(&["audit", address]).await;
        assert!(printed.code == 2 && printed.err.contains(says), "{printed:?}");
    }
    person.token = "expired-token-of-somebody".to_owned();
    let printed = person.run(&["audit", &person.project()]).await;
    assert!(printed.code == 2 && printed.err.contains("the token was refused"), "{printed:?}");
}

#[tokio::test]
async fn all_projects_of_an_organisation_are_audited_and_a_baseline_accepts_what_is_known() {
    let person = Person::new().await;
    let (here, there) = person.azure_devops.with(|state| {
        let other = state.project("Other").id;
        (state.resource(ResourceKind::Queue, "pool"), state.resource_in(other, ResourceKind::Repository, "code"))
    });
    for resource in [&here, &there] {
        person.check(resource, "work-item-completed", |it| {
            it.every(5);
        });
    }
    let report = person.run(&["audit", &person.azure_devops.url(), "--format", "json", "--exit-zero"]).await;
    assert_eq!((report.code, open(&json(&report.out)).len()), (0, 2), "{report:?}");
    let file = std::env::temp_dir().join(format!("checkgate-baseline-{}.json", std::process::id()));
    std::fs::write(&file, &report.out).expect("a temporary file");
    let baseline = ["--baseline", file.to_str().expect("a plain path")];
    let url = person.azure_devops.url();
    let accepted = person.run(&[&["audit", &url][..], &baseline].concat()).await;
    assert_eq!(accepted.out.trim(), "2 resources with 2 checks, 0 errors, 0 warnings, 2 accepted.");
    let accepted = person.run(&[&["audit", &url, "--format", "sarif"][..], &baseline].concat()).await;
    let log = json(&accepted.out);
    Schema::read("tests/schemas/sarif-schema-2.1.0.json").expect(&log);
    assert_eq!(log["runs"][0]["results"][1]["suppressions"][0]["status"], "accepted", "{log:#}");
    person.check(&here, "work-item-complete", |_| {});
    let new = person.run(&[&["audit", &url][..], &baseline].concat()).await;
    std::fs::remove_file(&file).expect("it was there");
    assert!(new.code == 1 && new.out.contains("did you mean `work-item-completed`?"), "{new:?}");
    assert!(!new.out.contains("callback-interval"), "{}", new.out);
}

#[tokio::test]
async fn a_report_in_sarif_has_a_rule_a_place_and_a_fingerprint_for_each_finding() {
    let person = Person::new().await;
    let count = planted::plant(&person);
    let printed = person.run(&["audit", &person.project(), "--require", "unprotected", "--format", "sarif"]).await;
    let log = json(&printed.out);
    assert_eq!((&log["version"], log["runs"].as_array().map(Vec::len)), (&Value::from("2.1.0"), Some(1)));
    let schema = Schema::read("tests/schemas/sarif-schema-2.1.0.json");
    schema.expect(&log);
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    let results = run["results"].as_array().expect("results");
    assert_eq!(results.len(), count);
    let mut fingerprints = BTreeSet::new();
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().expect("a number")).expect("small");
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(["error", "warning"].contains(&result["level"].as_str().expect("a level")));
        assert!(result["message"]["text"].as_str().is_some_and(|text| text.len() > 20));
        let uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().expect("a place");
        assert!(uri.starts_with("azure-devops/FabrikamFiber/") && !uri.contains(' '), "{uri}");
        fingerprints.insert(result["partialFingerprints"]["checkgate/v1"].as_str().expect("a fingerprint").to_owned());
    }
    assert_eq!(fingerprints.len(), count);
    for (member, wrong) in [("level", "fatal"), ("locations", "here"), ("partialFingerprints", "none"), ("rule", "x")] {
        let mut log = log.clone();
        log["runs"][0]["results"][0][member] = wrong.into();
        assert!(schema.complaints(&log).is_some(), "{member}: the schema allows {wrong}");
    }
    let markdown = person.run(&["audit", &person.project(), "--format", "markdown"]).await;
    assert!(markdown.out.contains("| error | environment/callback-interval in FabrikamFiber |"), "{}", markdown.out);
}

#[tokio::test]
async fn a_rest_check_is_judged_by_the_address_of_its_service_connection() {
    let person = Person::new().await;
    let resource = person.resource(ResourceKind::Environment, "prod");
    person.azure_devops.with(|state| {
        let mut connection = state.resource(ResourceKind::Endpoint, "checkgate");
        connection.url = Some(FUNCTION.to_owned());
        let last = state.resources.len() - 1;
        state.resources[last] = connection.clone();
        let headers = with_headers(&[("PlanId", "")]);
        let inputs =
            [("connectedServiceName", connection.id.as_str()), ("headers", &headers), ("waitForCompletion", "true")];
        state.rest_check(&resource, &inputs);
    });
    let printed = person.run(&["audit", &person.project()]).await;
    assert!(printed.code == 1 && printed.out.contains("The header `PlanId` is missing."), "{printed:?}");
}

#[test]
fn the_page_lists_every_rule_with_its_level_and_its_sentence() {
    let page = crate::support::docs::page("docs/checks-as-code.md");
    for rule in checkgate::compliance::Rule::ALL {
        let row = format!("| `{}` | {} | {} |", rule.id(), rule.level().word(), rule.demand());
        assert!(page.contains(&row), "{row}");
    }
}
