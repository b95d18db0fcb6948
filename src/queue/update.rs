//! Changes of a message that this process has put: Update Message and Delete Message of Azure Storage.
//!
//! Both need the receipt of the message's last change. Each receipt counts once: it is old when somebody has received the
//! message, or changed it.

use std::time::Duration;

use azure_storage_queues::prelude::PopReceipt;

use super::limits::EARLY_CALL;
use super::schedule::Schedule;
use super::storage::{CheckQueue, QueueError, describe, is_not_found};

/// The error code of Azure Storage for an old receipt.
const OLD_RECEIPT: &str = "PopReceiptMismatch";

impl CheckQueue {
    /// Gives a message this text and this schedule. Its time to live stays. Returns the receipt for the next change; `None` if
    /// this receipt is old, or the message is gone.
    pub(super) async fn update(
        &self,
        held: &PopReceipt,
        text: &str,
        schedule: Schedule,
    ) -> Result<Option<PopReceipt>, QueueError> {
        Self::check_size(text)?;
        let update = || self.update_once(held, text, schedule.visibility_delay(self.clock.now()));
        self.persist(EARLY_CALL, update).await
    }

    /// The same, but hides the message for so long from now on. Its text has to be given once more.
    pub(super) async fn hide(
        &self,
        held: &PopReceipt,
        text: &str,
        hide_for: Duration,
    ) -> Result<Option<PopReceipt>, QueueError> {
        self.persist(EARLY_CALL, || self.update_once(held, text, hide_for)).await
    }

    async fn update_once(
        &self,
        held: &PopReceipt,
        text: &str,
        hide_for: Duration,
    ) -> Result<Option<PopReceipt>, String> {
        let message = self.client.pop_receipt_client(held.clone());
        match message.update(text, hide_for).into_future().await {
            Ok(updated) => Ok(Some(PopReceipt::new(held.message_id(), updated.pop_receipt))),
            Err(error) if is_not_held(&error) => Ok(None),
            Err(error) => Err(describe(&error)),
        }
    }

    /// Deletes a message, if it is still as it was.
    pub(super) async fn delete(&self, held: PopReceipt) {
        let delete = || async {
            let message = self.client.pop_receipt_client(held.clone());
            match message.delete().into_future().await {
                Err(error) if !is_not_held(&error) => Err(describe(&error)),
                _ => Ok(()),
            }
        };
        if let Err(error) = self.persist(EARLY_CALL, delete).await {
            tracing::debug!(error = %error, "a message was not deleted; it will find that nothing is to be done");
        }
    }
}

/// Whether the receipt is old, or the message is gone.
fn is_not_held(error: &azure_core::Error) -> bool {
    is_not_found(error) || error.as_http_error().and_then(|http| http.error_code()) == Some(OLD_RECEIPT)
}
