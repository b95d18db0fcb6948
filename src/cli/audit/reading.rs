//! Reads the resources and their checks. What cannot be read is reported, and the rest is read all the same.

use std::collections::BTreeMap;
use std::collections::VecDeque;

use super::Demands;
use crate::azure_devops::check_configurations::{CheckConfiguration, RESOURCES_AT_ONCE};
use crate::azure_devops::projects::Project;
use crate::azure_devops::resources::{Resource, ResourceType};
use crate::azure_devops::{Error, ErrorKind};
use crate::cli::connect::{Organization, explain, patiently};
use crate::cli::progress::Progress;
use crate::compliance::report::{AuditedResource, Report};
use crate::compliance::{Panel, examine, examine_resource};

/// What was read, and what is wrong with it.
pub(super) struct Audited {
    pub(super) report: Report,
    /// The checks as they were read, with the project of each.
    pub(super) checks: Vec<(Project, CheckConfiguration)>,
}

/// Reads all resources of all projects, and examines their checks.
pub(super) async fn read(organization: &Organization, demands: &Demands) -> Result<Audited, Error> {
    let progress = Progress::new();
    let report = Report { organization: organization.address.collection.clone(), ..Report::default() };
    let mut audited = Audited { report, checks: Vec::new() };
    let projects = organization.projects().await?;
    for (index, project) in projects.iter().enumerate() {
        progress.bar(index, projects.len(), &format!("projects, {}", project.name));
        let resources = resources(organization, project, &mut audited.report).await?;
        let read = checks(organization, project, &resources).await?;
        examine_project(project, demands, (resources, read), &mut audited);
    }
    for reported in audited.report.resources.iter_mut().flat_map(|it| &mut it.findings) {
        reported.accepted = demands.accepted.contains(&reported.fingerprint);
    }
    audited.report.sort();
    Ok(audited)
}

/// Passes on an error after which nothing can be read.
fn unless_fatal(error: Error) -> Result<Error, Error> {
    if error.kind == ErrorKind::TokenRefused { Err(error) } else { Ok(error) }
}

async fn resources(
    organization: &Organization,
    project: &Project,
    report: &mut Report,
) -> Result<Vec<Resource>, Error> {
    let mut found = Vec::new();
    for kind in ResourceType::ALL {
        let session = organization.session(project.id, None)?;
        match patiently(|| session.resources(kind)).await {
            Ok(resources) => found.extend(resources),
            Err(error) => {
                let error = unless_fatal(error)?;
                report.unread.push(format!("project {}: {}", project.name, explain(&error)));
            }
        }
    }
    Ok(found)
}

/// The checks of each resource, in the order of the resources, or why they could not be read.
type OfResources = BTreeMap<(ResourceType, String), Result<Vec<CheckConfiguration>, String>>;

/// Reads the checks of many resources with few calls. One resource that is refused refuses the whole call: then the halves
/// are asked, down to that one.
async fn checks(organization: &Organization, project: &Project, resources: &[Resource]) -> Result<OfResources, Error> {
    let mut read = OfResources::new();
    let all: Vec<&Resource> = resources.iter().collect();
    let mut batches: VecDeque<Vec<&Resource>> = all.chunks(RESOURCES_AT_ONCE).map(<[_]>::to_vec).collect();
    while let Some(batch) = batches.pop_front() {
        let session = organization.session(project.id, None)?;
        match patiently(|| session.check_configurations(&batch)).await {
            Ok(checks) => {
                for resource in batch {
                    let own = checks.iter().filter(|check| check.is_on(resource)).cloned().collect();
                    read.insert((resource.kind, resource.id.clone()), Ok(own));
                }
            }
            Err(error) if batch.len() > 1 && matches!(error.kind, ErrorKind::NotVisible | ErrorKind::BadRequest) => {
                let (one, other) = batch.split_at(batch.len() / 2);
                batches.extend([one.to_vec(), other.to_vec()]);
            }
            Err(error) => {
                let error = unless_fatal(error)?;
                for resource in batch {
                    let why = why_unread(organization, project, resource, &error).await;
                    read.insert((resource.kind, resource.id.clone()), Err(why));
                }
            }
        }
    }
    Ok(read)
}

/// Azure DevOps refuses a resource that is gone and one whose checks may not be seen alike. The resource itself tells.
async fn why_unread(organization: &Organization, project: &Project, resource: &Resource, error: &Error) -> String {
    if error.kind != ErrorKind::NotVisible {
        return explain(error);
    }
    let Ok(session) = organization.session(project.id, None) else { return explain(error) };
    match patiently(|| session.resource_exists(resource)).await {
        Ok(false) => "it was deleted in the meantime".to_owned(),
        Ok(true) => {
            "the token may see the resource, but not its checks; it needs the role User or higher on it".to_owned()
        }
        Err(_) => explain(error),
    }
}

fn examine_project(
    project: &Project,
    demands: &Demands,
    (resources, mut read): (Vec<Resource>, OfResources),
    audited: &mut Audited,
) {
    let addresses: BTreeMap<String, Option<String>> =
        resources.iter().map(|it| (it.id.clone(), it.url.clone())).collect();
    for resource in resources {
        let is_required = demands.require.is_match(resource.to_string());
        let checks = read.remove(&(resource.kind, resource.id.clone())).unwrap_or_else(|| Ok(Vec::new()));
        let (checks, error) = checks.map_or_else(|why| (Vec::new(), Some(why)), |checks| (checks, None));
        let ids = (project.id.to_string(), project.name.clone());
        let mut entry = AuditedResource { project: ids, resource, checks: 0, findings: Vec::new(), error };
        let panels: Vec<Panel> = checks.iter().filter_map(Panel::read).collect();
        let mut connection = None;
        for (check, panel) in checks.iter().filter_map(|check| Some((check, Panel::read(check)?))) {
            let behind = check.0["settings"]["inputs"]["connectedServiceName"].as_str();
            let address = behind.and_then(|id| addresses.get(id)).and_then(Option::as_deref);
            connection = connection.or(address);
            entry.checks += 1;
            for finding in examine(&panel, &demands.checks, address) {
                entry.report(finding, Some(&panel));
            }
        }
        if entry.error.is_none() {
            for finding in examine_resource(&checks, &panels, connection, is_required) {
                entry.report(finding, None);
            }
        }
        audited.checks.extend(checks.into_iter().map(|check| (project.clone(), check)));
        audited.report.resources.push(entry);
    }
}
