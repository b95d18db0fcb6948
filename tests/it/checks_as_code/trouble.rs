//! What happens midway: resources disappear, rights are missing, Azure DevOps throttles, a token is refused.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use simulator::azure_devops::{Resource, ResourceKind};
use simulator::faults::{Fault, RetryAfter};

use super::{Person, Printed};

/// The query for the checks of many resources.
const CHECKS: &str = "queryconfigurations";

/// A person with three environments. The check of each has one finding that can be mended.
async fn a_misconfigured_project() -> (Person, Vec<Resource>) {
    let person = Person::new().await;
    let resources: Vec<Resource> =
        ["dev", "test", "prod"].map(|name| person.resource(ResourceKind::Environment, name)).into();
    for resource in &resources {
        person.check(resource, "work-item-completed", |check| {
            check.every(5);
        });
    }
    (person, resources)
}

/// The names of the resources with findings, by a report in JSON.
fn found(printed: &Printed) -> BTreeSet<String> {
    let report: Value = serde_json::from_str(&printed.out).unwrap_or_else(|error| panic!("{error}: {printed:?}"));
    let resources = report["resources"].as_array().expect("resources").iter();
    let with_findings = resources.filter(|it| it["findings"].as_array().is_some_and(|findings| !findings.is_empty()));
    with_findings.map(|it| it["name"].as_str().expect("a name").to_owned()).collect()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn a_resource_that_disappears_midway_is_reported_and_the_others_are_audited() {
    let (person, resources) = a_misconfigured_project().await;
    person.azure_devops.with(|state| state.delete_once_listed(&resources[1]));
    let printed = person.run(&["audit", &person.project(), "--format", "json"]).await;
    assert_eq!((printed.code, found(&printed)), (2, names(&["dev", "prod"])), "{printed:?}");
    let report: Value = serde_json::from_str(&printed.out).expect("JSON");
    let gone = report["resources"].as_array().expect("resources").iter().find(|it| it["name"] == "test");
    assert_eq!(gone.expect("the resource")["error"], "it was deleted in the meantime");
    let again = person.run(&["audit", &person.project()]).await;
    assert_eq!(again.code, 1, "it is not listed any more: {again:?}");
}

#[tokio::test]
async fn a_throttled_audit_waits_as_long_as_it_is_asked_to_and_reads_everything() {
    let (person, _) = a_misconfigured_project().await;
    person.azure_devops.fail(Fault::throttle(RetryAfter::Seconds(1))).on("POST", CHECKS).times(2);
    person.azure_devops.take_calls();
    let printed = person.run(&["audit", &person.project(), "--format", "json"]).await;
    assert_eq!((printed.code, found(&printed).len()), (1, 3), "{printed:?}");
    let calls = person.azure_devops.take_calls();
    let of_checks: Vec<_> = calls.iter().filter(|call| call.path.contains(CHECKS)).collect();
    assert_eq!(of_checks.iter().map(|call| call.status).collect::<Vec<_>>(), [429, 429, 200]);
    for pair in of_checks.windows(2) {
        assert!(pair[1].at - pair[0].at >= chrono::TimeDelta::seconds(1), "it came back too early");
    }
}

#[tokio::test]
async fn a_check_that_cannot_be_written_is_named_and_the_others_are_mended() {
    for (fault, says) in [
        (Fault::throttle(RetryAfter::Seconds(1)), "429"),
        (Fault::exception(403, "AccessDeniedException", "You may not change it."), "You may not change it."),
    ] {
        let (person, _) = a_misconfigured_project().await;
        person.azure_devops.fail(fault).on("PATCH", "configurations/2").forever();
        let fix = ["audit", &person.project(), "--fix", "--yes", "--format", "json"];
        let printed = person.run(&fix).await;
        assert_eq!((printed.code, found(&printed)), (2, names(&["test"])), "{printed:?}");
        let failure =
            printed.err.lines().find(|line| line.starts_with("not mended: environment/test in FabrikamFiber"));
        assert!(failure.is_some_and(|line| line.contains(says)), "{says}: {}", printed.err);
        person.azure_devops.heal();
        let again = person.run(&fix).await;
        assert_eq!((again.code, found(&again)), (0, names(&[])), "{again:?}");
    }
}

#[tokio::test]
async fn rights_that_are_missing_in_one_project_leave_the_others_audited() {
    let (person, _) = a_misconfigured_project().await;
    let other = person.azure_devops.with(|state| {
        let other = state.project("Other").id;
        state.resource_in(other, ResourceKind::Environment, "hidden");
        other
    });
    let denied = Fault::exception(403, "AccessDeniedException", "You may not see it.");
    person.azure_devops.fail(denied).on("GET", &format!("{other}/_apis/distributedtask/environments")).forever();
    let printed = person.run(&["audit", &person.azure_devops.url(), "--format", "json"]).await;
    assert_eq!((printed.code, found(&printed)), (2, names(&["dev", "test", "prod"])), "{printed:?}");
    let report: Value = serde_json::from_str(&printed.out).expect("JSON");
    let unread = report["unread"].as_array().expect("a list");
    assert_eq!(unread.len(), 1, "{report:#}");
    assert!(unread[0].as_str().is_some_and(|why| why.starts_with("project Other: could not read the environments")));
}

#[tokio::test]
async fn a_token_that_is_refused_midway_ends_the_audit_with_advice_and_without_a_report() {
    let (person, _) = a_misconfigured_project().await;
    person.azure_devops.fail(Fault::status(401)).on("POST", CHECKS).forever();
    let printed = person.run(&["audit", &person.project(), "--fix", "--yes"]).await;
    assert_eq!((printed.code, printed.out.as_str(), person.writes()), (2, "", 0), "{printed:?}");
    assert!(printed.err.contains("the token was refused") && printed.err.contains("az login"), "{printed:?}");
}

#[tokio::test]
async fn a_baseline_that_is_no_report_is_refused_and_nothing_is_accepted() {
    let (person, _) = a_misconfigured_project().await;
    let file = std::env::temp_dir().join(format!("checkgate-no-baseline-{}.json", std::process::id()));
    let path = file.to_str().expect("a plain path");
    for (text, says) in [("", "it is not JSON"), ("{}", "it is not a report of `checkgate audit --format json`")] {
        fs::write(&file, text).expect("a temporary file");
        let printed = person.run(&["audit", &person.project(), "--baseline", path]).await;
        assert!(printed.code == 2 && printed.err.contains(says) && printed.out.is_empty(), "{printed:?}");
    }
    fs::remove_file(&file).expect("it was there");
    let printed = person.run(&["audit", &person.project(), "--baseline", path]).await;
    assert!(printed.code == 2 && printed.err.contains("cannot be read"), "{printed:?}");
}

/// A person who is signed in to the Azure CLI, or not: the stand-in answers this, and records its arguments.
#[cfg(unix)]
fn with_azure_cli(person: &mut Person, answers: &str) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = std::env::temp_dir().join(format!("checkgate-{}", uuid::Uuid::new_v4()));
    fs::create_dir(&folder).expect("a temporary folder");
    let az = folder.join("az");
    fs::write(&az, format!("#!/bin/sh\necho \"$*\" >> '{}/asked'\n{answers}\n", folder.display())).expect("a script");
    fs::set_permissions(&az, fs::Permissions::from_mode(0o755)).expect("an executable script");
    person.token.clear();
    person.environment.push(("PATH", folder.to_str().expect("a plain path").to_owned()));
    folder
}

#[cfg(unix)]
#[tokio::test]
async fn a_person_who_is_signed_in_to_the_azure_cli_needs_no_token() {
    let mut person = Person::new().await;
    let token = person.azure_devops.with(|state| state.entra_token());
    let folder = with_azure_cli(&mut person, &format!("echo '{token}'"));
    let printed = person.run(&["audit", &person.project()]).await;
    assert_eq!(
        (printed.code, printed.out.trim()),
        (0, "0 resources with 0 checks, 0 errors, 0 warnings."),
        "{printed:?}"
    );
    let asked = fs::read_to_string(folder.join("asked")).expect("it was asked");
    let resource = "--resource 499b84ac-1321-427f-aa17-267ca6975798";
    assert!(asked.lines().count() == 1 && asked.starts_with("account get-access-token ") && asked.contains(resource));

    // A server would not take the token, and must not see it.
    let printed = person.run(&["audit", "https://tfs.example.com/tfs/DefaultCollection/shop"]).await;
    let advice = "error: there is no token for Azure DevOps: set CHECKGATE_TOKEN or AZURE_DEVOPS_EXT_PAT\n";
    assert_eq!((printed.code, printed.err.as_str()), (2, advice));
    assert_eq!(fs::read_to_string(folder.join("asked")).expect("it was asked").lines().count(), 1);
    fs::remove_dir_all(&folder).expect("it was there");
}

#[cfg(unix)]
#[tokio::test]
async fn a_person_who_is_not_signed_in_is_told_what_to_do() {
    let mut person = Person::new().await;
    let folder = with_azure_cli(&mut person, "echo \"Please run 'az login' to setup account.\" >&2; exit 1");
    let printed = person.run(&["audit", &person.project()]).await;
    assert!(printed.code == 2 && printed.err.contains("or sign in with `az login`"), "{printed:?}");
    fs::remove_dir_all(&folder).expect("it was there");
}
