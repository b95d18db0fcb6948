//! The command `cargo dist`: builds what is published.
//!
//! * [`dist`]: the whole, and the folder.
//! * [`archive`]: the zip of the folder.
//! * [`bill`](mod@bill): what the zip is made of.
//! * [`executable`]: what the executable asks of its machine.

pub mod archive;
pub mod bill;
pub mod dist;
pub mod executable;
