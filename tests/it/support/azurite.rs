//! A real Azurite, installed by npm from the lock file when it is missing, and ended with the test.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::world::app_root;

/// The account and key that every storage emulator knows; documented, not secret.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// A running service: of queues, or of blobs.
pub(crate) struct Azurite {
    process: Child,
    pub(crate) endpoint: String,
}

impl Azurite {
    /// Starts it on a free port, with its data in memory.
    pub(crate) fn start() -> Self {
        Self::start_with("queue", &[])
    }

    /// The same over https, with this certificate. It also takes tokens of Entra ID, and reads their claims.
    pub(crate) fn start_over_https(certificate: &Certificate) -> Self {
        Self::start_https("queue", certificate)
    }

    /// The service of blobs, in the same way.
    pub(crate) fn start_blobs_over_https(certificate: &Certificate) -> Self {
        Self::start_https("blob", certificate)
    }

    fn start_https(service: &str, certificate: &Certificate) -> Self {
        let [file, key] = [&certificate.file, &certificate.key].map(|path| path.to_str().expect("UTF-8"));
        Self::start_with(service, &["--cert", file, "--key", key, "--oauth", "basic"])
    }

    fn start_with(service: &str, arguments: &[&str]) -> Self {
        let mut process = Command::new("node")
            .arg(installed(service))
            .args([&format!("--{service}Host"), "127.0.0.1", &format!("--{service}Port"), "0"])
            .args(["--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck", "--silent"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect(
                "Node is needed for the tests against Azurite: install Node 20 or later, so that `node` is on the PATH",
            );
        let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let address = loop {
            let line = lines.next().expect("Azurite ended before it listened").expect("text");
            if let Some((_, address)) = line.split_once("listens on ") {
                break address.trim().to_owned();
            }
        };
        // Reads on, so that Azurite never blocks on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, endpoint: format!("{address}/{ACCOUNT}") }
    }

    /// What goes into `AzureWebJobsStorage`.
    pub(crate) fn connection_string(&self) -> String {
        let scheme = self.endpoint.split(':').next().unwrap_or_default();
        let queue = &self.endpoint;
        format!("DefaultEndpointsProtocol={scheme};AccountName={ACCOUNT};AccountKey={KEY};QueueEndpoint={queue};")
    }

    /// The same for the simulated host.
    pub(crate) const fn account() -> (&'static str, &'static str) {
        (ACCOUNT, KEY)
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A certificate of this machine that nobody else has signed, and its key, in files.
pub(crate) struct Certificate {
    pub(crate) file: PathBuf,
    key: PathBuf,
}

impl Certificate {
    pub(crate) fn of_this_machine() -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        let folder = std::env::temp_dir().join(format!("checkgate-certificate-{}", uuid::Uuid::new_v4()));
        let (file, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
        std::fs::create_dir(&folder).expect("a temporary folder");
        std::fs::write(&file, made.cert.pem()).expect("a temporary file");
        std::fs::write(&key, made.signing_key.serialize_pem()).expect("a temporary file");
        Self { file, key }
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        // A folder that stays harms nobody.
        let _ = self.file.parent().map(std::fs::remove_dir_all);
    }
}

/// The program of a service, installed exactly as the lock file says.
fn installed(service: &str) -> PathBuf {
    let package = xtask::azurite::install(&app_root()).unwrap_or_else(|why| panic!("{why}"));
    package.join(format!("dist/src/{service}/main.js"))
}
