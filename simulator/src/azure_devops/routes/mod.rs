//! What the organization serves: the routes, by area. A handler gets the state and a request that meets the demands of
//! its route.
//!
//! # Layout
//!
//! * `answers`, `versions`, `ask`, `route`: what all routes have in common.
//! * `plans`, `timelines`, `build`, `boards`, `quality`, `code`, `resources`, `checks`, `logs`: the handlers, by area.
//! * `locations`: what clients ask first. `table`: every route.

mod answers;
mod ask;
mod boards;
mod build;
mod checks;
mod code;
mod locations;
mod logs;
mod plans;
mod quality;
mod resources;
mod route;
mod table;
mod timelines;
mod versions;

pub(super) use answers::{Answer, Refusal};
pub(super) use ask::Ask;
pub(super) use route::{Content, Route};
pub(super) use table::ROUTES;
pub(super) use versions::Versions;
