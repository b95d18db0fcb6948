//! Discovery: what the service's own clients ask before they call anything else.
//!
//! A client knows a resource by the id of its location. It asks for the locations of an area, fills in the template, and
//! chooses a version. The ids, templates and versions are those of the service, from its answers to a recorded client.

use serde_json::{Value, json};

use super::answers::{Answer, Refusal};
use super::ask::Ask;
use crate::azure_devops::state::State;

/// Id, area, resource, template, newest revision, and the newest version that is released.
type Location = (&'static str, &'static str, &'static str, &'static str, u8, &'static str);

const PLAN: &str = "{scopeIdentifier}/_apis/{area}/hubs/{hubName}/plans/{planId}";
const RUN: &str = "{project}/_apis/{area}/builds/{buildId}/{resource}";
const REPOSITORY: &str = "{project}/_apis/{area}/repositories/{repositoryId}";

/// A template that begins as others do: the part after `+` follows the shared beginning.
fn template(written: &str) -> String {
    let begins = [("PLAN", PLAN), ("RUN", RUN), ("REPOSITORY", REPOSITORY)];
    let found = begins.iter().find_map(|(name, begin)| Some((begin, written.strip_prefix(name)?)));
    found.map_or_else(|| written.to_owned(), |(begin, rest)| format!("{begin}{rest}"))
}

#[rustfmt::skip]
const LOCATIONS: &[Location] = &[
    ("e81700f7-3be2-46de-8624-2eb35882fcaa", "Location", "ResourceAreas", "_apis/{resource}/{areaId}", 1, "0.0"),
    ("00d9565f-ed9c-4a06-9a50-00e7896ccab4", "Location", "ConnectionData", "_apis/{resource}", 1, "0.0"),
    ("5cecd946-d704-471e-a45f-3b4064fcfaba", "distributedtask", "plans", "PLAN", 1, "7.1"),
    ("8893bc5b-35b2-4be7-83cb-99e683551db4", "distributedtask", "records", "PLAN/timelines/{timelineId}/{resource}/{recordId}", 1, "7.1"),
    ("46f5667d-263a-4684-91b1-dff7fdcf64e2", "distributedtask", "logs", "PLAN/{resource}/{logId}", 1, "7.1"),
    ("858983e4-19bd-4c5e-864c-507b59b58b12", "distributedtask", "feed", "PLAN/timelines/{timelineId}/records/{recordId}/{resource}", 1, "7.1"),
    ("83597576-cc2c-453c-bea6-2882ae6a1653", "distributedtask", "timelines", "PLAN/{resource}/{timelineId}", 1, "7.1"),
    ("557624af-b29e-4c20-8ab0-0399d2204f3f", "distributedtask", "events", "PLAN/{resource}", 1, "7.1"),
    ("0cd358e1-9217-4d94-8269-1c1ee6f93dcf", "build", "Builds", "{project}/_apis/build/{resource}/{buildId}", 7, "7.1"),
    ("dbeaf647-6167-421a-bda9-c9327b25e2e6", "build", "Definitions", "{project}/_apis/build/{resource}/{definitionId}", 7, "7.1"),
    ("8baac422-4c6e-4de5-8532-db96d92acffa", "build", "Timeline", "RUN/{timelineId}", 3, "7.1"),
    ("5a21f5d2-5642-47e4-a0bd-1356e6731bee", "build", "workitems", "RUN", 2, "7.1"),
    ("54572c7b-bbd3-45d4-80dc-28be08941620", "build", "changes", "RUN", 2, "7.1"),
    ("1db06c96-014e-44e1-ac91-90b2d4b3e984", "build", "artifacts", "RUN", 5, "7.1"),
    ("6e6114b2-8161-44c8-8f6c-c5505782427f", "build", "tags", "RUN/{*tag}", 3, "7.1"),
    ("35a80daf-7f30-45fc-86e8-6b813d9c90df", "build", "logs", "RUN/{logId}", 2, "7.1"),
    ("72c7ddf8-2cdc-4f60-90cd-ab71c14a399b", "wit", "workItems", "{project}/_apis/{area}/{resource}/{id}", 3, "7.1"),
    ("908509b6-4248-4475-a1cd-829139ba419f", "wit", "workItemsBatch", "{project}/_apis/{area}/{resource}", 1, "7.1"),
    ("7c9d7a76-4a09-43e8-b5df-bd792f4ac6aa", "wit", "states", "{project}/_apis/{area}/workitemtypes/{type}/{resource}", 1, "7.1"),
    ("1a9c53f7-f243-4447-b110-35ef023636e4", "wit", "wiql", "{project}/{team}/_apis/{area}/{resource}", 2, "7.1"),
    ("77560e8a-4e8c-4d59-894e-a5f264c24444", "Test", "CodeCoverage", "{project}/_apis/{area}/{resource}", 1, "7.1"),
    ("000ef77b-fea2-498d-a10d-ad1a037f559f", "Test", "ResultSummaryByBuild", "{project}/_apis/{area}/{resource}", 3, "0.0"),
    ("9b3e1ece-c6ab-4fbb-8167-8a32a0c92216", "testresults", "CodeCoverage", "{project}/_apis/{area}/{resource}", 1, "0.0"),
    ("e009fa95-95a5-4ad4-9681-590043ce2423", "testresults", "ResultSummaryByBuild", "{project}/_apis/{area}/{resource}", 1, "0.0"),
    ("b3a6eebe-9cf0-49ea-b6cb-1a4c5f5007b0", "git", "pullRequestQuery", "REPOSITORY/{resource}", 1, "7.1"),
    ("9946fd70-0d40-406e-b686-b4744cbbcc37", "git", "pullRequests", "REPOSITORY/{resource}/{pullRequestId}", 2, "7.1"),
    ("4b6702c7-aa35-4b89-9c96-b9abf6d3e540", "git", "pullRequestReviewers", "REPOSITORY/pullRequests/{pullRequestId}/reviewers/{reviewerId}", 1, "7.1"),
    ("0a637fcc-5370-4ce8-b0e8-98091f5f9482", "git", "pullRequestWorkItems", "REPOSITORY/pullRequests/{pullRequestId}/workitems", 1, "7.1"),
    ("86c8381e-5aee-4cde-8ae4-25c0c7f5eaea", "PipelinesChecks", "configurations", "{project}/_apis/pipelines/checks/{resource}/{id}", 1, "0.0"),
    ("5f3d0e64-f943-4584-8811-77eb495e831e", "PipelinesChecks", "queryconfigurations", "{project}/_apis/pipelines/checks/{resource}", 1, "0.0"),
];

/// The areas of the service, by which its clients find hosts. Empty: this host serves all of them.
pub(super) fn areas(_: &mut State, _: &Ask<'_>) -> Result<Answer, Refusal> {
    Ok(Answer::List(Vec::new()))
}

/// The locations of one area, or of all. An area without any is empty, and not an error.
pub(super) fn locations(_: &mut State, ask: &Ask<'_>) -> Result<Answer, Refusal> {
    let area = ask.path("area");
    let of_area = LOCATIONS.iter().filter(|(_, of, ..)| area.is_empty() || of.eq_ignore_ascii_case(area));
    Ok(Answer::List(of_area.map(shown).collect()))
}

fn shown((id, area, resource, written, revision, released): &Location) -> Value {
    json!({
        "id": id, "area": area, "resourceName": resource, "routeTemplate": template(written),
        "resourceVersion": revision, "minVersion": "1.0", "maxVersion": "7.2", "releasedVersion": released,
    })
}

/// Who is connected, and to what.
pub(super) fn connection(state: &mut State, _: &Ask<'_>) -> Result<Answer, Refusal> {
    let person = json!({
        "id": "fab0d000-0000-4000-8000-000000000001",
        "descriptor": "Microsoft.TeamFoundation.ServiceIdentity;fabrikam:Build",
        "providerDisplayName": "FabrikamFiber Build Service (fabrikam)",
        "isActive": true,
    });
    Ok(Answer::Json(json!({
        "authenticatedUser": person, "authorizedUser": person,
        "instanceId": "fab0d000-0000-4000-8000-000000000002",
        "deploymentType": "hosted",
        "locationServiceData": { "serviceOwner": "00025394-6065-48ca-87d9-7f5672854ef7", "defaultAccessMappingMoniker": state.url() },
    })))
}
