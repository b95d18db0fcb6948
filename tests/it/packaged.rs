//! The package, unpacked elsewhere, is a function app.

use std::fs::File;
use std::path::PathBuf;

use simulator::azure_devops::AzureDevOps;
use simulator::azure_pipelines::{HEADERS, deliver};
use simulator::functions_host::{FunctionsHost, Handler, QueueSource};
use simulator::storage_queue::StorageQueue;

use crate::support::app_root;
use crate::support::executable::environment;

/// Packs the app with the executable of this build, and unpacks it in another folder.
fn unpacked() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("checkgate-packaged-{}", uuid::Uuid::new_v4()));
    let (dist, zip, unpacked) = (folder.join("dist"), folder.join("checkgate.zip"), folder.join("unpacked"));
    std::fs::create_dir(&folder).expect("writable");
    packager::dist::lay_out(&app_root(), env!("CARGO_BIN_EXE_checkgate").as_ref(), &dist).expect("laid out");
    packager::dist::zip(&dist, &zip).expect("packed");
    std::fs::remove_dir_all(dist).expect("removed");
    let mut archive = zip::ZipArchive::new(File::open(zip).expect("a file")).expect("a zip");
    archive.extract(&unpacked).expect("unpacked");
    unpacked
}

#[tokio::test]
async fn the_package_unpacked_elsewhere_decides_a_check() {
    let app = unpacked();
    let clock = simulator::Clock::system();
    let azure_devops = AzureDevOps::start(clock.clone()).await.expect("a port");
    let queue = StorageQueue::start(clock.clone()).await.expect("a port");
    let environment = environment(&azure_devops, &queue.connection_string());
    let handler = Handler::Executable { path: app.join("checkgate"), environment, stop_after_errors: Some(1) };
    let host = FunctionsHost::start(&app, handler, QueueSource::Simulated(queue), clock).await;
    let host = host.expect("the host takes the app");
    assert!(host.handler_ready().await, "{:?}", host.output());

    let ids = azure_devops.with(|state| {
        let run = state.run().id;
        state.await_check(run)
    });
    let delivered = deliver(&host.function_address("CheckFunction"), HEADERS, "", &ids).await;
    assert!(delivered.accepted(), "{delivered:?}");
    assert_eq!(host.run_due_messages().await, 1);
    assert_eq!(azure_devops.with(|state| state.decision(&ids)).as_deref(), Some("succeeded"));
    host.stop().await;
    std::fs::remove_dir_all(app.parent().expect("a folder")).expect("removed");
}
