//! How a simulated world misbehaves on request.
//!
//! ```no_run
//! # use simulator::{azure_devops::AzureDevOps, faults::Fault};
//! # fn outage(azure_devops: &AzureDevOps) {
//! azure_devops.fail(Fault::status(503)).on("POST", "/events").times(2);
//! azure_devops.fail(Fault::reset()).sometimes(0.01, 42);
//! # }
//! ```
//!
//! The first rule that fits a call applies; the same rules and seeds misbehave in the same way.

mod fault;
mod rules;

pub(crate) use fault::Misbehaviour;
pub use fault::{Fault, RetryAfter};
pub use rules::{Failing, Faults};
