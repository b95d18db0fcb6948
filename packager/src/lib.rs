//! The command `cargo dist`: builds what is published.

pub mod dist;
