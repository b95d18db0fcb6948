//! What every call to an outside system shares: which hosts are paused, which addresses are allowed, how long an answer may
//! be, whose identity is used.

pub(crate) mod body;
pub mod circuit;
pub(crate) mod json;
pub mod managed_identity;
pub mod resolver;
pub mod retry_after;
pub(crate) mod secrets;
pub(crate) mod send;
pub mod waits;
