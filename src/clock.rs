//! The only source of time, so that tests can set it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

/// Gives the time. All clones show the same.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    /// Lets time pass at once, where nobody shall really wait.
    pass: Option<Arc<dyn Fn(Duration) + Send + Sync>>,
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    pub fn system() -> Self {
        Self::from_fn(Utc::now)
    }

    /// A clock that shows what `now` returns.
    pub fn from_fn(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self { now: Arc::new(now), pass: None }
    }

    /// The same clock, on which nobody really waits: a sleep calls `pass`, which moves the time.
    #[must_use]
    pub fn moved_by_sleep(self, pass: impl Fn(Duration) + Send + Sync + 'static) -> Self {
        Self { pass: Some(Arc::new(pass)), ..self }
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        (self.now)()
    }

    /// Waits until so much time has passed.
    #[expect(clippy::disallowed_methods, reason = "the one place where anybody waits for time alone")]
    pub async fn sleep(&self, time: Duration) {
        match &self.pass {
            Some(pass) => {
                pass(time);
                tokio::task::yield_now().await;
            }
            None => tokio::time::sleep(time).await,
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}
