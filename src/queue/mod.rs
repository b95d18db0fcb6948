//! A check at rest: its message and progress, the claims of its messages, and the queue.

pub mod claim;
mod given_token;
pub mod message;
mod pending_decision;
mod poison;
pub mod progress;
mod schedule;
mod storage;
pub mod watch;

pub use pending_decision::PendingDecision;
pub use poison::{PoisonQueue, Poisoned, Taken};
pub use schedule::Schedule;
pub use storage::{CheckQueue, DELIVERY_PUT, EVALUATION_PUT, PutLimits, QUEUE_NAME, QueueError, Storage};
