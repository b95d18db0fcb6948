//! The early successor of a message: the same message once more, which takes over when an evaluation does not end.
//!
//! The host keeps a message for ten minutes when the process dies that evaluates it. So an evaluation begins by queueing its
//! message a second time, due in a minute. While it runs, it moves that minute on. At its end it turns this second message
//! into the next evaluation, or deletes it. If the process dies, the early successor goes on in its place.

use std::sync::{Arc, Weak};
use std::time::Duration;

use azure_storage_queues::prelude::PopReceipt;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;
use tokio::task::AbortHandle;

use super::limits::EARLY_CALL;
use super::schedule::Schedule;
use super::storage::{CheckQueue, QueueError};

/// When early successors are due.
#[derive(Debug, Clone, Copy)]
pub struct EarlyTimes {
    /// How long after it was queued or moved on: longer than most evaluations take, and soon enough for people who wait.
    pub due_after: Duration,
    /// How often an evaluation moves that on: often enough that one try may fail.
    pub moved_every: Duration,
}

impl Default for EarlyTimes {
    fn default() -> Self {
        Self { due_after: Duration::from_secs(60), moved_every: Duration::from_secs(20) }
    }
}

/// The early successor of a message that is evaluated now. Its due time moves on as long as this value lives.
#[derive(Debug)]
pub struct EarlySuccessor {
    queue: CheckQueue,
    /// What the next change of the message needs; `None` after the last one.
    receipt: Arc<Mutex<Option<PopReceipt>>>,
    renewal: AbortHandle,
}

impl CheckQueue {
    /// Queues an early successor.
    ///
    /// # Errors
    ///
    /// [`QueueError`]; it may have been queued all the same, and then nobody moves its due time on.
    pub async fn put_early(&self, text: String, deadline: DateTime<Utc>) -> Result<EarlySuccessor, QueueError> {
        let due = self.clock.now() + TimeDelta::from_std(self.early_times.due_after).unwrap_or_default();
        let receipt = self.put_for_receipt(&text, Schedule { due, deadline }, EARLY_CALL).await?;
        let receipt = Arc::new(Mutex::new(Some(receipt)));
        let renewal = tokio::spawn(renew(self.clone(), Arc::downgrade(&receipt), text)).abort_handle();
        Ok(EarlySuccessor { queue: self.clone(), receipt, renewal })
    }
}

impl EarlySuccessor {
    /// Turns it into this message. Returns whether it is: not if somebody has received it, or the queue has lost it, or an
    /// earlier try has replaced it and the answer was lost.
    ///
    /// # Errors
    ///
    /// [`QueueError`]; it stays what it was, as far as is known.
    pub async fn replace(&self, text: &str, schedule: Schedule) -> Result<bool, QueueError> {
        let mut receipt = self.receipt.lock().await;
        let Some(held) = &*receipt else { return Ok(false) };
        let updated = self.queue.update(held, text, schedule).await?;
        *receipt = None;
        Ok(updated.is_some())
    }

    /// Deletes it, where the check needs no next evaluation. If that fails, it finds by itself that there is nothing to do.
    pub async fn delete(self) {
        if let Some(held) = self.receipt.lock().await.take() {
            self.queue.delete(held).await;
        }
    }
}

impl Drop for EarlySuccessor {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

/// Moves the due time on, until the early successor is replaced or was taken over.
async fn renew(queue: CheckQueue, receipt: Weak<Mutex<Option<PopReceipt>>>, text: String) {
    let mut interval = tokio::time::interval(queue.early_times.moved_every);
    interval.tick().await;
    loop {
        interval.tick().await;
        let Some(receipt) = receipt.upgrade() else { return };
        let mut receipt = receipt.lock().await;
        let Some(held) = &*receipt else { return };
        match queue.hide(held, &text, queue.early_times.due_after).await {
            Ok(Some(next)) => *receipt = Some(next),
            Ok(None) => return,
            // It is tried again at the next tick, before the message is due.
            Err(_) => {}
        }
    }
}
