//! Stands in for the outside world of checkgate on a developer's machine.
//!
//! Everything here is state plus behaviour behind real HTTP on the loopback interface: a test or a demo says what the
//! world looks like, lets checkgate talk to it through its real clients, and reads what the world saw.
//!
//! # Layout
//!
//! * [`clock`]: the one hand that all simulated worlds read.
//! * [`faults`]: how a world misbehaves on request.
//! * [`calls`]: what a world was asked, and what it answered.
//! * [`azure_devops`]: projects, runs, work items, and the plans that wait for a check's decision.
//! * [`azure_pipelines`]: delivers checks; [`pipeline_log`]: what people see of them.
//! * [`storage_queue`]: the queue service of a storage account.
//! * [`sources`]: ServiceNow, Prometheus, Azure Monitor and others that checks consult.
//! * [`functions_host`]: the host that starts checkgate's handler and calls its functions.

pub mod azure_devops;
pub mod azure_pipelines;
pub mod calls;
pub mod clock;
pub mod faults;
pub mod functions_host;
pub mod pipeline_log;
pub mod sources;
pub mod storage_queue;

mod headers;
mod http;

pub use clock::Clock;
