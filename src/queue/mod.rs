//! A check at rest: its message and progress, the claims of its messages, and the queue.

pub mod claim;
mod early_successor;
mod given_token;
mod limits;
pub mod message;
mod pending_decision;
mod poison;
pub mod progress;
mod put;
mod schedule;
mod storage;
mod update;
pub mod watch;

pub use early_successor::{EarlySuccessor, EarlyTimes};
pub use limits::{CallLimits, DELIVERY_PUT, EVALUATION_PUT};
pub use pending_decision::PendingDecision;
pub use poison::{PoisonQueue, Poisoned, Taken};
pub use schedule::Schedule;
pub use storage::{CheckQueue, QUEUE_NAME, QueueError, Storage};
