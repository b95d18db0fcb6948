//! `checkgate install`: puts a check of `checks.yaml` on a resource, or brings the one there up to date.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::audit::FUNCTION_KEY;
use super::connect::{Organization, Place, explain, patiently};
use super::evaluate::parse_input;
use super::{block_on, cannot_look, help, print, read_checks};
use crate::azure_devops::Session;
use crate::azure_devops::check_configurations::CheckConfiguration;
use crate::azure_devops::projects::Project;
use crate::azure_devops::resources::{Resource, ResourceType};
use crate::clock::Clock;
use crate::compliance::difference::{self, Change};
use crate::compliance::{Address, Key, Panel, Task, Wanted};
use crate::config;
use crate::suggest::suggest;

/// Which check to put where.
#[derive(Args)]
#[command(after_help = help::INSTALL)]
pub(super) struct Options {
    #[command(flatten)]
    place: Place,
    /// What to protect, as TYPE/NAME: environment, endpoint, repository, variablegroup, securefile or queue
    resource: String,
    /// The check's name in the file
    #[arg(long)]
    check: String,
    /// The address of the function; needed for a new check
    #[arg(long)]
    function_url: Option<String>,
    /// Use the check "Invoke REST API" instead of "Invoke Azure Function"
    #[arg(long, requires = "service_connection", conflicts_with = "function_url")]
    rest: bool,
    /// The generic service connection that holds the address and the credentials of the REST check
    #[arg(long, value_name = "NAME")]
    service_connection: Option<String>,
    /// What follows the address of the service connection
    #[arg(long, default_value = "")]
    url_suffix: String,
    /// The value of a header that the check reads, as Name=$(Variable); may be repeated
    #[arg(long = "input", value_parser = parse_input)]
    inputs: Vec<(String, String)>,
    /// The function needs no key
    #[arg(long)]
    no_key: bool,
    /// Write the function key again although Azure DevOps does not show which one is there
    #[arg(long)]
    set_key: bool,
    /// The file with the checks
    #[arg(long, default_value = "checks.yaml")]
    file: PathBuf,
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(options: &Options) -> ExitCode {
    block_on(async {
        match install(options).await {
            Ok(code) => code,
            Err(why) => cannot_look(&why),
        }
    })
}

async fn install(options: &Options) -> Result<ExitCode, String> {
    let checks = read_checks(&options.file)?;
    let definition = checks.checks.get(&options.check).ok_or_else(|| {
        let hint = suggest(&options.check, checks.checks.keys().map(String::as_str));
        format!("there is no check `{}` in {}{hint}", options.check, options.file.display())
    })?;
    let organization = Organization::open(&options.place, &Clock::system()).await?;
    let project = organization.project().await?;
    let session = organization.session(project.id, None).map_err(|error| explain(&error))?;
    let resource = find(&session, &options.resource).await?;
    let asked = [&resource];
    let there = patiently(|| session.check_configurations(&asked)).await.map_err(|error| explain(&error))?;
    let current = same_check(&there, options)?;
    let address = address(&session, options).await?;
    if current.is_none() && address.is_none() {
        return Err(
            "name the function with --function-url, or the service connection with --rest --service-connection"
                .to_owned(),
        );
    }
    let inputs: BTreeMap<String, String> = options.inputs.iter().cloned().collect();
    let key = config::environment(FUNCTION_KEY);
    let key = if options.no_key { Some("") } else { key.as_deref() };
    let wanted = Wanted { name: &options.check, definition, address, key, inputs: &inputs };
    let reference = json!({ "type": resource.kind.word(), "id": resource.id, "name": resource.name });
    let check = wanted.apply(current, &reference).map_err(|why| new_key(why, current))?;
    let changes = relevant(difference::between(current.map(|it| &it.0), &check), current, options.set_key);
    let place = format!("{resource} in {}", project.name);
    if changes.is_empty() {
        print(&format!("{place}: check `{}` is as it should be; nothing was changed.", options.check));
        return Ok(ExitCode::SUCCESS);
    }
    print(&format!("{place}: {}", current.map_or_else(|| "new check".to_owned(), |it| format!("check {}", it.id()))));
    changes.iter().for_each(|change| print(&format!("  {}", change.to_string().replace('\n', "\n  "))));
    if options.dry_run {
        return Ok(ExitCode::from(1));
    }
    write(&organization, &project, current, &check).await
}

/// A new check without a key is not an Azure DevOps that hides one.
fn new_key(why: String, current: Option<&CheckConfiguration>) -> String {
    match current {
        Some(_) => why,
        None => format!(
            "a new check needs the function key: set the environment variable {FUNCTION_KEY}, or write --no-key"
        ),
    }
}

async fn write(
    organization: &Organization,
    project: &Project,
    current: Option<&CheckConfiguration>,
    check: &Value,
) -> Result<ExitCode, String> {
    match current {
        Some(current) => {
            super::audit::write(organization, project, current, check).await?;
            print(&format!("check {} is changed.", current.id()));
        }
        None => {
            let session = organization.session(project.id, None).map_err(|error| explain(&error))?;
            let created = session.create_check_configuration(check).await.map_err(|error| explain(&error))?;
            print(&format!("check {} is created.", created.id()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What is worth writing: a key that cannot be compared is not, unless it is asked for.
fn relevant(changes: Vec<Change>, current: Option<&CheckConfiguration>, set_key: bool) -> Vec<Change> {
    let is_hidden = current.and_then(Panel::read).is_some_and(|panel| panel.key == Key::Hidden);
    let only_key = changes.iter().all(|change| change.member == difference::KEY);
    if is_hidden && only_key && !set_key { Vec::new() } else { changes }
}

async fn find(session: &Session<'_>, named: &str) -> Result<Resource, String> {
    let words = ResourceType::ALL.map(ResourceType::word);
    let (kind, name) = named
        .split_once('/')
        .ok_or_else(|| format!("`{named}` is not TYPE/NAME; the types are {}", words.join(", ")))?;
    let kind =
        ResourceType::ALL.into_iter().find(|known| known.word().eq_ignore_ascii_case(kind)).ok_or_else(|| {
            format!("there is no type `{kind}`{}; the types are {}", suggest(kind, words), words.join(", "))
        })?;
    let all = patiently(|| session.resources(kind)).await.map_err(|error| explain(&error))?;
    let hint = suggest(name, all.iter().map(|it| it.name.as_str()));
    let found = all.into_iter().find(|it| it.name.eq_ignore_ascii_case(name));
    found.ok_or_else(|| format!("the project has no {kind} `{name}` that the token may see{hint}"))
}

/// The check of this name that is there already.
fn same_check<'a>(
    there: &'a [CheckConfiguration],
    options: &Options,
) -> Result<Option<&'a CheckConfiguration>, String> {
    let is_same = |panel: &Panel| {
        let kind = if options.rest { Task::Rest } else { Task::Function };
        let names = panel.check_names();
        panel.task == kind && names.contains(&options.check)
    };
    let same: Vec<&CheckConfiguration> =
        there.iter().filter(|check| Panel::read(check).is_some_and(|panel| is_same(&panel))).collect();
    match same.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        several => {
            let ids: Vec<String> = several.iter().map(|check| check.id().to_string()).collect();
            Err(format!(
                "the resource has {} checks `{}`: {}; delete all but one",
                ids.len(),
                options.check,
                ids.join(", ")
            ))
        }
    }
}

async fn address(session: &Session<'_>, options: &Options) -> Result<Option<Address>, String> {
    if let Some(url) = &options.function_url {
        let is_safe = url.starts_with("https://") || url.starts_with("http://127.0.0.1") || url.starts_with("$(");
        if !is_safe {
            return Err("--function-url must begin with https://: the function key travels in it".to_owned());
        }
        if url.contains('?') {
            return Err(format!("--function-url must not hold a query; the key comes from {FUNCTION_KEY}"));
        }
        return Ok(Some(Address::Function(url.clone())));
    }
    let Some(name) = options.service_connection.as_ref().filter(|_| options.rest) else { return Ok(None) };
    let connection = find(session, &format!("endpoint/{name}")).await?;
    Ok(Some(Address::Rest { connection: connection.id, suffix: options.url_suffix.clone() }))
}
