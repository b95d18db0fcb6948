//! `checkgate install`.

use simulator::azure_devops::{Area, KeyAnswer, ResourceKind};

use super::{FUNCTION, KEY, Person};

/// A person who has the function key.
async fn administrator() -> Person {
    let mut person = Person::new().await;
    person.environment.push(("CHECKGATE_FUNCTION_KEY", KEY.to_owned()));
    person
}

/// Installs a check on an environment.
async fn install(person: &Person, resource: &str, check: &str, more: &[&str]) -> super::Printed {
    let project = person.project();
    let arguments = ["install", &project, resource, "--check", check];
    person.run(&[&arguments[..], more].concat()).await
}

#[tokio::test]
async fn the_second_install_changes_nothing_and_the_audit_is_clean() {
    let person = administrator().await;
    let url = ["--function-url", FUNCTION];
    for (kind, check) in ResourceKind::ALL.iter().zip([
        "work-item-completed",
        "manual-run",
        "code-coverage",
        "change-approved",
        "canary-performance",
        "cmdline-executed",
    ]) {
        person.resource(*kind, "prod");
        let resource = format!("{}/prod", kind.word());
        let first = install(&person, &resource, check, &url).await;
        assert!(first.code == 0 && first.out.contains("is created."), "{first:?}");
        assert_eq!(person.writes(), 1);
        let second = install(&person, &resource, check, &url).await;
        assert!(second.code == 0 && second.out.contains("nothing was changed"), "{second:?}");
        assert_eq!(person.writes(), 0, "{second:?}");
    }
    // It answers at once, so its *Timeout* is short.
    assert_eq!(person.configuration(2).timeout, 2);
    let audit = person.run(&["audit", &person.project(), "--require", "*", "--fail-on", "warning"]).await;
    assert_eq!((audit.code, audit.out.trim()), (0, "6 resources with 6 checks, 0 errors, 0 warnings."), "{audit:?}");
}

#[tokio::test]
async fn a_hidden_key_is_neither_compared_nor_lost() {
    for hidden in [KeyAnswer::Masked, KeyAnswer::Null] {
        let mut person = administrator().await;
        person.resource(ResourceKind::Environment, "prod");
        person.azure_devops.with(|state| state.key_answer = hidden);
        install(&person, "environment/prod", "work-item-completed", &["--function-url", FUNCTION]).await;
        person.azure_devops.take_calls();
        let second = install(&person, "environment/prod", "work-item-completed", &[]).await;
        assert_eq!((second.code, person.writes()), (0, 0), "{second:?}");
        let again = install(&person, "environment/prod", "work-item-completed", &["--set-key"]).await;
        assert_eq!((again.code, person.writes()), (0, 1), "{again:?}");
        person.environment.clear();
        let other = ["--function-url", "https://other.example.com/api/CheckFunction"];
        let refused = install(&person, "environment/prod", "work-item-completed", &other).await;
        assert!(refused.code == 2 && refused.err.contains("to write it back would lose it"), "{refused:?}");
        assert_eq!((person.writes(), person.configuration(1).input_value("key")), (0, KEY));
    }
}

#[tokio::test]
async fn a_dry_run_shows_the_difference_and_writes_nothing() {
    let person = administrator().await;
    let resource = person.resource(ResourceKind::Environment, "prod");
    let id = person.check(&resource, "work-item-completed", |it| {
        it.every(5).input("linked", "kept").timeout = 60;
    });
    let shown = install(&person, "environment/prod", "work-item-completed", &["--dry-run"]).await;
    assert_eq!((shown.code, person.writes()), (1, 0), "{shown:?}");
    for line in ["- timeout: 60", "+ timeout: 1440", "- settings.retryInterval: 5", "+ settings.retryInterval: 0"] {
        assert!(shown.out.contains(line), "{line} is not in\n{}", shown.out);
    }
    let done = install(&person, "environment/prod", "work-item-completed", &[]).await;
    assert_eq!((done.code, person.writes()), (0, 1), "{done:?}");
    let check = person.configuration(id);
    assert_eq!((check.timeout, check.version, check.input_value("linked")), (1440, 2, "kept"));
    let same = install(&person, "environment/prod", "work-item-completed", &["--dry-run"]).await;
    assert_eq!(same.code, 0, "{same:?}");
}

#[tokio::test]
async fn a_rest_check_uses_its_service_connection() {
    let person = administrator().await;
    person.resource(ResourceKind::Queue, "pool");
    let connection = person.azure_devops.with(|state| {
        let connection = state.resource(ResourceKind::Endpoint, "checkgate");
        let last = state.resources.len() - 1;
        state.resources[last].url = Some(FUNCTION.to_owned());
        connection
    });
    let rest = ["--rest", "--service-connection", "checkgate"];
    let first = install(&person, "queue/pool", "work-item-completed", &rest).await;
    assert_eq!(first.code, 0, "{first:?}");
    assert_eq!(person.configuration(1).input_value("connectedServiceName"), connection.id);
    person.azure_devops.take_calls();
    let second = install(&person, "queue/pool", "work-item-completed", &rest).await;
    assert_eq!((second.code, person.writes()), (0, 0), "{second:?}");
    let audit = person.run(&["audit", &person.project()]).await;
    assert_eq!(audit.code, 0, "{audit:?}");
}

#[tokio::test]
async fn what_cannot_be_installed_is_refused_with_the_reason() {
    let mut person = administrator().await;
    let resource = person.resource(ResourceKind::Environment, "production");
    let url = ["--function-url", FUNCTION];
    for (resource, check, more, says) in [
        ("environment/prodution", "manual-run", &url[..], "did you mean `production`?"),
        ("enviroment/production", "manual-run", &url, "did you mean `environment`?"),
        ("environment/production", "manual-rum", &url, "did you mean `manual-run`?"),
        ("environment/production", "manual-run", &[], "name the function with --function-url"),
        (
            "environment/production",
            "manual-run",
            &["--function-url", "https://x/api/CheckFunction?code=abc"],
            "must not hold a query",
        ),
        (
            "environment/production",
            "manual-run",
            &["--function-url", "http://x/api/CheckFunction"],
            "must begin with https://",
        ),
    ] {
        let printed = install(&person, resource, check, more).await;
        assert!(printed.code == 2 && printed.err.contains(says), "{says}: {printed:?}");
    }
    person.azure_devops.with(|state| state.deny(&person.token, Area::ManageChecks));
    let denied = install(&person, "environment/production", "manual-run", &url).await;
    assert!(denied.code == 2 && denied.err.contains("could not create the check"), "{denied:?}");
    person.environment.clear();
    let without = install(&person, "environment/production", "manual-run", &url).await;
    assert!(without.code == 2 && without.err.contains("a new check needs the function key"), "{without:?}");
    person.check(&resource, "manual-run", |_| {});
    person.check(&resource, "manual-run", |_| {});
    let several = install(&person, "environment/production", "manual-run", &url).await;
    assert!(several.code == 2 && several.err.contains("has 2 checks `manual-run`: 1, 2"), "{several:?}");
}
