//! The HTTP server under every simulated world.
//!
//! A world is state with one synchronous function that answers a request. Connections, faults and the record of calls
//! are handled here, once for all worlds.

mod listener;
mod server;
mod spelling;

pub(crate) use listener::{Answer, Listener};
pub(crate) use server::Route;
pub use server::{Server, World};
pub(crate) use spelling::Spelling;
