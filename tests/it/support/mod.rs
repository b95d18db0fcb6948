//! What tests are told with.

pub(crate) mod azurite;
pub(crate) mod collector;
pub(crate) mod docs;
pub(crate) mod evening;
pub(crate) mod executable;
mod log_lines;
pub(crate) mod schema;
mod world;

pub(crate) use log_lines::LogLines;
pub(crate) use world::{
    AN_INTERVAL, Delivery, MONDAY_MORNING, Setup, World, a_check, an_active_work_item, app_root, minutes, serve,
    serve_shared, shipped,
};
