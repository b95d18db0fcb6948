//! The real executable under the simulated host.

use std::time::Duration;

use simulator::azure_devops::{AzureDevOps, CheckIds, TaskResult};
use simulator::azure_pipelines::{HEADERS, deliver};
use simulator::functions_host::{FunctionsHost, Handler, QueueSource};
use tokio::time::interval;

use super::azurite::Azurite;
use super::world::app_root;

/// Settings of the executable.
pub(crate) fn environment(azure_devops: &AzureDevOps, storage: &str) -> Vec<(String, String)> {
    let allowed = format!("http://127.0.0.1:{}/", azure_devops.port());
    [
        ("AzureWebJobsStorage", storage),
        ("AllowedPlanUrls", &allowed),
        ("TokenSealingKey", "Y2hlY2tnYXRlLWxvY2FsLWRldmVsb3BtZW50LWtleS4="),
        ("ChecksFile", "checks.yaml"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// The executable, supervised, on a real queue and real time.
pub(crate) async fn host(azure_devops: &AzureDevOps, azurite: &Azurite) -> FunctionsHost {
    let (account, key) = Azurite::account();
    let source = QueueSource::rest(account, key, &azurite.endpoint).expect("an HTTP client");
    let handler = Handler::Executable {
        path: env!("CARGO_BIN_EXE_checkgate").into(),
        environment: environment(azure_devops, &azurite.connection_string()),
        stop_after_errors: None,
    };
    let host = FunctionsHost::start(app_root(), handler, source, simulator::Clock::system())
        .await
        .expect("the host takes the app");
    assert!(host.handler_ready().await, "{:?}", host.output());
    host
}

/// Runs a stage until the delivery of its check is accepted, as it may not be while the handler is killed or a busy storage
/// is slow. A delivery that is refused fails its stage. Somebody runs the stage again, and its check is a new one.
pub(crate) async fn run_until_accepted(
    host: &FunctionsHost,
    azure_devops: &AzureDevOps,
    run: u64,
    body: &str,
) -> CheckIds {
    let function = host.function_address("CheckFunction");
    let mut pause = interval(Duration::from_millis(100));
    loop {
        pause.tick().await;
        let ids = azure_devops.with(|state| state.await_check(run));
        if deliver(&function, HEADERS, body, &ids).await.accepted() {
            return ids;
        }
        azure_devops.with(|state| state.end_check(&ids, TaskResult::Failed));
    }
}
