//! The queue of checks, over Azure Storage.
//!
//! Only this room knows `azure_storage_queues`. The crate is corrected here in four ways: a pooled transport, no retries of
//! its own (its defaults go on for minutes), development storage by hand, and puts by `put`, each with a time limit. A text is
//! written as it is, without base64, so `messageEncoding` in `host.json` must be `none`.

use std::sync::Arc;
use std::time::Duration;

use azure_core::auth::TokenCredential;
use azure_core::{ClientOptions, HttpClient, RetryOptions, StatusCode, TransportOptions};
use azure_storage::clients::ServiceType;
use azure_storage::{CloudLocation, ConnectionString, StorageCredentials};
use azure_storage_queues::prelude::PopReceipt;
use azure_storage_queues::{QueueClient, QueueServiceClientBuilder};
use tracing::Instrument as _;

use crate::clock::Clock;
use crate::queue::message::MAX_MESSAGE;
use crate::telemetry;

use super::early_successor::EarlyTimes;
use super::given_token::GivenToken;
use super::limits::{CallLimits, RETRY_PAUSE};
use super::poison::PoisonQueue;
use super::put::{NotPut, Puts};
use super::schedule::Schedule;

/// The queue's name in the `ReevaluateFunction/function.json` that ships.
pub const QUEUE_NAME: &str = "check-evaluations";

/// The account and key that every storage emulator knows; documented, not secret.
const EMULATOR_ACCOUNT: &str = "devstoreaccount1";

/// Where the queue is.
#[derive(Clone)]
pub enum Storage {
    /// `UseDevelopmentStorage=true`: Azurite on its default port.
    Development,
    /// A connection string with an account key or a shared access signature.
    ConnectionString(secrecy::SecretString),
    /// A queue service endpoint, reached with a managed identity.
    Identity {
        /// Such as `https://account.queue.core.windows.net`.
        queue_service_uri: String,
        /// Obtains tokens for it.
        credential: Arc<dyn TokenCredential>,
    },
}

impl Storage {
    /// A queue service endpoint, reached with a token that the caller obtained.
    #[must_use]
    pub fn with_token(queue_service_uri: String, token: String) -> Self {
        Self::Identity { queue_service_uri, credential: Arc::new(GivenToken::new(token)) }
    }

    /// Whether a queue can be opened with these settings; nothing is sent.
    ///
    /// # Errors
    ///
    /// What is wrong with them. Never repeats them: they hold a key.
    pub fn check(&self) -> Result<(), String> {
        locate(self).map(drop)
    }
}

/// Why a message could not be queued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// The storage account did not take it, or not in time.
    #[error("the queue did not take the message: {0}")]
    Unavailable(String),
    /// The check is too large to be queued.
    #[error(
        "the check takes {0} bytes as a queue message; at most {1} fit: use fewer or shorter conditions and inputs"
    )]
    TooLarge(usize, usize),
}

/// The queue.
#[derive(Clone, Debug)]
pub struct CheckQueue {
    pub(super) client: QueueClient,
    puts: Puts,
    poison: PoisonQueue,
    pub(super) clock: Clock,
    retry_pause: Duration,
    pub(super) early_times: EarlyTimes,
}

impl CheckQueue {
    /// Opens the queue of this name; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// What is wrong with the storage settings.
    pub fn open(storage: &Storage, name: &str, http: reqwest::Client, clock: Clock) -> Result<Self, String> {
        let (location, credentials) = locate(storage)?;
        let url = location.url(ServiceType::Queue).map_err(|_| "its queue endpoint is not a web address".to_owned())?;
        let puts = Puts::open(&url, name, &credentials, http.clone())?;
        let transport: Arc<dyn HttpClient> = Arc::new(http);
        let options = ClientOptions::default().transport(TransportOptions::new(transport)).retry(RetryOptions::none());
        let service = QueueServiceClientBuilder::with_location(location, credentials).client_options(options).build();
        let (client, poison) = (service.queue_client(name), PoisonQueue::of(&service, name));
        Ok(Self { client, puts, poison, clock, retry_pause: RETRY_PAUSE, early_times: EarlyTimes::default() })
    }

    /// Tries a put again after other pauses than those of 100 ms and more: they pass in real time, whatever the app's clock says.
    #[must_use]
    pub fn with_retry_pause(self, retry_pause: Duration) -> Self {
        Self { retry_pause, ..self }
    }

    /// With early successors that are due at other times, which pass in real time.
    #[must_use]
    pub fn with_early_times(self, early_times: EarlyTimes) -> Self {
        Self { early_times, ..self }
    }

    /// Where the host puts the messages that it gave up.
    #[must_use]
    pub const fn poison(&self) -> &PoisonQueue {
        &self.poison
    }

    /// Queues a message. When this returns, it is durable.
    ///
    /// The message becomes visible when it is due, however long the put takes to begin.
    ///
    /// A put whose answer is lost is tried again, so the message may be queued twice. Claims make duplicates harmless.
    ///
    /// # Errors
    ///
    /// [`QueueError`]; the message may have been queued all the same.
    pub async fn put(&self, text: &str, schedule: Schedule, limits: CallLimits) -> Result<(), QueueError> {
        self.put_for_receipt(text, schedule, limits).await.map(drop)
    }

    /// The same. Returns what the first change of the message needs.
    pub(super) async fn put_for_receipt(
        &self,
        text: &str,
        schedule: Schedule,
        limits: CallLimits,
    ) -> Result<PopReceipt, QueueError> {
        Self::check_size(text)?;
        let span = telemetry::put(self.client.queue_name());
        let put = self.persist(limits, || self.put_once(text, schedule)).instrument(span.clone()).await;
        if put.is_err() {
            telemetry::failed(&span, "unavailable");
        }
        put
    }

    /// XML escapes the text on its way; what counts for the service is the text itself.
    pub(super) const fn check_size(text: &str) -> Result<(), QueueError> {
        if text.len() > MAX_MESSAGE { Err(QueueError::TooLarge(text.len(), MAX_MESSAGE)) } else { Ok(()) }
    }

    /// Tries a call until it succeeds, within these limits.
    pub(super) async fn persist<T, F: Future<Output = Result<T, String>>>(
        &self,
        limits: CallLimits,
        call: impl Fn() -> F,
    ) -> Result<T, QueueError> {
        limits.persist(self.retry_pause, call).await.map_err(QueueError::Unavailable)
    }

    async fn put_once(&self, text: &str, schedule: Schedule) -> Result<PopReceipt, String> {
        let put = async || {
            let now = self.clock.now();
            self.puts.put(text, schedule.visibility_delay(now), schedule.time_to_live(now)).await
        };
        let mut answer = put().await;
        if matches!(answer, Err(NotPut::NoQueue)) {
            self.create().await?;
            answer = put().await;
        }
        answer.map_err(|why| match why {
            NotPut::NoQueue => "it does not exist, although it was created".to_owned(),
            NotPut::Because(why) => why,
        })
    }

    /// Creates the queue if it is missing.
    ///
    /// # Errors
    ///
    /// What the storage account answered.
    pub async fn create(&self) -> Result<(), String> {
        self.client.create().into_future().await.map(drop).map_err(|error| describe(&error))
    }
}

fn locate(storage: &Storage) -> Result<(CloudLocation, StorageCredentials), String> {
    let text = match storage {
        Storage::Development => {
            let location = CloudLocation::Emulator { address: "127.0.0.1".to_owned(), port: 10_001 };
            return Ok((location, StorageCredentials::emulator()));
        }
        Storage::Identity { queue_service_uri, credential } => {
            let account =
                queue_service_uri.split("://").nth(1).and_then(|rest| rest.split('.').next()).unwrap_or_default();
            let location = CloudLocation::Custom { account: account.to_owned(), uri: queue_service_uri.clone() };
            return Ok((location, StorageCredentials::token_credential(Arc::clone(credential))));
        }
        Storage::ConnectionString(text) => secrecy::ExposeSecret::expose_secret(text),
    };
    // The crate's own error repeats the text, key and all.
    let parsed = ConnectionString::new(text).map_err(|_| "it is not a connection string".to_owned())?;
    let credentials =
        parsed.storage_credentials().map_err(|_| "it has neither AccountKey nor SharedAccessSignature".to_owned())?;
    let account = parsed.account_name.unwrap_or(EMULATOR_ACCOUNT).to_owned();
    let location = match (parsed.queue_endpoint, parsed.endpoint_suffix) {
        (Some(uri), _) => CloudLocation::Custom { account, uri: uri.trim_end_matches('/').to_owned() },
        (None, Some(suffix)) => CloudLocation::Custom { uri: format!("https://{account}.queue.{suffix}"), account },
        (None, None) => CloudLocation::Public { account },
    };
    Ok((location, credentials))
}

pub(super) fn is_not_found(error: &azure_core::Error) -> bool {
    error.as_http_error().is_some_and(|http| http.status() == StatusCode::NotFound)
}

/// What the storage account answered. The crate's own text may hold the request.
pub(super) fn describe(error: &azure_core::Error) -> String {
    match error.as_http_error() {
        Some(http) => format!("it answered {} {}", http.status(), http.error_code().unwrap_or_default()),
        None => "it cannot be reached".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn development_storage_is_azurites_queue_service_on_its_default_port() {
        let (location, _) = locate(&Storage::Development).expect("a location");
        let url = location.url(ServiceType::Queue).expect("a URL");
        assert_eq!(url.as_str(), "http://127.0.0.1:10001/devstoreaccount1");
    }
}
