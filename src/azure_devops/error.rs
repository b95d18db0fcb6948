//! Errors of Azure DevOps, sorted by what a caller does about them.

use std::fmt;
use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;

use crate::http::json::{self, or_default};

/// A call that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What was tried: `read the run`.
    what: &'static str,
    /// What to do about it.
    pub kind: ErrorKind,
    /// What came back, for the log. Holds no secret, and no more of the answer than its typed message.
    detail: String,
    about_version: bool,
    /// How many work items a query may find, where it found more.
    size_limit: Option<u64>,
}

/// What a caller does about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Try again later: Azure DevOps is throttling, down or slow, or its answer cannot be understood.
    Transient {
        /// How long Azure DevOps asks us to wait.
        retry_after: Option<Duration>,
    },
    /// The token is not valid any more: no decision can be delivered with it.
    TokenRefused,
    /// It does not exist, or the build service may not see it.
    NotVisible,
    /// The check was decided, cancelled or timed out: nobody waits for it.
    Gone,
    /// The request was wrong, and will be wrong again.
    BadRequest,
    /// None of these.
    Other,
}

impl Error {
    pub(crate) fn new(what: &'static str, kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self { what, kind, detail: detail.into(), about_version: false, size_limit: None }
    }

    /// How many work items a query may find, if it was refused because it found more.
    pub(super) const fn size_limit(&self) -> Option<u64> {
        self.size_limit
    }

    /// Whether the server refused the version that the call asked for.
    pub(super) const fn is_about_version(&self) -> bool {
        self.about_version
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not {}: {}", self.what, self.detail)
    }
}

impl std::error::Error for Error {}

/// The body of an error: Azure DevOps' wrapped exception. Its `message` may be localised; its `typeKey` is not.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WrappedException {
    #[serde(deserialize_with = "or_default")]
    message: String,
    #[serde(deserialize_with = "or_default")]
    type_key: String,
    #[serde(deserialize_with = "or_default")]
    type_name: String,
}

/// Exceptions that mean that nobody waits for the check any more.
const GONE: [&str; 5] = [
    "OrchestrationSessionNotFoundException",
    "TaskOrchestrationPlanNotFoundException",
    "TaskOrchestrationPlanTerminatedException",
    "TaskOrchestrationPlanCanceledException",
    "TaskOrchestrationJobNotFoundException",
];

/// How much of a message of Azure DevOps is repeated, in characters.
const MAX_MESSAGE: usize = 300;

/// Classifies an answer that is not a success.
pub(super) fn from_answer(what: &'static str, status: StatusCode, retry_after: Option<Duration>, body: &[u8]) -> Error {
    let exception: WrappedException = json::read(body).unwrap_or_default();
    let is = |name: &str| exception.type_key == name || exception.type_name.contains(name);
    let kind = if GONE.iter().any(|name| is(name)) {
        ErrorKind::Gone
    } else {
        match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => ErrorKind::Transient { retry_after },
            status if status.is_server_error() => ErrorKind::Transient { retry_after },
            StatusCode::NOT_FOUND | StatusCode::FORBIDDEN => ErrorKind::NotVisible,
            status if status.is_client_error() => ErrorKind::BadRequest,
            _ => ErrorKind::Other,
        }
    };
    let message: String = exception.message.chars().take(MAX_MESSAGE).collect();
    let detail = match (exception.type_key.as_str(), message.as_str()) {
        ("", "") => format!("Azure DevOps answered {status}"),
        (_, "") | ("", _) => format!("Azure DevOps answered {status}: {}{message}", exception.type_key),
        (key, message) => format!("Azure DevOps answered {status}: {message} ({key})"),
    };
    let about_version = exception.type_key.starts_with("Vss") && exception.type_key.contains("Version");
    Error { about_version, size_limit: size_limit(&exception.message), ..Error::new(what, kind, detail) }
}

/// The limit in `VS402337: The number of work items returned exceeds the size limit of 20000.` The text may be localised;
/// the code and the number are not.
fn size_limit(message: &str) -> Option<u64> {
    let (_, text) = message.split_once("VS402337")?;
    text.split(|c: char| !c.is_ascii_digit()).find_map(|digits| digits.parse().ok())
}

/// A call that was not made, because the last ones got no answer.
pub(super) fn left_alone(what: &'static str, wait: Duration) -> Error {
    let detail = format!("Azure DevOps did not answer the last calls; it is called again in {} s", wait.as_secs() + 1);
    Error::new(what, ErrorKind::Transient { retry_after: Some(wait) }, detail)
}

/// A call that was not made, because Azure DevOps asked the check to stay away.
pub(super) fn held_back(what: &'static str, wait: Duration) -> Error {
    let detail = format!("Azure DevOps asked to be left alone; it is called again in {} s", wait.as_secs() + 1);
    Error::new(what, ErrorKind::Transient { retry_after: Some(wait) }, detail)
}

/// A list of which only the first page was answered.
pub(super) fn cut(what: &'static str) -> Error {
    Error::new(what, ErrorKind::Other, "Azure DevOps lists one page of it only, so not everything was read")
}

/// A success whose JSON is not what it should be.
pub(super) fn unexpected_shape(what: &'static str) -> Error {
    Error::new(what, ErrorKind::Transient { retry_after: None }, "answered JSON of an unexpected shape")
}

/// A call that got no answer, or only a part of it.
pub(super) fn unreachable(what: &'static str, error: &reqwest::Error) -> Error {
    let detail = if error.is_timeout() {
        "Azure DevOps did not answer in time"
    } else if error.is_connect() {
        "Azure DevOps cannot be reached"
    } else {
        "the connection to Azure DevOps broke"
    };
    Error::new(what, ErrorKind::Transient { retry_after: None }, detail)
}
