//! What every call to the outside shares: who is left alone, which addresses are allowed, whose identity is used.

pub(crate) mod body;
pub mod circuit;
pub(crate) mod json;
pub mod managed_identity;
pub mod resolver;
pub mod retry_after;
