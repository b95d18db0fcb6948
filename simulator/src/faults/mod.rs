//! Errors, delays and lost connections that a test asks a simulated world for.
//!
//! ```no_run
//! # use simulator::{azure_devops::AzureDevOps, faults::Fault};
//! # fn outage(azure_devops: &AzureDevOps) {
//! azure_devops.fail(Fault::status(503)).on("POST", "/events").times(2);
//! azure_devops.fail(Fault::reset()).sometimes(0.01, 42);
//! # }
//! ```
//!
//! The first rule that matches a call applies. The same rules and seeds give the same faults.

mod fault;
mod rules;

pub(crate) use fault::Misbehaviour;
pub use fault::{Fault, RetryAfter};
pub use rules::{Failing, Faults};
