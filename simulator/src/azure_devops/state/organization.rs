//! The organization: all of its data together.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::behaviour::{CreateLog, EventStatus, LateEvent, LateWrite, Unauthorized, UpdateAnswer};
use super::check_configuration::{CheckConfiguration, KeyAnswer};
use super::plan::Plan;
use super::planned::Planned;
use super::pull_request::PullRequest;
use super::resource::{Resource, ResourceKind};
use super::run::Run;
use super::token::{Area, Token};
use super::work_item::{WorkItem, WorkItemState, default_states};
use crate::clock::Clock;

/// The organization. Tests may read and change every public member.
#[derive(Debug)]
pub struct State {
    /// The clock that all dates come from.
    pub clock: Clock,
    url: String,
    /// Projects. Runs and work items are created in the first one.
    pub projects: Vec<Project>,
    /// Runs by build id.
    pub runs: BTreeMap<u64, Run>,
    /// Work items by id.
    pub work_items: BTreeMap<u64, WorkItem>,
    /// States by work item type, for the projects that have no process of their own in `project_states`.
    pub work_item_states: BTreeMap<String, Vec<WorkItemState>>,
    /// States by project name and work item type, where a project's process differs.
    pub project_states: BTreeMap<(String, String), Vec<WorkItemState>>,
    /// Work items that a commit mentions, by commit.
    pub commit_work_items: BTreeMap<String, Vec<u64>>,
    /// Pull requests of all repositories.
    pub pull_requests: Vec<PullRequest>,
    /// The work items that each WIQL query finds, by its exact text.
    pub queries: BTreeMap<String, Vec<u64>>,
    /// How many work items a query may find.
    pub query_size_limit: usize,
    /// Plans of checks.
    pub plans: BTreeMap<Uuid, Plan>,
    /// What checks can protect.
    pub resources: Vec<Resource>,
    /// Checks on resources, by number.
    pub check_configurations: BTreeMap<u64, CheckConfiguration>,
    /// Resources whose checks may not be seen, by kind and the id that checks use.
    pub hidden_resources: BTreeSet<(ResourceKind, String)>,
    /// Resources that somebody deletes as soon as they were listed, by kind and the id that checks use.
    pub deleted_once_listed: BTreeSet<(ResourceKind, String)>,
    /// How function keys are shown.
    pub key_answer: KeyAnswer,
    /// The most items of a page, where a list has pages.
    pub page_size: usize,
    /// Tokens that are or were valid.
    pub tokens: BTreeMap<String, Token>,
    /// Requests that matched no route, as `METHOD path`.
    pub unknown_requests: Vec<String>,
    /// The answer to a request with a refused token.
    pub expired_token: Unauthorized,
    /// The answer to an event that no session waits for.
    pub late_event: LateEvent,
    /// The answer to an accepted event.
    pub event_status: EventStatus,
    /// What happens to records and logs written after the end of the plan.
    pub late_write: LateWrite,
    /// What creating a log with a known path does.
    pub create_log: CreateLog,
    /// What an update of records is answered with.
    pub update_answer: UpdateAnswer,
    /// Whether updates of records store variables. If not, they are answered as ever.
    pub stores_variables: bool,
    /// Ends of paths, such as `/events`, whose resources need the preview flag in every version.
    pub preview_only: BTreeSet<String>,
    /// Whether a new check gets its own timeline id. If not, the timeline has the plan's id.
    pub separate_timeline: bool,
    /// What will happen to it.
    pub(super) planned: Planned<Self>,
}

/// A team project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// What `$(system.TeamProjectId)` stands for.
    pub id: Uuid,
    /// Its name, also accepted in addresses.
    pub name: String,
}

impl State {
    pub(crate) fn new(clock: Clock, url: String) -> Self {
        let project =
            Project { id: uuid::uuid!("fab12cab-0000-4000-8000-000000000001"), name: "FabrikamFiber".to_owned() };
        Self {
            clock,
            url,
            projects: vec![project],
            runs: BTreeMap::new(),
            work_items: BTreeMap::new(),
            work_item_states: default_states(),
            project_states: BTreeMap::new(),
            commit_work_items: BTreeMap::new(),
            pull_requests: Vec::new(),
            queries: BTreeMap::new(),
            query_size_limit: 20_000,
            plans: BTreeMap::new(),
            resources: Vec::new(),
            check_configurations: BTreeMap::new(),
            hidden_resources: BTreeSet::new(),
            deleted_once_listed: BTreeSet::new(),
            key_answer: KeyAnswer::default(),
            page_size: 100,
            tokens: BTreeMap::new(),
            unknown_requests: Vec::new(),
            expired_token: Unauthorized::Status401,
            late_event: LateEvent::SessionNotFound,
            event_status: EventStatus::NoContent,
            late_write: LateWrite::Accepted,
            create_log: CreateLog::GetOrCreate,
            update_answer: UpdateAnswer::WholeRecords,
            stores_variables: true,
            preview_only: BTreeSet::new(),
            separate_timeline: false,
            planned: Planned::default(),
        }
    }

    /// The collection's address with a trailing slash.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The collection's path with slashes around it.
    pub(crate) fn collection_path(&self) -> &str {
        let authority = self.url.strip_prefix("http://").unwrap_or(&self.url);
        authority.find('/').map_or("/", |slash| &authority[slash..])
    }

    /// Creates a project, or finds it by name.
    pub fn project(&mut self, name: &str) -> Project {
        if let Some(known) = self.find_project(name) {
            return known.clone();
        }
        let project = Project { id: Uuid::new_v4(), name: name.to_owned() };
        self.projects.push(project.clone());
        project
    }

    /// The project with this name or id, as addresses name it.
    pub(crate) fn find_project(&self, name_or_id: &str) -> Option<&Project> {
        let id = Uuid::try_parse(name_or_id).ok();
        self.projects.iter().find(|project| Some(project.id) == id || project.name.eq_ignore_ascii_case(name_or_id))
    }

    /// Creates a person's token. The service takes it by Basic authentication only.
    pub fn personal_token(&mut self) -> String {
        let token = format!("personal-token-{}", Uuid::new_v4().simple());
        let expires_at = self.clock.now() + chrono::TimeDelta::days(90);
        self.tokens.insert(token.clone(), Token { is_personal: true, ..Token::until(expires_at) });
        token
    }

    /// Creates a token of Entra ID, as the Azure CLI gives it to a person who is signed in. The service takes it by Bearer
    /// authentication.
    pub fn entra_token(&mut self) -> String {
        let token = format!("eyJ0eXAiOiJKV1Qi.{}.c2lnbmF0dXJl", Uuid::new_v4().simple());
        let expires_at = self.clock.now() + chrono::TimeDelta::hours(1);
        self.tokens.insert(token.clone(), Token::until(expires_at));
        token
    }

    /// Takes a permission away from a token's identity.
    pub fn deny(&mut self, token: &str, area: Area) {
        if let Some(token) = self.tokens.get_mut(token) {
            token.denied.insert(area);
        }
    }
}
