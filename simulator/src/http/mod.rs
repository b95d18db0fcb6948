//! The HTTP server under every simulated world.
//!
//! A world answers requests by a synchronous function over its state; everything else (connections, faults, the record
//! of calls, going out of reach) is done once, here.

mod listener;
mod server;
mod spelling;

pub(crate) use listener::{Answer, Listener};
pub(crate) use server::{Route, Server, World};
pub(crate) use spelling::Spelling;
