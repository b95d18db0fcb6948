//! How many notices are under way at a time: they never take what an evaluation needs.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most at a time. Each holds a connection and a copy of its check; those of a webhook that hangs do for a minute.
const MAX_UNDER_WAY: usize = 64;

/// The notices of a process that are under way. All clones count the same.
#[derive(Debug, Clone)]
pub struct UnderWay(Arc<Semaphore>);

/// One notice is under way until this is dropped.
pub type Permit = OwnedSemaphorePermit;

impl UnderWay {
    /// Begins a notice. `None` when there are too many.
    #[must_use]
    pub fn begin(&self) -> Option<Permit> {
        Arc::clone(&self.0).try_acquire_owned().ok()
    }

    /// How many are under way.
    #[must_use]
    pub fn count(&self) -> usize {
        MAX_UNDER_WAY - self.0.available_permits()
    }
}

impl Default for UnderWay {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_UNDER_WAY)))
    }
}
