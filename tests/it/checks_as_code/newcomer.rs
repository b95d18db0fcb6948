//! A person who knows nothing but `--help` mends a project. And the official client reads what was written.

use std::process::Command;
use std::time::Instant;

use checkgate::config::environment;
use simulator::azure_devops::ResourceKind;
use simulator::practice;

use super::{FUNCTION, KEY, Person};
use crate::support::app_root;

/// Runs a command, and prints it as the person saw it.
async fn type_in(person: &Person, arguments: &[&str]) -> super::Printed {
    let printed = person.run(arguments).await;
    assert!(!printed.out.contains(practice::KEY) && !printed.err.contains(practice::KEY), "the key in {printed:?}");
    println!("$ checkgate {}\n{}{}[exit code {}]\n", arguments.join(" "), printed.out, printed.err, printed.code);
    printed
}

#[tokio::test]
async fn a_misconfigured_project_is_mended_with_what_the_help_says() {
    let mut person = Person::new().await;
    person.azure_devops.with(|state| practice::fill(state, "work-item-completed"));
    let (project, begun) = (person.project(), Instant::now());

    let help = type_in(&person, &["--help"]).await;
    for command in ["audit", "install", "backtest", "explain", "evaluate", "completions", "man"] {
        assert!(help.out.contains(&format!("\n  {command} ")), "{command} is not in\n{}", help.out);
    }
    let help = type_in(&person, &["audit", "--help"]).await;
    assert!(help.out.contains("Examples:") && help.out.contains("--fix") && help.out.contains("CHECKGATE_TOKEN"));
    let found = type_in(&person, &["audit", &project, "--require", "*prod*"]).await;
    assert_eq!(found.code, 1, "{found:?}");
    assert!(found.out.contains("Add one with `checkgate install`."), "{}", found.out);
    let fixed = type_in(&person, &["audit", &project, "--require", "*prod*", "--fix", "--yes"]).await;
    assert!(fixed.err.contains("left: endpoint/azure-prod, unprotected"), "{}", fixed.err);

    let help = type_in(&person, &["install", "--help"]).await;
    assert!(help.out.contains("export CHECKGATE_FUNCTION_KEY=") && help.out.contains("--function-url"));
    person.environment.push(("CHECKGATE_FUNCTION_KEY", KEY.to_owned()));
    let install = ["install", &project, "endpoint/azure-prod", "--check", "manual-run", "--function-url", FUNCTION];
    assert_eq!(type_in(&person, &install).await.code, 0);
    let clean = type_in(&person, &["audit", &project, "--require", "*prod*"]).await;
    assert_eq!((clean.code, clean.out.trim()), (0, "5 resources with 5 checks, 0 errors, 0 warnings."));
    let backtest = ["backtest", "--check", "cmdline-executed", "--pipeline", "12", &project];
    let past = type_in(&person, &backtest).await;
    assert!(past.out.contains("6 runs, 4 passed, 2 failed, 0 waiting, 0 unknown."), "{past:?}");
    println!("It took {} ms of the machine's time.", begun.elapsed().as_millis());
}

/// Prints what the models of the official client made of a check.
const OFFICIAL_CLIENT: &str = "tests/clients/read_check.py";

/// Optional: it needs Python with the package `azure-devops`. The environment variable `CHECKGATE_TEST_PYTHON` may name a
/// Python that has it.
#[tokio::test]
async fn the_official_python_client_reads_what_install_wrote() {
    let python = environment("CHECKGATE_TEST_PYTHON").unwrap_or_else(|| "python3".to_owned());
    let has_client = Command::new(&python).args(["-c", "import azure.devops"]).output();
    if !has_client.is_ok_and(|output| output.status.success()) {
        println!("skipped: {python} has no package `azure-devops`; pip install azure-devops, and run the test again");
        return;
    }
    let mut person = Person::new().await;
    person.environment.push(("CHECKGATE_FUNCTION_KEY", KEY.to_owned()));
    person.resource(ResourceKind::Environment, "prod");
    let project = person.project();
    let install =
        ["install", &project, "environment/prod", "--check", "work-item-completed", "--function-url", FUNCTION];
    assert_eq!(person.run(&install).await.code, 0);
    let (url, token) = (person.azure_devops.url(), person.token.clone());
    let read = tokio::task::spawn_blocking(move || {
        let arguments = [OFFICIAL_CLIENT, url.trim_end_matches('/'), &token];
        Command::new(python).args(arguments).current_dir(app_root()).output()
    });
    let read = read.await.expect("no panic").expect("python");
    let text = String::from_utf8_lossy(&read.stdout).into_owned();
    let expected = "1 1440 Task Check environment prod\n1\n";
    assert_eq!(text.replace("\r\n", "\n"), expected, "{}", String::from_utf8_lossy(&read.stderr));
}
