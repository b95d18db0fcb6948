//! The ports of a local run, and who answers on them.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::str::FromStr;
use std::time::Duration;

use reqwest::header::HeaderMap;
use tokio::net::TcpStream;

/// How long a service on this machine may take to answer, even if the machine builds meanwhile.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// How long this machine may take to connect to itself.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);

/// The account of every storage emulator.
const ACCOUNT: &str = "devstoreaccount1";

/// The key of that account. It is public, and part of every emulator.
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// The ports of a local run. `UseDevelopmentStorage=true` means those of the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ports {
    /// Where the Functions host listens.
    pub func: u16,
    blob: u16,
    queue: u16,
    table: u16,
}

impl Ports {
    /// The storage services by name.
    pub(crate) fn storage(&self) -> [(&'static str, u16); 3] {
        [("blob", self.blob), ("queue", self.queue), ("table", self.table)]
    }

    /// The connection string of the storage services: `UseDevelopmentStorage=true`, with these ports.
    #[must_use]
    pub fn connection_string(&self) -> String {
        let Self { blob, queue, table, .. } = self;
        let endpoint = |service: &str, port: &u16| format!("{service}Endpoint=http://127.0.0.1:{port}/{ACCOUNT}");
        let endpoints = [endpoint("Blob", blob), endpoint("Queue", queue), endpoint("Table", table)].join(";");
        format!("DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};{endpoints}")
    }
}

impl FromStr for Ports {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let ports: Result<Vec<u16>, _> = text.split(',').map(str::parse).collect();
        match ports.as_deref() {
            Ok(&[func, blob, queue, table]) => Ok(Self { func, blob, queue, table }),
            _ => Err("four ports are needed, such as 7071,10000,10001,10002"),
        }
    }
}

/// Who answers on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nobody listens.
    Nobody,
    /// A storage service.
    Storage,
    /// Something else.
    Other,
}

/// Asks who answers on a port of this machine.
pub(crate) async fn look(port: u16) -> Answer {
    if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
        return Answer::Nobody;
    }
    let request = reqwest::Client::new().get(format!("http://127.0.0.1:{port}/{ACCOUNT}?comp=list"));
    match request.timeout(ANSWER_LIMIT).send().await {
        Ok(answer) if is_storage(answer.headers()) => Answer::Storage,
        _ => Answer::Other,
    }
}

/// Whether a storage service wrote these headers. The request has no signature, and even its refusal has the request's id;
/// only Azurite's table service leaves it out.
fn is_storage(headers: &HeaderMap) -> bool {
    let server = headers.get("server").and_then(|server| server.to_str().ok()).unwrap_or_default();
    headers.contains_key("x-ms-request-id") || server.starts_with("Azurite")
}

/// Whether nobody listens on a port of this machine, neither at 127.0.0.1, where `func` listens, nor at `[::1]`: clients
/// that call `localhost` try that first.
pub(crate) fn is_free(port: u16) -> bool {
    let answers =
        |address| std::net::TcpStream::connect_timeout(&SocketAddr::new(address, port), CONNECT_LIMIT).is_ok();
    ![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()].into_iter().any(answers)
        && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Whether a storage service is there already. Azurite's three must be there, or none: one that is half there would be
/// half ours.
pub(crate) async fn has_storage(ports: &Ports) -> Result<bool, String> {
    let mut answers = Vec::new();
    for (service, port) in ports.storage() {
        let answer = look(port).await;
        if answer == Answer::Other {
            return Err(format!(
                "port {port} is taken by something that is not a storage service, and Azurite needs it for the {service} service: stop what listens there (`lsof -i :{port}` names it)"
            ));
        }
        answers.push((service, port, answer));
    }
    // Nothing of this app is in a table.
    let (needed, missing): (Vec<_>, Vec<_>) =
        answers.iter().filter(|(service, ..)| *service != "table").partition(|(.., answer)| *answer == Answer::Storage);
    match (needed.as_slice(), missing.as_slice()) {
        ([_, _], _) => Ok(true),
        ([(service, port, _)], [(other, other_port, _)]) => Err(format!(
            "a {service} service answers on port {port}, but no {other} service on port {other_port}: stop it, and this command starts Azurite with all services; or start `azurite` yourself, which has all of them"
        )),
        _ if answers.iter().any(|(.., answer)| *answer == Answer::Storage) => Err(format!(
            "a table service answers on port {}, but neither a blob service nor a queue service answers: stop it",
            ports.table
        )),
        _ => Ok(false),
    }
}
