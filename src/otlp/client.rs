//! The exporter's requests, over the HTTP client that the process has.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use tokio::runtime::Handle;

use crate::events::Event;
use crate::http::body;

/// So many requests in a row must fail until the log says so: an export is tried four times.
const REPORT_AFTER: u32 = 4;

/// The largest answer that is read. It says at most what was refused.
const MAX_ANSWER: usize = 64 * 1024;

/// The client for one signal.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    /// The exporter's threads have no runtime.
    runtime: Handle,
    /// `traces` or `metrics`.
    signal: &'static str,
    /// How many requests in a row were not taken.
    failed: Arc<AtomicU32>,
}

impl Client {
    /// A client for `traces` or `metrics`.
    pub(super) fn new(http: reqwest::Client, signal: &'static str) -> Self {
        Self { http, runtime: Handle::current(), signal, failed: Arc::default() }
    }

    /// Reports a collector once that takes nothing, until it takes something again. Never names its address: it may hold a key.
    fn note(&self, failure: Option<String>) {
        let Some(why) = failure else { return self.failed.store(0, Ordering::Relaxed) };
        if self.failed.fetch_add(1, Ordering::Relaxed) + 1 == REPORT_AFTER {
            Event::TelemetryNotSent.report(&format!("the collector takes no {}: {why}", self.signal));
        }
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let http = self.http.clone();
        let answer = self.runtime.spawn(async move { post(&http, request).await }).await;
        let answer = answer.unwrap_or_else(|_| Err("the process ends".to_owned()));
        self.note(match &answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answered {}", answer.status())),
            Err(why) => Some(why.clone()),
        });
        answer.map_err(Into::into)
    }
}

async fn post(http: &reqwest::Client, request: reqwest::Request) -> Result<Response<Bytes>, String> {
    let answer = http.execute(request).await.map_err(|error| {
        if error.is_timeout() { "it did not answer in time" } else { "it cannot be reached" }.to_owned()
    })?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut response = Response::new(body::read(answer, MAX_ANSWER).await.unwrap_or_default());
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    Ok(response)
}
