//! Stands in for the outside world of checkgate on a developer's machine.
//!
//! Each part is state behind real HTTP on the loopback interface. A test or a demo sets the state, lets checkgate talk
//! to it through its real clients, and then reads which calls arrived and what changed.
//!
//! # Layout
//!
//! * [`clock`]: the time that all simulated worlds share.
//! * [`faults`]: errors, delays and lost connections that a test asks for.
//! * [`calls`]: the requests that a world received, and its answers.
//! * [`Server`]: what all simulated worlds have in common: a port, faults, latency, and the record of calls.
//! * [`azure_devops`]: projects, runs, work items, and the plans that wait for a check's decision.
//! * [`azure_pipelines`]: delivers checks. [`pipeline_log`]: shows a check as the run page does.
//! * [`rehearsal`]: plays Azure Pipelines against any endpoint. The program `simulator` is the command for it, and for the next.
//! * [`practice`]: an organization to practise on.
//! * `storage_account`: a storage account. [`storage_queue`]: its queues. [`storage_blob`]: its append blobs.
//! * [`sources`]: ServiceNow, Prometheus, Azure Monitor and other systems that checks query.
//! * [`functions_host`]: the host that starts checkgate's handler and calls its functions.

pub mod azure_devops;
pub mod azure_pipelines;
pub mod calls;
pub mod clock;
pub mod faults;
pub mod functions_host;
pub mod pipeline_log;
pub mod practice;
pub mod rehearsal;
pub mod sources;
pub mod storage_blob;
pub mod storage_queue;

mod headers;
mod http;
mod latency;
mod storage_account;

pub use clock::{Clock, Pace};
pub use http::{Server, World};
