//! How the commands for people reach Azure DevOps: by an address from the browser, and with a token that they find.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use clap::Args;
use uuid::Uuid;

use super::address::Address;
use super::serve::client;
use crate::azure_devops::projects::Project;
use crate::azure_devops::{self, Authorization, AzureDevOps, Error, ErrorKind, Session};
use crate::clock::Clock;
use crate::config;
use crate::task::plan_url::{AllowedPlanUrls, PlanUrl};
use crate::task::token::AuthToken;
use crate::task::{HubName, TaskProperties};

/// Where a token is looked for, in this order. Never on the command line: everybody on the machine can read that.
const TOKENS: [&str; 2] = ["CHECKGATE_TOKEN", "AZURE_DEVOPS_EXT_PAT"];

/// How often a call is tried again when Azure DevOps throttles or does not answer.
const TRIES: usize = 5;

/// The longest pause that Azure DevOps may ask a person to sit through.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Where to look.
#[derive(Args)]
pub(super) struct Place {
    /// The address from the browser: of an organisation, a project or a page in it
    pub(super) address: String,
    /// The project's name or id, where the address does not say it
    #[arg(long)]
    pub(super) project: Option<String>,
}

/// An organisation or collection, with a token for it.
pub(super) struct Organization {
    /// The client.
    pub(super) azure_devops: AzureDevOps,
    /// The address, understood.
    pub(super) address: Address,
    plan_url: PlanUrl,
    token: AuthToken,
}

impl Organization {
    /// Finds a token, and out what the address names.
    ///
    /// # Errors
    ///
    /// A sentence for the person.
    pub(super) async fn open(place: &Place, clock: &Clock) -> Result<Self, String> {
        let mut address = Address::parse(&place.address)?;
        if let Some(project) = &place.project {
            address.project = Some(project.clone());
            address.may_end_with_project = false;
        }
        let url = plan_url(&address)?;
        let token = token(&address)?;
        let organization = Self::at((address, url), &token, clock)?;
        if !organization.address.may_end_with_project {
            return Ok(organization);
        }
        let shorter = organization.address.ending_with_project().ok_or("the address names no collection")?;
        let nil = Uuid::nil();
        match patiently(|| async { organization.session(nil, None)?.projects().await }).await {
            Err(error) if error.kind == ErrorKind::NotVisible => {
                let url = plan_url(&shorter)?;
                Self::at((shorter, url), &token, clock)
            }
            _ => Ok(organization),
        }
    }

    fn at(
        (address, plan_url): (Address, PlanUrl),
        (token, authorization): &(AuthToken, Authorization),
        clock: &Clock,
    ) -> Result<Self, String> {
        let api_version = config::api_version(&config::environment).map_err(|error| error.to_string())?;
        let options =
            azure_devops::Options { api_version, authorization: *authorization, ..azure_devops::Options::default() };
        let http = client(config::environment("ExtraRootCertificates").map(PathBuf::from).as_deref())?;
        let azure_devops = AzureDevOps::new(http, options, clock.clone())
            .map_err(|error| format!("the HTTP client cannot start: {error}"))?;
        Ok(Self { azure_devops, address, plan_url, token: token.clone() })
    }

    /// A view of a project, or of a run in it.
    pub(super) fn session(&self, project: Uuid, build: Option<u64>) -> Result<Session<'_>, Error> {
        Ok(self.azure_devops.session(&self.properties(project, build)?, &self.token))
    }

    /// The ids of nothing that waits: people ask about a run, no check of it.
    pub(super) fn properties(&self, project_id: Uuid, build_id: Option<u64>) -> Result<TaskProperties, Error> {
        let bad = |why: &'static str| Error::new("name the hub", ErrorKind::Other, why);
        let hub_name: HubName = "checks".parse().map_err(bad)?;
        let nil = Uuid::nil();
        let (plan_id, job_id, timeline_id, task_instance_id) = (nil, nil, nil, nil);
        let plan_url = self.plan_url.clone();
        Ok(TaskProperties { plan_url, project_id, hub_name, plan_id, job_id, timeline_id, task_instance_id, build_id })
    }

    /// The token, for a client at another time.
    pub(super) const fn token(&self) -> &AuthToken {
        &self.token
    }

    /// The project that the address names, or all of them.
    ///
    /// # Errors
    ///
    /// As any call.
    pub(super) async fn projects(&self) -> Result<Vec<Project>, Error> {
        let nil = Uuid::nil();
        match &self.address.project {
            Some(name) => Ok(vec![patiently(|| async { self.session(nil, None)?.project(name).await }).await?]),
            None => patiently(|| async { self.session(nil, None)?.projects().await }).await,
        }
    }

    /// The one project that the address names.
    ///
    /// # Errors
    ///
    /// A sentence for the person.
    pub(super) async fn project(&self) -> Result<Project, String> {
        if self.address.project.is_none() {
            return Err("the address names no project: add it to the address, or write --project NAME".to_owned());
        }
        let mut projects = self.projects().await.map_err(|error| explain(&error))?;
        projects.pop().ok_or_else(|| "there is no project".to_owned())
    }
}

/// An error with what the person can do about it.
pub(super) fn explain(error: &Error) -> String {
    let advice = match error.kind {
        ErrorKind::TokenRefused => {
            "; is the token valid, and for this organisation? `az login`, or set CHECKGATE_TOKEN"
        }
        ErrorKind::NotVisible => "; is the address right, and may the token see it?",
        _ => "",
    };
    format!("{error}{advice}")
}

/// Makes a call again while Azure DevOps throttles it or does not answer, as long as it asks for.
pub(super) async fn patiently<T, F: Future<Output = Result<T, Error>>>(call: impl FnMut() -> F) -> Result<T, Error> {
    let pauses = ExponentialBuilder::default().with_max_times(TRIES).with_max_delay(LONGEST_PAUSE);
    let asked = |error: &Error, pause: Option<Duration>| match error.kind {
        ErrorKind::Transient { retry_after: Some(asked) } => pause.map(|pause| pause.max(asked).min(LONGEST_PAUSE)),
        _ => pause,
    };
    let is_transient = |error: &Error| matches!(error.kind, ErrorKind::Transient { .. });
    call.retry(pauses).when(is_transient).adjust(asked).await
}

fn plan_url(address: &Address) -> Result<PlanUrl, String> {
    let allowed: AllowedPlanUrls = address.collection.parse().map_err(|why| format!("the address: {why}"))?;
    allowed.admit(&address.collection).map_err(|why| format!("the address {why}"))
}

/// The token, and how it is sent. The Azure CLI takes a second: it is asked once.
fn token(address: &Address) -> Result<(AuthToken, Authorization), String> {
    if let Some(token) = TOKENS.iter().find_map(|name| config::environment(name)) {
        let authorization = if is_jwt(&token) { Authorization::Bearer } else { Authorization::Basic };
        return Ok((AuthToken::new(token), authorization));
    }
    let missing = format!("there is no token for Azure DevOps: set {} or {}", TOKENS[0], TOKENS[1]);
    if !takes_tokens_of_entra_id(address) {
        return Err(missing);
    }
    let token = token_of_azure_cli(azure_devops::RESOURCE).ok_or(missing + ", or sign in with `az login`")?;
    Ok((AuthToken::new(token), Authorization::Bearer))
}

/// Whether a token of Entra ID may be sent there: to the cloud, or to what stands for it on this machine. A server takes
/// none, and must not see one.
fn takes_tokens_of_entra_id(address: &Address) -> bool {
    let host = address.collection.parse::<url::Url>().ok().and_then(|url| Some(url.host_str()?.to_owned()));
    host.is_some_and(|host| {
        let is_here = ["localhost", "127.0.0.1", "[::1]"].contains(&host.as_str());
        is_here || host == "dev.azure.com" || host.ends_with(".visualstudio.com")
    })
}

/// Whether a token is one of Entra ID or of a job. A person's token has no dots.
fn is_jwt(token: &str) -> bool {
    token.starts_with("eyJ") && token.matches('.').count() == 2
}

/// A token of the person who is signed in to the Azure CLI.
pub(super) fn token_of_azure_cli(resource: &str) -> Option<String> {
    let program = if cfg!(windows) { "az.cmd" } else { "az" };
    let arguments = ["account", "get-access-token", "--resource", resource, "--query", "accessToken", "-o", "tsv"];
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned()).filter(|token| !token.is_empty())
}
