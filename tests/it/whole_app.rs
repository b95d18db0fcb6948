//! The real executable under the simulated host, on a real Azurite and the machine's clock.

use std::sync::Arc;
use std::time::Duration;

use simulator::azure_devops::{AzureDevOps, CheckIds};
use tokio::sync::Semaphore;
use tokio::time::{Instant, interval, timeout};

use crate::support::azurite::Azurite;
use crate::support::executable;

const CHECKS: usize = 200;
const CONCURRENCY: usize = 16;

/// How long all of it may take before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_checks_at_concurrency_sixteen_end_in_two_hundred_decisions() {
    let azurite = Azurite::start();
    let azure_devops = AzureDevOps::start(simulator::Clock::system()).await.expect("a port");
    let (allowed, denied) = azure_devops.with(|state| {
        let allowed = state.run().id;
        let denied = state.run().without_tasks().id;
        (allowed, denied)
    });
    let host = executable::host(&azure_devops, &azurite).await;
    host.listen();

    let places = Arc::new(Semaphore::new(CONCURRENCY));
    let start = Instant::now();
    let deliveries: Vec<_> = (0..CHECKS)
        .map(|number| {
            let run = if number % 4 == 0 { denied } else { allowed };
            let (host, azure_devops, places) = (host.clone(), azure_devops.clone(), Arc::clone(&places));
            tokio::spawn(async move {
                let _place = places.acquire().await.expect("open");
                let accepted = executable::run_until_accepted(&host, &azure_devops, run, "");
                timeout(PATIENCE, accepted).await.expect("a delivery is accepted")
            })
        })
        .collect();
    let mut checks = Vec::new();
    for delivery in deliveries {
        checks.push(delivery.await.expect("delivered"));
    }
    let all_decided = timeout(PATIENCE, decided(&azure_devops, &checks)).await;
    assert!(all_decided.is_ok(), "not all are decided: {:#?}", host.output());
    println!("{CHECKS} checks decided in {:?}", start.elapsed());

    for ids in &checks {
        let expected = if ids.build_id == denied { "failed" } else { "succeeded" };
        let decisions = azure_devops.with(|state| state.decisions(ids));
        // A put whose answer is late is tried again, so that a decision may be sent twice; it is never another one.
        assert_eq!(decisions.iter().filter(|decision| decision.accepted).count(), 1, "{decisions:?}");
        assert!(decisions.iter().all(|decision| decision.result == expected), "{decisions:?}");
    }
    let output = host.output().join("\n");
    assert!(checks.iter().all(|ids| !output.contains(&ids.auth_token)), "a token is in the output");
    host.stop().await;
}

/// Waits until each check has a decision.
async fn decided(azure_devops: &AzureDevOps, checks: &[CheckIds]) {
    let mut look = interval(Duration::from_millis(20));
    loop {
        look.tick().await;
        if azure_devops.with(|state| checks.iter().all(|ids| state.decision(ids).is_some())) {
            return;
        }
    }
}

#[tokio::test]
async fn without_a_port_the_executable_ends_with_one_sentence() {
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_checkgate")).env_clear().output().await;
    let output = output.expect("the executable");
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.contains("FUNCTIONS_CUSTOMHANDLER_PORT is missing") && error.contains("func start"), "{error}");
}
