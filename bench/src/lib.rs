//! What the measurements, the floor and the benchmarks share.

pub mod http;
pub mod ids;
pub mod timeline;
