//! A stateful, strict Azure DevOps organization.
//!
//! It answers the REST calls that a check makes: the plan that waits for the decision, the run, its work items,
//! coverage and pull requests. Where the service is lenient or undocumented, this one refuses, so that what works here
//! works there.
//!
//! # Layout
//!
//! * [`State`]: everything the organization knows, as plain data with verbs.
//! * [`Run`], [`WorkItem`], [`PullRequest`], [`Coverage`]: what a check asks about.
//! * [`Plan`], [`CheckIds`]: the check itself, as Azure Pipelines sees it.
//! * [`TimelineRecord`]: one line of the run page.

mod demands;
mod router;
mod routes;
mod state;

use std::collections::BTreeMap;
use std::io;

use bytes::Bytes;
use http::{Request, Response};

pub use state::{
    Area, Artifact, BuildReason, BuildResult, BuildStatus, CMD_LINE, Change, CheckIds, Coverage, CoverageStatistic,
    CoverageStatus, CreateLog, Event, EventStatus, Issue, IssueKind, LateEvent, LateWrite, Log, LogReference, Plan,
    PlanState, Project, PullRequest, RecordState, Reviewer, Run, State, TaskReference, TaskResult, TestResults,
    TimelineRecord, Token, Unauthorized, Variable, WorkItem, WorkItemState,
};

use crate::calls::Call;
use crate::clock::Clock;
use crate::faults::{Failing, Fault};
use crate::http::{Server, World};

/// A handle to a simulated organization behind a port; all clones are one.
#[derive(Clone)]
pub struct AzureDevOps {
    server: Server<State>,
}

impl World for State {
    fn answer(&mut self, request: &Request<Bytes>) -> Response<Bytes> {
        router::answer(self, request)
    }
}

impl AzureDevOps {
    /// Starts the organization `fabrikam`, as dev.azure.com hosts it.
    ///
    /// # Errors
    ///
    /// If no port of the loopback interface can be bound.
    pub async fn start(clock: Clock) -> io::Result<Self> {
        Self::start_at_path(clock, "fabrikam").await
    }

    /// Starts a collection at this path, such as `tfs/DefaultCollection` of a server on premises.
    ///
    /// # Errors
    ///
    /// If no port of the loopback interface can be bound.
    pub async fn start_at_path(clock: Clock, path: &str) -> io::Result<Self> {
        let path = path.trim_matches('/').to_owned();
        let server = Server::start(clock.clone(), |port| State::new(clock, format!("http://127.0.0.1:{port}/{path}/")));
        Ok(Self { server: server.await? })
    }

    /// The collection's address with a trailing slash: what `$(system.CollectionUri)` stands for.
    pub fn url(&self) -> String {
        self.with(|state| state.url().to_owned())
    }

    /// The port on the loopback interface.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// Looks at the organization, or changes it.
    pub fn with<R>(&self, look: impl FnOnce(&mut State) -> R) -> R {
        self.server.with(look)
    }

    /// The last calls, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.server.calls()
    }

    /// The last calls, oldest first; they are forgotten here.
    pub fn take_calls(&self) -> Vec<Call> {
        self.server.take_calls()
    }

    /// Switches the full record of calls off, for long runs, or on again.
    pub fn record_calls(&self, recording: bool) {
        self.server.record_calls(recording);
    }

    /// How often each route was called since the start, recorded or not.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.server.counts()
    }

    /// Misbehaves in this way; see [`Failing`] for where and how often.
    pub fn fail(&self, fault: Fault) -> Failing {
        self.server.fail(fault)
    }

    /// Takes back all faults.
    pub fn heal(&self) {
        self.server.heal();
    }

    /// Closes the port and all connections, or listens on the same port again. State is kept.
    ///
    /// # Errors
    ///
    /// If the port has been taken by somebody else in the meantime.
    pub async fn refuse_connections(&self, refuse: bool) -> io::Result<()> {
        self.server.refuse_connections(refuse).await
    }

    /// Closes the port and all connections for good.
    pub async fn stop(&self) {
        // Closing cannot fail; only listening again can.
        let _ = self.server.refuse_connections(true).await;
    }
}
