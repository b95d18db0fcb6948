//! The life of the handler's process under its host.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use checkgate::queue::QUEUE_NAME;
use simulator::sources::Sources;
use simulator::storage_queue::StorageQueue;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::{interval, timeout};

use crate::support::app_root;

/// How long something may take before it counts as never happening.
const PATIENCE: Duration = Duration::from_secs(20);

/// The settings with which the host starts the handler, and a queue that is not there.
fn under_host(command: &mut Command, port: u16) -> &mut Command {
    command
        .env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string())
        .env("FUNCTIONS_CUSTOMHANDLER_WORKER_ID", "6f0a0f5e-7a0e-4b58-9a43-0b1f9d0c8a11")
        .env("FUNCTIONS_APP_ROOT_PATH", app_root())
        .env(
            "AzureWebJobsStorage",
            "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;QueueEndpoint=http://127.0.0.1:9/a;",
        )
        .env("TokenSealingKey", "Y2hlY2tnYXRlLWxvY2FsLWRldmVsb3BtZW50LWtleS4=")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Waits until `holds` says so.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        let mut look = interval(Duration::from_millis(25));
        while !holds().await {
            look.tick().await;
        }
    };
    assert!(timeout(PATIENCE, waiting).await.is_ok(), "{what} never happened");
}

async fn is_ready(port: u16) -> bool {
    reqwest::get(format!("http://127.0.0.1:{port}/")).await.is_ok_and(|answer| answer.status() == 200)
}

async fn signal(name: &str, process: u32) {
    let status = Command::new("kill").args([format!("-{name}"), process.to_string()]).status().await;
    assert!(status.expect("kill").success());
}

async fn line(child: &mut Child) -> String {
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    timeout(PATIENCE, lines.next_line()).await.expect("in time").expect("text").expect("a line")
}

#[tokio::test]
async fn ctrl_c_is_the_hosts_to_act_on() {
    let port = free_port();
    let mut handler = under_host(&mut Command::new(env!("CARGO_BIN_EXE_checkgate")), port)
        .kill_on_drop(true)
        .spawn()
        .expect("the executable");
    until("readiness", async || is_ready(port).await).await;
    signal("INT", handler.id().expect("it runs")).await;
    // It answers as before, although it was asked to end.
    for _ in 0..20 {
        assert!(is_ready(port).await);
    }
    assert_eq!(handler.try_wait().expect("a status"), None);
}

#[tokio::test]
async fn by_hand_ctrl_c_ends_it_and_never_with_success() {
    let port = free_port();
    let mut command = Command::new(env!("CARGO_BIN_EXE_checkgate"));
    let mut handler = under_host(&mut command, port)
        .env_remove("FUNCTIONS_CUSTOMHANDLER_WORKER_ID")
        .kill_on_drop(true)
        .spawn()
        .expect("the executable");
    until("readiness", async || is_ready(port).await).await;
    signal("INT", handler.id().expect("it runs")).await;
    let status = timeout(PATIENCE, handler.wait()).await.expect("in time").expect("a status");
    assert_eq!(status.code(), Some(130));
}

#[tokio::test]
async fn the_handler_ends_when_its_host_is_killed() {
    let port = free_port();
    let mut command = Command::new("sh");
    let script = format!("{} > /dev/null & echo $!; wait", env!("CARGO_BIN_EXE_checkgate"));
    let mut host = under_host(command.args(["-c", &script]), port).kill_on_drop(true).spawn().expect("a shell");
    let handler: u32 = line(&mut host).await.parse().expect("a process id");
    until("readiness", async || is_ready(port).await).await;
    host.kill().await.expect("killed");
    until("the end of the handler", async || {
        !is_ready(port).await && !std::path::Path::new(&format!("/proc/{handler}/cwd")).exists()
    })
    .await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let output =
        under_host(&mut Command::new(env!("CARGO_BIN_EXE_checkgate")), port).output().await.expect("the executable");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains(&format!("port {port} of FUNCTIONS_CUSTOMHANDLER_PORT")));
}

#[tokio::test]
async fn a_storage_that_is_down_at_the_start_does_not_keep_the_port_closed_and_is_warmed_up_when_it_is_back() {
    let queue = StorageQueue::start(simulator::Clock::system()).await.expect("a port");
    queue.refuse_connections(true).await.expect("it closes");
    let port = free_port();
    let mut command = Command::new(env!("CARGO_BIN_EXE_checkgate"));
    under_host(&mut command, port).env("AzureWebJobsStorage", queue.connection_string()).kill_on_drop(true);
    let _handler = command.spawn().expect("the executable");
    until("the port", async || is_ready(port).await).await;

    queue.refuse_connections(false).await.expect("the port");

    until("the queue", async || queue.with(|state| state.queues.contains_key(QUEUE_NAME))).await;
}

/// A proxy that notes the first line of each request, and refuses it: its address, and the lines.
async fn proxy() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            if stream.read_line(&mut line).await.is_ok() {
                noted.lock().expect("no panic").push(line);
                let refusal = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                drop(stream.write_all(refusal.as_bytes()).await);
            }
        }
    });
    (url, asked)
}

#[tokio::test]
async fn the_identity_endpoint_is_never_reached_through_a_proxy() {
    let clock = simulator::Clock::system();
    let (sources, queue) =
        (Sources::start(clock.clone()).await.expect("a port"), StorageQueue::start(clock).await.expect("a port"));
    let (proxy, asked) = proxy().await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_checkgate"));
    command.env_clear();
    under_host(&mut command, free_port())
        .env_remove("AzureWebJobsStorage")
        .env_remove("FUNCTIONS_CUSTOMHANDLER_WORKER_ID");
    command.env("AzureWebJobsStorage__queueServiceUri", queue.endpoint()).envs(sources.identity_settings());
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(name, &proxy);
    }
    let _child = command.stdout(Stdio::null()).kill_on_drop(true).spawn().expect("the executable");

    until("a token of the identity", async || sources.with(|state| !state.identity.tokens.is_empty())).await;

    // The proxy is in force: what comes after the token goes through it.
    until("a call through the proxy", async || !asked.lock().expect("no panic").is_empty()).await;
    let identity = sources.url("identity");
    let asked = asked.lock().expect("no panic").clone();
    assert!(asked.iter().all(|line| line.contains(&queue.endpoint())), "{asked:?}");
    assert!(asked.iter().all(|line| !line.contains(&identity)), "{asked:?}");
}
