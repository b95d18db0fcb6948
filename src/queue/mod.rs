//! A check at rest: its message, the claims of its messages, and the queue that holds them.

pub mod claim;
pub mod message;
mod poison;
mod storage;

pub use poison::{PoisonQueue, Poisoned, Taken};
pub use storage::{
    CheckQueue, DELIVERY_PUT_TIMEOUT, EVALUATION_PUT_TIMEOUT, QUEUE_NAME, QueueError, RETRY_PAUSE, Storage,
};
