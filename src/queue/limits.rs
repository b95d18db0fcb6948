//! How long calls of the storage account may take, and how often they are tried.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};

/// What is done for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallLimits {
    /// How long it may take in all.
    pub timeout: Duration,
    /// How often it is tried again.
    pub retries: usize,
}

/// The put of a delivery. It takes milliseconds. If it does not, nothing is gained by giving up after 3 s: Azure Pipelines
/// waits 20 s and does not deliver again, so that a late answer saves the stage. With the 4 s that a delivery may take to
/// arrive, the answer comes within 15 s.
pub const DELIVERY_PUT: CallLimits = CallLimits { timeout: Duration::from_secs(11), retries: 6 };

/// The put of a next evaluation. Nobody waits for it, and a storage that is slow is not down. It is repeated for minutes.
pub const EVALUATION_PUT: CallLimits = CallLimits { timeout: Duration::from_secs(20), retries: 3 };

/// A call about an early successor. An evaluation goes on without it, so that it does not wait for a storage that is down, and
/// a last try to queue the next evaluation, which is an update and a put, still ends within `EVALUATION_TIMEOUT`.
pub(super) const EARLY_CALL: CallLimits = CallLimits { timeout: Duration::from_secs(5), retries: 1 };

/// How much of its time the first try of a call may take: the rest is for a second one, over another connection, where the
/// first had gone away.
const FIRST_TRY: f64 = 0.6;

/// How long the first pause between two tries is; each later one is twice as long.
pub(super) const RETRY_PAUSE: Duration = Duration::from_millis(100);

impl CallLimits {
    /// Tries a call until it succeeds, with this first pause. The error is that of the last try.
    pub(super) async fn persist<T, F: Future<Output = Result<T, String>>>(
        self,
        pause: Duration,
        call: impl Fn() -> F,
    ) -> Result<T, String> {
        let backoff = ExponentialBuilder::default().with_min_delay(pause).with_jitter();
        let once = || async {
            let answer = tokio::time::timeout(self.timeout.mul_f64(FIRST_TRY), call());
            answer.await.map_err(|_| "it did not answer".to_owned())?
        };
        let tries = once.retry(backoff.with_max_times(self.retries));
        let too_late = |_| Err(format!("it did not answer within {} s", self.timeout.as_secs()));
        tokio::time::timeout(self.timeout, tries).await.unwrap_or_else(too_late)
    }
}
