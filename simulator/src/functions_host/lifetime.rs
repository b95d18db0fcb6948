//! The life of a host: what is under way in it, and how it ends.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// A host's life; all clones are one.
#[derive(Clone)]
pub(super) struct Lifetime {
    phase: watch::Sender<Phase>,
    under_way: watch::Sender<usize>,
    end: Arc<Mutex<Option<End>>>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Takes calls and messages.
    Up,
    /// Takes nothing more, and ends what it has.
    Stopping,
    /// Ends nothing any more: messages keep their lease.
    Gone,
}

/// How a host ended.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) why: String,
    /// The exit code; `None` if the host was killed.
    pub(super) code: Option<i32>,
}

/// Something that is under way, until it is dropped.
pub(super) struct UnderWay(watch::Sender<usize>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Lifetime {
    pub(super) fn new() -> Self {
        Self { phase: watch::Sender::new(Phase::Up), under_way: watch::Sender::new(0), end: Arc::default() }
    }

    /// Counts something as under way.
    pub(super) fn begin(&self) -> UnderWay {
        self.under_way.send_modify(|count| *count += 1);
        UnderWay(self.under_way.clone())
    }

    /// Waits until nothing is under way.
    pub(super) async fn idle(&self) {
        // It cannot be closed: this is a sender itself.
        let _ = self.under_way.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Waits until something is under way.
    #[cfg(test)]
    pub(super) async fn busy(&self) {
        let _ = self.under_way.subscribe().wait_for(|count| *count > 0).await;
    }

    /// From now on nothing more is taken.
    pub(super) fn stop(&self, why: &str) {
        self.end_as(why, Some(0), Phase::Stopping);
    }

    /// The host is gone, in good order as it believes: the exit code is 0 whatever the reason.
    pub(super) fn leave(&self, why: &str) {
        self.end_as(why, Some(0), Phase::Gone);
    }

    /// The host is killed.
    pub(super) fn die(&self, why: &str) {
        self.end_as(why, None, Phase::Gone);
    }

    fn end_as(&self, why: &str, code: Option<i32>, phase: Phase) {
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        end.get_or_insert_with(|| End { why: why.to_owned(), code });
        self.phase.send_modify(|known| *known = phase.max(*known));
    }

    pub(super) fn ended(&self) -> Option<End> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn is_gone(&self) -> bool {
        *self.phase.borrow() == Phase::Gone
    }

    /// Waits until the host is gone.
    pub(super) async fn gone(&self) {
        let _ = self.phase.subscribe().wait_for(|phase| *phase == Phase::Gone).await;
    }

    /// Sleeps in real time, but not beyond the moment at which the host takes nothing more.
    pub(super) async fn sleep(&self, pause: Duration) {
        let mut phase = self.phase.subscribe();
        let _ = tokio::time::timeout(pause, phase.wait_for(|phase| *phase > Phase::Up)).await;
    }
}
