//! What the host runs, and why it may not start.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// The handler of an app.
#[derive(Clone, Debug)]
pub enum Handler {
    /// It already listens here, such as `http://127.0.0.1:8080`.
    Url(String),
    /// The host starts it, and starts it again when it dies.
    Executable {
        /// The program, whatever `host.json` says.
        path: PathBuf,
        /// App settings, beside the inherited environment.
        environment: Vec<(String, String)>,
        /// The handler error that stops the host, 3 for the real one; `None` never does.
        stop_after_errors: Option<usize>,
    },
}

/// Why a host does not start.
#[derive(Debug)]
pub enum HostError {
    /// The real host would refuse the app's folder; all problems are listed.
    Configuration(Vec<String>),
    /// No port can be bound.
    Io(io::Error),
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration(problems) => {
                write!(f, "the host refuses the app: {}", problems.join("; "))
            }
            Self::Io(error) => write!(f, "the host cannot listen: {error}"),
        }
    }
}

impl std::error::Error for HostError {}

impl Handler {
    /// An app setting: the handler's own, else the machine's.
    pub(super) fn setting(&self, name: &str) -> Option<String> {
        let own = match self {
            Self::Executable { environment, .. } => environment.iter().find(|(known, _)| known == name),
            Self::Url(_) => None,
        };
        own.map(|(_, value)| value.clone()).or_else(|| std::env::var(name).ok())
    }
}
