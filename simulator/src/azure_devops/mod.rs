//! A simulated Azure DevOps organization.
//!
//! It answers the REST calls that a check makes: about the plan that waits for the decision, the run, its work items,
//! its coverage and its pull requests. It refuses what the service tolerates or does not document, so that a call that
//! works here also works there.
//!
//! # Layout
//!
//! * `state`: what the organization knows. [`State`] holds it, with methods for tests and demos.
//!   * [`Run`], [`WorkItem`], [`PullRequest`], [`Coverage`]: what a check asks about.
//!   * [`Plan`], [`CheckIds`]: the check, as Azure Pipelines sees it.
//!   * [`TimelineRecord`]: one line of the run page.
//! * `routes`: what is served.
//! * `router`, `demands`: finds the route of a request, and checks what the route demands.

mod demands;
mod router;
mod routes;
mod state;

use std::io;
use std::ops::Deref;

use bytes::Bytes;
use http::{Request, Response};

pub use state::{
    APPROVAL, Area, Artifact, BuildReason, BuildResult, BuildStatus, CMD_LINE, Change, CheckConfiguration, CheckIds,
    CheckTask, Coverage, CoverageStatistic, CoverageStatus, CreateLog, Event, EventStatus, Issue, IssueKind, KeyAnswer,
    LateEvent, LateWrite, Log, LogReference, NewCheck, Plan, PlanState, Project, PullRequest, RecordState, Resource,
    ResourceKind, Reviewer, Run, State, TASK_CHECK, TaskReference, TaskResult, TestResults, TimelineRecord, Token,
    Unauthorized, UpdateAnswer, Variable, WorkItem, WorkItemState, odd_records,
};

use crate::clock::Clock;
use crate::http::{Server, World};

/// A handle to a simulated organization behind a port. All clones share the organization.
#[derive(Clone)]
pub struct AzureDevOps {
    server: Server<State>,
}

impl Deref for AzureDevOps {
    type Target = Server<State>;

    fn deref(&self) -> &Server<State> {
        &self.server
    }
}

impl World for State {
    fn answer(&mut self, request: &Request<Bytes>) -> Response<Bytes> {
        self.pass_time();
        router::answer(self, request)
    }
}

impl AzureDevOps {
    /// Starts the organization `fabrikam`, as dev.azure.com hosts it.
    ///
    /// # Errors
    ///
    /// If the loopback interface has no free port.
    pub async fn start(clock: Clock) -> io::Result<Self> {
        Self::start_at_path(clock, "fabrikam").await
    }

    /// Starts a collection at this path, such as `tfs/DefaultCollection` of a server on premises.
    ///
    /// # Errors
    ///
    /// If the loopback interface has no free port.
    pub async fn start_at_path(clock: Clock, path: &str) -> io::Result<Self> {
        let path = path.trim_matches('/').to_owned();
        let server = Server::start(clock.clone(), |port| State::new(clock, format!("http://127.0.0.1:{port}/{path}/")));
        Ok(Self { server: server.await? })
    }

    /// The collection's address with a trailing slash: what `$(system.CollectionUri)` stands for.
    pub fn url(&self) -> String {
        self.with(|state| state.url().to_owned())
    }

    /// Reads or changes the organization.
    pub fn with<R>(&self, look: impl FnOnce(&mut State) -> R) -> R {
        self.server.with(|state| {
            state.pass_time();
            look(state)
        })
    }
}
