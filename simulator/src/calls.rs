//! The requests that a simulated world received, and its answers.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use chrono::{DateTime, Utc};
use http::HeaderMap;

/// How many calls are kept. Older ones are dropped, so that a long run does not fill the memory.
const REMEMBERED_CALLS: usize = 10_000;

/// One HTTP call to a simulated world.
#[derive(Clone, Debug)]
pub struct Call {
    /// When it arrived, on the world's clock.
    pub at: DateTime<Utc>,
    /// Upper-case HTTP method.
    pub method: String,
    /// Path as sent, still percent-encoded.
    pub path: String,
    /// Query as sent, without the question mark. Empty without a query.
    pub query: String,
    /// Headers of the request.
    pub headers: HeaderMap,
    /// Status of the answer. 0 if the connection closed or hung without an answer.
    pub status: u16,
    /// Body of the request.
    pub body: String,
    /// Body of the answer.
    pub response: String,
    /// The `Authorization` header as sent.
    pub authorization: Option<String>,
}

/// One line per call, such as `POST /fabrikam/_apis/x?api-version=7.1: 204`.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.query.is_empty() { "" } else { "?" };
        write!(f, "{} {}{mark}{}: {}", self.method, self.path, self.query, self.status)
    }
}

/// The last calls in full, and a count of all of them by route.
#[derive(Debug)]
pub(crate) struct CallLog {
    recording: bool,
    calls: VecDeque<Call>,
    counts: BTreeMap<&'static str, u64>,
}

impl Default for CallLog {
    fn default() -> Self {
        Self { recording: true, calls: VecDeque::new(), counts: BTreeMap::new() }
    }
}

impl CallLog {
    pub(crate) fn record_calls(&mut self, recording: bool) {
        self.recording = recording;
        if !recording {
            self.calls.clear();
        }
    }

    /// Counts a call. `describe` runs only while calls are recorded.
    pub(crate) fn add(&mut self, route: &'static str, describe: impl FnOnce() -> Call) {
        *self.counts.entry(route).or_default() += 1;
        if self.recording {
            if self.calls.len() == REMEMBERED_CALLS {
                self.calls.pop_front();
            }
            self.calls.push_back(describe());
        }
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.iter().cloned().collect()
    }

    pub(crate) fn take(&mut self) -> Vec<Call> {
        self.calls.drain(..).collect()
    }

    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.counts.clone()
    }
}
